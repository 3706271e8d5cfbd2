// Images sampled at positions between their pixels. A row of the output is done in pieces: first the positions of a
// piece in vectors, then its pixels one by one, whose four neighbours lie inside the image nearly always. The gradient
// adds to pixels in the order of the output, one image a task.
#include "sampling.h"

#include "cpu/math_round.h"
#include "cpu/parallel.h"
#include "cpu/quad.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t piece = 64;  // pixels, whose positions stay in the first cache
constexpr int64_t task_elements = 16384;

template <class T>
struct Positions {
    alignas(64) T row[piece], column[piece];
};

// columns[j] = row by row from a matrix for each image
template <class T>
struct Affine {
    const T* transforms;

    // Whether an image is only shifted, by whole pixels, and by how many. Positions are exact to 2^22.
    NERVE_INLINE bool shifts(int64_t image, int64_t& rows, int64_t& columns) const {
        const T* t = transforms + image * 8;
        const auto small = [](T x) NERVE_LAMBDA_INLINE { return x > -4194304 && x < 4194304; };
        if (t[0] != 1 || t[1] != 0 || t[3] != 0 || t[4] != 1 || t[6] != 0 || t[7] != 0) return false;
        if (!small(t[2]) || !small(t[5])) return false;
        rows = int64_t(t[5]), columns = int64_t(t[2]);
        return T(rows) == t[5] && T(columns) == t[2];
    }

    NERVE_INLINE void operator()(Positions<T>& to, const SampleShape&, int64_t image, int64_t i, int64_t first) const {
        constexpr int n = vec<T>::size;
        const T* t = transforms + image * 8;
        const auto start = [&](int at) { return vec<T>(T(double(t[at]) * double(i) + double(t[at + 1]))); };
        const vec<T> column = start(1), row = start(4), divisor(T(double(t[7]) * double(i) + 1));
        const bool flat = t[6] == 0 && t[7] == 0;
        vec<T> lane;
        for (int k = 0; k < n; ++k) lane.v[k] = T(k);
        for (int64_t j = 0; j < piece; j += n) {
            const vec<T> at = lane + vec<T>(T(first + j));
            vec<T> c = fma(at, vec<T>(t[0]), column), r = fma(at, vec<T>(t[3]), row);
            if (!flat) {
                const vec<T> k = fma(at, vec<T>(t[6]), divisor);
                c = c / k, r = r / k;
            }
            store(to.column + j, c);
            store(to.row + j, r);
        }
    }
};

template <class T>
struct Given {
    const T* positions;

    NERVE_INLINE bool shifts(int64_t, int64_t&, int64_t&) const { return false; }

    NERVE_INLINE void operator()(Positions<T>& to, const SampleShape& s, int64_t image, int64_t i,
                                 int64_t first) const {
        const T* from = positions + ((image * s.out_height + i) * s.out_width + first) * 2;
        const int64_t count = s.out_width - first < piece ? s.out_width - first : piece;
        for (int64_t j = 0; j < piece; ++j) {
            to.row[j] = j < count ? from[2 * j] : T(0);
            to.column[j] = j < count ? from[2 * j + 1] : T(0);
        }
    }
};

// Where a pixel comes from: the upper left one of its neighbours, and how far it is from there.
template <class T>
struct Places {
    using integer = typename vec<T>::integer;
    alignas(64) integer row[piece], column[piece];
    alignas(64) T below[piece], right[piece];
};

template <class T>
NERVE_INLINE vec<T> within_reach(vec<T> x) {
    const vec<T> most{T(furthest)}, least{T(-furthest)};
    x = select(x >= least, x, least);
    return select(x <= most, x, most);
}

template <bool bilinear, class T>
NERVE_INLINE void find(Places<T>& to, const Positions<T>& from) {
    const auto one = [](const T* position, auto* index, T* rest) NERVE_LAMBDA_INLINE {
        const vec<T> x = within_reach(load(position));
        const vec<T> whole = bilinear ? math::floor(x) : math::round(x);
        const bits<T> found = to_int(whole);
        std::memcpy(index, &found, sizeof found);
        store(rest, x - whole);
    };
    for (int64_t j = 0; j < piece; j += vec<T>::size) {
        one(from.row + j, to.row + j, to.below + j);
        one(from.column + j, to.column + j, to.right + j);
    }
}

