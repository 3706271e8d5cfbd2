// Batch normalization of (rows, channels), and layer and root mean square normalization of rows. A batch's statistics
// are taken over tiles of fixed size, by a mean and then the deviations from it while the tile is in cache, and tiles
// are combined in double: exact enough where the mean is much larger than the deviation, and the same bits for any
// number of threads.
#include "cpu/norm_lines.h"
#include "cpu/norm_rows_backward.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// Of each column of a tile: its mean, and the sums of the deviations from that and of their squares. The first of
// these sums would be zero without rounding, and corrects the other two numbers.
template <class T>
struct Moments {
    T *center, *offset, *squares;
};
template <class T>
void tile_moments(const Moments<T>& to, const T* x, const Lines& m) {
    each_tile(m, [&](int64_t first, int64_t lines, int64_t distance, int64_t columns, int64_t place) {
        each_strip<T>(columns, [&](int64_t i, auto at, auto count) {
            constexpr int n = decltype(count)::value, step = vec<T>::size;
            const T* from = x + first + i;
            vec<T> center[n], offset[n], squares[n];
            for (int k = 0; k < n; ++k) center[k] = offset[k] = squares[k] = vec<T>(T(0));
            for (int64_t line = 0; line < lines; ++line)
                for (int k = 0; k < n; ++k) center[k] += at.read(from + line * distance + k * step);
            for (int k = 0; k < n; ++k) center[k] = center[k] / vec<T>(T(lines));
            for (int64_t line = 0; line < lines; ++line)
                for (int k = 0; k < n; ++k) {
                    const vec<T> d = at.read(from + line * distance + k * step) - center[k];
                    offset[k] += d;
                    squares[k] += d * d;
                }
            for (int k = 0; k < n; ++k) {
                at.write(to.center + place + i + k * step, center[k]);
                at.write(to.offset + place + i + k * step, offset[k]);
                at.write(to.squares + place + i + k * step, squares[k]);
            }
        });
    });
}

