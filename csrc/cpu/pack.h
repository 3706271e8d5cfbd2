// Packers for a product of matrices (gemm.h): panels of `width` rows or columns side by side, from memory where these
// lie one way or the other.
#pragma once
#include "cpu/gemm.h"
#include "cpu/shuffle.h"

namespace nerve::NERVE_ISA {

// Elements [i, i + n) of `width` rows, turned, to panel[i * width ...]; n is a vector's length or less. A vector
// longer than a row of the panel writes up to its length beyond the panel's end.
template <int width, class T>
NERVE_INLINE void turn(T* panel, const T* const* from, int64_t i, int n) {
    using V = vec<T>;
    // The last group of rows overlaps the one before it, or, where a vector is longer than a row of the panel, its end
    // is overwritten by the next store.
    for (int r0 = 0; r0 < width; r0 += V::size) {
        const int first = width < V::size ? 0 : int(smaller(r0, width - V::size));
        V rows[V::size];
#pragma GCC unroll 16
        for (int r = 0; r < V::size; ++r) {
            const T* row = from[first + r < width ? first + r : width - 1] + i;
            rows[r] = n == V::size ? load(row) : load_partial(row, n);
        }
        transpose(rows);
#pragma GCC unroll 16
        for (int k = 0; k < V::size; ++k)
            if (k < n) store(panel + (i + k) * width + first, rows[k]);
    }
}

// panel[i * width + r] = from[r][i] for i < length.
template <int width, class T>
NERVE_INLINE void pack_pointers(T* panel, const T* const* from, int64_t length) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i + n <= length; i += n) turn<width>(panel, from, i, n);
    if (i == length) return;
    if constexpr (vector_bytes == 64) {  // with masks
        turn<width>(panel, from, i, int(length - i));
    } else {
        for (; i < length; ++i)
#pragma GCC unroll 16
            for (int r = 0; r < width; ++r) panel[i * width + r] = from[r][i];
    }
}

// For a matrix in memory: element (i, k) at x[k * stride + i] (along), or x[i * stride + k] (across).
template <int width, class T>
NERVE_INLINE void pack_along(T* panel, const T* x, int64_t stride, int64_t first, int64_t used, int64_t k,
                             int64_t count) {
    for (int64_t i = 0; i < count; ++i) {  // neighbours in memory go side by side
        const T* from = x + (k + i) * stride + first;
        T* to = panel + i * width;
        if (used == width) {
            std::memcpy(to, from, width * sizeof(T));
        } else {
            for (int64_t c = 0; c < used; ++c) to[c] = from[c];
            for (int64_t c = used; c < width; ++c) to[c] = T(0);
        }
    }
}

template <class T>
constexpr T zeros[inner_block] = {};

template <int width, class T>
NERVE_INLINE void pack_across(T* panel, const T* x, int64_t stride, int64_t first, int64_t used, int64_t k,
                              int64_t count) {
    const T* from[width];
    for (int64_t c = 0; c < width; ++c) from[c] = c < used ? x + (first + c) * stride + k : zeros<T>;
    pack_pointers<width>(panel, from, count);
}

}  // namespace nerve::NERVE_ISA
