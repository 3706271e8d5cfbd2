// The image side of a convolution as an implicit matrix: one row per output pixel, one column per element of the patch
// it looks at. Nothing is stored; packers gather panels of it (implicit GEMM, Chetlur et al., "cuDNN", 2014).
#pragma once
#include "cpu/gemm.h"
#include "cpu/pack.h"

namespace nerve::NERVE_ISA {

// Row (n, i, j), column (p, q, c) is image n at (i * stride_y + first_y + p * step_y, j * stride_x + first_x + q *
// step_x, c), and zero outside. Pixels are `pixel` elements apart, of which `channels` are read.
template <class T>
struct Patches {
    const T* images;
    int64_t height, width, pixel, channels;
    int64_t rows_y, rows_x, stride_y, stride_x, first_y, first_x;
    int64_t taps_y, taps_x, step_y, step_x;

    // Columns come in runs that are contiguous in memory: a row of the patch where its taps are neighbours.
    NERVE_INLINE bool merged() const { return step_x == 1 && pixel == channels; }
    NERVE_INLINE int64_t run_taps() const { return merged() ? taps_x : 1; }
    // Whether the patch that starts at (y, x) lies in the image as a whole.
    NERVE_INLINE bool holds(int64_t y, int64_t x) const {
        return y >= 0 && y + (taps_y - 1) * step_y < height && x >= 0 && x + (taps_x - 1) * step_x < width;
    }
};

// Walks along the rows of the matrix.
template <class T>
struct Corner {
    const Patches<T>& m;
    int64_t i, j;
    const T* image;