// pixel(j, row, column, below, right) for every pixel of row i of an image's output
template <bool bilinear, class T, class Source, class Pixel>
NERVE_INLINE void each_pixel(const SampleShape& s, const Source& source, int64_t image, int64_t i, const Pixel& pixel) {
    Positions<T> positions;
    Places<T> places;
    for (int64_t first = 0; first < s.out_width; first += piece) {
        source(positions, s, image, i, first);
        find<bilinear>(places, positions);
        const int64_t count = s.out_width - first < piece ? s.out_width - first : piece;
        for (int64_t j = 0; j < count; ++j)
            pixel(first + j, int64_t(places.row[j]), int64_t(places.column[j]), places.below[j], places.right[j]);
    }
}

// The four neighbours with their weights: corner(row, column, weight), where a row or column of -1 is not in the image.
template <class T, class Corner>
NERVE_INLINE void each_corner(const SampleShape& s, int64_t row, int64_t column, T below, T right,
                              const Corner& corner) {
    const T down[2] = {1 - below, below}, across[2] = {1 - right, right};
    const int64_t rows[2] = {pixel_for(row, s.height, s.fill), pixel_for(row + 1, s.height, s.fill)};
    const int64_t columns[2] = {pixel_for(column, s.width, s.fill), pixel_for(column + 1, s.width, s.fill)};
    for (int a = 0; a < 2; ++a)
        for (int b = 0; b < 2; ++b) corner(rows[a], columns[b], down[a] * across[b]);
}

template <class T>
NERVE_NOINLINE void between_at_edge(T* out, const T* x, const SampleShape& s, int64_t row, int64_t column, T below,
                                    T right, T fill_value) {
    for (int64_t c = 0; c < s.channels; ++c) out[c] = 0;
    each_corner(s, row, column, below, right, [&](int64_t r, int64_t k, T weight) {
        const T* from = x + (r * s.width + k) * s.channels;
        if (r < 0 || k < 0)
            for (int64_t c = 0; c < s.channels; ++c) out[c] += weight * fill_value;
        else
            for (int64_t c = 0; c < s.channels; ++c) out[c] += weight * from[c];
    });
}

// Of three channels the fourth value read is the next pixel's, and the one written is overwritten by it.
template <class T>
NERVE_INLINE void between(T* out, const T* x, const SampleShape& s, int64_t row, int64_t column, T below, T right,
                          bool last) {
    const int64_t channels = s.channels;
    const T *top = x + (row * s.width + column) * channels, *bottom = top + s.width * channels;
    const T w11 = below * right, w10 = below - w11, w01 = right - w11, w00 = 1 - below - w01;
    if (channels == 1) {
        out[0] = (top[0] * w00 + top[1] * w01) + (bottom[0] * w10 + bottom[1] * w11);
        return;
    }
    if (channels == 3 || channels == 4) {
        typename quad<T>::type a, b, c, d;
        std::memcpy(&a, top, sizeof a);
        std::memcpy(&b, top + channels, sizeof b);
        std::memcpy(&c, bottom, sizeof c);
        std::memcpy(&d, bottom + channels, sizeof d);
        a = (a * w00 + b * w01) + (c * w10 + d * w11);
        if (channels == 4 || !last)
            std::memcpy(out, &a, sizeof a);
        else
            std::memcpy(out, &a, 3 * sizeof(T));
        return;
    }
    constexpr int n = vec<T>::size;
    const auto some = [&](const T* p, int64_t c) NERVE_LAMBDA_INLINE {
        return channels - c < n ? load_partial(p + c, channels - c) : load(p + c);
    };
    for (int64_t c = 0; c < channels; c += n) {
        vec<T> value = some(top, c) * vec<T>(w00);
        value = fma(some(top + channels, c), vec<T>(w01), value);
        value = fma(some(bottom, c), vec<T>(w10), value);
        value = fma(some(bottom + channels, c), vec<T>(w11), value);
        channels - c < n ? store_partial(out + c, value, channels - c) : store(out + c, value);
    }
}

// A row of an image that is shifted by whole pixels, which lie in memory as they are to be.
template <class T>
NERVE_NOINLINE void shifted_row(T* out, const T* x, const SampleShape& s, int64_t row, int64_t column, T fill_value) {
    const int64_t channels = s.channels, found = pixel_for(row, s.height, s.fill);
    const T* from = x + found * s.width * channels;
    const auto some = [&](int64_t begin, int64_t end) NERVE_LAMBDA_INLINE {
        for (int64_t j = begin; j < end; ++j) {
            const int64_t k = pixel_for(column + j, s.width, s.fill);
            for (int64_t c = 0; c < channels; ++c)
                out[j * channels + c] = found < 0 || k < 0 ? fill_value : from[k * channels + c];
        }
    };
    int64_t begin = column < 0 ? -column : 0, end = s.width - column;
    end = end < s.out_width ? end : s.out_width;
    if (found < 0 || begin >= end) return some(0, s.out_width);
    some(0, begin);
    std::memcpy(out + begin * channels, from + (column + begin) * channels,
                size_t((end - begin) * channels) * sizeof(T));
    some(end, s.out_width);
}

