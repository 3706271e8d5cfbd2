// Group normalization: the statistics of a sample's channels (norm_moments.h), joined to those of groups, while the
// sample is in cache. Samples are shared among threads, or, where they are few and large, their tiles are.
#pragma once
#include "cpu/norm_moments.h"

namespace nerve::NERVE_ISA {
namespace {  // norm.cpp alone includes this

// body(begin, end) on samples; inside of it parallel() shares a sample only where there is one call for all of them.
template <class Body>
void each_sample(int64_t batch, int64_t size, const Body& body) {
    constexpr int64_t few = 8;
    if (batch < few && size >= 4 * grain) return body(0, batch);
    parallel_blocks(batch, size < grain ? grain / size : 1, body);
}

template <class T>
void normalize_groups(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t batch,
                      int64_t positions, int64_t groups, int64_t channels, double epsilon) {
    const int64_t all = groups * channels, size = positions * all;
    if (size == 0) {
        for (int64_t i = 0; i < batch * groups; ++i) mean[i] = rstd[i] = T(__builtin_nan(""));
        return;
    }
    const Lines m(positions, all);
    each_sample(batch, size, [&](int64_t begin, int64_t end) {
        Scratch scratch(2 * all * sizeof(double) + 3 * (m.partials() + m.width) * sizeof(T));
        double *exact_mean = scratch.take<double>(all), *exact_variance = scratch.take<double>(all);
        const Moments<T> tiles{scratch.take<T>(m.partials()), scratch.take<T>(m.partials()),
                               scratch.take<T>(m.partials())};
        T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *shift = scratch.take<T>(m.width);
        for (int64_t n = begin; n < end; ++n) {
            tile_moments(tiles, x + n * size, m);
            join_moments(exact_mean, exact_variance, tiles, m);
            for (int64_t g = 0; g < groups; ++g) {
                double average = 0, variance = 0;
                for (int64_t c = g * channels; c < (g + 1) * channels; ++c) average += exact_mean[c];
                average /= double(channels);
                for (int64_t c = g * channels; c < (g + 1) * channels; ++c) {
                    const double d = exact_mean[c] - average;
                    variance += exact_variance[c] + d * d;
                }
                const double inverse = 1 / __builtin_sqrt(variance / double(channels) + epsilon);
                mean[n * groups + g] = T(average);
                rstd[n * groups + g] = T(inverse);
                // The part of the mean that T cannot hold goes into the shift.
                const double left = (average - double(T(average))) * inverse;
                for (int64_t c = g * channels; c < (g + 1) * channels; ++c) {
                    const double weight = gamma ? double(gamma[c]) : 1;
                    center[c] = T(average);
                    scale[c] = T(weight * inverse);
                    shift[c] = T((beta ? double(beta[c]) : 0) - left * weight);
                }
            }
            repeat(m, center, scale, shift);
            normalize(out + n * size, x + n * size, center, scale, shift, m);
        }
    });
}

template <class T>
void groups_backward(T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean, const T* rstd,
                     const T* gamma, int64_t batch, int64_t positions, int64_t groups, int64_t channels) {
    const int64_t all = groups * channels, size = positions * all;
    if (size == 0 || batch == 0) {
        for (int64_t c = 0; c < all; ++c) grad_beta[c] = grad_gamma[c] = T(0);
        return;
    }
    const Lines m(positions, all);
    // The sums of every sample's channels, which are added up once all samples are done.
    auto* sums_of = static_cast<double*>(runtime::scratch(runtime::workspace, 2 * batch * all * sizeof(double)));
    each_sample(batch, size, [&](int64_t begin, int64_t end) {
        Scratch scratch((2 * m.partials() + 4 * m.width) * sizeof(T));
        T *sums = scratch.take<T>(m.partials()), *products = scratch.take<T>(m.partials());
        T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *slope = scratch.take<T>(m.width),
          *shift = scratch.take<T>(m.width);
        for (int64_t n = begin; n < end; ++n) {
            double *sum = sums_of + 2 * n * all, *product = sum + all;
            for (int64_t g = 0; g < groups; ++g)
                for (int64_t c = g * channels; c < (g + 1) * channels; ++c) center[c] = mean[n * groups + g];
            repeat(m, center);
            tile_products(sums, products, grad + n * size, x + n * size, center, m);
            join_products(sum, product, sums, products, m);
            for (int64_t g = 0; g < groups; ++g) {
                const double inverse = double(rstd[n * groups + g]), count = double(positions * channels);
                double average = 0, along = 0;
                for (int64_t c = g * channels; c < (g + 1) * channels; ++c) {
                    const double weight = gamma ? double(gamma[c]) : 1;
                    average += weight * sum[c];
                    along += weight * product[c];
                    product[c] *= inverse;
                }
                const T lower = T(-average / count * inverse), inner = T(-along / count * inverse * inverse * inverse);
                for (int64_t c = g * channels; c < (g + 1) * channels; ++c) {
                    scale[c] = T((gamma ? double(gamma[c]) : 1) * inverse);
                    slope[c] = inner;
                    shift[c] = lower;
                }
            }
            repeat(m, scale, slope, shift);
            // rstd (gamma grad - average(gamma grad) - normalized average(gamma grad normalized))
            const T *grads = grad + n * size, *from = x + n * size;
            T* to = grad_x + n * size;
            each_element<T>(m, [=, width = m.width](int64_t i, int64_t column, auto at,
                                                    auto lines) NERVE_LAMBDA_INLINE {
                const vec<T> lower = at.read(shift + column), middle = at.read(center + column);
                const vec<T> factor = at.read(scale + column), inner = at.read(slope + column);
                for (int k = 0; k < lines.value; ++k, i += width)
                    at.write(to + i, fma(factor, at.read(grads + i), fma(inner, at.read(from + i) - middle, lower)));
            });
        }
    });
    parallel_blocks(all, tile_columns, [&](int64_t begin, int64_t end) {
        double sum[tile_columns] = {}, product[tile_columns] = {};
        for (int64_t n = 0; n < batch; ++n) {
            const double *sums = sums_of + 2 * n * all + begin, *products = sums + all;
            for (int64_t c = 0; c < end - begin; ++c) {
                sum[c] += sums[c];
                product[c] += products[c];
            }
        }
        for (int64_t c = 0; c < end - begin; ++c) {
            grad_beta[begin + c] = T(sum[c]);
            grad_gamma[begin + c] = T(product[c]);
        }
    });
}

}  // namespace
}  // namespace nerve::NERVE_ISA