// The mean and variance of each channel: the mean of the tiles' means, then their squares about that
// (Chan, Golub & LeVeque, "Algorithms for computing the sample variance", 1983, for all tiles at once).
template <class T>
void join_moments(double* mean, double* variance, const Moments<T>& tiles, const Lines& m) {
    combine(
        m,
        [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) mean[c] = variance[c] = 0;
        },
        [&](int64_t place, int64_t begin, int64_t end, double lines) {
            for (int64_t c = begin; c < end; ++c) {  // counted from the first tile's mean, for double's sake
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
                    const vec<T> g = at.read(grad + from);
                    sum[k] += g;
                    product[k] += g * (at.read(x + from) - mean[k]);
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

template <class T>
void batch_norm_training(T* out, T* mean, T* variance, const T* x, const T* gamma, const T* beta, int64_t rows,
                         int64_t channels, double epsilon) {
    if (rows == 0 || channels == 0) return;
    const Lines m(rows, channels);
    Scratch scratch(2 * channels * sizeof(double) + 3 * (m.partials() + m.width) * sizeof(T));
    double *exact_mean = scratch.take<double>(channels), *exact_variance = scratch.take<double>(channels);
    const Moments<T> tiles{scratch.take<T>(m.partials()), scratch.take<T>(m.partials()), scratch.take<T>(m.partials())};
    T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *shift = scratch.take<T>(m.width);
    tile_moments(tiles, x, m);
    join_moments(exact_mean, exact_variance, tiles, m);
    for (int64_t c = 0; c < channels; ++c) {
        // The part of the mean that T cannot hold goes into the shift, so that it does not bias the output.
        const double factor = (gamma ? double(gamma[c]) : 1) / __builtin_sqrt(exact_variance[c] + epsilon);
        mean[c] = center[c] = T(exact_mean[c]);
        variance[c] = T(exact_variance[c]);
        scale[c] = T(factor);
        shift[c] = T((beta ? double(beta[c]) : 0) - (exact_mean[c] - double(center[c])) * factor);
    }
    repeat(m, center, scale, shift);
    normalize(out, x, center, scale, shift, m);
}

template <class T>
void batch_norm_inference(T* out, const T* x, const T* mean, const T* variance, const T* gamma, const T* beta,
                          int64_t rows, int64_t channels, double epsilon) {
    if (rows == 0 || channels == 0) return;
    const Lines m(rows, channels);
    Scratch scratch(3 * m.width * sizeof(T));
    T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *shift = scratch.take<T>(m.width);
    for (int64_t c = 0; c < channels; ++c) {
        center[c] = mean[c];
        scale[c] = T((gamma ? double(gamma[c]) : 1) / __builtin_sqrt(double(variance[c]) + epsilon));
        shift[c] = beta ? beta[c] : T(0);
    }
    repeat(m, center, scale, shift);
    normalize(out, x, center, scale, shift, m);
}

template <class T>
void fold_batch_norm(T* folded_kernel, T* folded_bias, const T* kernel, const T* bias, const T* mean, const T* variance,
                     const T* gamma, const T* beta, int64_t rows, int64_t channels, double epsilon) {
    if (channels == 0) return;
    const Lines m(rows, channels);
    Scratch scratch(m.width * sizeof(T));
    T* scale = scratch.take<T>(m.width);
    for (int64_t c = 0; c < channels; ++c) {
        const double factor = (gamma ? double(gamma[c]) : 1) / __builtin_sqrt(double(variance[c]) + epsilon);
        scale[c] = T(factor);
        folded_bias[c] = T((beta ? double(beta[c]) : 0) + ((bias ? double(bias[c]) : 0) - double(mean[c])) * factor);
    }
    if (rows == 0) return;
    repeat(m, scale);
    each_element<T>(m, [=, width = m.width](int64_t i, int64_t column, auto at, auto lines) NERVE_LAMBDA_INLINE {
        const vec<T> factor = at.read(scale + column);
        for (int k = 0; k < lines.value; ++k, i += width) at.write(folded_kernel + i, at.read(kernel + i) * factor);
    });
}

template <class T>
void batch_norm_backward(T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean,
                         const T* variance, const T* gamma, int64_t rows, int64_t channels, double epsilon) {
    if (channels == 0) return;
    const Lines m(rows, channels);
    Scratch scratch(2 * channels * sizeof(double) + (2 * m.partials() + 4 * m.width) * sizeof(T));
    double *sum = scratch.take<double>(channels), *product = scratch.take<double>(channels);
    T *sums = scratch.take<T>(m.partials()), *products = scratch.take<T>(m.partials());
    T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *slope = scratch.take<T>(m.width),
      *average = scratch.take<T>(m.width);
    for (int64_t c = 0; c < channels; ++c) center[c] = mean[c];
    repeat(m, center);
    tile_products(sums, products, grad, x, center, m);
    join_products(sum, product, sums, products, m);
    for (int64_t c = 0; c < channels; ++c) {
        const double inverse = 1 / __builtin_sqrt(double(variance[c]) + epsilon);
        grad_beta[c] = T(sum[c]);
        grad_gamma[c] = T(product[c] * inverse);
        scale[c] = T((gamma ? double(gamma[c]) : 1) * inverse);
        slope[c] = T(-product[c] * inverse * inverse / double(rows));
        average[c] = T(sum[c] / double(rows));
    }
    repeat(m, scale, slope, average);
    // gamma / deviation * (grad - average(grad) - normalized * average(grad * normalized))
    each_element<T>(m, [=, width = m.width](int64_t i, int64_t column, auto at, auto lines) NERVE_LAMBDA_INLINE {
        const vec<T> lower = at.read(average + column), middle = at.read(center + column);
        const vec<T> factor = at.read(scale + column), inner = at.read(slope + column);
        for (int k = 0; k < lines.value; ++k, i += width) {
            const vec<T> centered = at.read(x + i) - middle;
            at.write(grad_x + i, factor * fma(inner, centered, at.read(grad + i) - lower));
        }
    });
}

template <class T>
void layer_norm(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows, int64_t columns,
                double epsilon) {
    if (rows == 0 || columns == 0) return;
    Scratch scratch(2 * columns * sizeof(T));
    gamma = given_or(gamma, scratch.take<T>(columns), T(1), columns);
    beta = given_or(beta, scratch.take<T>(columns), T(0), columns);
    normalize_rows<true>(out, mean, rstd, x, gamma, beta, rows, columns, T(epsilon));
}

template <class T>
void layer_norm_backward(T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean,
                         const T* rstd, const T* gamma, int64_t rows, int64_t columns) {
    rows_backward<true>(grad_x, grad_gamma, grad_beta, grad, x, mean, rstd, gamma, rows, columns);
}

template <class T>
void rms_norm(T* out, T* rstd, const T* x, const T* gamma, int64_t rows, int64_t columns, double epsilon) {
    if (rows == 0 || columns == 0) return;
    Scratch scratch(columns * sizeof(T));
    gamma = given_or(gamma, scratch.take<T>(columns), T(1), columns);
    normalize_rows<false, T>(out, nullptr, rstd, x, gamma, nullptr, rows, columns, T(epsilon));
}

template <class T>
void rms_norm_backward(T* grad_x, T* grad_gamma, const T* grad, const T* x, const T* rstd, const T* gamma, int64_t rows,
                       int64_t columns) {
    rows_backward<false, T>(grad_x, grad_gamma, nullptr, grad, x, nullptr, rstd, gamma, rows, columns);
}

// A sample after the other, while it is in cache: the moments of its channels, joined to those of groups.
template <class T>
void group_norm(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t batch, int64_t positions,
                int64_t groups, int64_t channels, double epsilon) {
    const int64_t all = groups * channels, size = positions * all;
    if (size == 0) {
        for (int64_t i = 0; i < batch * groups; ++i) mean[i] = rstd[i] = T(__builtin_nan(""));
        return;
    }
    const Lines m(positions, all);
    Scratch scratch(2 * all * sizeof(double) + 3 * (m.partials() + m.width) * sizeof(T));
    double *exact_mean = scratch.take<double>(all), *exact_variance = scratch.take<double>(all);
    const Moments<T> tiles{scratch.take<T>(m.partials()), scratch.take<T>(m.partials()), scratch.take<T>(m.partials())};
    T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *shift = scratch.take<T>(m.width);
    for (int64_t n = 0; n < batch; ++n) {
        tile_moments(tiles, x + n * size, m);
        join_moments(exact_mean, exact_variance, tiles, m);
        for (int64_t g = 0; g < groups; ++g) {
            double average = 0, variance = 0;
            for (int64_t c = g * channels; c < (g + 1) * channels; ++c) average += exact_mean[c] / double(channels);
            for (int64_t c = g * channels; c < (g + 1) * channels; ++c) {
                const double d = exact_mean[c] - average;
                variance += (exact_variance[c] + d * d) / double(channels);
            }
            const double inverse = 1 / __builtin_sqrt(variance + epsilon);
            mean[n * groups + g] = T(average);
            rstd[n * groups + g] = T(inverse);
            for (int64_t c = g * channels; c < (g + 1) * channels; ++c) {
                // The part of the mean that T cannot hold goes into the shift.
                const double factor = (gamma ? double(gamma[c]) : 1) * inverse;
                center[c] = T(average);
                scale[c] = T(factor);
                shift[c] = T((beta ? double(beta[c]) : 0) - (average - double(center[c])) * factor);
            }
        }
        repeat(m, center, scale, shift);
        normalize(out + n * size, x + n * size, center, scale, shift, m);
    }
}

template <class T>
void group_norm_backward(T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean,
                         const T* rstd, const T* gamma, int64_t batch, int64_t positions, int64_t groups,
                         int64_t channels) {
    const int64_t all = groups * channels, size = positions * all;
    if (all == 0) return;
    const Lines m(positions, all);
    Scratch scratch(4 * all * sizeof(double) + (2 * m.partials() + 4 * m.width) * sizeof(T));
    double *sum = scratch.take<double>(all), *product = scratch.take<double>(all);
    double *total_sum = scratch.take<double>(all), *total_product = scratch.take<double>(all);
    T *sums = scratch.take<T>(m.partials()), *products = scratch.take<T>(m.partials());
    T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *slope = scratch.take<T>(m.width),
      *shift = scratch.take<T>(m.width);
    for (int64_t c = 0; c < all; ++c) total_sum[c] = total_product[c] = 0;
    for (int64_t n = 0; n < batch && size > 0; ++n) {
        for (int64_t c = 0; c < all; ++c) center[c] = mean[n * groups + c / channels];
        repeat(m, center);
        tile_products(sums, products, grad + n * size, x + n * size, center, m);
        join_products(sum, product, sums, products, m);
        for (int64_t g = 0; g < groups; ++g) {
            const double inverse = double(rstd[n * groups + g]), count = double(positions * channels);
            double average = 0, along = 0;
            for (int64_t c = g * channels; c < (g + 1) * channels; ++c) {
                const double factor = gamma ? double(gamma[c]) : 1;
                average += factor * sum[c] / count;
                along += factor * product[c] / count;
                total_sum[c] += sum[c];
                total_product[c] += product[c] * inverse;
            }
            for (int64_t c = g * channels; c < (g + 1) * channels; ++c) {
                scale[c] = T((gamma ? double(gamma[c]) : 1) * inverse);
                slope[c] = T(-along * inverse * inverse * inverse);
                shift[c] = T(-average * inverse);
            }
        }
        repeat(m, scale, slope, shift);
        // rstd (gamma grad - average(gamma grad) - normalized average(gamma grad normalized))
        const T *grads = grad + n * size, *from = x + n * size;
        T* to = grad_x + n * size;
        each_element<T>(m, [=, width = m.width](int64_t i, int64_t column, auto at, auto lines) NERVE_LAMBDA_INLINE {
            const vec<T> lower = at.read(shift + column), middle = at.read(center + column);
            const vec<T> factor = at.read(scale + column), inner = at.read(slope + column);
            for (int k = 0; k < lines.value; ++k, i += width)
                at.write(to + i, fma(factor, at.read(grads + i), fma(inner, at.read(from + i) - middle, lower)));
        });
    }
    for (int64_t c = 0; c < all; ++c) {
        grad_beta[c] = T(total_sum[c]);
        grad_gamma[c] = T(total_product[c]);
    }
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/norm.inc"
#include "cpu/instantiate.h"
