// The gradient of a convolution's kernel without gathering: a sum over pixels of outer products, the patch that a pixel
// looks at times the pixel's gradient. Both are read where they lie; a register tile of the kernel stays while the
// pixels go by. An element is a sum of chains of fma over blocks of pixels, in order.
#pragma once
#include "cpu/conv_direct.h"

namespace nerve::NERVE_ISA {

// Half a register, for kernels of few filters: a whole one would multiply more zeros than numbers.
#if defined(__AVX512F__)
typedef float half_floats __attribute__((vector_size(vector_bytes / 2)));
typedef double half_doubles __attribute__((vector_size(vector_bytes / 2)));

template <class T>
struct half {
    using native = std::conditional_t<sizeof(T) == 4, half_floats, half_doubles>;
    static constexpr int size = vec<T>::size / 2;
    native v;
    half() = default;
    NERVE_INLINE half(native value) : v(value) {}
    NERVE_INLINE half(T value) : v(value - native{}) {}
};
template <class T>
NERVE_INLINE half<T> fma(half<T> a, half<T> b, half<T> c) {
    if constexpr (sizeof(T) == 4)
        return half<T>((half_floats)_mm256_fmadd_ps((__m256)a.v, (__m256)b.v, (__m256)c.v));
    else
        return half<T>((half_doubles)_mm256_fmadd_pd((__m256d)a.v, (__m256d)b.v, (__m256d)c.v));
}
#else
template <class T>
using half = vec<T>;
#endif

// How many pixels are multiplied for each look at where a row of a tile J vectors wide lies: their gradients, the sums
// and a number of x fill the registers.
template <int J>
constexpr int pixels_together = vector_bytes == 64             ? (J == 1 ? 4 : 2)
                                : vector_bytes == 32 && J == 1 ? 2
                                                               : 1;

// out (R, columns) += sum over pixels of x[offsets[r]] times the pixel's row of b, or = for `first`; `rows` of R are
// stored. Rows of b are b_step apart, of J vectors V; x_step leads to the next pixel.
template <class V, int R, int J, class T>
void outer_tile(T* out, int64_t stride, const Segment<T>* segments, int64_t n, const int64_t* offsets, int64_t x_step,
                const T* all_b, int64_t b_step, int rows, int64_t columns, bool first) {
    V sum[R][J];
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
    constexpr int together = pixels_together<J>;
    for (const Segment<T>* s = segments; s < segments + n; ++s) {
        const T* b = all_b + s->pixel * b_step;
        auto add = [&](const T* x, auto pixels) NERVE_LAMBDA_INLINE {
            constexpr int P = decltype(pixels)::value;
            V bj[P][J];
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
                for (int j = 0; j < J; ++j) std::memcpy(&bj[p][j], b + p * b_step + j * V::size, sizeof(V));
#pragma GCC unroll 32
            for (int r = 0; r < R; ++r) {
                const T* a = x + offsets[r];
                // Else the compiler keeps a pointer for every pixel and row, and finds no registers for them.
                if (together > 1) asm("" : "+r"(a));
#pragma GCC unroll 4
                for (int p = 0; p < P; ++p) {
                    const V ar(a[p * x_step]);
#pragma GCC unroll 4
                    for (int j = 0; j < J; ++j) sum[r][j] = fma(ar, bj[p][j], sum[r][j]);
                }
            }
            b += P * b_step;
        };
        const T* x = s->x;
        int64_t left = s->count;
        for (; left >= together; left -= together, x += together * x_step)
            add(x, std::integral_constant<int, together>());
        if (together > 1)
            for (; left > 0; --left, x += x_step) add(x, std::integral_constant<int, 1>());
    }
    if (rows == R && columns >= J * V::size) {
#pragma GCC unroll 32
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) {
                T* to = out + r * stride + j * V::size;
                V value = sum[r][j];
                if (!first) std::memcpy(&value, to, sizeof(V)), value = V(value.v + sum[r][j].v);
                std::memcpy(to, &value, sizeof(V));
            }
        return;
    }
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r) {
        if (r >= rows) break;
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) {
            T* to = out + r * stride + j * V::size;
            const int64_t width = smaller(columns - j * V::size, V::size);
            vec<T> value(T(0));
            std::memcpy(&value, &sum[r][j], sizeof(V));
            store_partial(to, first ? value : load_partial(to, width) + value, width);
        }
    }
}

// Where the rows of a tile are of `one` row of the patch, this one: pixels that see only zeros there are left out.
struct Line {
    bool one;
    int64_t z, y;
};

// The most rows of a tile one vector wide: many, as enough sums have to be under way.
constexpr int narrow_rows = vector_bytes == 64 ? 25 : vector_bytes == 32 ? 13 : 8;

