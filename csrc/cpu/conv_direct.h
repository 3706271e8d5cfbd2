// Convolution that gathers nothing: a register tile of output pixels by filters reads the patches where they lie,
// through pointers, beside a packed kernel (after Dukhan, "The Indirect Convolution Algorithm", 2019). Each output is a
// sum of chains of fma over the taps and channels in order, whatever the tile or the threads.
#pragma once
#include "cpu/conv_winograd.h"
#if defined(__AVX512F__)
#include "cpu/conv_amx.h"
#endif

namespace nerve::NERVE_ISA {

// places (images * rows_y * rows_x pixels, columns) = patches @ B; pack_b as for gemm.
template <class T, class PackB>
void direct(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    constexpr int64_t width = tile_columns<T>, packed_size = int64_t(4) << 20, tasks_wanted = 16;
    const int64_t inner = m.taps() * m.channels, pixels = images * m.rows_y * m.rows_x;
    if (pixels <= 0 || columns <= 0) return;
    // A block of pixels and a panel of the kernel stay in the cache together.
    const bool unit = m.channels == 1 && m.stride_x == 1 && m.taps() > 1;
    const PixelBlocks<T> blocks(m, images, unit ? 1024 : inner < 2048 ? 224 : 112, m.channels >= 16, unit);
    const bool edges = blocks.in_place && !blocks.inside;
    // Tiles of one row of an image look less often where their patches lie, and not at all where all of that is zeros.
    const bool eight = edges && tile_rows > 8 && m.rows_x % tile_rows != 0 && m.rows_x % 8 == 0;
    const int64_t most_tall = unit ? unit_rows(columns, vec<T>::size) : tile_rows;
    const bool fewer = unit && most_tall > 8 && pieces(m.rows_x, 8) * 8 < pieces(m.rows_x, most_tall) * most_tall;
    const int64_t tall = eight || fewer ? 8 : most_tall;
    const bool one_row = !blocks.flat && (unit || m.rows_x % tall == 0);
    const Pixels kind = unit ? Pixels::unit : one_row && !edges ? Pixels::copied : Pixels::anywhere;
    const int64_t run_taps = blocks.merged() && !edges && m.taps_x > 0 ? m.taps_x : 1, run = run_taps * m.channels;
    // Between runs memory is asked for, and with edges also looked where a run lies.
    const int64_t longest_run = edges ? 64 : 32, pieces_of_run = pieces(run, longest_run),
                  most_runs = 1 + m.taps() / run_taps * pieces_of_run;
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
        runs[n_runs++] = {blocks.tap(tap) + k, length, m.tap(tap), ends};
        chain += ends;
    }
    if (n_runs == 0) runs[n_runs++] = {0, 0, {0, 0, 0}, true};
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
                                                        size_t(inner == 0 ? 0 : blocks.copy_size() + 16) * sizeof(T)));
            Segment<T>* segments = reinterpret_cast<Segment<T>*>(scratch);
            T** out = reinterpret_cast<T**>(segments + blocks.most_segments());
            const T** x = const_cast<const T**>(out + most);
            Place* corners = reinterpret_cast<Place*>(out + 2 * most);
            T* copy = reinterpret_cast<T*>(corners + most);
            if (inner > 0) blocks.copy(copy, index);
            const int64_t n = blocks.segments(segments, copy, index), step = blocks.x_step();
            int64_t image = begin / m.rows_x / m.rows_y, i = begin / m.rows_x % m.rows_y, j = begin % m.rows_x;
            int64_t size = 0;
            for (const Segment<T>* s = segments; s < segments + n; ++s)
                for (int64_t left = s->count, count; left > 0; left -= count) {  // row by row
                    count = smaller(left, m.rows_x - j);
                    const T* from = s->x + (s->count - left) * step;
                    T* to = places.at(image) + i * places.row + j * places.pixel;
                    for (int64_t e = 0; e < count; ++e)
                        x[size + e] = from + e * step, out[size + e] = to + e * places.pixel;
                    for (int64_t e = 0; edges && e < count; ++e)
                        corners[size + e] = {s->z, s->y, (j + e) * m.stride_x + m.first_x};
                    size += count, j = 0;
                    if (++i == m.rows_y) i = 0, ++image;
                }
            for (int64_t e = size; e < size + tile_rows; ++e) {
                x[e] = x[size - 1];
                if (edges) corners[e] = corners[size - 1];
            }
            const int64_t first_panel = chunk * panels / chunks, n_panels = (chunk + 1) * panels / chunks - first_panel;
            const int64_t span = one_row ? m.rows_x : size, of_span = pieces(span, tall);
            const int64_t tiles = size / span * of_span;
            Ahead<T> ahead = blocks.ahead(index + 1);
            const int64_t ask = pieces((ahead.end - ahead.from) / Ahead<T>::line + 1, tiles * n_panels * n_runs);
            for (int64_t part = 0; part < n_panels * tiles; ++part) {
                const int64_t p = first_panel + (panels_inside ? part % n_panels : part / tiles);
                const int64_t t = panels_inside ? part / n_panels : part % tiles;
                const int64_t in_span = t % of_span * tall, e = t / of_span * span + in_span;
                const int64_t column = column0 + p * width;
                DirectTile<T> tile{out + e,
                                   x + e,
                                   nullptr,
                                   m.depth,
                                   m.height,
                                   m.width,
                                   one_row ? step : 0,
                                   m.stride_x,
                                   column,
                                   smaller(columns - column, width),
                                   int(smaller(span - in_span, tall)),
                                   kind,
                                   segments[t / of_span].z,
                                   segments[t / of_span].y};
                for (int r = 0; edges && r < tile.rows; ++r)
                    if (!m.holds(corners[e + r])) tile.corners = corners + e;
                direct_tile_of(tile, runs, runs + n_runs, packed + p * width * inner, places, ahead, ask);
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
    gemm<T>(images * m.rows_y * m.rows_x, columns, m.taps() * m.channels,
            [&](T* panel, int64_t row, int64_t rows, int64_t k, int64_t count) {
                pack_patches(panel, m, row, rows, k, count);
            },
            pack_b, {places.out, places.pixel, places.bias, places.activation});
}

// The product by whichever way is the faster one for its shape.
template <class T, class PackB>
void product(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    const int64_t inner = m.taps() * m.channels;
    const bool dense = places.dense(m.rows_y, m.rows_x);
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        const int64_t pixels = images * m.rows_y * m.rows_x;
        if (dense && pixels > 0 && columns > 0 &&
            amx::convolve(m, pixels, columns, pack_b, {places.out, places.pixel, places.bias, places.activation}))
            return;
    }
#endif
    if (WinogradTiles<T>::pays(m, images, columns))
        winograd(m, images, columns, pack_b, places);
    else if (dense && inner >= 4096 && columns >= 128)
        gathered(m, images, columns, pack_b, places);
    else
        direct(m, images, columns, pack_b, places);
}

}  // namespace nerve::NERVE_ISA
