// The register tile of the matrix product (gemm.h): a few rows of A times a few vectors of B's columns, summed in
// registers over a block of `inner`. Compiled once for each instruction set, in gemm_tile.cpp.
#pragma once
#include <cstdint>

#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {

// The tile: tile_rows x tile_vectors accumulators, tile_vectors of B, one broadcast of A.
#if defined(__AVX512F__)
constexpr int tile_rows = 14, tile_vectors = 2;
#elif defined(__aarch64__)
constexpr int tile_rows = 8, tile_vectors = 3;
#else
constexpr int tile_rows = 6, tile_vectors = 2;
#endif
template <class T>
constexpr int tile_columns = tile_vectors * vec<T>::size;

constexpr int64_t inner_block = 256;  // part of `inner` summed in registers: the same on every instruction set

// What becomes of a tile: out (row-major, `stride` elements from row to row) = activation(product + bias).
template <class T>
struct Epilogue {
    T* out;
    int64_t stride;
    const T* bias;  // by column, may be null
    Activation activation;
};

// Rows of A as the tile reads them: element (row, k) at data[k * step + row], packed side by side or a transposed
// matrix, or, with in_rows, at data[row * step + k], a matrix as it lies in memory.
template <class T>
struct RowPanel {
    const T* data;
    int64_t step;
    bool in_rows;
};

// Columns of B: element (k, c) of the p-th panel of tile_columns at data[p * next + k * step + c]: packed, or a matrix
// as it lies in memory (next = tile_columns). Whole panels are read, also where fewer columns are wanted.
template <class T>
struct ColumnPanels {
    const T* data;
    int64_t step, next;
};

// Of how many rows the next tile is when `left` rows are left: few that fit beat many that are padded.
NERVE_INLINE int tile_height(int64_t left) {
    if (left >= tile_rows - 3 && tile_rows > 8) return tile_rows;
    if (left >= 8 && tile_rows >= 8) return 8;
    if (left > 4) return tile_rows < 8 ? tile_rows : 8;
    return left > 2 ? 4 : int(left);
}

// epilogue's rows [row, row + rows) and columns [column, column + columns) from `inner` steps of A and B. `rows` is at
// most tile_height(rows), whose rows A must have. Sums of earlier blocks are read back from out unless `first`; `last`
// adds bias and activation. Each element is a chain of fma in the order of k, whatever the tile.
template <class T>
void tiles(int64_t inner, const RowPanel<T>& a, const ColumnPanels<T>& b, const Epilogue<T>& epilogue, int64_t row,
           int64_t rows, int64_t column, int64_t columns, bool first, bool last);

// Adds bias and activation to a part of out that holds the bare products. Not in the tile, where a long formula would
// be in the code once for every register.
template <class T>
void finish(const Epilogue<T>& epilogue, int64_t row, int64_t column, int64_t rows, int64_t columns);

}  // namespace nerve::NERVE_ISA
