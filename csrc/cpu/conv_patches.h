// The image side of a convolution as an implicit matrix: one row per output pixel, one column per element of the patch
// it looks at. Images may be planes of volumes, and patches reach over several. Nothing is stored; packers gather
// panels of it (implicit GEMM, Chetlur et al., "cuDNN", 2014).
#pragma once
#include "cpu/gemm.h"
#include "cpu/pack.h"

namespace nerve::NERVE_ISA {

// Whether i is in [0, size).
NERVE_INLINE bool within(int64_t i, int64_t size) { return uint64_t(i) < uint64_t(size); }

// Where an element of a patch lies, from the patch's corner, or where a patch lies in its volume: in pixels.
struct Place {
    int64_t z, y, x;
};
NERVE_INLINE bool operator==(const Place& a, const Place& b) { return a.z == b.z && a.y == b.y && a.x == b.x; }
NERVE_INLINE Place operator+(const Place& a, const Place& b) { return {a.z + b.z, a.y + b.y, a.x + b.x}; }

// Row (n, i, j), column (o, p, q, c) is image n at (i * stride_y + first_y + p * step_y, j * stride_x + first_x + q *
// step_x, c), and zero outside. Pixels are `pixel` elements apart, of which `channels` are read. Image n is of plane
// n % rows_z * stride_z + first_z + o * step_z of volume n / rows_z; images of their own are volumes of one plane.
template <class T>
struct Patches {
    const T* images;
    int64_t depth, height, width, pixel, channels;
    int64_t rows_z, rows_y, rows_x, stride_z, stride_y, stride_x, first_z, first_y, first_x;
    int64_t taps_z, taps_y, taps_x, step_z, step_y, step_x;

    NERVE_INLINE int64_t taps() const { return taps_z * taps_y * taps_x; }
    // Columns come in runs that are contiguous in memory: a row of the patch where its taps are neighbours.
    NERVE_INLINE bool merged() const { return step_x == 1 && pixel == channels; }
    NERVE_INLINE int64_t run_taps() const { return merged() ? taps_x : 1; }
    // Whether the patch that starts at (z, y, x) lies in the volume as a whole.
    NERVE_INLINE bool holds(const Place& at) const {
        return at.z >= 0 && at.z + (taps_z - 1) * step_z < depth && at.y >= 0 &&
               at.y + (taps_y - 1) * step_y < height && at.x >= 0 && at.x + (taps_x - 1) * step_x < width;
    }
    NERVE_INLINE bool has_plane(int64_t z) const { return within(z, depth); }
    NERVE_INLINE bool has_row(int64_t y) const { return within(y, height); }
    // The plane that image n is at, perhaps outside of the volume, and where it begins.
    NERVE_INLINE int64_t z(int64_t n) const { return n % rows_z * stride_z + first_z; }
    NERVE_INLINE const T* plane(int64_t n, int64_t z) const {
        return images + (n / rows_z * depth + z) * height * width * pixel;
    }
    NERVE_INLINE int64_t distance(const Place& at) const { return ((at.z * height + at.y) * width + at.x) * pixel; }
    // Where tap t is.
    NERVE_INLINE Place tap(int64_t t) const {
        return {t / taps_x / taps_y * step_z, t / taps_x % taps_y * step_y, t % taps_x * step_x};
    }
};

// The taps p in [0, taps) with 0 <= first + p * step < size, step >= 1.
struct TapRange {
    int64_t begin, end;
    NERVE_INLINE TapRange(int64_t first, int64_t step, int64_t taps, int64_t size) {
        begin = first < 0 ? (-first + step - 1) / step : 0;
        end = first < size ? smaller(taps, (size - first + step - 1) / step) : 0;
    }
};

// Walks along the rows of the matrix.
template <class T>
struct Corner {
    const Patches<T>& m;
    int64_t n, i, j;
    const T* volume;

    Corner(const Patches<T>& m, int64_t row)
        : m(m), n(row / m.rows_x / m.rows_y), i(row / m.rows_x % m.rows_y), j(row % m.rows_x), volume(m.plane(n, 0)) {}
    NERVE_INLINE Place place() const { return {m.z(n), i * m.stride_y + m.first_y, j * m.stride_x + m.first_x}; }
    NERVE_INLINE void next() {
        if (++j < m.rows_x) return;
        j = 0;
        if (++i < m.rows_y) return;
        i = 0;
        volume = m.plane(++n, 0);
    }
};

// Part of a run, elements [offset, offset + length), for the patch whose run starts at pixel `at` of `volume`. Returns
// where they lie, or, where some lie outside, copies them to `edge` with zeros for those.
template <class T>
NERVE_INLINE const T* gather(const Patches<T>& m, const T* volume, const Place& at, int64_t offset, int64_t length,
                             T* edge) {
    const T* from = volume + m.distance(at);
    const int64_t taps = m.run_taps();
    const bool row = m.has_plane(at.z) && m.has_row(at.y);
    if (row && at.x >= 0 && at.x + taps <= m.width) return from + offset;
    int64_t begin = 0, end = 0;  // of the run, the elements inside
    if (row) {
        begin = (at.x < 0 ? smaller(-at.x, taps) : 0) * m.channels;
        end = (at.x + taps <= m.width ? taps : m.width - at.x) * m.channels;
    }
    for (int64_t e = 0; e < length; ++e) {
        const int64_t i = offset + e;
        edge[e] = i >= begin && i < end ? from[i] : T(0);
    }
    return edge;
}
// The packer of A for gemm.
template <class T>
void pack_patches(T* panel, const Patches<T>& m, int64_t row, int64_t rows, int64_t k, int64_t count) {
    if (count == 0) return;
    T edges[tile_rows][inner_block];
    const T *volumes[tile_rows], *corners[tile_rows], *from[tile_rows];
    Place places[tile_rows];
    bool inside[tile_rows];  // the whole patch
    Corner<T> corner(m, row);
    for (int64_t r = 0; r < tile_rows; ++r) {
        volumes[r] = corner.volume;
        places[r] = corner.place();
        if (r >= rows) places[r].y = -1 - m.taps_y * m.step_y;  // rows that do not exist are zero
        inside[r] = m.holds(places[r]);
        corners[r] = volumes[r] + m.distance(places[r]);
        if (r + 1 < rows) corner.next();
    }
    const int64_t run = m.run_taps() * m.channels;
    while (count > 0) {
        const int64_t index = k / run, offset = k % run, length = smaller(run - offset, count);
        const Place tap = m.tap(index * m.run_taps());
        const int64_t distance = m.distance(tap) + offset;
        for (int r = 0; r < tile_rows; ++r)
            from[r] =
                inside[r] ? corners[r] + distance : gather(m, volumes[r], places[r] + tap, offset, length, edges[r]);
        pack_pointers<tile_rows>(panel, from, length);
        panel += length * tile_rows, k += length, count -= length;
    }
}

}  // namespace nerve::NERVE_ISA
