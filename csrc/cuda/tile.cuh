// How a product is cut: into tiles, one for each block, and along k into slices, of which a few at a time lie in shared
// memory. All of it is constexpr, and tests/native/cuda_index.cpp tries every index.
#pragma once
#include "cuda/launch.h"

namespace nerve::cuda {

template <int rows_, int columns_>
struct Tile {
    static constexpr int rows = rows_, columns = columns_;
};
using LargeTile = Tile<128, 128>;
using SmallTile = Tile<64, 64>;

constexpr int slice = 16;  // along k
constexpr int stages = 3;  // slices in shared memory: one is read while two arrive

template <class T>
constexpr int chunk = 16 / int(sizeof(T));  // elements that are copied at once

// Where element (index, k) of an operand lies in a slice of it; index counts rows of the left operand, or columns of
// the right one. Operands keep their order in memory, so that chunks can be copied: with along_k a line is the slice of
// an index, else the indices of a k. Chunks change places within their line, so that neither the fragments that mma.cuh
// reads nor the chunks of neighbouring threads meet in a bank.
template <class T, bool along_k, int indices>
constexpr int place(int index, int k) {
    constexpr int size = chunk<T>;
    if constexpr (along_k) {
        const int turn = sizeof(T) == 4 ? index / 2 % 4 : index % 4 * 2;
        return index * slice + ((k / size) ^ turn) * size + k % size;
    } else {
        return k * indices + ((index / size) ^ (k % 4 * 2)) * size + index % size;
    }
}

struct ChunkPosition {
    int index, k;
};

// The first element of chunk i of a slice; consecutive threads copy consecutive chunks of the operand.
template <class T, bool along_k, int indices>
constexpr ChunkPosition chunk_position(int i) {
    constexpr int line = (along_k ? slice : indices) / chunk<T>;
    const int along = i % line * chunk<T>;
    return along_k ? ChunkPosition{i / line, along} : ChunkPosition{along, i / line};
}

struct TilePosition {
    int64_t row, column;
};

// Tile i of a product, counted in tiles. Eight rows of tiles are walked column by column, so that blocks that run at
// the same time share what they read, in the L2 cache.
constexpr TilePosition tile_position(int64_t i, int64_t row_tiles, int64_t column_tiles) {
    const int64_t group = i / (8 * column_tiles), first = group * 8, within = i - first * column_tiles;
    const int64_t height = row_tiles - first < 8 ? row_tiles - first : 8;
    return {first + within % height, within / height};
}

// A product in blocks. Those of long sums and few tiles share a tile: each makes the part of `slices` slices, which are
// added in order once all are there.
struct Cut {
    int64_t row_tiles, column_tiles, splits, slices;
    bool large;
};

// For about `wanted` blocks; by nothing else but the shape, so that the bits do not depend on the device.
constexpr Cut cut_product(int64_t batch, int64_t rows, int64_t columns, int64_t inner, bool may_be_large,
                          bool may_split, int64_t wanted) {
    Cut cut{divide_up(rows, 128), divide_up(columns, 128), 1, divide_up(inner, slice), true};
    if (!may_be_large || batch * cut.row_tiles * cut.column_tiles < wanted / 2 || rows <= 64 || columns <= 64)
        cut.large = false, cut.row_tiles = divide_up(rows, 64), cut.column_tiles = divide_up(columns, 64);
    const int64_t tiles = batch * cut.row_tiles * cut.column_tiles;
    if (!may_split || tiles == 0 || tiles >= wanted / 2) return cut;
    constexpr int64_t least = 16;  // slices, which pay for writing and reading a tile
    const int64_t splits = wanted / tiles < cut.slices / least ? wanted / tiles : cut.slices / least;
    if (splits < 2) return cut;
    cut.slices = divide_up(cut.slices, splits);
    cut.splits = divide_up(divide_up(inner, slice), cut.slices);
    return cut;
}

}  // namespace nerve::cuda
