// Convolution that gathers nothing: one register tile of output pixels by filters reads the pixels it looks at where
// they lie, through a table of pointers, beside a packed kernel (Dukhan, "The Indirect Convolution Algorithm", 2019).
// Each output is a sum of chains of fma over the taps and channels in order, whatever the tile or the threads.
#pragma once
#include "cpu/conv_patches.h"
#if defined(__AVX512F__)
#include "cpu/conv_amx.h"
#endif

namespace nerve::NERVE_ISA {

// A chain that has grown to this length ends with the run of channels it is in: long ones lose digits.
constexpr int64_t chain = 256;

// Where output pixel (n, i, j) lies: out + n * image + i * row + j * pixel.
template <class T>
struct Places {
    T* out;
    int64_t image, row, pixel;
    const T* bias;  // may be null
    Activation activation;
};

template <class T>
NERVE_NOINLINE void activate_pixels(T* const* out, int64_t column, int rows, int64_t columns, Activation activation) {
    for (int r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; c += vec<T>::size) {
            const int64_t n = smaller(columns - c, vec<T>::size);
            T* to = out[r] + column + c;
            store_partial(to, activate(activation, load_partial(to, n)), n);
        }
}

// Adds `steps` products to the tile: sum[r][j] += a[r][i] * b[i][j].
template <int steps, class T, int R, int J>
NERVE_INLINE void add_products(vec<T> (&sum)[R][J], const T* const (&a)[R], int64_t k, const T* b) {
    using V = vec<T>;
#pragma GCC unroll 4
    for (int i = 0; i < steps; ++i) {
        V bi[J];
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) bi[j] = load(b + i * tile_columns<T> + j * V::size);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            const V ai(a[r][k + i]);
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) sum[r][j] = fma(ai, bi[j], sum[r][j]);
        }
    }
}

// Columns [column, column + columns) of R pixels, the first `rows` of which are stored. table[i * tile_rows + r] is
// where the i-th run of `run` elements of pixel r lies.
template <class T, int R, int J>
void direct_tile(T* const* out, const T* const* table, int64_t runs, int64_t run, const T* b, int64_t column, int rows,
                 int64_t columns, const Places<T>& places) {
    using V = vec<T>;
    V sum[R][J];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
    V total[R][J];  // of the chains before this one
    bool folded = false;
    int64_t count = 0;
    for (int64_t i = 0; i < runs; ++i, table += tile_rows) {
        const T* a[R];
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) a[r] = table[r];
        for (int64_t k = 0; k < run;) {
            if (count >= chain) {
                for (int r = 0; r < R; ++r)
                    for (int j = 0; j < J; ++j) total[r][j] = folded ? total[r][j] + sum[r][j] : sum[r][j];
#pragma GCC unroll 16
                for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
                    for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
                folded = true, count = 0;
            }
            const int64_t end = smaller(run, k + chain);
            count += end - k;
            for (; k + 4 <= end; k += 4, b += 4 * tile_columns<T>) add_products<4>(sum, a, k, b);
            for (; k < end; ++k, b += tile_columns<T>) add_products<1>(sum, a, k, b);
        }
    }
    if (folded)
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) sum[r][j] = total[r][j] + sum[r][j];
    const bool relu = places.activation == Activation::relu;
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) {
        const int64_t width = smaller(columns - j * V::size, V::size);
        if (width <= 0) break;
        const int64_t at = column + j * V::size;
        const V bias = places.bias != nullptr ? load_partial(places.bias + at, width) : V(T(0));
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            if (r >= rows) break;
            V value = places.bias != nullptr ? sum[r][j] + bias : sum[r][j];
            if (relu) value = max(value, V(T(0)));
            if (width == V::size)
                store(out[r] + at, value);
            else
                store_partial(out[r] + at, value, width);
        }
    }
    if (!relu && places.activation != Activation::linear)
        activate_pixels(out, column, rows, columns, places.activation);
}

template <class T, int J>
inline void direct_tile_of(T* const* out, const T* const* table, int64_t runs, int64_t run, const T* b, int64_t column,
                           int rows, int64_t columns, const Places<T>& places) {
    if (rows <= 4)
        direct_tile<T, 4, J>(out, table, runs, run, b, column, rows, columns, places);
    else if (tile_rows > 8 && rows <= 8)
        direct_tile<T, (tile_rows > 8 ? 8 : tile_rows), J>(out, table, runs, run, b, column, rows, columns, places);
    else
        direct_tile<T, tile_rows, J>(out, table, runs, run, b, column, rows, columns, places);
}

