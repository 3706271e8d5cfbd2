// A few lines of images as planes, one for each channel of each plane a patch sees, with zeros around them: then
// vectors run along the pixels, which serves products too narrow for vectors of channels (few filters, or groups of few
// channels).
//
// A line of a plane is as wide as what a line of output looks at, and planes are read as if lines went on into one
// another: outputs that reach over the end of a line are computed with the rest and dropped.
#pragma once
#include "cpu/conv_patches.h"
#include "cpu/shuffle.h"

namespace nerve::NERVE_ISA {

// `channels` planes of `lines` lines of `width`, from one plane to the next `plane` elements. Whole vectors may be read
// and written at the last element.
template <class T>
struct Planes {
    int64_t channels, lines, width, plane;

    Planes(int64_t channels, int64_t lines, int64_t width, int64_t slack)
        : channels(channels), lines(lines), width(width), plane((lines * width + slack + 31) / 16 * 16) {}
    int64_t size() const { return channels * plane; }
};

constexpr int64_t few_channels = 4;  // up to three are copied one by one

// planes[c][i] = pixels[i * pixel + c] for i < length; may write zeros up to a vector beyond.
template <class T>
void to_planes(T* planes, int64_t plane, const T* pixels, int64_t pixel, int64_t channels, int64_t length) {
    using V = vec<T>;
    if (length <= 0) return;
    if (pixel == 1) {
        std::memcpy(planes, pixels, length * sizeof(T));
        return;
    }
    int64_t c = 0;
    for (; c + few_channels <= channels; c += V::size) {
        const int64_t n = smaller(channels - c, V::size);
        for (int64_t i = 0; i < length; i += V::size) {
            V rows[V::size];
#pragma GCC unroll 16
            for (int r = 0; r < V::size; ++r) {
                const T* from = pixels + (i + r) * pixel + c;
                rows[r] = i + r >= length ? V(T(0)) : n == V::size ? load(from) : load_partial(from, n);
            }
            transpose(rows);
#pragma GCC unroll 16
            for (int r = 0; r < V::size; ++r)
                if (r < n) store(planes + (c + r) * plane + i, rows[r]);
        }
    }
    for (; c < channels; ++c)
        for (int64_t i = 0; i < length; ++i) planes[c * plane + i] = pixels[i * pixel + c];
}

// The other way round: nothing is written beyond `length`.
template <class T>
void from_planes(T* pixels, int64_t pixel, const T* planes, int64_t plane, int64_t channels, int64_t length) {
    using V = vec<T>;
    if (pixel == 1) {
        std::memcpy(pixels, planes, length * sizeof(T));
        return;
    }
    int64_t c = 0;
    for (; c + few_channels <= channels; c += V::size) {
        const int64_t n = smaller(channels - c, V::size);
        for (int64_t i = 0; i < length; i += V::size) {
            V rows[V::size];
#pragma GCC unroll 16
            for (int r = 0; r < V::size; ++r) rows[r] = r < n ? load(planes + (c + r) * plane + i) : V(T(0));
            transpose(rows);
#pragma GCC unroll 16
            for (int r = 0; r < V::size; ++r) {
                T* to = pixels + (i + r) * pixel + c;
                if (i + r >= length) continue;
                if (n == V::size)
                    store(to, rows[r]);
                else
                    store_partial(to, rows[r], n);
            }
        }
    }
    for (; c < channels; ++c)
        for (int64_t i = 0; i < length; ++i) pixels[i * pixel + c] = planes[c * plane + i];
}

// What rows [row, ...) of image n look at, as planes: all channels of the first plane of a volume, then of the next.
template <class T>
void copy_planes(T* to, const Planes<T>& planes, const Patches<T>& m, int64_t n, int64_t row) {
    const int64_t left = smaller(m.first_x < 0 ? -m.first_x : 0, planes.width);
    const int64_t first = m.first_x > 0 ? m.first_x : 0, some = smaller(m.width - first, planes.width - left);
    std::memset(to, 0, planes.size() * sizeof(T));
    for (int64_t o = 0; o < m.taps_z; ++o, to += m.channels * planes.plane) {
        const int64_t z = m.z(n) + o * m.step_z;
        if (!m.has_plane(z)) continue;
        const T* plane = m.plane(n, z) + first * m.pixel;
        for (int64_t i = 0; i < planes.lines; ++i) {
            const int64_t y = row + m.first_y + i;
            if (y >= 0 && y < m.height)
                to_planes(to + i * planes.width + left, planes.plane, plane + y * m.width * m.pixel, m.pixel,
                          m.channels, some);
        }
    }
}

}  // namespace nerve::NERVE_ISA
