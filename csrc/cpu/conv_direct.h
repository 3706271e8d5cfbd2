// Convolution that gathers nothing: a register tile of output pixels by filters reads the patches where they lie,
// through pointers, beside a packed kernel (after Dukhan, "The Indirect Convolution Algorithm", 2019). Each output is a
// sum of chains of fma over the taps and channels in order, whatever the tile or the threads.
#pragma once
#include "cpu/conv_blocks.h"
#if defined(__AVX512F__)
#include "cpu/conv_amx.h"
#endif

namespace nerve::NERVE_ISA {

constexpr int64_t longest_chain = 320;  // about: long chains lose digits

// Where output pixel (n, i, j) lies: out + n * image + i * row + j * pixel.
template <class T>
struct Places {
    T* out;
    int64_t image, row, pixel;
    const T* bias;  // may be null
    Activation activation;
};

// A run of elements that lie side by side in every patch: where it begins, from the beginning of the patch, and how
// many they are; the pixel they are of, from the patch's corner. `ends`: a chain of fma ends with it.
constexpr int64_t longest_run = 32;
struct Run {
    int64_t offset, length, y, x;
    bool ends;
};

// The corner of a patch, in pixels of its image.
struct Place {
    int64_t y, x;
};

// A tile of columns [column, column + columns) and `rows` output pixels: where these go, what they look at, and, where
// some of that lies outside an image of this size, the corners of their patches.
template <class T>
struct DirectTile {
    T* const* out;
    const T* const* x;
    const Place* corners;  // or null
    int64_t height, width, column, columns;
    int rows;
};

// What becomes of a tile's sums, a row of them every `stride`, where a part of them is wanted or the formula is long.
template <class T>
NERVE_NOINLINE void put(const DirectTile<T>& tile, const T* sums, int64_t stride, const Places<T>& places, bool first,
                        bool last) {
    using V = vec<T>;
    for (int r = 0; r < tile.rows; ++r)
        for (int64_t c = 0; c < tile.columns; c += V::size) {
            const int64_t n = smaller(tile.columns - c, V::size), at = tile.column + c;
            V value = load(sums + r * stride + c);
            if (!first) value = load_partial(tile.out[r] + at, n) + value;
            if (last && places.bias != nullptr) value += load_partial(places.bias + at, n);
            if (last) value = activate(places.activation, value);
            store_partial(tile.out[r] + at, value, n);
        }
}

// One chain for R pixels, from runs[0] to the first that ends one; what earlier chains made is added unless `first`,
// bias and activation are with `last`.
template <class T, int R, int J>
NERVE_NOINLINE void direct_tile(const DirectTile<T>& tile, const Run* runs, const T* b, const Places<T>& places,
                                bool first, bool last, Ahead<T>& ahead, int64_t ask) {
    using V = vec<T>;
    const int64_t column = tile.column, columns = tile.columns;
    const int rows = tile.rows;
    T* const* const out = tile.out;
    int asked = first ? 0 : rows;
    V sum[R][J];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
    for (;; ++runs) {
        // Little by little, so that the lines the products wait for find room between.
        for (const int end = int(smaller(rows, asked + (R + 1) / 2)); asked < end; ++asked)
            for (int c = 0; c < J * V::size; c += Ahead<T>::line) __builtin_prefetch(out[asked] + column + c, 1);
        ahead.ask(ask);
        const T* a[R];
        if (tile.corners == nullptr) {
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) a[r] = tile.x[r] + runs->offset;
        } else {
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                const bool inside = uint64_t(tile.corners[r].y + runs->y) < uint64_t(tile.height) &&
                                    uint64_t(tile.corners[r].x + runs->x) < uint64_t(tile.width);
                a[r] = inside ? tile.x[r] + runs->offset : zeros<T>;
            }
        }
        const int64_t length = runs->length;
        for (int64_t k = 0; k < length; ++k, b += tile_columns<T>) {
            V bk[J];
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) bk[j] = load(b + j * V::size);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                const V ak(a[r][k]);
#pragma GCC unroll 4
                for (int j = 0; j < J; ++j) sum[r][j] = fma(ak, bk[j], sum[r][j]);
            }
        }
        if (runs->ends) break;
    }
    const bool relu = places.activation == Activation::relu;
    if (rows < R || columns < J * V::size || (last && !relu && places.activation != Activation::linear)) {
        T values[R * J * V::size];
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) store(values + (r * J + j) * V::size, sum[r][j]);
        return put(tile, values, J * V::size, places, first, last);
    }
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) {
        const int64_t at = column + j * V::size;
        if (!first)
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) sum[r][j] = load(out[r] + at) + sum[r][j];
        if (last && places.bias != nullptr) {
            const V bias = load(places.bias + at);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) sum[r][j] += bias;
        }
        if (last && relu)
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) sum[r][j] = max(sum[r][j], V(T(0)));
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) store(out[r] + at, sum[r][j]);
    }
}

