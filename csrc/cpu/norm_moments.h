// Statistics of the columns of a matrix (norm_lines.h), over tiles of fixed size that are combined in double: exact
// enough where the mean is much larger than the deviation, and the same bits for any number of threads.
#pragma once
#include "cpu/norm_lines.h"
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {
namespace {  // norm.cpp alone includes this

// Of each column of a tile: a number close to its mean, and the sums of the deviations from that and of their squares,
// in one pass. The number is the mean of the tile's first lines: by Jensen's inequality its distance from the mean is
// at most sqrt(tile's lines / first lines) deviations, so that the squares lose no more than a few bits to it, and the
// sum of the deviations corrects both (Chan, Golub & LeVeque, "Algorithms for computing the sample variance", 1983).
constexpr int64_t first_lines = 8;
template <class T>
struct Moments {
    T *center, *offset, *squares;
};
template <class T>
void tile_moments(const Moments<T>& to, const T* x, const Lines& m) {
    each_tile(m, [&](int64_t first, int64_t lines, int64_t distance, int64_t columns, int64_t place) {
        const int64_t some = lines < first_lines ? lines : first_lines;
        each_strip<T>(columns, [&](int64_t i, auto at, auto count) {
            constexpr int n = decltype(count)::value, step = vec<T>::size;
            const T* from = x + first + i;
            vec<T> center[n], offset[n], squares[n];
            for (int k = 0; k < n; ++k) center[k] = offset[k] = squares[k] = vec<T>(T(0));
            for (int64_t line = 0; line < some; ++line)
                for (int k = 0; k < n; ++k) center[k] += at.read(from + line * distance + k * step);
            for (int k = 0; k < n; ++k) center[k] = center[k] / vec<T>(T(some));
            for (int64_t line = 0; line < lines; ++line)
                for (int k = 0; k < n; ++k) {
                    const vec<T> d = at.read(from + line * distance + k * step) - center[k];
                    offset[k] += d;
                    squares[k] = fma(d, d, squares[k]);
                }
            for (int k = 0; k < n; ++k) {
                at.write(to.center + place + i + k * step, center[k]);
                at.write(to.offset + place + i + k * step, offset[k]);
                at.write(to.squares + place + i + k * step, squares[k]);
            }
        });
    });
}

// The mean and variance of each channel: all tiles' deviations from the first one's center, then their squares about
// the mean.
template <class T>
void join_moments(double* mean, double* variance, const Moments<T>& tiles, const Lines& m) {
    combine(
        m,
        [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) mean[c] = variance[c] = 0;
        },
        [&](int64_t place, int64_t begin, int64_t end, double lines) {
            for (int64_t c = begin; c < end; ++c) {  // from the first tile's center, for double's sake
                const double d = double(tiles.center[place + c]) - double(tiles.center[c]);
                mean[c] += d * lines + double(tiles.offset[place + c]);
            }
        },
        [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) mean[c] = double(tiles.center[c]) + mean[c] / double(m.rows);
        });
    combine(
        m, [](int64_t, int64_t) {},
        [&](int64_t place, int64_t begin, int64_t end, double lines) {
            for (int64_t c = begin; c < end; ++c) {
                const double d = double(tiles.center[place + c]) - mean[c];
                variance[c] += double(tiles.squares[place + c]) + d * (d * lines + 2 * double(tiles.offset[place + c]));
            }
        },
        [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) {
                const double value = variance[c] / double(m.rows);
                variance[c] = value < 0 ? 0 : value;  // by rounding, where all values are equal
            }
        });
}

// out = (x - center) * scale + shift, the last three repeated over a line.
template <class T>
void normalize(T* out, const T* x, const T* center, const T* scale, const T* shift, const Lines& m) {
    each_element<T>(m, [=, width = m.width](int64_t i, int64_t column, auto at, auto lines) NERVE_LAMBDA_INLINE {
        const vec<T> mean = at.read(center + column), factor = at.read(scale + column), more = at.read(shift + column);
        for (int k = 0; k < lines.value; ++k, i += width) at.write(out + i, fma(at.read(x + i) - mean, factor, more));
    });
}

// Of each column of a tile: the sums of grad and of grad * (x - center).
template <class T>
void tile_products(T* sums, T* products, const T* grad, const T* x, const T* center, const Lines& m) {
    each_tile(m, [&](int64_t first, int64_t lines, int64_t distance, int64_t columns, int64_t place) {
        const T* here = center + (place < m.tiles * m.width ? place % m.width : 0);
        each_strip<T>(columns, [&](int64_t i, auto at, auto count) {
            constexpr int n = decltype(count)::value, step = vec<T>::size;
            vec<T> sum[n], product[n], mean[n];
            for (int k = 0; k < n; ++k) {
                sum[k] = product[k] = vec<T>(T(0));
                mean[k] = at.read(here + i + k * step);
            }
            for (int64_t line = 0; line < lines; ++line)
                for (int k = 0; k < n; ++k) {
                    const int64_t from = first + i + line * distance + k * step;
                    const vec<T> g = at.stream(grad + from);
                    sum[k] += g;
                    product[k] = fma(g, at.stream(x + from) - mean[k], product[k]);
                }
            for (int k = 0; k < n; ++k) {
                at.write(sums + place + i + k * step, sum[k]);
                at.write(products + place + i + k * step, product[k]);
            }
        });
    });
}

template <class T>
void join_products(double* sum, double* product, const T* sums, const T* products, const Lines& m) {
    combine(
        m,
        [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) sum[c] = product[c] = 0;
        },
        [&](int64_t place, int64_t begin, int64_t end, double) {
            for (int64_t c = begin; c < end; ++c) {
                sum[c] += double(sums[place + c]);
                product[c] += double(products[place + c]);
            }
        },
        [](int64_t, int64_t) {});
}

}  // namespace
}  // namespace nerve::NERVE_ISA
