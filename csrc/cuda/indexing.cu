// Moving elements: strided copies, gathers and scatters of rows.
#include "cuda/walk.cuh"

namespace nerve::cuda {
namespace {

// --- kernels

template <class T>
__global__ void copy_kernel(T* out, const T* x, Walk walk, bool wide) {
    each_index<T>(
        walk.size, wide,
        [=](int64_t i) {
            const Offsets offsets = walk.at(i);
            read_chunk(x + offsets.second, walk.second[walk.rank - 1]).write(out + offsets.first);
        },
        [=](int64_t i) {
            const Offsets offsets = walk.at(i);
            out[offsets.first] = x[offsets.second];
        });
}

template <class T>
__global__ void take_kernel(T* out, const T* x, const int64_t* indices, int64_t size, int64_t axis, int64_t inner,
                            int64_t count) {
    for (int64_t i = first_index(); i < size; i += index_step()) {
        const int64_t outer = i / inner / count, index = indices[i / inner % count];
        out[i] = x[(outer * axis + index) * inner + i % inner];
    }
}

template <class T>
__global__ void zero_kernel(T* out, int64_t size) {
    for (int64_t i = first_index(); i < size; i += index_step()) out[i] = T(0);
}

// A block for each of outer * count rows. The first to name an index adds up all rows of that index, in their order.
template <class T>
__global__ void take_backward_kernel(T* grad_x, const T* grad, const int64_t* indices, int64_t axis, int64_t inner,
                                     int64_t count) {
    const int64_t outer = blockIdx.x / count, mine = blockIdx.x % count, index = indices[mine];
    int named_before = 0;
    for (int64_t c = threadIdx.x; c < mine; c += threads) named_before |= indices[c] == index;
    if (row_reduce<threads>(named_before, Max{})) return;
    for (int64_t i = threadIdx.x; i < inner; i += threads) {
        T sum = 0;
        for (int64_t c = mine; c < count; ++c)
            if (indices[c] == index) sum += grad[(outer * count + c) * inner + i];
        grad_x[(outer * axis + index) * inner + i] = sum;
    }
}

__global__ void none_found_kernel(int64_t* found) {
    if (threadIdx.x == 0) *found = 0;
}

// A block for each index. The first to name a row counts the different rows below it, which is where that row goes.
template <class T>
__global__ void take_backward_rows_kernel(int64_t* rows, T* sums, int64_t* found, const T* grad, const int64_t* indices,
                                          int64_t inner, int64_t count) {
    const int64_t mine = blockIdx.x, index = indices[mine];
    int named_before = 0;
    for (int64_t c = threadIdx.x; c < mine; c += threads) named_before |= indices[c] == index;
    if (row_reduce<threads>(named_before, Max{})) return;
    int below = 0;
    for (int64_t c = threadIdx.x; c < count; c += threads) {
        bool counts = indices[c] < index;
        for (int64_t earlier = 0; counts && earlier < c; ++earlier) counts = indices[earlier] != indices[c];
        below += counts;
    }
    const int64_t place = row_reduce<threads>(below, Add{});
    int above = 0;
    for (int64_t c = threadIdx.x; c < count; c += threads) above |= indices[c] > index;
    const bool last = !row_reduce<threads>(above, Max{});
    if (threadIdx.x == 0) {
        rows[place] = index;
        if (last) *found = place + 1;
    }
    for (int64_t i = threadIdx.x; i < inner; i += threads) {
        T sum = 0;
        for (int64_t c = mine; c < count; ++c)
            if (indices[c] == index) sum += grad[c * inner + i];
        sums[place * inner + i] = sum;
    }
}

template <class T>
__global__ void one_hot_kernel(T* out, const int64_t* labels, int64_t size, int64_t classes) {
    for (int64_t i = first_index(); i < size; i += index_step()) out[i] = T(labels[i / classes] == i % classes);
}

}  // namespace

template <class T>
void copy(Stream stream, T* out, const T* x, const CopyShape& shape) {
    const Walk walk(shape.shape, shape.out_strides, shape.x_strides);
    out += shape.out_offset, x += shape.x_offset;
    // an output whose last stride is 0 has no chunks
    const bool wide = walk.is_wide(x, walk.second) && walk.is_wide(out, walk.first) && walk.first[walk.rank - 1] == 1;
    launch(stream, copy_kernel<T>, chunk_blocks<T>(walk.size), out, x, walk, wide);
}

template <class T>
void take(Stream stream, T* out, const T* x, const int64_t* indices, int64_t outer, int64_t axis, int64_t inner,
          int64_t count) {
    const int64_t size = outer * count * inner;
    launch(stream, take_kernel<T>, loop_blocks(size), out, x, indices, size, axis, inner, count);
}

template <class T>
void take_backward(Stream stream, T* grad_x, const T* grad, const int64_t* indices, int64_t outer, int64_t axis,
                   int64_t inner, int64_t count) {
    const int64_t size = outer * axis * inner;
    launch(stream, zero_kernel<T>, loop_blocks(size), grad_x, size);
    launch(stream, take_backward_kernel<T>, size > 0 ? outer * count : 0, grad_x, grad, indices, axis, inner, count);
}

template <class T>
void take_backward_rows(Stream stream, int64_t* rows, T* sums, int64_t* found, const T* grad, const int64_t* indices,
                        int64_t axis, int64_t inner, int64_t count) {
    if (count == 0) launch(stream, none_found_kernel, 1, found);
    launch(stream, take_backward_rows_kernel<T>, count, rows, sums, found, grad, indices, inner, count);
}

template <class T>
void one_hot(Stream stream, T* out, const int64_t* labels, int64_t rows, int64_t classes) {
    launch(stream, one_hot_kernel<T>, loop_blocks(rows * classes), out, labels, rows * classes, classes);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/indexing.inc"
#include "cuda/instantiate.cuh"
