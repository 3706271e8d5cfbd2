// The pixels of a convolution's output in blocks, and what a block looks at: read in place, or, where patches reach
// over the edge of an image, from a copy with zeros around it, unless the kernel itself asks where an image ends.
#pragma once
#include "cpu/conv_patches.h"

namespace nerve::NERVE_ISA {

// Pixels side by side: where the first one's patch begins, how many they are, and which one of a block the first one
// is; the plane and the row where their patches begin.
template <class T>
struct Segment {
    const T* x;
    int64_t count, pixel, z, y;
};

// Memory to be asked for little by little, so that the lines a tile waits for find room beside it.
template <class T>
struct Ahead {
    static constexpr int line = 64 / int(sizeof(T));
    const T *from = nullptr, *end = nullptr;
    NERVE_INLINE void ask(int64_t lines) {
        for (; lines > 0 && from < end; --lines, from += smaller(line, end - from)) __builtin_prefetch(from, 0, 2);
    }
};

// Rows [y, y + rows) of a plane, `width` pixels of each from column m.first_x on, with zeros for what lies outside; the
// whole plane does where it is null.
template <class T>
void copy_lines(T* to, const Patches<T>& m, const T* plane, int64_t y, int64_t rows, int64_t width) {
    const int64_t c = m.channels, left = smaller(m.first_x < 0 ? -m.first_x : 0, width);
    const int64_t first = m.first_x > 0 ? m.first_x : 0, some = smaller(m.width - first, width - left);
    const int64_t length = some > 0 ? some : 0;
    for (int64_t r = 0; r < rows; ++r, ++y, to += width * c) {
        if (plane == nullptr || y < 0 || y >= m.height) {
            std::memset(to, 0, width * c * sizeof(T));
            continue;
        }
        const T* from = plane + (y * m.width + first) * m.pixel;
        std::memset(to, 0, left * c * sizeof(T));
        if (m.pixel == c)
            std::memcpy(to + left * c, from, length * c * sizeof(T));
        else
            for (int64_t i = 0; i < length; ++i) std::memcpy(to + (left + i) * c, from + i * m.pixel, c * sizeof(T));
        std::memset(to + (left + length) * c, 0, (width - left - length) * c * sizeof(T));
    }
}

// Blocks of about `wanted` pixels: runs of pixels where patches are single pixels side by side, else whole lines of one
// image, or several images. In order, they are all the pixels.
template <class T>
struct PixelBlocks {
    const Patches<T>& m;
    int64_t images, wanted;
    bool flat, inside;         // patches are pixels side by side; no patch reaches over the edge
    bool in_place;             // nothing is copied
    int64_t per_image, lines;  // blocks of an image; lines of a block
    int64_t together;          // images of a block
    int64_t count;             // of blocks
    int64_t height, width;     // of a copy of what the lines of a block look at in one plane

    PixelBlocks(const Patches<T>& m, int64_t images, int64_t wanted, bool asks_for_edges = false,
                bool always_copies = false)
        : m(m),
          images(images),
          wanted(wanted),
          flat(m.taps() == 1 && m.stride_z == 1 && m.stride_y == 1 && m.stride_x == 1 && m.first_z == 0 &&
               m.first_y == 0 && m.first_x == 0 && m.rows_z == m.depth && m.rows_y == m.height && m.rows_x == m.width),
          inside(m.holds({m.first_z, m.first_y, m.first_x}) &&
                 m.holds({m.first_z + (m.rows_z - 1) * m.stride_z, m.first_y + (m.rows_y - 1) * m.stride_y,
                          m.first_x + (m.rows_x - 1) * m.stride_x})),
          in_place(!always_copies && (inside || asks_for_edges)) {
        lines = smaller(m.rows_y, 1 + (wanted - 1) / m.rows_x);
        per_image = (m.rows_y + lines - 1) / lines;
        lines = (m.rows_y + per_image - 1) / per_image;  // of about the same size
        together = per_image > 1 ? 1 : smaller(images, 1 + wanted / (2 * m.rows_y * m.rows_x));
        count = flat ? (images * m.rows_y * m.rows_x + wanted - 1) / wanted
                     : (images + together - 1) / together * per_image;
        height = (lines - 1) * m.stride_y + (m.taps_y - 1) * m.step_y + 1;
        width = (m.rows_x - 1) * m.stride_x + (m.taps_x - 1) * m.step_x + 1;
    }

