// The one matrix product under matmul and convolution, after Goto and van de Geijn, "Anatomy of high-performance matrix
// multiplication" (2008), and BLIS: operands are packed into panels that stream through the caches, and one register
// tile does the arithmetic. Who calls it only says how a panel is packed.
//
// Each output element is a chain of fma over blocks of `inner_block` in order, whatever the tile or the threads, so
// AVX2, AVX-512 and NEON give the same bits.
#pragma once
#include <cstdint>

#include "cpu/math.h"
#include "cpu/parallel.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {

// The register tile: tile_rows x tile_vectors accumulators, tile_vectors of B, one broadcast of A.
#if defined(__AVX512F__)
constexpr int tile_rows = 14, tile_vectors = 2;
#elif defined(__aarch64__)
constexpr int tile_rows = 8, tile_vectors = 3;
#else
constexpr int tile_rows = 6, tile_vectors = 2;
#endif
template <class T>
constexpr int tile_columns = tile_vectors * vec<T>::size;

constexpr int64_t inner_block = 256;          // part of `inner` packed at a time: the same on every instruction set
constexpr int64_t row_block = 8 * tile_rows;  // rows of A a task packs, kept in L2
constexpr int64_t column_chunk = 256;         // columns of a task
constexpr int64_t column_block = 2048;        // columns of B packed at a time, shared by all tasks

// What becomes of a tile: out (row-major, `stride` elements from row to row) = activation(product + bias).
template <class T>
struct Epilogue {
    T* out;
    int64_t stride;
    const T* bias;  // by column, may be null
    Activation activation;
};

template <class T>
NERVE_INLINE vec<T> activate(Activation activation, vec<T> x) {
    switch (activation) {
        case Activation::linear:
            return x;
        case Activation::relu:
            return max(x, vec<T>(T(0)));
        case Activation::sigmoid:
            return math::sigmoid(x);
        case Activation::tanh:
            return math::tanh(x);
    }
    return x;
}

// Long formulas are in the code once, and not for every register of every tile.
template <class T>
NERVE_NOINLINE void activate_tile(const Epilogue<T>& epilogue, int64_t row, int64_t column, int rows, int columns) {
    for (int r = 0; r < rows; ++r) {
        T* out = epilogue.out + (row + r) * epilogue.stride + column;
        for (int64_t c = 0; c < columns; c += vec<T>::size) {
            const int64_t n = columns - c < vec<T>::size ? columns - c : vec<T>::size;
            store_partial(out + c, activate(epilogue.activation, load_partial(out + c, n)), n);
        }
    }
}

// One tile: R x J vectors of out (the first `rows` x `columns` of it) from packed panels of `inner` steps. Partial
// sums of earlier blocks are read back from out; the last block adds bias and activation.
template <class T, int R, int J>
void micro_kernel(int64_t inner, const T* a, const T* b, const Epilogue<T>& epilogue, int64_t row, int64_t column,
                  int rows, int columns, bool first, bool last) {
    using V = vec<T>;
    V sum[R][J];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
    for (int64_t k = 0; k < inner; ++k) {
        V bk[J];
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) bk[j] = load(b + k * tile_columns<T> + j * V::size);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            V ak(a[k * tile_rows + r]);
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) sum[r][j] = fma(ak, bk[j], sum[r][j]);
        }
    }
    const bool relu = last && epilogue.activation == Activation::relu;
    for (int j = 0; j < J; ++j) {
        int64_t width = columns - j * V::size;
        if (width <= 0) break;
        if (width > V::size) width = V::size;
        V bias(T(0));
        if (last && epilogue.bias != nullptr) bias = load_partial(epilogue.bias + column + j * V::size, width);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            if (r >= rows) break;
            T* out = epilogue.out + (row + r) * epilogue.stride + column + j * V::size;
            V value = sum[r][j];
            if (!first) value = load_partial(out, width) + value;
            if (last) value = value + bias;
            if (relu) value = max(value, V(T(0)));
            store_partial(out, value, width);
        }
    }
    if (last && !relu && epilogue.activation != Activation::linear) activate_tile(epilogue, row, column, rows, columns);
}

