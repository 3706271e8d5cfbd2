// Pooling over NDHWC volumes and adaptive windows, a thread for each element of the result. The gradients gather: an
// element of grad_x looks at the windows it lies in, in order, so nothing is added concurrently. Python sees to it that
// every window holds at least one position.
#include "cuda/common.cuh"
#include "windows.h"

namespace nerve::cuda {
namespace {

// volume, place and channel of an element
struct Element {
    int64_t volume, d, h, w, channel;
    __device__ Element(int64_t index, int64_t depth, int64_t height, int64_t width, int64_t channels)
        : volume(index / channels / width / height / depth),
          d(index / channels / width / height % depth),
          h(index / channels / width % height),
          w(index / channels % width),
          channel(index % channels) {}
};
__device__ Element in_element(const Pool3DShape& s, int64_t index) {
    return Element(index, s.depth, s.height, s.width, s.channels);
}
__device__ Element out_element(const Pool3DShape& s, int64_t index) {
    return Element(index, s.out_depth, s.out_height, s.out_width, s.channels);
}

// The number of a position in its volume.
__device__ int64_t position_of(const Pool3DShape& s, int64_t d, int64_t h, int64_t w) {
    return (d * s.height + h) * s.width + w;
}

// body(d, h, w) for every position of a window, in order.
template <class Body>
__device__ void each_position(const Pool3DShape& s, const Element& at, const Body& body) {
    const Span depth = depth_windows(s).window(at.d), height = height_windows(s).window(at.h);
    const Span width = width_windows(s).window(at.w);
    for (int64_t d = depth.begin; d < depth.end; ++d)
        for (int64_t h = height.begin; h < height.end; ++h)
            for (int64_t w = width.begin; w < width.end; ++w) body(d, h, w);
}

// --- kernels

template <class T>
__global__ void max3d_kernel(T* out, int32_t* index, const T* x, Pool3DShape s, int64_t size) {
    const int64_t volume = s.depth * s.height * s.width;
    for (int64_t element = first_index(); element < size; element += index_step()) {
        const Element at = out_element(s, element);
        const T* from = x + at.volume * volume * s.channels + at.channel;
        T best = 0;
        int64_t winner = -1;
        each_position(s, at, [&](int64_t d, int64_t h, int64_t w) {
            const int64_t position = position_of(s, d, h, w);
            const T here = from[position * s.channels];
            if (winner >= 0 && !(here > best || (here != here && best == best))) return;
            best = here;
            winner = position;
        });
        out[element] = best;
        if (index != nullptr) index[element] = int32_t(winner);
    }
}

template <class T>
__global__ void average3d_kernel(T* out, const T* x, Pool3DShape s, int64_t size) {
    const int64_t volume = s.depth * s.height * s.width;
    for (int64_t element = first_index(); element < size; element += index_step()) {
        const Element at = out_element(s, element);
        const T* from = x + at.volume * volume * s.channels + at.channel;
        T sum = 0;
        int64_t count = 0;
        each_position(s, at, [&](int64_t d, int64_t h, int64_t w) {
            sum += from[position_of(s, d, h, w) * s.channels];
            ++count;
        });
        out[element] = sum / T(count);
    }
}

// share(element, i, j, k, offset of that window in the output): what an element of the volume gets from a window.
template <class T, class Share>
__global__ void gather3d_kernel(T* grad_x, Pool3DShape s, int64_t size, Share share) {
    for (int64_t element = first_index(); element < size; element += index_step()) {
        const Element at = in_element(s, element);
        const Span depth = depth_windows(s).covering(at.d), height = height_windows(s).covering(at.h);
        const Span width = width_windows(s).covering(at.w);
        T sum = 0;
        for (int64_t i = depth.begin; i < depth.end; ++i)
            for (int64_t j = height.begin; j < height.end; ++j)
                for (int64_t k = width.begin; k < width.end; ++k) {
                    const int64_t row = (at.volume * s.out_depth + i) * s.out_height + j;
                    sum += share(s, at, i, j, k, (row * s.out_width + k) * s.channels + at.channel);
                }
        grad_x[element] = sum;
    }
}

template <class T>
struct Max3DShare {
    const T* grad;
    const int32_t* index;
    __device__ T operator()(const Pool3DShape& s, const Element& at, int64_t, int64_t, int64_t, int64_t window) const {
        return index[window] == position_of(s, at.d, at.h, at.w) ? grad[window] : T(0);
    }
};

template <class T>
struct Average3DShare {
    const T* grad;
    __device__ T operator()(const Pool3DShape& s, const Element&, int64_t i, int64_t j, int64_t k,
                            int64_t window) const {
        const int64_t count =
            depth_windows(s).window(i).size() * height_windows(s).window(j).size() * width_windows(s).window(k).size();
        return grad[window] / T(count);
    }
};

// --- launchers

int64_t in_size(const Pool3DShape& s) { return s.batch * s.depth * s.height * s.width * s.channels; }
int64_t out_size(const Pool3DShape& s) { return s.batch * s.out_depth * s.out_height * s.out_width * s.channels; }

}  // namespace

template <class T>
void max_pool3d(Stream stream, T* out, int32_t* index, const T* x, const Pool3DShape& shape) {
    launch(stream, max3d_kernel<T>, loop_blocks(out_size(shape)), out, index, x, shape, out_size(shape));
}
template <class T>
void max_pool3d_backward(Stream stream, T* grad_x, const T* grad, const int32_t* index, const Pool3DShape& shape) {
    launch(stream, gather3d_kernel<T, Max3DShare<T>>, loop_blocks(in_size(shape)), grad_x, shape, in_size(shape),
           Max3DShare<T>{grad, index});
}
template <class T>
void average_pool3d(Stream stream, T* out, const T* x, const Pool3DShape& shape) {
    launch(stream, average3d_kernel<T>, loop_blocks(out_size(shape)), out, x, shape, out_size(shape));
}
template <class T>
void average_pool3d_backward(Stream stream, T* grad_x, const T* grad, const Pool3DShape& shape) {
    launch(stream, gather3d_kernel<T, Average3DShare<T>>, loop_blocks(in_size(shape)), grad_x, shape, in_size(shape),
           Average3DShare<T>{grad});
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/pool3d.inc"
#include "cuda/instantiate.cuh"