template <class V, int J, class T>
inline void outer_tile_of(T* out, int64_t stride, const Segment<T>* segments, int64_t n, const int64_t* offsets,
                          int64_t x_step, const T* b, int64_t b_step, int rows, int64_t columns, bool first) {
    auto of = [&](auto height) NERVE_LAMBDA_INLINE {
        outer_tile<V, decltype(height)::value, J>(out, stride, segments, n, offsets, x_step, b, b_step, rows, columns,
                                                  first);
    };
    constexpr int most = J == 1 ? narrow_rows : tile_rows;
    if (rows <= 4)
        of(std::integral_constant<int, 4>());
    else if (most > 8 && rows <= 8)
        of(std::integral_constant<int, (most > 8 ? 8 : most)>());
    else if (most > 14 && rows <= 14)
        of(std::integral_constant<int, (most > 14 ? 14 : most)>());
    else
        of(std::integral_constant<int, most>());
}

// out (rows, columns) = the sum of `count` matrices side by side in memory, in order.
template <class T>
void join(T* out, int64_t stride, const T* parts, int64_t rows, int64_t columns, int64_t count) {
    using V = vec<T>;
    parallel_blocks(rows, 1 + 32768 / (columns * count + 1), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            for (int64_t column = 0; column < columns; column += V::size) {
                const int64_t n = smaller(columns - column, V::size);
                const T* from = parts + row * columns + column;
                V sum = load_partial(from, n);
                for (int64_t i = 1; i < count; ++i) sum += load_partial(from + i * rows * columns, n);
                store_partial(out + row * stride + column, sum, n);
            }
    });
}

