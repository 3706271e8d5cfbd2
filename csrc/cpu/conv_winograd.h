// Convolution with three taps along x by Winograd's F(2, 3) ("Arithmetic complexity of computations", 1980; for layers
// Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016): two neighbouring outputs take four
// products for the six of their definition. With pixels d and taps g
//     y0 = m0 + m1 + m2,  m0 = (d0 - d2) g0,  m1 = (d1 + d2) (g0 + g1 + g2) / 2,
//     y1 = m1 - m2 - m3,  m3 = (d1 - d3) g2,  m2 = (d2 - d1) (g0 - g1 + g2) / 2.
// Each m is a convolution with one tap along x, made by the tiles of conv_direct.h. Results have as many digits as sums
// of all products have.
#pragma once
#include "cpu/conv_direct_tile.h"
#include "cpu/parallel.h"

namespace nerve::NERVE_ISA {

template <class T>
struct Winograd {
    using V = vec<T>;
    static constexpr int64_t products = 4, width = tile_columns<T>;

    const Patches<T>& m;
    const PixelBlocks<T> blocks;
    const int64_t pairs, line, inner;  // of outputs in a row; a row's elements, and those of a patch, of one product

    // In float32, where sums are long enough to pay for the ways there and back.
    static bool pays(const Patches<T>& m, int64_t columns) {
        return sizeof(T) == sizeof(float) && m.taps_x == 3 && m.step_x == 1 && m.stride_x == 1 && m.stride_y == 1 &&
               m.rows_x >= 4 && m.channels >= 16 && columns >= 16;
    }

    Winograd(const Patches<T>& m, int64_t images)
        : m(m),
          blocks(m, images, m.taps() * m.channels < 2048 ? 224 : 112, false, true),
          pairs(pieces(m.rows_x, 2)),
          line(pairs * m.channels),
          inner(m.taps_z * m.taps_y * m.channels) {}

    int64_t lines() const { return blocks.together * m.taps_z * blocks.height; }
    int64_t most_pairs() const { return blocks.together * blocks.lines * pairs; }

    // A panel of the kernel for each product, from one of all its taps.
    void turn_kernel(T* to, const T* from) const {
        const V half(T(0.5));
        const int64_t tap = m.channels * width, part = inner * width;
        for (int64_t row = 0; row < m.taps_z * m.taps_y; ++row, from += 3 * tap)
            for (int64_t i = 0; i < tap; i += V::size, to += V::size) {
                const V left = load(from + i), middle = load(from + tap + i), right = load(from + 2 * tap + i);
                const V sum = left + right;
                store(to, left);
                store(to + part, (sum + middle) * half);
                store(to + 2 * part, (sum - middle) * half);
                store(to + 3 * part, right);
            }
    }

    // What the products look at, `part` elements of each, from rows of blocks.width pixels.
    void turn_lines(T* to, int64_t part, const T* from) const {
        const int64_t c = m.channels;
        for (int64_t row = 0; row < lines(); ++row, from += blocks.width * c)
            for (int64_t pair = 0; pair < pairs; ++pair) {
                const T* at = from + 2 * pair * c;
                const bool whole = 2 * pair + 3 < blocks.width;
                for (int64_t i = 0, n; i < c; i += n, to += n) {
                    n = smaller(c - i, V::size);
                    const V first = load_partial(at + i, n), second = load_partial(at + c + i, n),
                            third = load_partial(at + 2 * c + i, n),
                            fourth = whole ? load_partial(at + 3 * c + i, n) : V(T(0));
                    store_partial(to, first - third, n);
                    store_partial(to + part, second + third, n);
                    store_partial(to + 2 * part, third - second, n);
                    store_partial(to + 3 * part, second - fourth, n);
                }
            }
    }

    // Outputs from four sums each pair of them has side by side, `width` apart.
    void turn_back(const T* sums, const Places<T>& places, int64_t index, int64_t column, int64_t columns) const {
        const int64_t first = index / blocks.per_image * blocks.together,
                      row0 = index % blocks.per_image * blocks.lines;
        const int64_t row_end = smaller(row0 + blocks.lines, m.rows_y);
        for (int64_t n = first; n < smaller(first + blocks.together, blocks.images); ++n)
            for (int64_t row = row0; row < row_end; ++row) {
                T* to = places.at(n) + row * places.row + column;
                for (int64_t x = 0; x < m.rows_x; x += 2, to += 2 * places.pixel, sums += products * width)
                    for (int64_t i = 0; i < columns; i += V::size) {
                        const int64_t count = smaller(columns - i, V::size);
                        const V second = load(sums + width + i), third = load(sums + 2 * width + i);
                        const V bias = places.bias == nullptr ? V(T(0)) : load_partial(places.bias + column + i, count);
                        const auto put = [&](T* at, V value) NERVE_LAMBDA_INLINE {
                            if (places.bias != nullptr) value += bias;
                            if (places.activation != Activation::linear) value = activate(places.activation, value);
                            store_partial(at + i, value, count);
                        };
                        put(to, (load(sums + i) + second) + third);
                        if (x + 1 < m.rows_x) put(to + places.pixel, (second - third) - load(sums + 3 * width + i));
                    }
            }
    }

