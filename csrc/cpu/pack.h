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
        } else if constexpr (width % vec<T>::size == 0) {
            for (int64_t c = 0; c < width; c += vec<T>::size) {
                const int64_t n = used - c;
                store(to + c, n >= vec<T>::size ? load(from + c) : load_partial(from + c, n < 0 ? 0 : n));
            }
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

// A as it lies in memory: rows `stride` apart, or columns, if transposed.
template <class T>
struct MatrixRows {
    const T* data;
    int64_t stride;
    bool transposed;

    void operator()(T* panel, int64_t row, int64_t rows, int64_t k, int64_t count) const {
        if (transposed)
            pack_along<tile_rows>(panel, data, stride, row, rows, k, count);
        else
            pack_across<tile_rows>(panel, data, stride, row, rows, k, count);
    }
    // A tile's rows are read again for every panel of B. With a long stride they may all fall into the same sets of L1,
    // and of a tall column every element is a cache line of its own.
    bool readable(int64_t rows, int64_t count) const {
        const int64_t bytes = stride * int64_t(sizeof(T));
        return transposed ? bytes * count <= 32768 : rows <= 8 || bytes * tile_rows <= 16384;
    }
    RowPanel<T> in_place(int64_t row, int64_t k) const {
        return transposed ? RowPanel<T>{data + k * stride + row, stride, false}
                          : RowPanel<T>{data + row * stride + k, stride, true};
    }
    const T* row_major() const { return transposed ? nullptr : data; }
};

// B as it lies in memory: rows `stride` apart, or columns, if transposed.
template <class T>
struct MatrixColumns {
    static constexpr bool padded = false;
    const T* data;
    int64_t stride;
    bool transposed;

    void operator()(T* panel, int64_t column, int64_t columns, int64_t k, int64_t count) const {
        if (transposed)
            pack_across<tile_columns<T>>(panel, data, stride, column, columns, k, count);
        else
            pack_along<tile_columns<T>>(panel, data, stride, column, columns, k, count);
    }
    // Packs all the whole panels at once, as rows of B are longer than a panel's: returns how many.
    int64_t several(T* panels, int64_t column, int64_t column_end, int64_t k, int64_t count) const {
        constexpr int64_t width = tile_columns<T>;
        if (transposed) return 0;
        const int64_t whole = (column_end - column) / width;
        for (int64_t i = 0; i < count; ++i) {
            const T* from = data + (k + i) * stride + column;
            for (int64_t p = 0; p < whole; ++p)
                std::memcpy(panels + (p * count + i) * width, from + p * width, width * sizeof(T));
        }
        return whole;
    }
    // Packing pays when the panels are used again and again and do not stay in L1 by themselves; a panel narrower than
    // two cache lines reads too little of each row (measured: 1024 x 1024, rows of 4 KB, also from a cold cache).
    bool readable(int64_t rows, int64_t count) const {
        return !transposed && (rows <= (vector_bytes == 64 ? 16 : 2) || stride * count * int64_t(sizeof(T)) <= 16384);
    }
    ColumnPanels<T> in_place(int64_t column, int64_t k) const {
        return {data + k * stride + column, stride, tile_columns<T>};
    }
};

// B packed before: its blocks of `inner` one after the other, each all of its panels.
template <class T>
struct PackedColumns {
    static constexpr bool padded = true;
    const T* data;
    int64_t inner, columns;

    static int64_t block(int64_t columns, int64_t k) { return pieces(columns, tile_columns<T>) * tile_columns<T> * k; }
    void operator()(T* panel, int64_t column, int64_t, int64_t k, int64_t count) const {
        constexpr int64_t width = tile_columns<T>;
        for (int64_t i = k; i < k + count; ++i, panel += width) {
            const int64_t first = i / inner_block * inner_block;
            const ColumnPanels<T> panels = in_place(column, first);
            std::memcpy(panel, panels.data + (i - first) * width, width * sizeof(T));
        }
    }
    bool readable(int64_t, int64_t) const { return true; }
    ColumnPanels<T> in_place(int64_t column, int64_t k) const {
        const int64_t count = smaller(inner - k, inner_block);
        return {data + block(columns, k) + column * count, tile_columns<T>, tile_columns<T> * count};
    }
};

}  // namespace nerve::NERVE_ISA
