// Pooling over NHWC images, a thread for each element of the result. The gradients gather: an element of grad_x looks
// at the windows it lies in, in order, so nothing is added concurrently. Python sees to it that every window holds at
// least one position of the image.
#include "cuda/common.cuh"
#include "windows.h"

namespace nerve::cuda {
namespace {

// The rows or columns of a window that lie inside the image.
__device__ Span window_rows(const Pool2DShape& s, int64_t i) {
    return positions_in(i, s.height, s.pool_height, s.stride_height, s.pad_top);
}
__device__ Span window_columns(const Pool2DShape& s, int64_t j) {
    return positions_in(j, s.width, s.pool_width, s.stride_width, s.pad_left);
}

// image, row, column and channel of an element
struct Element {
    int64_t image, row, column, channel;
    __device__ Element(int64_t index, int64_t height, int64_t width, int64_t channels)
        : image(index / channels / width / height),
          row(index / channels / width % height),
          column(index / channels % width),
          channel(index % channels) {}
};

__device__ int64_t index_of(const Pool2DShape& s, int64_t image, int64_t row, int64_t column, int64_t channel) {
    return ((image * s.height + row) * s.width + column) * s.channels + channel;
}
__device__ int64_t out_index_of(const Pool2DShape& s, int64_t image, int64_t i, int64_t j, int64_t channel) {
    return ((image * s.out_height + i) * s.out_width + j) * s.channels + channel;
}

// The number of a position in window (i, j), line by line.
__device__ int64_t position_in_window(const Pool2DShape& s, int64_t i, int64_t j, int64_t row, int64_t column) {
    return (row + s.pad_top - i * s.stride_height) * s.pool_width + column + s.pad_left - j * s.stride_width;
}

// --- kernels

template <class T>
__global__ void max_kernel(T* out, uint8_t* index, int64_t* wide_index, const T* x, Pool2DShape s, int64_t size) {
    for (int64_t element = first_index(); element < size; element += index_step()) {
        const Element at(element, s.out_height, s.out_width, s.channels);
        const Span rows = window_rows(s, at.row), columns = window_columns(s, at.column);
        T best = x[index_of(s, at.image, rows.begin, columns.begin, at.channel)];
        int64_t winner = position_in_window(s, at.row, at.column, rows.begin, columns.begin);
        for (int64_t row = rows.begin; row < rows.end; ++row)
            for (int64_t column = columns.begin; column < columns.end; ++column) {
                const T here = x[index_of(s, at.image, row, column, at.channel)];
                if (!(here > best || (here != here && best == best))) continue;
                best = here;
                winner = position_in_window(s, at.row, at.column, row, column);
            }
        out[element] = best;
        if (index != nullptr) index[element] = uint8_t(winner);
        if (wide_index != nullptr) wide_index[element] = winner;
    }
}

template <class T>
__global__ void average_kernel(T* out, const T* x, Pool2DShape s, int64_t size) {
    for (int64_t index = first_index(); index < size; index += index_step()) {
        const Element at(index, s.out_height, s.out_width, s.channels);
        const Span rows = window_rows(s, at.row), columns = window_columns(s, at.column);
        T sum = 0;
        for (int64_t row = rows.begin; row < rows.end; ++row)
            for (int64_t column = columns.begin; column < columns.end; ++column)
                sum += x[index_of(s, at.image, row, column, at.channel)];
        out[index] = sum / T(rows.size() * columns.size());
    }
}

// share(element, image, i, j): what an element of the image gets from window (i, j).
template <class T, class Share>
__global__ void gather_kernel(T* grad_x, Pool2DShape s, int64_t size, Share share) {
    for (int64_t index = first_index(); index < size; index += index_step()) {
        const Element at(index, s.height, s.width, s.channels);
        const Span rows = windows_over(at.row, s.out_height, s.pool_height, s.stride_height, s.pad_top);
        const Span columns = windows_over(at.column, s.out_width, s.pool_width, s.stride_width, s.pad_left);
        T sum = 0;
        for (int64_t i = rows.begin; i < rows.end; ++i)
            for (int64_t j = columns.begin; j < columns.end; ++j) sum += share(s, at, i, j);
        grad_x[index] = sum;
    }
}

template <class T>
struct MaxShare {
    const T* grad;
    const uint8_t* index;
    const int64_t* wide_index;
    __device__ T operator()(const Pool2DShape& s, const Element& at, int64_t i, int64_t j) const {
        const int64_t window = out_index_of(s, at.image, i, j, at.channel);
        const int64_t winner = wide_index != nullptr ? wide_index[window] : int64_t(index[window]);
        return winner == position_in_window(s, i, j, at.row, at.column) ? grad[window] : T(0);
    }
};

template <class T>
struct AverageShare {
    const T* grad;
    __device__ T operator()(const Pool2DShape& s, const Element& at, int64_t i, int64_t j) const {
        const Span rows = window_rows(s, i), columns = window_columns(s, j);
        return grad[out_index_of(s, at.image, i, j, at.channel)] / T(rows.size() * columns.size());
    }
};

// --- launchers

int64_t in_size(const Pool2DShape& s) { return s.batch * s.height * s.width * s.channels; }
int64_t out_size(const Pool2DShape& s) { return s.batch * s.out_height * s.out_width * s.channels; }

}  // namespace

template <class T>
void max_pool2d(Stream stream, T* out, uint8_t* index, int64_t* wide_index, const T* x, const Pool2DShape& shape) {
    launch(stream, max_kernel<T>, loop_blocks(out_size(shape)), out, index, wide_index, x, shape, out_size(shape));
}
template <class T>
void max_pool2d_backward(Stream stream, T* grad_x, const T* grad, const uint8_t* index, const int64_t* wide_index,
                         const Pool2DShape& shape) {
    launch(stream, gather_kernel<T, MaxShare<T>>, loop_blocks(in_size(shape)), grad_x, shape, in_size(shape),
           MaxShare<T>{grad, index, wide_index});
}
template <class T>
void average_pool2d(Stream stream, T* out, const T* x, const Pool2DShape& shape) {
    launch(stream, average_kernel<T>, loop_blocks(out_size(shape)), out, x, shape, out_size(shape));
}
template <class T>
void average_pool2d_backward(Stream stream, T* grad_x, const T* grad, const Pool2DShape& shape) {
    launch(stream, gather_kernel<T, AverageShare<T>>, loop_blocks(in_size(shape)), grad_x, shape, in_size(shape),
           AverageShare<T>{grad});
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/pool.inc"
#include "cuda/instantiate.cuh"