    // The runs of each product in what turn_lines() has made; returns how many they are.
    int64_t runs_of(Run* runs, int64_t part) const {
        constexpr int64_t longest_run = 64;
        const int64_t chains = pieces(inner, longest_chain);
        int64_t count = 0;
        for (int64_t i = 0, chain = 1; i < inner;) {
            const int64_t tap = i / m.channels, k = i % m.channels, length = smaller(m.channels - k, longest_run);
            i += length;
            const bool ends = i * chains >= chain * inner;
            const int64_t row = tap / m.taps_y * blocks.height + tap % m.taps_y * m.step_y;
            runs[count++] = {row * line + k, length, {0, 0, 0}, ends};
            chain += ends;
        }
        for (int64_t p = 1; p < products; ++p)
            for (int64_t r = 0; r < count; ++r) {
                runs[p * count + r] = runs[r];
                runs[p * count + r].offset += p * part;
            }
        return count;
    }
    int64_t most_runs() const { return products * m.taps_z * m.taps_y * pieces(m.channels, 64); }
};

// As direct().
template <class T, class PackB>
void winograd(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    using W = Winograd<T>;
    constexpr int64_t width = W::width, packed_size = int64_t(4) << 20, tasks_wanted = 16;
    if (images * m.rows_y * m.rows_x <= 0 || columns <= 0) return;
    const W w(m, images);
    const int64_t panel = W::products * w.inner * width, taps_panel = 3 * w.inner * width;
    const int64_t block = larger(1, packed_size / (int64_t(sizeof(T)) * panel)) * width;
    const int64_t part = w.lines() * w.line, most_panels = smaller(pieces(columns, width), block / width);
    T* packed = static_cast<T*>(runtime::scratch(
        runtime::packed_b, size_t(most_panels * panel) * sizeof(T) + size_t(w.most_runs()) * sizeof(Run)));
    Run* runs = reinterpret_cast<Run*>(packed + most_panels * panel);
    const int64_t n_runs = w.runs_of(runs, part);
    const Places<T> to_sums{nullptr, 1, 0, 0, 0, 0, nullptr, Activation::linear};
    for (int64_t column0 = 0; column0 < columns; column0 += block) {
        const int64_t count = smaller(columns - column0, block), panels = pieces(count, width);
        parallel_blocks(panels, 1 + 16384 / panel, [&](int64_t begin, int64_t end) {
            T* taps = scratch<T>(runtime::packed_a, taps_panel);
            for (int64_t p = begin; p < end; ++p) {
                pack_b(taps, column0 + p * width, smaller(count - p * width, width), 0, 3 * w.inner);
                w.turn_kernel(packed + p * panel, taps);
            }
        });
        const int64_t chunks = smaller(panels, pieces(tasks_wanted, w.blocks.count));
        parallel(w.blocks.count * chunks, [&](int64_t task) {
            const int64_t index = task / chunks, chunk = task % chunks, most = w.most_pairs() + tile_rows;
            const int64_t turned_size = W::products * part + tile_rows * m.channels + 16;
            char* room = static_cast<char*>(runtime::scratch(
                runtime::packed_a,
                size_t(most) * 2 * sizeof(T*) +
                    size_t(w.blocks.copy_size() + 16 + turned_size + most * W::products * width) * sizeof(T)));
            T** out = reinterpret_cast<T**>(room);
            const T** x = const_cast<const T**>(out + most);
            T *sums = reinterpret_cast<T*>(out + 2 * most), *turned = sums + most * W::products * width;
            T* copy = turned + turned_size;
            w.blocks.copy(copy, index);
            w.turn_lines(turned, part, copy);
            const int64_t first = index / w.blocks.per_image * w.blocks.together;
            const int64_t n = smaller(first + w.blocks.together, images) - first;
            const int64_t row0 = index % w.blocks.per_image * w.blocks.lines;
            const int64_t span = smaller(w.blocks.lines, m.rows_y - row0) * w.pairs;  // pairs of an image, side by side
            for (int64_t i = 0; i < n * span + tile_rows; ++i) {
                out[i] = sums + i * W::products * width;
                x[i] = turned + i / span * m.taps_z * w.blocks.height * w.line + i % span * m.channels;
            }
            const int64_t tall = span % tile_rows != 0 && span % 8 == 0 ? smaller(8, tile_rows) : tile_rows;
            Ahead<T> ahead = w.blocks.ahead(index + 1);
            for (int64_t p = chunk * panels / chunks; p < (chunk + 1) * panels / chunks; ++p) {
                const int64_t used = smaller(count - p * width, width);
                for (int64_t product = 0; product < W::products; ++product)
                    for (int64_t image = 0; image < n; ++image)
                        for (int64_t i = 0; i < span; i += tall) {
                            const int64_t at = image * span + i;
                            const DirectTile<T> tile{out + at,
                                                     x + at,
                                                     nullptr,
                                                     1,
                                                     1,
                                                     1,
                                                     m.channels,
                                                     1,
                                                     product * width,
                                                     used,
                                                     int(smaller(span - i, tall)),
                                                     Pixels::copied,
                                                     0,
                                                     0};
                            direct_tile_of(tile, runs + product * n_runs, runs + (product + 1) * n_runs,
                                           packed + p * panel + product * w.inner * width, to_sums, ahead, 1);
                        }
                w.turn_back(sums, places, index, column0 + p * width, used);
            }
        });
    }
}

}  // namespace nerve::NERVE_ISA