    // Of the copy of one image.
    int64_t image_size() const { return m.taps_z * height * width * m.channels; }

    int64_t copy_size() const { return in_place ? 0 : together * image_size(); }
    int64_t most_segments() const { return flat ? 1 : together * lines; }
    int64_t most_pixels() const { return flat ? wanted : together * lines * m.rows_x; }
    int64_t first_pixel(int64_t i) const {
        return flat ? i * wanted : (i / per_image * together * m.rows_y + i % per_image * lines) * m.rows_x;
    }
    // From a pixel's patch to the next one's, and from the beginning of a patch to its tap t.
    int64_t x_step() const { return m.stride_x * (in_place ? m.pixel : m.channels); }
    int64_t tap(int64_t t) const {
        const Place at = m.tap(t);
        if (in_place) return m.distance(at);
        return ((t / m.taps_x / m.taps_y * height + at.y) * width + at.x) * m.channels;
    }
    // Whether a whole row of a patch lies in one piece.
    bool merged() const { return m.step_x == 1 && (!in_place || m.pixel == m.channels); }

    // Copies what block i looks at, where it must be copied.
    void copy(T* to, int64_t i) const {
        if (in_place) return;
        const int64_t n0 = i / per_image * together, row = i % per_image * lines;
        for (int64_t n = n0; n < smaller(n0 + together, images); ++n)
            for (int64_t o = 0; o < m.taps_z; ++o, to += height * width * m.channels) {
                const int64_t z = m.z(n) + o * m.step_z;
                const T* plane = m.has_plane(z) ? m.plane(n, z) : nullptr;
                copy_lines(to, m, plane, row * m.stride_y + m.first_y, height, width);
            }
    }
    // What block i looks at; of a volume in its last plane, as the blocks before have seen the others.
    Ahead<T> ahead(int64_t i) const {
        if (i >= count) return {};
        if (flat) {
            const T* from = m.images + i * wanted * m.pixel;
            return {from, from + smaller(wanted, images * m.rows_y * m.rows_x - i * wanted) * m.pixel};
        }
        const int64_t n0 = i / per_image * together, first = i % per_image * lines * m.stride_y + m.first_y;
        const int64_t begin = first > 0 ? first : 0, end = smaller(first + height, m.height), row = m.width * m.pixel;
        const int64_t z = smaller(m.z(n0) + (m.taps_z - 1) * m.step_z, m.depth - 1);
        // Whole images are side by side, planes where stride_z is 1.
        const int64_t n = per_image > 1 ? 1 : smaller(together, images - n0);
        if (end <= begin || z < 0) return {};
        const T* from = m.plane(n0, z) + begin * row;
        return {from, from + ((n - 1) * m.height + end - begin) * row};
    }
    // The pixels of block i; returns how many segments they are.
    int64_t segments(Segment<T>* to, const T* copied, int64_t i) const {
        if (flat) {
            const int64_t begin = i * wanted;
            to[0] = {m.images + begin * m.pixel, smaller(wanted, images * m.rows_y * m.rows_x - begin), 0, 0, 0};
            return 1;
        }
        int64_t used = 0;
        const int64_t n0 = i / per_image * together, row0 = i % per_image * lines;
        for (int64_t n = n0; n < smaller(n0 + together, images); ++n)
            for (int64_t row = row0; row < smaller(row0 + lines, m.rows_y); ++row) {
                const Place at{m.z(n), m.first_y + row * m.stride_y, m.first_x};
                const T* there = m.plane(n, 0) + m.distance(at);
                const T* in_copy = copied + (n - n0) * image_size() + (row - row0) * m.stride_y * width * m.channels;
                to[used] = {in_place ? there : in_copy, m.rows_x, used * m.rows_x, at.z, at.y};
                used += 1;
            }
        return used;
    }
};

}  // namespace nerve::NERVE_ISA