// Rows [y, y + rows) of an image, `width` pixels of each from column m.first_x on, with zeros for what lies outside.
template <class T>
void copy_band(T* band, const Patches<T>& m, const T* image, int64_t y, int64_t rows, int64_t width) {
    const int64_t c = m.channels, left = smaller(m.first_x < 0 ? -m.first_x : 0, width);
    const int64_t first = m.first_x > 0 ? m.first_x : 0, some = smaller(m.width - first, width - left);
    const int64_t length = some > 0 ? some : 0;
    for (int64_t r = 0; r < rows; ++r, ++y, band += width * c) {
        if (y < 0 || y >= m.height) {
            std::memset(band, 0, width * c * sizeof(T));
            continue;
        }
        const T* from = image + (y * m.width + first) * m.pixel;
        std::memset(band, 0, left * c * sizeof(T));
        if (m.pixel == c)
            std::memcpy(band + left * c, from, length * c * sizeof(T));
        else
            for (int64_t i = 0; i < length; ++i) std::memcpy(band + (left + i) * c, from + i * m.pixel, c * sizeof(T));
        std::memset(band + (left + length) * c, 0, (width - left - length) * c * sizeof(T));
    }
}

// What a few rows of output look at, copied with zeros around it, so that every patch lies inside.
template <class T>
struct Band {
    int64_t lines, width;  // of the copy

    Band(const Patches<T>& m, int64_t rows)
        : lines((rows - 1) * m.stride_y + (m.taps_y - 1) * m.step_y + 1),
          width((m.rows_x - 1) * m.stride_x + (m.taps_x - 1) * m.step_x + 1) {}
    int64_t size(const Patches<T>& m) const { return lines * width * m.channels; }
    // Copies what rows [row, row + rows) of image n look at.
    Patches<T> copy(T* to, const Patches<T>& m, int64_t n, int64_t row, int64_t rows) const {
        copy_band(to, m, m.images + n * m.height * m.width * m.pixel, row * m.stride_y + m.first_y, lines, width);
        Patches<T> band = m;
        band.images = to, band.height = lines, band.width = width, band.pixel = m.channels;
        band.first_y = 0, band.first_x = 0, band.rows_y = rows;
        return band;
    }
};

// Whether few channels make it worth while to copy the image: then a whole row of a patch is one run.
template <class T>
bool wants_band(const Patches<T>& m) {
    return m.channels < 16 && m.taps_x > 1 && m.merged();
}

// The pointers of `rows` patches from `corner` on, run by run; `zeros` stands for what lies outside.
template <class T>
void point(const T** table, const Patches<T>& m, Corner<T>& corner, int64_t rows, int64_t run_taps, const T* zeros) {
    const int64_t runs_x = m.taps_x / run_taps, runs = m.taps_y * runs_x;
    for (int64_t r = 0; r < rows; ++r, corner.next()) {
        const int64_t y = corner.y(), x = corner.x();
        const T* first = corner.image + (y * m.width + x) * m.pixel;
        const T** to = table + r;
        if (m.holds(y, x)) {
            for (int64_t p = 0; p < m.taps_y; ++p)
                for (int64_t q = 0; q < runs_x; ++q, to += tile_rows)
                    *to = first + (p * m.step_y * m.width + q * m.step_x) * m.pixel;
        } else {
            for (int64_t p = 0; p < m.taps_y; ++p)
                for (int64_t q = 0; q < runs_x; ++q, to += tile_rows) {
                    const int64_t v = y + p * m.step_y, u = x + q * m.step_x;
                    const bool inside = v >= 0 && v < m.height && u >= 0 && u < m.width;
                    *to = inside ? first + (p * m.step_y * m.width + q * m.step_x) * m.pixel : zeros;
                }
        }
    }
    for (int64_t r = rows; r < tile_rows; ++r)
        for (int64_t i = 0; i < runs; ++i) table[i * tile_rows + r] = zeros;
}

// places (images * rows_y * rows_x pixels, columns) = patches @ B; pack_b as for gemm.
template <class T, class PackB>
void direct(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    constexpr int64_t width = tile_columns<T>, most_tiles = 8, table_size = 4096, packed_size = int64_t(4) << 20;
    const int64_t inner = m.taps_y * m.taps_x * m.channels, pixels = images * m.rows_y * m.rows_x;
    if (pixels <= 0 || columns <= 0) return;
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        const bool even = places.row == m.rows_x * places.pixel && places.image == m.rows_y * places.row;
        if (even &&
            amx::convolve(m, pixels, columns, pack_b, {places.out, places.pixel, places.bias, places.activation}))
            return;
    }
