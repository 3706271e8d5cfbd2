// The gradient of a convolution's kernel without gathering: a sum over pixels of outer products, the patch that a pixel
// looks at times the pixel's gradient. Both are read where they lie; a register tile of the kernel stays while the
// pixels go by. An element is a sum of chains of fma over blocks of pixels, in order.
#pragma once
#include "cpu/conv_direct.h"
#include "cpu/conv_outer_tile.h"

namespace nerve::NERVE_ISA {

// Rows [row, row + rows) of the kernel, elements of a patch, the first one of tap `at`. Where all are of this tap, or
// of one row of the patch, pixels that see only zeros there are left out.
struct OuterTile {
    int64_t row;
    int rows;
    bool line;
    Place at;
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
    const bool narrow = filters <= vec<T>::size;
    // With tiles of one tap each, what lies outside is left out and never read.
    const PixelBlocks<T> blocks(m, images, 128, !narrow && rows_of_tap(m.channels) > 0);
    const bool zeros = !blocks.flat && !blocks.inside, by_tap = zeros && blocks.in_place;
    const int64_t panels = (filters + width - 1) / width;
    const int64_t together = by_tap ? m.channels : patch, most_rows = narrow ? narrow_rows : outer_rows;
    const int64_t of_one = pieces(together, most_rows), tiles = patch / together * of_one;
    const int64_t height = narrow || by_tap ? pieces(together, of_one) : most_rows;
    const int64_t held = outer_offsets(most_rows);
    OuterTile* list = static_cast<OuterTile*>(
        runtime::scratch(runtime::packed_b, size_t(tiles) * (sizeof(OuterTile) + size_t(held) * sizeof(int64_t))));
    int64_t* offsets = reinterpret_cast<int64_t*>(list + tiles);
    for (int64_t t = 0; t < tiles; ++t) {
        const int64_t row = t / of_one * together + t % of_one * height;
        const int64_t rows = smaller(height, (t / of_one + 1) * together - row);
        const Place a = m.tap(row / m.channels), b = m.tap((row + rows - 1) / m.channels);
        list[t] = {row, int(rows), zeros && a.z == b.z && a.y == b.y, a};
        for (int64_t r = 0; r < held; ++r) {
            const int64_t k = row + smaller(r, rows - 1);
            offsets[t * held + r] = blocks.tap(k / m.channels) + k % m.channels;
        }
    }
    const size_t segments_size = 2 * size_t(blocks.most_segments()) * sizeof(Segment<T>);
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
        int64_t n_seen = 0;
        for (int64_t t = begin; t < end; ++t) {
            const int rows = list[t].rows;
            T* tile = to + list[t].row * row_stride + panel * width;
            const int64_t* at = offsets + t * held;
            const Segment<T>* segments = all;
            int64_t n = n_all;
            if (list[t].line) {
                const Place& place = list[t].at;
                Segment<T>* seen = all + blocks.most_segments();
                if (t == begin || !(place == list[t - 1].at)) {
                    const TapRange pixels(by_tap ? m.first_x + place.x : 0, m.stride_x, m.rows_x,
                                          by_tap ? m.width : m.rows_x * m.stride_x);
                    n_seen = 0;
                    for (const Segment<T>* s = all; s < all + n_all && pixels.begin < pixels.end; ++s)
                        if (m.has_plane(s->z + place.z) && m.has_row(s->y + place.y))
                            seen[n_seen++] = {s->x + pixels.begin * blocks.x_step(), pixels.end - pixels.begin,
                                              s->pixel + pixels.begin, s->z, s->y};
                }
                n = n_seen;
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
            Segment<T>* segments = static_cast<Segment<T>*>(runtime::scratch(runtime::packed_a, segments_size));
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
        T* packed = static_cast<T*>(runtime::scratch(
            runtime::packed_a, size_t(panels * panel_size + blocks.copy_size()) * sizeof(T) + segments_size));
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
