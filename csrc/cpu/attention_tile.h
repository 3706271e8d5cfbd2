// Products of small matrices in scratch memory, for attention: every operand is row-major with rows a multiple of a
// vector long (the rest zeros), small enough for the caches, and read where it lies.
//
// Each element is a chain of fma along the inner dimension from zero, so AVX2, AVX-512 and NEON give the same bits.
#pragma once
#include <cstdint>

#include "cpu/shuffle.h"
#include "cpu/simd.h"
#include "runtime/runtime.h"

namespace nerve::NERVE_ISA::tiles {

constexpr int tile_rows = 6;
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int tile_vectors = 4;
#else
constexpr int tile_vectors = 2;
#endif

NERVE_INLINE int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }
NERVE_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
NERVE_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// Element (i, k) at data[i * row + k * step].
template <class T>
struct Operand {
    const T* data;
    int64_t row, step;
};

// 64 bytes of them, whatever the register width.
template <class T>
constexpr int lanes = 64 / int(sizeof(T));

// Cuts scratch memory into pieces that start on a cache line.
template <class T>
class Pieces {
  public:
    T* take(int64_t elements) {
        T* piece = next_;
        size_ += round_up(elements, lanes<T>);
        if (next_ != nullptr) next_ += round_up(elements, lanes<T>);
        return piece;
    }
    void allocate(runtime::Slot slot) {
        next_ = static_cast<T*>(runtime::scratch(slot, size_t(size_) * sizeof(T)));
        size_ = 0;
    }

  private:
    T* next_ = nullptr;
    int64_t size_ = 0;
};

// What a row tile needs: the part of the inner dimension that counts, and the columns.
struct Part {
    int64_t begin, end, columns;
};

// R x J vectors of c = (or +=) a @ b.
template <bool add, int R, int J, class T>
NERVE_NOINLINE void tile(int64_t inner, const T* a, int64_t a_row, int64_t a_step, const T* b, int64_t b_row, T* c,
                         int64_t c_row) {
    using V = vec<T>;
    V sum[R][J];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
    for (int64_t k = 0; k < inner; ++k, a += a_step, b += b_row) {
        V bk[J];
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) bk[j] = load(b + j * V::size);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const V ak(a[r * a_row]);
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) sum[r][j] = fma(ak, bk[j], sum[r][j]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) {
            T* to = c + r * c_row + j * V::size;
            store(to, add ? load(to) + sum[r][j] : sum[r][j]);
        }
}

template <bool add, int R, class T>
NERVE_INLINE void tile_of(int64_t vectors, int64_t inner, Operand<T> a, const T* b, int64_t b_row, T* c,
                          int64_t c_row) {
    if (vectors == 1)
        tile<add, R, 1>(inner, a.data, a.row, a.step, b, b_row, c, c_row);
    else if (vectors == 2 || tile_vectors == 2)
        tile<add, R, 2>(inner, a.data, a.row, a.step, b, b_row, c, c_row);
    else if (vectors == 3)
        tile<add, R, tile_vectors == 2 ? 2 : 3>(inner, a.data, a.row, a.step, b, b_row, c, c_row);
    else
        tile<add, R, tile_vectors>(inner, a.data, a.row, a.step, b, b_row, c, c_row);
}

// c (rows, part(row).columns) = (or +=) a @ b, where `part` says for each tile of rows what counts. Rows and columns
// are filled up to whole tiles and vectors: memory must reach that far.
template <bool add, class T, class PartOf>
void product(int64_t rows, Operand<T> a, const T* b, int64_t b_row, T* c, int64_t c_row, const PartOf& part) {
    constexpr int n = vec<T>::size;
    int64_t most = 0;
    for (int64_t row = 0; row < rows; row += tile_rows) most = larger(most, part(row).columns);
    for (int64_t column = 0; column < most; column += n * tile_vectors)
        for (int64_t row = 0; row < rows; row += tile_rows) {
            const Part p = part(row);
            if (column >= p.columns) continue;
            const int64_t vectors = smaller((p.columns - column + n - 1) / n, tile_vectors);
            const int64_t inner = larger(p.end - p.begin, 0);
            const Operand<T> from{a.data + row * a.row + p.begin * a.step, a.row, a.step};
            const T* panel = b + p.begin * b_row + column;
            T* to = c + row * c_row + column;
            if (rows == 1)
                tile_of<add, 1>(vectors, inner, from, panel, b_row, to, c_row);
            else
                tile_of<add, tile_rows>(vectors, inner, from, panel, b_row, to, c_row);
        }
}