    Corner(const Patches<T>& m, int64_t row)
        : m(m),
          i(row / m.rows_x % m.rows_y),
          j(row % m.rows_x),
          image(m.images + row / m.rows_x / m.rows_y * m.height * m.width * m.pixel) {}
    NERVE_INLINE int64_t y() const { return i * m.stride_y + m.first_y; }
    NERVE_INLINE int64_t x() const { return j * m.stride_x + m.first_x; }
    NERVE_INLINE void next() {
        if (++j < m.rows_x) return;
        j = 0;
        if (++i < m.rows_y) return;
        i = 0;
        image += m.height * m.width * m.pixel;
    }
};

// Part of a run, elements [offset, offset + length), for the patch whose run starts at pixel (y, x) of `image`. Returns
// where they lie, or, where some lie outside, copies them to `edge` with zeros for those.
template <class T>
NERVE_INLINE const T* gather(const Patches<T>& m, const T* image, int64_t y, int64_t x, int64_t offset, int64_t length,
                             T* edge) {
    const T* from = image + (y * m.width + x) * m.pixel;
    const int64_t taps = m.run_taps();
    if (y >= 0 && y < m.height && x >= 0 && x + taps <= m.width) return from + offset;
    int64_t begin = 0, end = 0;  // of the run, the elements inside
    if (y >= 0 && y < m.height) {
        begin = (x < 0 ? smaller(-x, taps) : 0) * m.channels;
        end = (x + taps <= m.width ? taps : m.width - x) * m.channels;
    }
    for (int64_t e = 0; e < length; ++e) {
        const int64_t at = offset + e;
        edge[e] = at >= begin && at < end ? from[at] : T(0);
    }
    return edge;
}

// Patches of one channel, side by side: a column of the matrix is contiguous in memory along a row of the image.
template <class T>
void pack_one_channel(T* panel, const Patches<T>& m, int64_t row, int64_t rows, int64_t k, int64_t count) {
    Corner<T> corner(m, row);
    for (int64_t r = 0, length; r < rows; r += length) {
        length = smaller(m.rows_x - corner.j, rows - r);
        for (int64_t i = 0; i < count; ++i) {
            const int64_t y = corner.y() + (k + i) / m.taps_x * m.step_y,
                          x = corner.x() + (k + i) % m.taps_x * m.step_x;
            const T* from = corner.image + y * m.width + x;
            T* to = panel + i * tile_rows + r;
            if (y >= 0 && y < m.height && x >= 0 && x + length <= m.width) {
                if (length == tile_rows)
                    std::memcpy(to, from, tile_rows * sizeof(T));
                else
                    for (int64_t e = 0; e < length; ++e) to[e] = from[e];
            } else {
                const bool inside = y >= 0 && y < m.height;
                for (int64_t e = 0; e < length; ++e) to[e] = inside && x + e >= 0 && x + e < m.width ? from[e] : T(0);
            }
        }
        for (int64_t e = 0; e < length; ++e) corner.next();
    }
    if (rows < tile_rows)
        for (int64_t i = 0; i < count; ++i)
            for (int64_t r = rows; r < tile_rows; ++r) panel[i * tile_rows + r] = T(0);
}

// The packer of A for gemm.
template <class T>
void pack_patches(T* panel, const Patches<T>& m, int64_t row, int64_t rows, int64_t k, int64_t count) {
    if (count == 0) return;
    if (m.pixel == 1 && m.stride_x == 1) return pack_one_channel(panel, m, row, rows, k, count);
    T edges[tile_rows][inner_block];
    const T *images[tile_rows], *corners[tile_rows], *from[tile_rows];
    int64_t ys[tile_rows], xs[tile_rows];
    bool inside[tile_rows];  // the whole patch
    Corner<T> corner(m, row);
    for (int64_t r = 0; r < tile_rows; ++r) {
        images[r] = corner.image;
        ys[r] = r < rows ? corner.y() : -1 - m.taps_y * m.step_y;  // rows that do not exist are zero
        xs[r] = corner.x();
        inside[r] = m.holds(ys[r], xs[r]);
        corners[r] = images[r] + (ys[r] * m.width + xs[r]) * m.pixel;
        if (r + 1 < rows) corner.next();
    }
    const int64_t run = m.run_taps() * m.channels, runs_x = m.taps_x / m.run_taps();
    while (count > 0) {
        const int64_t index = k / run, offset = k % run, length = smaller(run - offset, count);
        const int64_t p = index / runs_x * m.step_y, q = index % runs_x * m.step_x;
        const int64_t distance = (p * m.width + q) * m.pixel + offset;
        for (int r = 0; r < tile_rows; ++r)
            from[r] = inside[r] ? corners[r] + distance
                                : gather(m, images[r], ys[r] + p, xs[r] + q, offset, length, edges[r]);
        pack_pointers<tile_rows>(panel, from, length);
        panel += length * tile_rows, k += length, count -= length;
    }
}

// As below, for patches of one channel, side by side: what a row of the panel holds is contiguous in memory along a row
// of the image.
template <class T>
void pack_one_channel_transposed(T* panel, const Patches<T>& m, int64_t row, int64_t rows, int64_t k, int64_t count) {
    T edges[tile_rows][inner_block];
    const T* from[tile_rows];
    Corner<T> corner(m, k);
    for (int64_t i = 0, length; i < count; i += length) {
        length = smaller(m.rows_x - corner.j, count - i);
        for (int64_t r = 0; r < tile_rows; ++r) {
            const int64_t y = corner.y() + (row + r) / m.taps_x * m.step_y;
            const int64_t x = corner.x() + (row + r) % m.taps_x * m.step_x;
            const bool exists = r < rows && y >= 0 && y < m.height;
            from[r] = corner.image + y * m.width + x;
            if (exists && x >= 0 && x + length <= m.width) continue;
            for (int64_t e = 0; e < length; ++e)
                edges[r][e] = exists && x + e >= 0 && x + e < m.width ? from[r][e] : T(0);
            from[r] = edges[r];
        }
        pack_pointers<tile_rows>(panel + i * tile_rows, from, length);
        for (int64_t e = 0; e < length; ++e) corner.next();
    }
}

// The packer of A for the transposed matrix: rows [row, row + rows) are columns of the patches, inner runs over pixels.
template <class T>
void pack_patches_transposed(T* panel, const Patches<T>& m, int64_t row, int64_t rows, int64_t k, int64_t count) {
    if (m.pixel == 1 && m.stride_x == 1) return pack_one_channel_transposed(panel, m, row, rows, k, count);
    struct Part {
        int64_t p, q, offset, length, distance;
    };
    Part parts[tile_rows];
    int n_parts = 0;
    const int64_t run = m.run_taps() * m.channels, runs_x = m.taps_x / m.run_taps();
    for (int64_t at = row; at < row + rows;) {
        const int64_t index = at / run, offset = at % run, length = smaller(run - offset, row + rows - at);
        const int64_t p = index / runs_x * m.step_y, q = index % runs_x * m.step_x;
        parts[n_parts++] = {p, q, offset, length, (p * m.width + q) * m.pixel + offset};
        at += length;
    }
    T edge[tile_rows];
    Corner<T> corner(m, k);
    for (int64_t i = 0; i < count; ++i, corner.next(), panel += tile_rows) {
        const int64_t y = corner.y(), x = corner.x();
        const T* first = corner.image + (y * m.width + x) * m.pixel;
        const bool inside = m.holds(y, x);
        T* to = panel;
        for (int n = 0; n < n_parts; ++n) {
            const auto [p, q, offset, length, distance] = parts[n];
            const T* from = inside ? first + distance : gather(m, corner.image, y + p, x + q, offset, length, edge);
            if (length == tile_rows)
                std::memcpy(to, from, tile_rows * sizeof(T));
            else
                for (int64_t e = 0; e < length; ++e) to[e] = from[e];
            to += length;
        }
        for (; to < panel + tile_rows; ++to) *to = T(0);
    }
}

}  // namespace nerve::NERVE_ISA