// Runs the smallest tile that holds `rows` rows and `columns` columns.
template <class T, int J>
inline void tile_of(int64_t inner, const T* a, const T* b, const Epilogue<T>& epilogue, int64_t row, int64_t column,
                    int rows, int columns, bool first, bool last) {
    if (rows <= 1)
        micro_kernel<T, 1, J>(inner, a, b, epilogue, row, column, rows, columns, first, last);
    else if (rows <= 4)
        micro_kernel<T, 4, J>(inner, a, b, epilogue, row, column, rows, columns, first, last);
    else if (tile_rows > 8 && rows <= 8)
        micro_kernel<T, (tile_rows > 8 ? 8 : tile_rows), J>(inner, a, b, epilogue, row, column, rows, columns, first,
                                                            last);
    else
        micro_kernel<T, tile_rows, J>(inner, a, b, epilogue, row, column, rows, columns, first, last);
}
template <class T>
inline void tile(int64_t inner, const T* a, const T* b, const Epilogue<T>& epilogue, int64_t row, int64_t column,
                 int rows, int columns, bool first, bool last) {
    if (columns <= vec<T>::size)
        tile_of<T, 1>(inner, a, b, epilogue, row, column, rows, columns, first, last);
    else
        tile_of<T, tile_vectors>(inner, a, b, epilogue, row, column, rows, columns, first, last);
}

NERVE_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// epilogue.out (rows, columns) = A (rows, inner) @ B (inner, columns).
//
// pack_a(panel, row, rows, k, count): panel[i * tile_rows + r] = A[row + r, k + i] for r < rows <= tile_rows (the other
// r: zero) and i < count. pack_b(panel, column, columns, k, count): panel[i * tile_columns<T> + c] = B[k + i, column +
// c] likewise.
template <class T, class PackA, class PackB>
void gemm(int64_t rows, int64_t columns, int64_t inner, const PackA& pack_a, const PackB& pack_b,
          const Epilogue<T>& epilogue) {
    if (rows <= 0 || columns <= 0) return;
    constexpr int64_t width = tile_columns<T>;
    const int64_t depth = inner < inner_block ? inner : inner_block;
    const int64_t breadth = smaller((columns + width - 1) / width * width, column_block);
    T* packed = static_cast<T*>(runtime::scratch(runtime::packed_b, size_t(depth * breadth + width) * sizeof(T)));
    for (int64_t column0 = 0; column0 < columns; column0 += column_block) {
        const int64_t block = smaller(columns - column0, column_block), panels = (block + width - 1) / width;
        // inner == 0 still takes one round: the result is the bias.
        for (int64_t k0 = 0; k0 == 0 || k0 < inner; k0 += inner_block) {
            const int64_t count = smaller(inner - k0, inner_block);
            const bool first = k0 == 0, last = k0 + inner_block >= inner;
            const int64_t panels_per_task = 1 + 16384 / (width * (count + 1));
            parallel_blocks(panels, panels_per_task, [&](int64_t begin, int64_t end) {
                for (int64_t p = begin; p < end; ++p)
                    pack_b(packed + p * width * count, column0 + p * width, smaller(block - p * width, width), k0,
                           count);
            });
            const int64_t chunks = (block + column_chunk - 1) / column_chunk;
            const int64_t row_tasks = (rows + row_block - 1) / row_block;
            const int64_t tasks = row_tasks * chunks;
            const int64_t at_once = rows * block * count < 32768 ? tasks : 1;  // not worth waking anybody
            auto body = [&](int64_t task) {
                const int64_t row0 = task / chunks * row_block, row_end = smaller(row0 + row_block, rows);
                const int64_t chunk0 = task % chunks * column_chunk, chunk_end = smaller(chunk0 + column_chunk, block);
                T* a =
                    static_cast<T*>(runtime::scratch(runtime::packed_a, size_t(row_block * (count + 1)) * sizeof(T)));
                for (int64_t row = row0; row < row_end; row += tile_rows)
                    pack_a(a + (row - row0) * count, row, smaller(row_end - row, tile_rows), k0, count);
                for (int64_t column = chunk0; column < chunk_end; column += width) {
                    const T* b = packed + column * count;
                    const int n = int(smaller(chunk_end - column, width));
                    for (int64_t row = row0; row < row_end; row += tile_rows)
                        tile<T>(count, a + (row - row0) * count, b, epilogue, row, column0 + column,
                                int(smaller(row_end - row, tile_rows)), n, first, last);
                }
            };
            parallel_blocks(tasks, at_once, [&](int64_t begin, int64_t end) {
                for (int64_t task = begin; task < end; ++task) body(task);
            });
        }
    }
}

}  // namespace nerve::NERVE_ISA
