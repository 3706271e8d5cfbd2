// Layer and root mean square normalization: a row for each warp, or for each block where rows are long.
#pragma once
#include "cuda/norm_columns.cuh"

namespace nerve::cuda {
namespace {

// The sum of value(i) over the columns, in double.
template <int width, class Value>
__device__ double row_sum(int64_t columns, const Value& value) {
    double sum = 0;
    for (int64_t i = row_lane<width>(); i < columns; i += width) sum += value(i);
    return row_reduce<width>(sum, Add{});
}

template <int width, class T>
__global__ void layer_kernel(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows,
                             int64_t columns, double epsilon, bool centered) {
    const int64_t row = row_index<width>();
    if (row >= rows) return;
    out += row * columns, x += row * columns;
    double center = 0;
    if (centered) center = row_sum<width>(columns, [=](int64_t i) { return double(x[i]); }) / double(columns);
    const double squares =
        row_sum<width>(columns, [=](int64_t i) { return (double(x[i]) - center) * (double(x[i]) - center); });
    const double inverse = 1 / math::sqrt(squares / double(columns) + epsilon);
    if (row_lane<width>() == 0) {
        if (mean) mean[row] = T(center);
        if (rstd) rstd[row] = T(inverse);
    }
    for (int64_t i = row_lane<width>(); i < columns; i += width) {
        const T normal = T((double(x[i]) - center) * inverse);
        out[i] = math::fma(normal, gamma ? gamma[i] : T(1), beta ? beta[i] : T(0));
    }
}

template <int width, class T>
__global__ void layer_backward_kernel(T* grad_x, const T* grad, const T* x, const T* mean, const T* rstd,
                                      const T* gamma, int64_t rows, int64_t columns) {
    const int64_t row = row_index<width>();
    if (row >= rows) return;
    grad_x += row * columns, grad += row * columns, x += row * columns;
    const bool centered = mean != nullptr;
    const double center = centered ? double(mean[row]) : 0, inverse = rstd[row];
    const auto scaled = [=](int64_t i) { return double(grad[i]) * (gamma ? double(gamma[i]) : 1); };
    const auto normal = [=](int64_t i) { return (double(x[i]) - center) * inverse; };
    double average = 0;
    if (centered) average = row_sum<width>(columns, scaled) / double(columns);
    const double slope = row_sum<width>(columns, [=](int64_t i) { return scaled(i) * normal(i); }) / double(columns);
    for (int64_t i = row_lane<width>(); i < columns; i += width)
        grad_x[i] = T(inverse * (scaled(i) - average - normal(i) * slope));
}

template <class T>
void normalize_rows(Stream stream, T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows,
                    int64_t columns, double epsilon, bool centered) {
    if (columns == 0) return;
    if (is_long(columns))
        launch(stream, layer_kernel<threads, T>, row_blocks<threads>(rows), out, mean, rstd, x, gamma, beta, rows,
               columns, epsilon, centered);
    else
        launch(stream, layer_kernel<warp, T>, row_blocks<warp>(rows), out, mean, rstd, x, gamma, beta, rows, columns,
               epsilon, centered);
}

// Without a mean rows are not centered.
template <class T>
void rows_backward(Stream stream, T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean,
                   const T* rstd, const T* gamma, int64_t rows, int64_t columns) {
    if (is_long(columns))
        launch(stream, layer_backward_kernel<threads, T>, row_blocks<threads>(rows), grad_x, grad, x, mean, rstd, gamma,
               rows, columns);
    else
        launch(stream, layer_backward_kernel<warp, T>, row_blocks<warp>(rows), grad_x, grad, x, mean, rstd, gamma, rows,
               columns);
    gamma_and_beta(stream, GradientTerms<T>{grad, x, mean, rstd, of_rows(columns)}, rows, columns,
                   GammaAndBeta<T>{grad_gamma, grad_beta});
}

}  // namespace
}  // namespace nerve::cuda
