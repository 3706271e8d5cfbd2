// Batch normalization of (rows, channels), by statistics of tiles (norm_moments.h); layer and root mean square
// normalization of rows (norm_rows.h); group normalization, which norm_groups.h has.
#include "cpu/norm_groups.h"
#include "cpu/norm_moments.h"
#include "cpu/norm_rows_backward.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {

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
            const vec<T> centered = at.stream(x + i) - middle;
            at.write(grad_x + i, factor * fma(inner, centered, at.stream(grad + i) - lower));
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

template <class T>
void group_norm(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t batch, int64_t positions,
                int64_t groups, int64_t channels, double epsilon) {
    normalize_groups(out, mean, rstd, x, gamma, beta, batch, positions, groups, channels, epsilon);
}

template <class T>
void group_norm_backward(T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean,
                         const T* rstd, const T* gamma, int64_t batch, int64_t positions, int64_t groups,
                         int64_t channels) {
    groups_backward(grad_x, grad_gamma, grad_beta, grad, x, mean, rstd, gamma, batch, positions, groups, channels);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/norm.inc"
#include "cpu/instantiate.h"