template <class T>
void direct_tile_of(const DirectTile<T>& tile, const Run* runs, const T* b, const Places<T>& places, bool first,
                    bool last, Ahead<T>& ahead, int64_t ask) {
    auto of = [&](auto height) NERVE_LAMBDA_INLINE {
        constexpr int R = decltype(height)::value;
        if (tile.columns <= vec<T>::size)
            direct_tile<T, R, 1>(tile, runs, b, places, first, last, ahead, ask);
        else
            direct_tile<T, R, tile_vectors>(tile, runs, b, places, first, last, ahead, ask);
    };
    if (tile.rows <= 4)
        of(std::integral_constant<int, 4>());
    else if (tile_rows > 8 && tile.rows <= 8)
        of(std::integral_constant<int, (tile_rows > 8 ? 8 : tile_rows)>());
    else
        of(std::integral_constant<int, tile_rows>());
}

// places (images * rows_y * rows_x pixels, columns) = patches @ B; pack_b as for gemm.
template <class T, class PackB>
void direct(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    constexpr int64_t width = tile_columns<T>, packed_size = int64_t(4) << 20, tasks_wanted = 16;
    const int64_t inner = m.taps_y * m.taps_x * m.channels, pixels = images * m.rows_y * m.rows_x;
    if (pixels <= 0 || columns <= 0) return;
    // A block of pixels and a panel of the kernel stay in the cache together.
    const PixelBlocks<T> blocks(m, images, inner < 2048 ? 224 : 112, m.channels >= 16);
    const bool edges = blocks.in_place && !blocks.inside;
    const int64_t run_taps = blocks.merged() && !edges && m.taps_x > 0 ? m.taps_x : 1, run = run_taps * m.channels;
    const int64_t pieces_of_run = pieces(run, longest_run),
                  most_runs = 1 + m.taps_y * m.taps_x / run_taps * pieces_of_run;
    // Kernels too large for the cache are packed and used by parts.
    int64_t block = packed_size / (int64_t(sizeof(T)) * (inner + 1)) / width * width;
    block = smaller(block < width ? width : block, (columns + width - 1) / width * width);
    T* packed = static_cast<T*>(
        runtime::scratch(runtime::packed_b, size_t(inner * block) * sizeof(T) + size_t(most_runs) * sizeof(Run)));
    Run* runs = reinterpret_cast<Run*>(packed + inner * block);
    int64_t n_runs = 0;
    const int64_t chains = pieces(inner, longest_chain);  // of about the same length
    for (int64_t i = 0, chain = 1; i < inner;) {
        const int64_t tap = i / run * run_taps, k = i % run, length = smaller(run - k, longest_run);
        i += length;
        const bool ends = i * chains >= chain * inner;
        runs[n_runs++] = {blocks.tap(tap) + k, length, tap / m.taps_x * m.step_y, tap % m.taps_x * m.step_x, ends};
        chain += ends;
    }
    if (n_runs == 0) runs[n_runs++] = {0, 0, 0, 0, true};
    for (int64_t column0 = 0; column0 < columns; column0 += block) {
        const int64_t count = smaller(columns - column0, block), panels = (count + width - 1) / width;
        parallel_blocks(panels, 1 + 16384 / (width * (inner + 1)), [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; ++p)
                pack_b(packed + p * width * inner, column0 + p * width, smaller(count - p * width, width), 0, inner);
        });
        // Tile by tile the outputs are written in the order of memory; a kernel too large to be read again for every
        // tile is used panel by panel.
        const bool panels_inside = panels * width * inner * int64_t(sizeof(T)) <= 512 << 10;
        const int64_t chunks = smaller(panels, (tasks_wanted + blocks.count - 1) / blocks.count);
        auto body = [&](int64_t index, int64_t chunk) {
            const int64_t begin = blocks.first_pixel(index), most = blocks.most_pixels() + tile_rows;
            char* scratch = static_cast<char*>(
                runtime::scratch(runtime::packed_a, size_t(blocks.most_segments()) * sizeof(Segment<T>) +
                                                        size_t(most) * (2 * sizeof(T*) + sizeof(Place)) +
                                                        size_t(inner == 0 ? 0 : blocks.copy_size()) * sizeof(T)));
            Segment<T>* segments = reinterpret_cast<Segment<T>*>(scratch);
            T** out = reinterpret_cast<T**>(segments + blocks.most_segments());
            const T** x = const_cast<const T**>(out + most);
            Place* corners = reinterpret_cast<Place*>(out + 2 * most);
            T* copy = reinterpret_cast<T*>(corners + most);
            if (inner > 0) blocks.copy(copy, index);
            const int64_t n = blocks.segments(segments, copy, index), step = blocks.x_step();
            int64_t i = begin / m.rows_x % m.rows_y, j = begin % m.rows_x, size = 0;
            T* image = places.out + begin / m.rows_x / m.rows_y * places.image;
            for (const Segment<T>* s = segments; s < segments + n; ++s)
                for (int64_t e = 0; e < s->count; ++e, ++size) {
                    x[size] = s->x + e * step;
                    out[size] = image + i * places.row + j * places.pixel;
                    corners[size] = {i * m.stride_y + m.first_y, j * m.stride_x + m.first_x};
                    if (++j < m.rows_x) continue;
                    j = 0;
                    if (++i < m.rows_y) continue;
                    i = 0, image += places.image;
                }
            for (int64_t e = size; e < size + tile_rows; ++e) x[e] = x[size - 1], corners[e] = corners[size - 1];
            const int64_t first_panel = chunk * panels / chunks, n_panels = (chunk + 1) * panels / chunks - first_panel;
            const int64_t tiles = pieces(size, tile_rows);
            Ahead<T> ahead = blocks.ahead(index + 1);
            const int64_t ask = pieces((ahead.end - ahead.from) / Ahead<T>::line + 1, tiles * n_panels * n_runs);
            for (int64_t part = 0; part < n_panels * tiles; ++part) {
                const int64_t p = first_panel + (panels_inside ? part % n_panels : part / tiles);
                const int64_t e = (panels_inside ? part / n_panels : part % tiles) * tile_rows;
                const int64_t column = column0 + p * width;
                DirectTile<T> tile{out + e,
                                   x + e,
                                   nullptr,
                                   m.height,
                                   m.width,
                                   column,
                                   smaller(columns - column, width),
                                   int(smaller(size - e, tile_rows))};
                for (int r = 0; edges && r < tile.rows; ++r)
                    if (!m.holds(corners[e + r].y, corners[e + r].x)) tile.corners = corners + e;
                const T* b = packed + p * width * inner;
                for (int64_t begin = 0, end; begin < n_runs; begin = end) {
                    int64_t length = 0;
                    for (end = begin; length += runs[end].length, !runs[end++].ends;) {
                    }
                    direct_tile_of(tile, runs + begin, b, places, begin == 0, end == n_runs, ahead, ask);
                    b += length * width;
                }
            }
        };
        const int64_t tasks = blocks.count * chunks;
        // Several blocks to a task, so that what is asked for ahead is for the thread that asks.
        parallel_blocks(tasks, pixels * count * (inner + 1) < 32768 ? tasks : 1 + tasks / 48,
                        [&](int64_t begin, int64_t end) {
                            for (int64_t task = begin; task < end; ++task) body(task / chunks, task % chunks);
                        });
    }
}

// The same by way of gemm, which packs patches: kernels too large for the cache want both operands cut.
template <class T, class PackB>
void gathered(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    gemm<T>(images * m.rows_y * m.rows_x, columns, m.taps_y * m.taps_x * m.channels,
            [&](T* panel, int64_t row, int64_t rows, int64_t k, int64_t count) {
                pack_patches(panel, m, row, rows, k, count);
            },
            pack_b, {places.out, places.pixel, places.bias, places.activation});
}

// The product by whichever way is the faster one for its shape.
template <class T, class PackB>
void product(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    const int64_t inner = m.taps_y * m.taps_x * m.channels;
    const bool dense = places.row == m.rows_x * places.pixel && places.image == m.rows_y * places.row;
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        const int64_t pixels = images * m.rows_y * m.rows_x;
        if (dense && pixels > 0 && columns > 0 &&
            amx::convolve(m, pixels, columns, pack_b, {places.out, places.pixel, places.bias, places.activation}))
            return;
    }
#endif
    if (dense && inner >= 4096 && columns >= 128)
        gathered(m, images, columns, pack_b, places);
    else
        direct(m, images, columns, pack_b, places);
}

}  // namespace nerve::NERVE_ISA
