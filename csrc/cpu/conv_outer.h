// The gradient of a convolution's kernel without gathering: a sum over pixels of outer products, the patch that a pixel
// looks at times the pixel's gradient. Both are read where they lie; a register tile of the kernel stays while the
// pixels go by. An element is a sum of chains of fma over blocks of pixels, in order.
#pragma once
#include "cpu/conv_direct.h"

namespace nerve::NERVE_ISA {

constexpr int64_t block_pixels = 256;  // of one chain, about

// Pixels side by side: where the first one's patch begins, and its gradient.
template <class T>
struct Segment {
    const T *x, *grad;
    int64_t count;
};

// out (R, columns) += sum over pixels of x[offsets[r]] times grad[column + c], or = for `first`; `rows` of R are
// stored. x_step and grad_step lead to the next pixel.
template <class T, int R, int J>
void outer_tile(T* out, int64_t stride, const Segment<T>* segments, int64_t n, const int64_t* offsets, int64_t column,
                int64_t x_step, int64_t grad_step, int rows, int64_t columns, bool first) {
    using V = vec<T>;
    V sum[R][J];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
    const int64_t last = columns - (J - 1) * V::size;  // columns of the last vector
    for (const Segment<T>* s = segments; s < segments + n; ++s) {
        const T *a[R], *g = s->grad + column;
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) a[r] = s->x + offsets[r];
        auto add = [&](int64_t at, const V(&b)[J]) NERVE_LAMBDA_INLINE {
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                const V ar(a[r][at]);
#pragma GCC unroll 4
                for (int j = 0; j < J; ++j) sum[r][j] = fma(ar, b[j], sum[r][j]);
            }
        };
        V b[J];
        const int64_t end = s->count * x_step;
        if (last >= V::size)
            for (int64_t at = 0; at != end; at += x_step, g += grad_step) {
#pragma GCC unroll 4
                for (int j = 0; j < J; ++j) b[j] = load(g + j * V::size);
                add(at, b);
            }
        else
            for (int64_t at = 0; at != end; at += x_step, g += grad_step) {
#pragma GCC unroll 4
                for (int j = 0; j + 1 < J; ++j) b[j] = load(g + j * V::size);
                b[J - 1] = load_partial(g + (J - 1) * V::size, last);
                add(at, b);
            }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        if (r >= rows) break;
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) {
            T* to = out + r * stride + j * V::size;
            const int64_t width = j + 1 < J ? V::size : smaller(last, V::size);
            store_partial(to, first ? sum[r][j] : load_partial(to, width) + sum[r][j], width);
        }
    }
}

template <class T, int J>
inline void outer_tile_of(T* out, int64_t stride, const Segment<T>* segments, int64_t n, const int64_t* offsets,
                          int64_t column, int64_t x_step, int64_t grad_step, int rows, int64_t columns, bool first) {
    if (rows <= 4)
        outer_tile<T, 4, J>(out, stride, segments, n, offsets, column, x_step, grad_step, rows, columns, first);
    else if (tile_rows > 8 && rows <= 8)
        outer_tile<T, (tile_rows > 8 ? 8 : tile_rows), J>(out, stride, segments, n, offsets, column, x_step, grad_step,
                                                          rows, columns, first);
    else
        outer_tile<T, tile_rows, J>(out, stride, segments, n, offsets, column, x_step, grad_step, rows, columns, first);
}

// The pixels of an output in blocks: runs of pixels where patches are single pixels side by side, else whole lines of
// one image, or of several.
template <class T>
struct PixelBlocks {
    const Patches<T>& m;
    int64_t images;
    bool flat, inside;         // inside: no patch reaches over the edge
    int64_t per_image, lines;  // blocks of an image; lines of a block
    int64_t together;          // images of a block
    int64_t count, size;       // blocks; elements of a copy of what a block looks at
    Band<T> band;

    PixelBlocks(const Patches<T>& m, int64_t images)
        : m(m),
          images(images),
          flat(m.taps_y * m.taps_x == 1 && m.stride_y == 1 && m.stride_x == 1 && m.first_y == 0 && m.first_x == 0 &&
               m.rows_y == m.height && m.rows_x == m.width),
          inside(m.holds(m.first_y, m.first_x) &&
                 m.holds(m.first_y + (m.rows_y - 1) * m.stride_y, m.first_x + (m.rows_x - 1) * m.stride_x)),
          lines(smaller(m.rows_y, 1 + (block_pixels - 1) / m.rows_x)),
          band(m, lines) {
        per_image = (m.rows_y + lines - 1) / lines;
        lines = (m.rows_y + per_image - 1) / per_image;  // of about the same size
        band = Band<T>(m, lines);
        together = per_image > 1 ? 1 : smaller(images, 1 + block_pixels / (2 * m.rows_y * m.rows_x));
        count = flat ? (images * m.rows_y * m.rows_x + block_pixels - 1) / block_pixels
                     : (images + together - 1) / together * per_image;
        size = inside ? 0 : together * band.size(m);
    }

