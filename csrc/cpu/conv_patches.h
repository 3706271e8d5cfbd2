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

// The packer of A for gemm.
template <class T>
void pack_patches(T* panel, const Patches<T>& m, int64_t row, int64_t rows, int64_t k, int64_t count) {
    if (count == 0) return;
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

}  // namespace nerve::NERVE_ISA
