// Convolution with three taps along x, or along x and y, by Winograd's F(2, 3) ("Arithmetic complexity of
// computations", 1980; for layers Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016): two
// neighbouring outputs take four products for the six of their definition. With pixels d and taps g
//     y0 = m0 + m1 + m2,  m0 = (d0 - d2) g0,  m1 = (d1 + d2) (g0 + g1 + g2) / 2,
//     y1 = m1 - m2 - m3,  m3 = (d1 - d3) g2,  m2 = (d2 - d1) (g0 - g1 + g2) / 2,
// and where that is done along both, 2 x 2 outputs take 16 for 36. Each m is a convolution with the taps that are left,
// made by the tiles of conv_direct.h. Results have as many digits as sums of all products have.
#pragma once
#include "cpu/conv_direct_tile.h"
#include "cpu/parallel.h"

namespace nerve::NERVE_ISA {

// Tiles of outputs: 2 in a row, of one row or of two.
template <class T>
struct WinogradTiles {
    using V = vec<T>;
    static constexpr int64_t width = tile_columns<T>;
    struct Four {
        V at[4];
    };

    NERVE_INLINE static Four of_pixels(V first, V second, V third, V fourth) {
        return {{first - third, second + third, third - second, second - fourth}};
    }
    NERVE_INLINE static Four of_taps(V first, V second, V third) {
        const V half(T(0.5)), sum = first + third;
        return {{first, (sum + second) * half, (sum - second) * half, third}};
    }

    const Patches<T>& m;
    const int64_t images, tall, products;      // rows of a tile
    const int64_t across, down;                // tiles in a row of an image, and rows of them
    const int64_t line, inner, taps_y;         // elements of a row of tiles, and of a patch, in one product
    int64_t together, rows, per_image, count;  // blocks of some images, or of some rows of tiles in one
    bool by_panels;                            // whether tasks are of some panels of the kernel
    int64_t lines, line_width;                 // of pixels that a block looks at in a plane

    // In float32, where sums are long enough to pay for the ways there and back.
    static bool pays(const Patches<T>& m, int64_t images, int64_t columns) {
        return sizeof(T) == sizeof(float) && m.taps_x == 3 && m.step_x == 1 && m.stride_x == 1 && m.stride_y == 1 &&
               m.rows_x >= 4 && m.channels >= 16 && columns >= 16 && images * m.rows_y * m.rows_x >= 128;
    }
    static bool pays_along_y(const Patches<T>& m) {
        return m.taps_y == 3 && m.step_y == 1 && m.rows_y >= 4 && m.channels >= 32;
    }

    WinogradTiles(const Patches<T>& m, int64_t images, int64_t columns)
        : m(m),
          images(images),
          tall(pays_along_y(m) ? 2 : 1),
          products(tall == 2 ? 16 : 4),
          across(pieces(m.rows_x, 2)),
          down(pieces(m.rows_y, tall)),
          line(across * m.channels),
          inner(m.taps_z * (tall == 2 ? 1 : m.taps_y) * m.channels),
          taps_y(tall == 2 ? 1 : m.taps_y) {
        // What a block looks at, turned, and its sums stay in the second cache.
        const int64_t of_image = across * down, most = (tall == 2 ? 8192 : 28672) / m.channels;
        // Some tasks, unless one has little to do: of blocks, or, where there is more of the kernel than of outputs, of
        // its panels.
        by_panels = products * inner > images * m.rows_y * m.rows_x;
        const int64_t least = larger(28, (int64_t(1) << 21) / (products * inner * columns));
        const int64_t tiles = images * of_image * (by_panels ? pieces(columns, width) : 1);
        const int64_t wanted = larger(least, smaller(most, tiles / 8));
        together = smaller(images, larger(1, wanted / of_image));
        rows = smaller(down, 1 + (wanted - 1) / across);
        per_image = pieces(down, rows), rows = pieces(down, per_image);
        count = pieces(images, together) * per_image;
        lines = (rows - 1) * tall + (tall == 2 ? 4 : (m.taps_y - 1) * m.step_y + 1);
        line_width = m.rows_x + 2;
    }