// out (elements of a patch, filters) = patches^T @ grad, whose pixels are `grad_pixel` elements apart.
template <class T>
void outer_products(T* out, int64_t stride, const Patches<T>& m, int64_t images, const T* grad, int64_t grad_pixel,
                    int64_t filters) {
    constexpr int64_t width = tile_columns<T>, most_parts = 16, small_kernel = 1 << 17, tasks_wanted = 32;
    const int64_t patch = m.taps() * m.channels;
    if (patch <= 0 || filters <= 0) return;
    if (images * m.rows_y * m.rows_x <= 0) {
        for (int64_t row = 0; row < patch; ++row) std::memset(out + row * stride, 0, filters * sizeof(T));
        return;
    }
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        if (amx::correlate(out, stride, m, images * m.rows_y * m.rows_x, grad, grad_pixel, filters)) return;
#endif
    const PixelBlocks<T> blocks(m, images, 128);
    const int64_t panels = (filters + width - 1) / width;
    const int64_t most_rows = filters <= vec<T>::size ? narrow_rows : tile_rows, tiles = pieces(patch, most_rows);
    const int64_t height = filters <= vec<T>::size ? pieces(patch, tiles) : tile_rows;
    Line* lines = static_cast<Line*>(runtime::scratch(
        runtime::packed_b, size_t(tiles) * sizeof(Line) + size_t(tiles * height + most_rows) * sizeof(int64_t)));
    int64_t* offsets = reinterpret_cast<int64_t*>(lines + tiles);
    for (int64_t t = 0; t < tiles; ++t) {
        const Place a = m.tap(t * height / m.channels), b = m.tap((smaller((t + 1) * height, patch) - 1) / m.channels);
        lines[t] = {a.z == b.z && a.y == b.y && !blocks.flat && !blocks.inside, a.z, a.y};
    }
    for (int64_t i = 0; i < tiles * height + most_rows; ++i) {
        const int64_t k = smaller(i, patch - 1);
        offsets[i] = blocks.tap(k / m.channels) + k % m.channels;
    }
    const size_t list = 2 * size_t(blocks.most_segments()) * sizeof(Segment<T>);
    // Panel by panel, the gradients of a block's pixels side by side, each in a row as wide as the vectors used for it.
    const int64_t panel_size = blocks.most_pixels() * width;
    auto row_size = [&](int64_t panel) {
        const int64_t columns = filters - panel * width;
        return columns <= half<T>::size ? half<T>::size : columns <= vec<T>::size ? vec<T>::size : width;
    };
    auto pack = [&](T* to, int64_t block) {
        const int64_t begin = blocks.first_pixel(block);
        const int64_t end = smaller(begin + blocks.most_pixels(), blocks.first_pixel(block + 1));
        for (int64_t i = begin; i < smaller(end, images * m.rows_y * m.rows_x); ++i)
            for (int64_t p = 0; p < panels; ++p) {
                const int64_t row = row_size(p), columns = smaller(filters - p * width, width);
                const T* from = grad + i * grad_pixel + p * width;
                T* line = to + p * panel_size + (i - begin) * row;
                if (columns == width)
                    std::memcpy(line, from, width * sizeof(T));
                else
                    for (int64_t c = 0; c < row; c += vec<T>::size) {
                        const int64_t left = columns - c > 0 ? columns - c : 0;
                        const vec<T> v = load_partial(from + c, smaller(left, vec<T>::size));
                        std::memcpy(line + c, &v, smaller(row - c, vec<T>::size) * sizeof(T));
                    }
            }
    };

    // Whether a block's gradients are better packed: for many tiles, where they are not one panel anyway, or for few
    // where each vector lies across two cache lines; and where a vector would read beyond the last of them.
    const bool across = vector_bytes == 64 && (reinterpret_cast<uintptr_t>(grad) | grad_pixel * sizeof(T)) % 64 != 0;
    auto wants_pack = [&](int64_t block) {
        if (panels > 1 && tiles >= (across ? 4 : 24)) return true;
        const int64_t after = images * m.rows_y * m.rows_x - blocks.first_pixel(block) - blocks.most_pixels();
        return filters % row_size(panels - 1) != 0 && after * grad_pixel < row_size(panels - 1);
    };

    // Adds the products of a block, packed or not, to tiles [begin, end) of a panel of the kernel `to`.
    auto add = [&](T* to, int64_t row_stride, Segment<T>* all, int64_t n_all, const T* packed, int64_t block,
                   int64_t begin, int64_t end, int64_t panel, bool first) {
        const int64_t columns = smaller(filters - panel * width, width);
        const T* b = packed != nullptr ? packed + panel * panel_size
                                       : grad + blocks.first_pixel(block) * grad_pixel + panel * width;
        const int64_t b_step = packed != nullptr ? row_size(panel) : grad_pixel;
        for (int64_t t = begin; t < end; ++t) {
            const int rows = int(smaller(patch - t * height, height));
            T* tile = to + t * height * row_stride + panel * width;
            const int64_t* at = offsets + t * height;
            const Segment<T>* segments = all;
            int64_t n = n_all;
            if (lines[t].one) {
                Segment<T>* seen = all + blocks.most_segments();
                n = 0;
                for (const Segment<T>* s = all; s < all + n_all; ++s)
                    if (m.has_plane(s->z + lines[t].z) && m.has_row(s->y + lines[t].y)) seen[n++] = *s;
                segments = seen;
                if (n == 0) {
                    for (int r = 0; first && r < rows; ++r) std::memset(tile + r * row_stride, 0, columns * sizeof(T));
                    continue;
                }
            }
            if (columns <= half<T>::size)
                outer_tile_of<half<T>, 1>(tile, row_stride, segments, n, at, blocks.x_step(), b, b_step, rows, columns,
                                          first);
            else if (columns <= vec<T>::size)
                outer_tile_of<vec<T>, 1>(tile, row_stride, segments, n, at, blocks.x_step(), b, b_step, rows, columns,
                                         first);
            else
                outer_tile_of<vec<T>, tile_vectors>(tile, row_stride, segments, n, at, blocks.x_step(), b, b_step, rows,
                                                    columns, first);
        }
    };

    if (patch * filters > small_kernel) {  // each task does its part of the kernel
        const int64_t size = blocks.copy_size() + panels * panel_size;
        T* copies = static_cast<T*>(runtime::scratch(runtime::workspace, size_t(blocks.count * size) * sizeof(T)));
        parallel(blocks.count, [&](int64_t i) {
            pack(copies + i * size, i);
            blocks.copy(copies + i * size + panels * panel_size, i);
        });
        const int64_t chunks = smaller(tiles, (tasks_wanted + panels - 1) / panels);
        parallel(chunks * panels, [&](int64_t task) {
            Segment<T>* segments = static_cast<Segment<T>*>(runtime::scratch(runtime::packed_a, list));
            const int64_t chunk = task / panels;
            for (int64_t i = 0; i < blocks.count; ++i) {
                const T* packed = copies + i * size;
                const int64_t n = blocks.segments(segments, packed + panels * panel_size, i);
                add(out, stride, segments, n, packed, i, chunk * tiles / chunks, (chunk + 1) * tiles / chunks,
                    task % panels, i == 0);
            }
        });
        return;
    }
    // A small kernel leaves few such tasks, so the pixels are cut into parts that are summed apart.
    const int64_t parts = smaller(blocks.count, most_parts);
    T* sums = parts == 1
                  ? nullptr
                  : static_cast<T*>(runtime::scratch(runtime::workspace, size_t(parts * patch * filters) * sizeof(T)));
    parallel(parts, [&](int64_t part) {
        T* packed = static_cast<T*>(
            runtime::scratch(runtime::packed_a, size_t(panels * panel_size + blocks.copy_size()) * sizeof(T) + list));
        Segment<T>* segments = reinterpret_cast<Segment<T>*>(packed + panels * panel_size);
        T* copy = reinterpret_cast<T*>(segments + 2 * blocks.most_segments());
        T* to = sums == nullptr ? out : sums + part * patch * filters;
        const int64_t begin = part * blocks.count / parts, end = (part + 1) * blocks.count / parts;
        for (int64_t i = begin; i < end; ++i) {
            blocks.copy(copy, i);
            const bool packs = wants_pack(i);
            if (packs) pack(packed, i);
            const int64_t n = blocks.segments(segments, copy, i);
            for (int64_t panel = 0; panel < panels; ++panel)
                add(to, sums == nullptr ? stride : filters, segments, n, packs ? packed : nullptr, i, 0, tiles, panel,
                    i == begin);
        }
    });
    if (sums != nullptr) join(out, stride, sums, patch, filters, parts);
}

}  // namespace nerve::NERVE_ISA