#endif
    const bool banded = wants_band(m);
    const int64_t run_taps = banded ? m.taps_x : 1, run = run_taps * m.channels;
    const int64_t runs = m.taps_y * m.taps_x / run_taps;
    // A task is a few tiles of pixels, or of rows of one image.
    int64_t tiles = table_size / (tile_rows * (runs + 1));
    tiles = tiles < 1 ? 1 : smaller(tiles, most_tiles);
    const int64_t band_rows = smaller(m.rows_y, (tiles * tile_rows + m.rows_x - 1) / m.rows_x);
    const int64_t bands = (m.rows_y + band_rows - 1) / band_rows;
    const int64_t tasks = banded ? images * bands : (pixels + tiles * tile_rows - 1) / (tiles * tile_rows);
    const Band<T> band(m, band_rows);
    // Kernels too large for the cache are packed and used by parts.
    int64_t block = packed_size / (int64_t(sizeof(T)) * (inner + 1)) / width * width;
    block = smaller(block < width ? width : block, (columns + width - 1) / width * width);
    T* packed = static_cast<T*>(runtime::scratch(runtime::packed_b, size_t(inner * block + run + 1) * sizeof(T)));
    T* zeros = packed + inner * block;
    std::memset(zeros, 0, run * sizeof(T));
    for (int64_t column0 = 0; column0 < columns; column0 += block) {
        const int64_t count = smaller(columns - column0, block), panels = (count + width - 1) / width;
        parallel_blocks(panels, 1 + 16384 / (width * (inner + 1)), [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; ++p)
                pack_b(packed + p * width * inner, column0 + p * width, smaller(count - p * width, width), 0, inner);
        });
        auto body = [&](int64_t task) {
            const int64_t n = task / bands, row = task % bands * band_rows;
            const int64_t band_pixels = smaller(band_rows, m.rows_y - row) * m.rows_x;
            const int64_t begin = banded ? (n * m.rows_y + row) * m.rows_x : task * tiles * tile_rows;
            const int64_t size = banded ? band_pixels : smaller(tiles * tile_rows, pixels - begin);
            const int64_t used = (size + tile_rows - 1) / tile_rows;
            const size_t pointers = size_t(used) * tile_rows * size_t(runs + 1) * sizeof(T*);
            char* scratch = static_cast<char*>(
                runtime::scratch(runtime::packed_a, pointers + size_t(banded ? band.size(m) : 0) * sizeof(T)));
            T** out = reinterpret_cast<T**>(scratch);
            const T** table = const_cast<const T**>(out + used * tile_rows);
            const Patches<T> copy =
                banded ? band.copy(reinterpret_cast<T*>(scratch + pointers), m, n, row, band_pixels / m.rows_x) : m;
            Corner<T> corner(copy, banded ? 0 : begin);
            for (int64_t t = 0; t < used; ++t)
                point(table + t * runs * tile_rows, copy, corner, smaller(size - t * tile_rows, tile_rows), run_taps,
                      zeros);
            int64_t i = begin / m.rows_x % m.rows_y, j = begin % m.rows_x;
            T* image = places.out + begin / m.rows_x / m.rows_y * places.image;
            for (int64_t e = 0; e < size; ++e) {
                out[e] = image + i * places.row + j * places.pixel;
                if (++j < m.rows_x) continue;
                j = 0;
                if (++i < m.rows_y) continue;
                i = 0, image += places.image;
            }
            for (int64_t p = 0; p < panels; ++p) {
                const int64_t column = column0 + p * width, n_columns = smaller(columns - column, width);
                for (int64_t t = 0; t < used; ++t) {
                    const int rows = int(smaller(size - t * tile_rows, tile_rows));
                    const T* const* from = table + t * runs * tile_rows;
                    const T* b = packed + p * width * inner;
                    if (n_columns <= vec<T>::size)
                        direct_tile_of<T, 1>(out + t * tile_rows, from, runs, run, b, column, rows, n_columns, places);
                    else
                        direct_tile_of<T, tile_vectors>(out + t * tile_rows, from, runs, run, b, column, rows,
                                                        n_columns, places);
                }
            }
        };
        parallel_blocks(tasks, pixels * count * (inner + 1) < 32768 ? tasks : 1, [&](int64_t begin, int64_t end) {
            for (int64_t task = begin; task < end; ++task) body(task);
        });
    }
}

}  // namespace nerve::NERVE_ISA