    int64_t tile_lines() const { return tall == 2 ? rows : lines; }  // of a plane, turned
    int64_t part() const { return together * m.taps_z * tile_lines() * line; }
    int64_t most_tiles() const { return together * rows * across; }
    int64_t first_image(int64_t index) const { return index / per_image * together; }
    int64_t first_row(int64_t index) const { return index % per_image * rows; }
    int64_t images_of(int64_t index) const { return smaller(together, images - first_image(index)); }
    int64_t rows_of(int64_t index) const { return smaller(rows, down - first_row(index)); }

    // A panel of the kernel for each product, from one of all its taps.
    void turn_kernel(T* to, const T* from) const {
        const int64_t tap = m.channels * width, size = inner * width;
        for (int64_t z = 0; z < m.taps_z; ++z)
            for (int64_t y = 0; y < taps_y; ++y, from += (tall == 2 ? 9 : 3) * tap)
                for (int64_t i = 0; i < tap; i += V::size, to += V::size) {
                    Four row[3];
                    for (int q = 0; q < (tall == 2 ? 3 : 1); ++q) {
                        const T* at = from + 3 * q * tap + i;
                        row[q] = of_taps(load(at), load(at + tap), load(at + 2 * tap));
                    }
                    for (int p = 0; p < 4; ++p) {
                        if (tall == 1) {
                            store(to + p * size, row[0].at[p]);
                            continue;
                        }
                        const auto column = of_taps(row[0].at[p], row[1].at[p], row[2].at[p]);
                        for (int q = 0; q < 4; ++q) store(to + (4 * q + p) * size, column.at[q]);
                    }
                }
    }

    // What the products look at, `size` elements of each; copy has room for a block's lines in a plane, and turned for
    // what becomes of four.
    void turn_pixels(T* to, int64_t size, T* copy, T* turned, int64_t index) const {
        const int64_t c = m.channels, row = first_row(index) * tall, turned_size = 4 * line;
        for (int64_t n = first_image(index); n < first_image(index) + images_of(index); ++n)
            for (int64_t o = 0; o < m.taps_z; ++o, to += tile_lines() * line) {
                const int64_t z = m.z(n) + o * m.step_z;
                const T* plane = m.has_plane(z) ? m.plane(n, z) : nullptr;
                copy_lines(copy, m, plane, row + m.first_y, lines, line_width);
                if (tall == 1) {
                    for (int64_t y = 0; y < lines; ++y) turn_line(to + y * line, size, copy + y * line_width * c);
                    continue;
                }
                for (int64_t y = 0; y < lines; ++y) {
                    turn_line(turned + y % 4 * turned_size, line, copy + y * line_width * c);
                    if (y < 3 || y % 2 == 0) continue;
                    const T* from[4];
                    for (int64_t q = 0; q < 4; ++q) from[q] = turned + (y - 3 + q) % 4 * turned_size;
                    turn_down(to + (y - 3) / 2 * line, size, from);
                }
            }
    }

    // Of a line of pixels.
    void turn_line(T* to, int64_t size, const T* from) const {
        const int64_t c = m.channels;
        for (int64_t x = 0; x < across; ++x, from += 2 * c) {
            const bool whole = 2 * x + 3 < line_width;
            for (int64_t i = 0, n; i < c; i += n, to += n) {
                n = smaller(c - i, V::size);
                const auto value = [&](int64_t d) NERVE_LAMBDA_INLINE { return load_partial(from + d * c + i, n); };
                const auto four = of_pixels(value(0), value(1), value(2), whole ? value(3) : V(T(0)));
                for (int p = 0; p < 4; ++p) store_partial(to + p * size, four.at[p], n);
            }
        }
    }

