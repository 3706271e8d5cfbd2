// A matrix (rows, channels) laid out for batch and group normalization, and the walks over it: by tiles of columns,
// over partial results of tiles, and over all elements.
#pragma once
#include "cpu/access.h"
#include "cpu/parallel.h"
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {
namespace {  // norm.cpp alone includes this

// Memory for arrays, of T or double, one after the other.
class Scratch {
  public:
    explicit Scratch(int64_t bytes) : next_(static_cast<char*>(runtime::scratch(runtime::packed_b, bytes))) {}
    template <class U>
    U* take(int64_t size) {
        U* taken = reinterpret_cast<U*>(next_);
        next_ += size * int64_t(sizeof(U));
        return taken;
    }

  private:
    char* next_;
};

constexpr int64_t narrow = 64;  // matrices with fewer channels are folded to lines of at least this many elements
constexpr int64_t tile_columns = 256;
constexpr int64_t tile_size = 1 << 13;
constexpr int64_t grain = 1 << 14;  // elements in a task of the elementwise passes

// `fold` rows of the matrix side by side make a line of `width` elements, which fills vectors when a row alone does
// not. Columns of that wider matrix are summed apart and joined when tiles are.
struct Lines {
    int64_t rows, channels, fold = 1, width, count, rest, tile, tiles;

    Lines(int64_t rows, int64_t channels) : rows(rows), channels(channels) {
        while (fold * channels < narrow) fold *= 2;
        width = fold * channels;
        count = rows / fold;
        rest = rows % fold;  // rows left over: a tile of their own, not folded
        tile = tile_size / (width < tile_columns ? width : tile_columns);
        tiles = (count + tile - 1) / tile;
    }
    int64_t partials() const { return tiles * width + (rest > 0 ? channels : 0); }
};

// body(first element, lines, distance of lines, columns, place among the partial results) for every tile.
template <class Body>
void each_tile(const Lines& m, const Body& body) {
    const int64_t blocks = (m.width + tile_columns - 1) / tile_columns;
    parallel(m.tiles * blocks + (m.rest > 0), [&](int64_t task) {
        if (task == m.tiles * blocks) return body(m.count * m.width, m.rest, m.channels, m.channels, m.tiles * m.width);
        const int64_t line = task / blocks * m.tile, column = task % blocks * tile_columns;
        const int64_t lines = line + m.tile < m.count ? m.tile : m.count - line;
        const int64_t columns = column + tile_columns < m.width ? tile_columns : m.width - column;
        body(line * m.width + column, lines, m.width, columns, task / blocks * m.width + column);
    });
}

// body(place, channels begin, channels end, rows counted there) for every row of partial results, in a fixed order, on
// blocks of channels; before and after them `start` and `finish`(begin, end).
template <class Start, class Body, class Finish>
void combine(const Lines& m, const Start& start, const Body& body, const Finish& finish) {
    parallel_blocks(m.channels, tile_columns, [&](int64_t begin, int64_t end) {
        start(begin, end);
        for (int64_t tile = 0; tile < m.tiles; ++tile) {
            const int64_t lines = (tile + 1) * m.tile < m.count ? m.tile : m.count - tile * m.tile;
            for (int64_t f = 0; f < m.fold; ++f) body(tile * m.width + f * m.channels, begin, end, double(lines));
        }
        if (m.rest > 0) body(m.tiles * m.width, begin, end, double(m.rest));
        finish(begin, end);
    });
}

// body(offset, column, access, count) over the whole matrix, for `count` lines at a time, so that what belongs to a
// column is loaded once for them; `column` counts within a line. Blocks are taken from the last to the first: who went
// over the matrix before has left its end in cache.
template <class T, class Body>
void each_element(const Lines& m, const Body& body) {
    const int64_t lines = m.width < grain / 4 ? grain / m.width / 4 * 4 : 1, size = m.rows * m.channels;
    const int64_t block = lines * m.width, blocks = (size + block - 1) / block;
    parallel(blocks, [&](int64_t task) {
        const Body own = body;  // what it holds stays in registers, since no store could reach the copy
        int64_t line = (blocks - 1 - task) * block;
        const int64_t end = line + block < size ? line + block : size;
        for (; line + 4 * m.width <= end; line += 4 * m.width)
            each_vector<T>(m.width,
                           [&](int64_t i, auto access) NERVE_LAMBDA_INLINE { own(line + i, i, access, Count<4>{}); });
        for (; line < end; line += m.width) {
            const int64_t columns = line + m.width < end ? m.width : end - line;
            each_vector<T>(columns,
                           [&](int64_t i, auto access) NERVE_LAMBDA_INLINE { own(line + i, i, access, Count<1>{}); });
        }
    });
}

// Repeats the first `channels` values of each array over a line.
template <class... T>
void repeat(const Lines& m, T*... values) {
    for (int64_t i = m.channels; i < m.width; ++i) ((values[i] = values[i - m.channels]), ...);
}

}  // namespace
}  // namespace nerve::NERVE_ISA