// Rows of a head lie far apart, where no hardware prefetcher finds them: asks for one `ahead` rows on, in L2 (in L1
// they would fall on few sets).
constexpr int64_t ahead = 16;
template <int write, class T>
NERVE_INLINE void prefetch_row(const T* row, int64_t columns) {
    for (int64_t j = 0; j < columns; j += 64 / int64_t(sizeof(T))) __builtin_prefetch(row + j, write, 2);
}

// to[i, j] = scale * from[i, j], filled up with zeros to `to_rows` rows of a multiple of a vector; to's rows are
// `to_row` apart, from's `from_row`.
template <class T>
void copy_rows(T* to, int64_t to_rows, int64_t to_row, const T* from, int64_t rows, int64_t from_row, int64_t columns,
               T scale) {
    constexpr int n = vec<T>::size;
    const vec<T> factor(scale), zero(T(0));
    for (int64_t i = 0; i < to_rows; ++i, to += to_row, from += from_row) {
        if (i >= rows) {
            for (int64_t j = 0; j < columns; j += n) store(to + j, zero);
            continue;
        }
        if (i + ahead < rows) prefetch_row<0>(from + ahead * from_row, columns);
        int64_t j = 0;
        for (; j + n <= columns; j += n) store(to + j, load(from + j) * factor);
        if (j < columns) store(to + j, load_partial(from + j, columns - j) * factor);
    }
}

// to[j, i] = from[i, j]; to's rows (`columns` of them) are `to_row` apart and filled up with zeros to whole vectors.
template <class T>
void copy_transposed(T* to, int64_t to_row, const T* from, int64_t rows, int64_t from_row, int64_t columns) {
    constexpr int n = vec<T>::size;
    for (int64_t i = 0; i < smaller(n, rows); ++i) prefetch_row<0>(from + i * from_row, columns);
    for (int64_t i = 0; i < rows; i += n) {
        for (int64_t r = i + n; r < smaller(i + 2 * n, rows); ++r) prefetch_row<0>(from + r * from_row, columns);
        for (int64_t j = 0; j < columns; j += n) {
            const int64_t width = smaller(columns - j, n);
            vec<T> block[n];
#pragma GCC unroll 16
            for (int r = 0; r < n; ++r) {
                if (i + r >= rows)
                    block[r] = vec<T>(T(0));
                else if (width == n)
                    block[r] = load(from + (i + r) * from_row + j);
                else
                    block[r] = load_partial(from + (i + r) * from_row + j, width);
            }
            transpose(block);
#pragma GCC unroll 16
            for (int r = 0; r < n; ++r)
                if (r < width) store(to + (j + r) * to_row + i, block[r]);
        }
    }
}

// Rows of one head in an array (batch, length, heads, size).
template <class T>
struct Head {
    T* data;
    int64_t row;  // elements from one position to the next
};
template <class T>
Head<T> head_of(T* x, int64_t b, int64_t h, int64_t length, int64_t heads, int64_t size) {
    return {x + (b * length * heads + h) * size, heads * size};
}

// to[i] = factor * from[i], or to[i] += it.
template <bool add, class T>
NERVE_INLINE void write_row(T* to, const T* from, int64_t size, T factor) {
    constexpr int n = vec<T>::size;
    const vec<T> scale(factor);
    for (int64_t i = 0; i < size; i += n) {
        const int64_t left = smaller(size - i, n);
        vec<T> value = load(from + i) * scale;
        if (add) value = value + load_partial(to + i, left);
        left == n ? store(to + i, value) : store_partial(to + i, value, left);
    }
}

// The same for `count` rows of scratch memory, factor(i) for row i.
template <bool add, class T, class Factor>
void write_rows(Head<T> to, const T* from, int64_t count, int64_t from_row, int64_t size, const Factor& factor) {
    for (int64_t i = 0; i < count; ++i) {
        if (i + ahead < count) prefetch_row<1>(to.data + (i + ahead) * to.row, size);
        write_row<add>(to.data + i * to.row, from + i * from_row, size, factor(i));
    }
}

}  // namespace nerve::NERVE_ISA::tiles