    int64_t most_segments() const { return flat ? 1 : together * lines; }
    int64_t x_step() const { return m.stride_x * (inside ? m.pixel : m.channels); }
    // Where element k of a patch lies, from the patch's beginning.
    int64_t offset(int64_t k) const {
        const int64_t tap = k / m.channels, c = k % m.channels;
        const int64_t width = inside ? m.width : band.width, pixel = inside ? m.pixel : m.channels;
        return (tap / m.taps_x * m.step_y * width + tap % m.taps_x * m.step_x) * pixel + c;
    }
    // Copies what block i looks at, where it must be copied.
    void copy(T* to, int64_t i) const {
        if (inside) return;
        const int64_t n0 = i / per_image * together, row = i % per_image * lines;
        for (int64_t n = n0; n < smaller(n0 + together, images); ++n, to += band.size(m))
            band.copy(to, m, n, row, smaller(lines, m.rows_y - row));
    }
    int64_t segments(Segment<T>* to, const T* copied, const T* grad, int64_t grad_pixel, int64_t i) const {
        if (flat) {
            const int64_t begin = i * block_pixels;
            to[0] = {m.images + begin * m.pixel, grad + begin * grad_pixel,
                     smaller(block_pixels, images * m.rows_y * m.rows_x - begin)};
            return 1;
        }
        int64_t used = 0;
        const int64_t n0 = i / per_image * together, row0 = i % per_image * lines;
        for (int64_t n = n0; n < smaller(n0 + together, images); ++n)
            for (int64_t row = row0; row < smaller(row0 + lines, m.rows_y); ++row) {
                const T* x =
                    inside ? m.images + ((n * m.height + m.first_y + row * m.stride_y) * m.width + m.first_x) * m.pixel
                           : copied + (n - n0) * band.size(m) + (row - row0) * m.stride_y * band.width * m.channels;
                to[used++] = {x, grad + (n * m.rows_y + row) * m.rows_x * grad_pixel, m.rows_x};
            }
        return used;
    }
};

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
    const int64_t patch = m.taps_y * m.taps_x * m.channels;
    if (patch <= 0 || filters <= 0) return;
    if (images * m.rows_y * m.rows_x <= 0) {
        for (int64_t row = 0; row < patch; ++row) std::memset(out + row * stride, 0, filters * sizeof(T));
        return;
    }
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        if (amx::correlate(out, stride, m, images * m.rows_y * m.rows_x, grad, grad_pixel, filters)) return;
#endif
    const PixelBlocks<T> blocks(m, images);
    const int64_t tiles = (patch + tile_rows - 1) / tile_rows, panels = (filters + width - 1) / width;
    int64_t* offsets =
        static_cast<int64_t*>(runtime::scratch(runtime::packed_b, size_t(tiles * tile_rows) * sizeof(int64_t)));
    for (int64_t k = 0; k < tiles * tile_rows; ++k) offsets[k] = blocks.offset(smaller(k, patch - 1));
    const size_t list = size_t(blocks.most_segments()) * sizeof(Segment<T>);

    // Adds a block's products to tiles [begin, end) of columns [column, ...) of a kernel.
    auto add = [&](T* to, int64_t row_stride, const Segment<T>* segments, int64_t n, int64_t begin, int64_t end,
                   int64_t panel, bool first) {
        const int64_t columns = smaller(filters - panel * width, width);
        for (int64_t t = begin; t < end; ++t) {
            const int rows = int(smaller(patch - t * tile_rows, tile_rows));
            T* tile = to + t * tile_rows * row_stride + panel * width;
            const int64_t* at = offsets + t * tile_rows;
            if (columns <= vec<T>::size)
                outer_tile_of<T, 1>(tile, row_stride, segments, n, at, panel * width, blocks.x_step(), grad_pixel, rows,
                                    columns, first);
            else
                outer_tile_of<T, tile_vectors>(tile, row_stride, segments, n, at, panel * width, blocks.x_step(),
                                               grad_pixel, rows, columns, first);
        }
    };

    if (patch * filters > small_kernel) {  // each task does its part of the kernel
        T* copies =
            blocks.inside
                ? nullptr
                : static_cast<T*>(runtime::scratch(runtime::workspace, size_t(blocks.count * blocks.size) * sizeof(T)));
        parallel(blocks.inside ? 0 : blocks.count, [&](int64_t i) { blocks.copy(copies + i * blocks.size, i); });
        const int64_t chunks = smaller(tiles, (tasks_wanted + panels - 1) / panels);
        parallel(chunks * panels, [&](int64_t task) {
            Segment<T>* segments = static_cast<Segment<T>*>(runtime::scratch(runtime::packed_a, list));
            const int64_t chunk = task / panels;
            for (int64_t i = 0; i < blocks.count; ++i) {
                const int64_t n = blocks.segments(segments, copies + i * blocks.size, grad, grad_pixel, i);
                add(out, stride, segments, n, chunk * tiles / chunks, (chunk + 1) * tiles / chunks, task % panels,
                    i == 0);
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
        char* scratch = static_cast<char*>(runtime::scratch(runtime::packed_a, list + size_t(blocks.size) * sizeof(T)));
        Segment<T>* segments = reinterpret_cast<Segment<T>*>(scratch);
        T* copy = reinterpret_cast<T*>(scratch + list);
        T* to = sums == nullptr ? out : sums + part * patch * filters;
        const int64_t begin = part * blocks.count / parts, end = (part + 1) * blocks.count / parts;
        for (int64_t i = begin; i < end; ++i) {
            blocks.copy(copy, i);
            const int64_t n = blocks.segments(segments, copy, grad, grad_pixel, i);
            for (int64_t panel = 0; panel < panels; ++panel)
                add(to, sums == nullptr ? stride : filters, segments, n, 0, tiles, panel, i == begin);
        }
    });
    if (sums != nullptr) join(out, stride, sums, patch, filters, parts);
}

}  // namespace nerve::NERVE_ISA