template <class T, class Source>
void sample(T* out, const T* x, const Source& source, const SampleShape& s, T fill_value) {
    const int64_t image = s.height * s.width * s.channels, out_row = s.out_width * s.channels;
    if (out_row == 0) return;
    parallel_blocks(s.batch * s.out_height, task_elements / out_row + 1, [&](int64_t begin, int64_t end) {
        for (int64_t line = begin; line < end; ++line) {
            const int64_t b = line / s.out_height, i = line % s.out_height;
            const T* from = x + b * image;
            T* to = out + line * out_row;
            int64_t down = 0, right = 0;
            if (!s.bilinear && source.shifts(b, down, right))
                shifted_row(to, from, s, i + down, right, fill_value);
            else if (s.bilinear)
                each_pixel<true, T>(
                    s, source, b, i, [&](int64_t j, int64_t row, int64_t column, T below, T right) NERVE_LAMBDA_INLINE {
                        // One column less than could be: see between().
                        if (row >= 0 && row + 1 < s.height && column >= 0 && column + 2 < s.width)
                            between(to + j * s.channels, from, s, row, column, below, right, j + 1 == s.out_width);
                        else
                            between_at_edge(to + j * s.channels, from, s, row, column, below, right, fill_value);
                    });
            else
                each_pixel<false, T>(
                    s, source, b, i, [&](int64_t j, int64_t row, int64_t column, T, T) NERVE_LAMBDA_INLINE {
                        row = pixel_for(row, s.height, s.fill), column = pixel_for(column, s.width, s.fill);
                        T* pixel = to + j * s.channels;
                        const bool outside = row < 0 || column < 0;
                        const T* found = from + (row * s.width + column) * s.channels;
                        for (int64_t c = 0; c < s.channels; ++c) pixel[c] = outside ? fill_value : found[c];
                    });
        }
    });
}

template <class T, class Source>
void sample_backward(T* grad_x, const T* grad, const Source& source, const SampleShape& s) {
    const int64_t image = s.height * s.width * s.channels, out_image = s.out_height * s.out_width * s.channels;
    parallel(s.batch, [&](int64_t b) {
        T* to = grad_x + b * image;
        const auto add = [&](const T* from, int64_t row, int64_t column, T weight) NERVE_LAMBDA_INLINE {
            if (row < 0 || column < 0) return;
            T* pixel = to + (row * s.width + column) * s.channels;
            for (int64_t c = 0; c < s.channels; ++c) pixel[c] += weight * from[c];
        };
        for (int64_t e = 0; e < image; ++e) to[e] = 0;
        for (int64_t i = 0; i < s.out_height; ++i) {
            const T* from = grad + b * out_image + i * s.out_width * s.channels;
            if (s.bilinear)
                each_pixel<true, T>(s, source, b, i, [&](int64_t j, int64_t row, int64_t column, T below, T right) {
                    each_corner(s, row, column, below, right, [&](int64_t r, int64_t k, T weight) NERVE_LAMBDA_INLINE {
                        add(from + j * s.channels, r, k, weight);
                    });
                });
            else
                each_pixel<false, T>(s, source, b, i, [&](int64_t j, int64_t row, int64_t column, T, T) {
                    add(from + j * s.channels, pixel_for(row, s.height, s.fill), pixel_for(column, s.width, s.fill),
                        T(1));
                });
        }
    });
}

}  // namespace

template <class T>
void affine_sample(T* out, const T* x, const T* transforms, const SampleShape& shape, double fill_value) {
    sample(out, x, Affine<T>{transforms}, shape, T(fill_value));
}
template <class T>
void affine_sample_backward(T* grad_x, const T* grad, const T* transforms, const SampleShape& shape) {
    sample_backward(grad_x, grad, Affine<T>{transforms}, shape);
}
template <class T>
void grid_sample(T* out, const T* x, const T* positions, const SampleShape& shape, double fill_value) {
    sample(out, x, Given<T>{positions}, shape, T(fill_value));
}
template <class T>
void grid_sample_backward(T* grad_x, const T* grad, const T* positions, const SampleShape& shape) {
    sample_backward(grad_x, grad, Given<T>{positions}, shape);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/sampling.inc"
#include "cpu/instantiate.h"
