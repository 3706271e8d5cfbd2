// Softmax and its relatives over the rows of a matrix: a row for each warp, or for each block when rows are long. Rows
// are shifted by their maximum, so nothing overflows.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

template <int width, class T>
__device__ T row_max(const T* x, int64_t columns) {
    T highest = -T(HUGE_VAL);
    for (int64_t i = row_lane<width>(); i < columns; i += width) highest = math::max(highest, x[i]);
    return row_reduce<width>(highest, Max{});
}

// The sum of value(i) over the columns.
template <int width, class T, class Value>
__device__ T row_sum(int64_t columns, const Value& value) {
    T sum = 0;
    for (int64_t i = row_lane<width>(); i < columns; i += width) sum += value(i);
    return row_reduce<width>(sum, Add{});
}

// --- kernels

template <int width, class T, bool logarithm>
__global__ void softmax_kernel(T* out, const T* x, int64_t rows, int64_t columns) {
    const int64_t row = row_index<width>();
    if (row >= rows) return;
    out += row * columns, x += row * columns;
    const T highest = row_max<width>(x, columns);
    const T sum = row_sum<width, T>(columns, [=](int64_t i) { return math::exp(x[i] - highest); });
    if constexpr (logarithm) {
        const T log_sum = math::log(sum);
        for (int64_t i = row_lane<width>(); i < columns; i += width) out[i] = x[i] - highest - log_sum;
    } else {
        for (int64_t i = row_lane<width>(); i < columns; i += width) out[i] = math::exp(x[i] - highest) / sum;
    }
}

template <int width, class T, bool logarithm>
__global__ void softmax_backward_kernel(T* grad_x, const T* grad, const T* y, int64_t rows, int64_t columns) {
    const int64_t row = row_index<width>();
    if (row >= rows) return;
    grad_x += row * columns, grad += row * columns, y += row * columns;
    if constexpr (logarithm) {
        const T sum = row_sum<width, T>(columns, [=](int64_t i) { return grad[i]; });
        for (int64_t i = row_lane<width>(); i < columns; i += width) grad_x[i] = grad[i] - math::exp(y[i]) * sum;
    } else {
        const T sum = row_sum<width, T>(columns, [=](int64_t i) { return grad[i] * y[i]; });
        for (int64_t i = row_lane<width>(); i < columns; i += width) grad_x[i] = (grad[i] - sum) * y[i];
    }
}

// Targets of a row, as probabilities or as the one label.
template <class T>
struct Probabilities {
    const T* targets;
    int64_t columns;
    __device__ T operator()(int64_t row, int64_t column) const { return targets[row * columns + column]; }
};
template <class T>
struct Labels {
    const int64_t* labels;
    __device__ T operator()(int64_t row, int64_t column) const { return T(labels[row] == column); }
};

// loss = sum_i t_i (log sum_j exp(x_j) - x_i), where terms of no target do not count, be x_i infinite or not.
template <int width, class T, class Targets>
__global__ void cross_entropy_kernel(T* loss, T* grad, const T* logits, Targets targets, int64_t rows,
                                     int64_t columns) {
    const int64_t row = row_index<width>();
    if (row >= rows) return;
    const T* x = logits + row * columns;
    const T highest = row_max<width>(x, columns);
    const T sum = row_sum<width, T>(columns, [=](int64_t i) { return math::exp(x[i] - highest); });
    const T log_sum = math::log(sum);
    const T total = row_sum<width, T>(columns, [=](int64_t i) {
        const T target = targets(row, i);
        return target == T(0) ? T(0) : target * (log_sum - (x[i] - highest));
    });
    if (row_lane<width>() == 0) loss[row] = total;
    if (grad == nullptr) return;
    const T weight = row_sum<width, T>(columns, [=](int64_t i) { return targets(row, i); });
    for (int64_t i = row_lane<width>(); i < columns; i += width)
        grad[row * columns + i] = math::exp(x[i] - highest) / sum * weight - targets(row, i);
}

// --- launchers

template <class T, bool logarithm>
void forward(Stream stream, T* out, const T* x, int64_t rows, int64_t columns) {
    if (is_long(columns))
        launch(stream, softmax_kernel<threads, T, logarithm>, row_blocks<threads>(rows), out, x, rows, columns);
    else
        launch(stream, softmax_kernel<warp, T, logarithm>, row_blocks<warp>(rows), out, x, rows, columns);
}

template <class T, bool logarithm>
void backward(Stream stream, T* grad_x, const T* grad, const T* y, int64_t rows, int64_t columns) {
    if (is_long(columns))
        launch(stream, softmax_backward_kernel<threads, T, logarithm>, row_blocks<threads>(rows), grad_x, grad, y, rows,
               columns);
    else
        launch(stream, softmax_backward_kernel<warp, T, logarithm>, row_blocks<warp>(rows), grad_x, grad, y, rows,
               columns);
}

template <class T, class Targets>
void cross_entropy(Stream stream, T* loss, T* grad, const T* logits, Targets targets, int64_t rows, int64_t columns) {
    if (is_long(columns))
        launch(stream, cross_entropy_kernel<threads, T, Targets>, row_blocks<threads>(rows), loss, grad, logits,
               targets, rows, columns);
    else
        launch(stream, cross_entropy_kernel<warp, T, Targets>, row_blocks<warp>(rows), loss, grad, logits, targets,
               rows, columns);
}

}  // namespace

template <class T>
void softmax(Stream stream, T* out, const T* x, int64_t rows, int64_t columns) {
    forward<T, false>(stream, out, x, rows, columns);
}
template <class T>
void softmax_backward(Stream stream, T* grad_x, const T* grad, const T* y, int64_t rows, int64_t columns) {
    backward<T, false>(stream, grad_x, grad, y, rows, columns);
}
template <class T>
void log_softmax(Stream stream, T* out, const T* x, int64_t rows, int64_t columns) {
    forward<T, true>(stream, out, x, rows, columns);
}
template <class T>
void log_softmax_backward(Stream stream, T* grad_x, const T* grad, const T* y, int64_t rows, int64_t columns) {
    backward<T, true>(stream, grad_x, grad, y, rows, columns);
}
template <class T>
void softmax_cross_entropy(Stream stream, T* loss, T* grad, const T* logits, const T* targets, int64_t rows,
                           int64_t columns) {
    cross_entropy(stream, loss, grad, logits, Probabilities<T>{targets, columns}, rows, columns);
}
template <class T>
void sparse_softmax_cross_entropy(Stream stream, T* loss, T* grad, const T* logits, const int64_t* labels, int64_t rows,
                                  int64_t columns) {
    cross_entropy(stream, loss, grad, logits, Labels<T>{labels}, rows, columns);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/softmax.inc"
#include "cuda/instantiate.cuh"
