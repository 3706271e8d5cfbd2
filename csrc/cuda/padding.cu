// Padding, a thread for each element of the output, or for some of them side by side where they come from elements side
// by side. The gradient has a thread for each element of x, which adds up all places that showed it.
#include "cuda/values.cuh"
#include "sampling.h"

namespace nerve::cuda {
namespace {

// The first axis that matters: those before it have one element.
int first_axis(const PadShape& s) {
    int d = 0;
    while (d < max_rank - 1 && s.sizes[d] == 1 && s.before[d] == 0 && s.after[d] == 0) ++d;
    return d;
}

// The element of x that element i of the output shows; -1: none.
template <class Index>
__device__ int64_t source(const PadShape& s, int first, Index i) {
    Index rest = i / Index(s.inner);
    int64_t from = i - rest * Index(s.inner), stride = s.inner;
#pragma unroll 1
    for (int d = max_rank - 1; d >= first; --d) {
        const Index width = Index(s.before[d] + s.sizes[d] + s.after[d]), quotient = rest / width;
        const int64_t place = int64_t(rest - quotient * width) - s.before[d];
        if (s.sizes[d] == 0) return -1;
        const int64_t at = pixel_for(place, s.sizes[d], s.fill);
        if (at < 0) return -1;
        from += at * stride;
        stride *= s.sizes[d];
        rest = quotient;
    }
    return from;
}
__device__ int64_t source_of(const PadShape& s, int first, int64_t i, int64_t size) {
    return size < int64_t(1) << 31 ? source<uint32_t>(s, first, uint32_t(i)) : source<int64_t>(s, first, i);
}

// --- kernels

template <class T>
__global__ void pad_kernel(T* out, const T* x, PadShape s, int first, int64_t size, bool wide, T value) {
    each_index<T>(
        size, wide,
        [=](int64_t i) {
            const int64_t from = source_of(s, first, i, size);
            Values<T> values;
            if (from >= 0)
                values.read(x + from);
            else
                for (T& one : values.of) one = value;
            values.write(out + i);
        },
        [=](int64_t i) {
            const int64_t from = source_of(s, first, i, size);
            out[i] = from >= 0 ? x[from] : value;
        });
}

template <class T>
__global__ void pad_backward_kernel(T* grad_x, const T* grad, PadShape s, int first, int64_t size) {
    for (int64_t i = first_index(); i < size; i += index_step()) {
        int64_t places[max_rank][3], strides[max_rank], rest = i / s.inner, stride = s.inner;
        int counts[max_rank], all = 1;
        for (int d = max_rank - 1; d >= first; --d) {
            counts[d] = places_of(places[d], rest % s.sizes[d], s.sizes[d], s.before[d], s.after[d], s.fill);
            all *= counts[d];
            strides[d] = stride;
            stride *= s.before[d] + s.sizes[d] + s.after[d];
            rest /= s.sizes[d];
        }
        T sum = 0;
        for (int combination = 0; combination < all; ++combination) {
            int64_t from = i % s.inner;
            for (int d = max_rank - 1, left = combination; d >= first; left /= counts[d], --d)
                from += places[d][left % counts[d]] * strides[d];
            sum += grad[from];
        }
        grad_x[i] = sum;
    }
}

}  // namespace

template <class T>
void pad(Stream stream, T* out, const T* x, const PadShape& shape, double value) {
    int64_t size = shape.inner;
    for (int d = 0; d < max_rank; ++d) size *= shape.before[d] + shape.sizes[d] + shape.after[d];
    constexpr int last = max_rank - 1;
    // Chunks of 16 bytes lie in one border or in a run of x, and are aligned there.
    bool wide = is_aligned(out) && is_aligned(x);
    if (shape.inner % chunk<T> != 0)
        wide = wide && Fill(shape.fill) == Fill::constant && shape.inner * shape.before[last] % chunk<T> == 0 &&
               shape.inner * shape.sizes[last] % chunk<T> == 0 && shape.inner * shape.after[last] % chunk<T> == 0;
    launch(stream, pad_kernel<T>, chunk_blocks<T>(size), out, x, shape, first_axis(shape), size, wide, T(value));
}

template <class T>
void pad_backward(Stream stream, T* grad_x, const T* grad, const PadShape& shape) {
    int64_t size = shape.inner;
    for (const int64_t extent : shape.sizes) size *= extent;
    launch(stream, pad_backward_kernel<T>, loop_blocks(size), grad_x, grad, shape, first_axis(shape), size);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/padding.inc"
#include "cuda/instantiate.cuh"
