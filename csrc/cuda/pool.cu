// Pooling over NHWC images, a thread for each element of the result. The gradients gather: an element of grad_x looks
// at the windows it lies in, in order, so nothing is added concurrently. Python sees to it that every window holds at
// least one position of the image.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

struct Range {
    int64_t begin, end;
};

// The positions of window `index` that lie inside the image.
__device__ Range window(int64_t index, int64_t stride, int64_t pad, int64_t pool, int64_t size) {
    const int64_t begin = index * stride - pad, end = begin + pool;
    return {begin < 0 ? 0 : begin, end < size ? end : size};
}
__device__ Range window_rows(const Pool2DShape& s, int64_t i) {
    return window(i, s.stride_height, s.pad_top, s.pool_height, s.height);
}
__device__ Range window_columns(const Pool2DShape& s, int64_t j) {
    return window(j, s.stride_width, s.pad_left, s.pool_width, s.width);
}

// The windows that cover a position.
__device__ Range covering(int64_t position, int64_t stride, int64_t pad, int64_t pool, int64_t windows) {
    const int64_t first = position + pad - pool + 1, last = (position + pad) / stride + 1;
    return {first <= 0 ? 0 : divide_up(first, stride), last < windows ? last : windows};
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

// Where window (i, j) has its maximum: the first one, or the first NaN.
template <class T>
__device__ int64_t winner(const T* x, const Pool2DShape& s, int64_t image, int64_t i, int64_t j, int64_t channel) {
    const Range rows = window_rows(s, i), columns = window_columns(s, j);
    int64_t best = index_of(s, image, rows.begin, columns.begin, channel);
    for (int64_t row = rows.begin; row < rows.end; ++row)
        for (int64_t column = columns.begin; column < columns.end; ++column) {
            const int64_t here = index_of(s, image, row, column, channel);
            if (x[here] > x[best] || (x[here] != x[here] && x[best] == x[best])) best = here;
        }
    return best;
}

// --- kernels

template <class T>
__global__ void max_kernel(T* out, const T* x, Pool2DShape s, int64_t size) {
    for (int64_t index = first_index(); index < size; index += index_step()) {
        const Element at(index, s.out_height, s.out_width, s.channels);
        out[index] = x[winner(x, s, at.image, at.row, at.column, at.channel)];
    }
}

template <class T>
__global__ void average_kernel(T* out, const T* x, Pool2DShape s, int64_t size) {
    for (int64_t index = first_index(); index < size; index += index_step()) {
        const Element at(index, s.out_height, s.out_width, s.channels);
        const Range rows = window_rows(s, at.row), columns = window_columns(s, at.column);
        T sum = 0;
        for (int64_t row = rows.begin; row < rows.end; ++row)
            for (int64_t column = columns.begin; column < columns.end; ++column)
                sum += x[index_of(s, at.image, row, column, at.channel)];
        out[index] = sum / T((rows.end - rows.begin) * (columns.end - columns.begin));
    }
}

// share(index of x, image, i, j, channel): what the element gets from window (i, j).
template <class T, class Share>
__global__ void gather_kernel(T* grad_x, Pool2DShape s, int64_t size, Share share) {
    for (int64_t index = first_index(); index < size; index += index_step()) {
        const Element at(index, s.height, s.width, s.channels);
        const Range rows = covering(at.row, s.stride_height, s.pad_top, s.pool_height, s.out_height);
        const Range columns = covering(at.column, s.stride_width, s.pad_left, s.pool_width, s.out_width);
        T sum = 0;
        for (int64_t i = rows.begin; i < rows.end; ++i)
            for (int64_t j = columns.begin; j < columns.end; ++j) sum += share(s, index, at.image, i, j, at.channel);
        grad_x[index] = sum;
    }
}

template <class T>
struct MaxShare {
    const T *grad, *x;
    __device__ T operator()(const Pool2DShape& s, int64_t index, int64_t image, int64_t i, int64_t j,
                            int64_t channel) const {
        return winner(x, s, image, i, j, channel) == index ? grad[out_index_of(s, image, i, j, channel)] : T(0);
    }
};

template <class T>
struct AverageShare {
    const T* grad;
    __device__ T operator()(const Pool2DShape& s, int64_t, int64_t image, int64_t i, int64_t j, int64_t channel) const {
        const Range rows = window_rows(s, i), columns = window_columns(s, j);
        return grad[out_index_of(s, image, i, j, channel)] / T((rows.end - rows.begin) * (columns.end - columns.begin));
    }
};

// --- launchers

int64_t in_size(const Pool2DShape& s) { return s.batch * s.height * s.width * s.channels; }
int64_t out_size(const Pool2DShape& s) { return s.batch * s.out_height * s.out_width * s.channels; }

}  // namespace

template <class T>
void max_pool2d(Stream stream, T* out, const T* x, const Pool2DShape& shape) {
    launch(stream, max_kernel<T>, loop_blocks(out_size(shape)), out, x, shape, out_size(shape));
}
template <class T>
void max_pool2d_backward(Stream stream, T* grad_x, const T* grad, const T* x, const Pool2DShape& shape) {
    launch(stream, gather_kernel<T, MaxShare<T>>, loop_blocks(in_size(shape)), grad_x, shape, in_size(shape),
           MaxShare<T>{grad, x});
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

#define FAMILY_pool FAMILY_HERE
#include "cuda/instantiate.cuh"