    // Of four lines turned.
    void turn_down(T* to, int64_t size, const T* const* from) const {
        for (int64_t p = 0; p < 4; ++p)
            for (int64_t i = 0; i < line; i += V::size) {
                const int64_t n = smaller(line - i, V::size);
                const auto value = [&](int64_t q)
                                       NERVE_LAMBDA_INLINE { return load_partial(from[q] + p * line + i, n); };
                const auto four = of_pixels(value(0), value(1), value(2), value(3));
                for (int64_t q = 0; q < 4; ++q) store_partial(to + (4 * q + p) * size + i, four.at[q], n);
            }
    }

    // Outputs from the sums each tile has side by side, `width` apart.
    void turn_back(const T* sums, const Places<T>& places, int64_t index, int64_t column, int64_t columns) const {
        for (int64_t n = first_image(index); n < first_image(index) + images_of(index); ++n)
            for (int64_t row = first_row(index); row < first_row(index) + rows_of(index); ++row) {
                T* to = places.at(n) + row * tall * places.row + column;
                const bool next = tall == 2 && row * tall + 1 < m.rows_y;
                for (int64_t x = 0; x < m.rows_x; x += 2, to += 2 * places.pixel, sums += products * width)
                    for (int64_t i = 0; i < columns; i += V::size)
                        turn_tile(sums + i, to + i, places, column + i, smaller(columns - i, V::size), next,
                                  x + 1 < m.rows_x);
            }
    }

    NERVE_INLINE void turn_tile(const T* sums, T* to, const Places<T>& places, int64_t column, int64_t n, bool next_row,
                                bool next_pixel) const {
        const V bias = places.bias == nullptr ? V(T(0)) : load_partial(places.bias + column, n);
        const auto put = [&](T* at, V value) NERVE_LAMBDA_INLINE {
            if (places.bias != nullptr) value += bias;
            if (places.activation != Activation::linear) value = activate(places.activation, value);
            store_partial(at, value, n);
        };
        V left[4], right[4];
        for (int q = 0; q < (tall == 2 ? 4 : 1); ++q) {
            const T* from = sums + 4 * q * width;
            const V second = load(from + width), third = load(from + 2 * width);
            left[q] = (load(from) + second) + third, right[q] = (second - third) - load(from + 3 * width);
        }
        if (tall == 1) {
            put(to, left[0]);
            if (next_pixel) put(to + places.pixel, right[0]);
            return;
        }
        put(to, (left[0] + left[1]) + left[2]);
        if (next_pixel) put(to + places.pixel, (right[0] + right[1]) + right[2]);
        if (!next_row) return;
        put(to + places.row, (left[1] - left[2]) - left[3]);
        if (next_pixel) put(to + places.row + places.pixel, (right[1] - right[2]) - right[3]);
    }

    // The runs of each product in what turn_pixels() has made; returns how many they are.
    int64_t runs_of(Run* runs) const {
        const int64_t chains = pieces(inner, longest_chain);
        int64_t size = 0;
        for (int64_t i = 0, chain = 1; i < inner;) {
            const int64_t tap = i / m.channels, k = i % m.channels, length = smaller(m.channels - k, longest_run);
            i += length;
            const bool ends = i * chains >= chain * inner;
            const int64_t row = tap / taps_y * tile_lines() + tap % taps_y * m.step_y;
            runs[size++] = {row * line + k, length, {0, 0, 0}, ends};
            chain += ends;
        }
        for (int64_t p = 1; p < products; ++p)
            for (int64_t r = 0; r < size; ++r) {
                runs[p * size + r] = runs[r];
                runs[p * size + r].offset += p * part();
            }
        return size;
    }
    static constexpr int64_t longest_run = 64;
    int64_t most_runs() const { return products * m.taps_z * taps_y * pieces(m.channels, longest_run); }
};

// As direct().
template <class T, class PackB>
void winograd(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    constexpr int64_t width = WinogradTiles<T>::width, packed_size = int64_t(4) << 20, tasks_wanted = 16;
    if (images * m.rows_y * m.rows_x <= 0 || columns <= 0) return;
    const WinogradTiles<T> w(m, images, columns);
    const int64_t panel = w.products * w.inner * width, taps_panel = m.taps() * m.channels * width;
    const int64_t block = larger(1, packed_size / (int64_t(sizeof(T)) * panel)) * width;
    const int64_t most_panels = smaller(pieces(columns, width), block / width);
    T* packed = static_cast<T*>(runtime::scratch(
        runtime::packed_b, size_t(most_panels * panel) * sizeof(T) + size_t(w.most_runs()) * sizeof(Run)));
    Run* runs = reinterpret_cast<Run*>(packed + most_panels * panel);
    const int64_t n_runs = w.runs_of(runs);
    const Places<T> to_sums{nullptr, 1, 0, 0, 0, 0, nullptr, Activation::linear};
    for (int64_t column0 = 0; column0 < columns; column0 += block) {
        const int64_t count = smaller(columns - column0, block), panels = pieces(count, width);
        parallel_blocks(panels, 1 + 16384 / panel, [&](int64_t begin, int64_t end) {
            T* taps = scratch<T>(runtime::packed_a, taps_panel);
            for (int64_t p = begin; p < end; ++p) {
                pack_b(taps, column0 + p * width, smaller(count - p * width, width), 0, m.taps() * m.channels);
                w.turn_kernel(packed + p * panel, taps);
            }
        });
        const int64_t chunks = w.by_panels ? smaller(panels, pieces(tasks_wanted, w.count)) : 1;
        // In the order of panels: who has packed one uses it.
        parallel(chunks * w.count, [&](int64_t task) {
            const int64_t index = task % w.count, chunk = task / w.count, most = w.most_tiles() + tile_rows;
            const int64_t pixels_size = w.products * w.part() + tile_rows * m.channels + 16;
            const int64_t sums_size = most * w.products * width, turned_size = w.tall == 2 ? 16 * w.line : 0;
            const int64_t copy_size = w.lines * w.line_width * m.channels;
            char* room = static_cast<char*>(runtime::scratch(
                runtime::packed_a, size_t(most) * 2 * sizeof(T*) +
                                       size_t(sums_size + pixels_size + turned_size + copy_size + 16) * sizeof(T)));
            T** out = reinterpret_cast<T**>(room);
            const T** x = const_cast<const T**>(out + most);
            T *sums = reinterpret_cast<T*>(out + 2 * most), *pixels = sums + sums_size, *turned = pixels + pixels_size;
            w.turn_pixels(pixels, w.part(), turned + turned_size, turned, index);
            const int64_t n = w.images_of(index), span = w.rows_of(index) * w.across;  // tiles side by side
            for (int64_t i = 0; i < n * span + tile_rows; ++i) {
                out[i] = sums + i * w.products * width;
                x[i] = pixels + i / span * m.taps_z * w.tile_lines() * w.line + i % span * m.channels;
            }
            // Tiles of several images in one, where those of an image would leave many of its rows unused.
            const bool mixed = n > 1 && span % tile_rows != 0 && span % 8 != 0;
            const int64_t length = mixed ? n * span : span;
            const int64_t high = length % tile_rows != 0 && length % 8 == 0 ? smaller(8, tile_rows) : tile_rows;
            Ahead<T> ahead{};
            for (int64_t p = chunk * panels / chunks; p < (chunk + 1) * panels / chunks; ++p) {
                const int64_t used = smaller(count - p * width, width);
                for (int64_t product = 0; product < w.products; ++product)
                    for (int64_t from = 0; from < n * span; from += length)
                        for (int64_t i = 0; i < length; i += high) {
                            const int64_t at = from + i;
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
                                                     int(smaller(length - i, high)),
                                                     mixed ? Pixels::anywhere : Pixels::copied,
                                                     0,
                                                     0};
                            direct_tile_of(tile, runs + product * n_runs, runs + (product + 1) * n_runs,
                                           packed + p * panel + product * w.inner * width, to_sums, ahead, 0);
                        }
                w.turn_back(sums, places, index, column0 + p * width, used);
            }
        });
    }
}

}  // namespace nerve::NERVE_ISA
