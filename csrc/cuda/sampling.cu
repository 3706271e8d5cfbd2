// Images sampled at positions between their pixels, a thread for each element of the result. The gradient has a thread
// for each channel of an image, which adds in the order of the output: nothing is added concurrently.
#include "cuda/common.cuh"
#include "sampling.h"

namespace nerve::cuda {
namespace {

template <class T>
struct Position {
    T row, column;
};

template <class T>
struct Affine {
    const T* transforms;
    __device__ Position<T> operator()(const SampleShape&, int64_t image, int64_t i, int64_t j) const {
        const T* t = transforms + image * 8;
        const auto line = [&](T a, T b, double c) { return math::fma(T(j), a, T(double(b) * double(i) + c)); };
        const Position<T> at{line(t[3], t[4], double(t[5])), line(t[0], t[1], double(t[2]))};
        if (t[6] == 0 && t[7] == 0) return at;
        const T divisor = line(t[6], t[7], 1.0);
        return {at.row / divisor, at.column / divisor};
    }
};

template <class T>
struct Given {
    const T* positions;
    __device__ Position<T> operator()(const SampleShape& s, int64_t image, int64_t i, int64_t j) const {
        const T* from = positions + ((image * s.out_height + i) * s.out_width + j) * 2;
        return {from[0], from[1]};
    }
};

template <class T>
__device__ T within_reach(T x) {
    const T least = T(-furthest), most = T(furthest);
    x = x >= least ? x : least;
    return x <= most ? x : most;
}

// corner(row, column, weight) for each pixel that has a part in the one at a position; -1 is not in the image.
template <class T, class Corner>
__device__ void each_corner(const SampleShape& s, Position<T> at, const Corner& corner) {
    const T row = within_reach(at.row), column = within_reach(at.column);
    if (!s.bilinear)
        return corner(pixel_for(int64_t(math::round(row)), s.height, s.fill),
                      pixel_for(int64_t(math::round(column)), s.width, s.fill), T(1));
    const T top = math::floor(row), left = math::floor(column);
    const T down[2] = {1 - (row - top), row - top}, across[2] = {1 - (column - left), column - left};
    for (int a = 0; a < 2; ++a)
        for (int b = 0; b < 2; ++b)
            corner(pixel_for(int64_t(top) + a, s.height, s.fill), pixel_for(int64_t(left) + b, s.width, s.fill),
                   down[a] * across[b]);
}

// --- kernels

template <class T, class Source>
__global__ void sample_kernel(T* out, const T* x, Source source, SampleShape s, T fill_value, int64_t size) {
    for (int64_t element = first_index(); element < size; element += index_step()) {
        const int64_t c = element % s.channels, pixel = element / s.channels;
        const int64_t j = pixel % s.out_width, i = pixel / s.out_width % s.out_height;
        const int64_t image = pixel / s.out_width / s.out_height;
        T value = 0;
        each_corner(s, source(s, image, i, j), [&](int64_t row, int64_t column, T weight) {
            const bool outside = row < 0 || column < 0;
            value +=
                weight * (outside ? fill_value : x[((image * s.height + row) * s.width + column) * s.channels + c]);
        });
        out[element] = value;
    }
}

template <class T, class Source>
__global__ void sample_backward_kernel(T* grad_x, const T* grad, Source source, SampleShape s) {
    for (int64_t line = first_index(); line < s.batch * s.channels; line += index_step()) {
        const int64_t image = line / s.channels, c = line % s.channels;
        T* to = grad_x + image * s.height * s.width * s.channels + c;
        for (int64_t pixel = 0; pixel < s.height * s.width; ++pixel) to[pixel * s.channels] = 0;
        for (int64_t i = 0; i < s.out_height; ++i)
            for (int64_t j = 0; j < s.out_width; ++j) {
                const T here = grad[((image * s.out_height + i) * s.out_width + j) * s.channels + c];
                each_corner(s, source(s, image, i, j), [&](int64_t row, int64_t column, T weight) {
                    if (row >= 0 && column >= 0) to[(row * s.width + column) * s.channels] += weight * here;
                });
            }
    }
}

template <class T, class Source>
void sample(Stream stream, T* out, const T* x, Source source, const SampleShape& s, double fill_value) {
    const int64_t size = s.batch * s.out_height * s.out_width * s.channels;
    launch(stream, sample_kernel<T, Source>, loop_blocks(size), out, x, source, s, T(fill_value), size);
}

template <class T, class Source>
void sample_backward(Stream stream, T* grad_x, const T* grad, Source source, const SampleShape& s) {
    launch(stream, sample_backward_kernel<T, Source>, loop_blocks(s.batch * s.channels), grad_x, grad, source, s);
}

}  // namespace

template <class T>
void affine_sample(Stream stream, T* out, const T* x, const T* transforms, const SampleShape& shape,
                   double fill_value) {
    sample(stream, out, x, Affine<T>{transforms}, shape, fill_value);
}
template <class T>
void affine_sample_backward(Stream stream, T* grad_x, const T* grad, const T* transforms, const SampleShape& shape) {
    sample_backward(stream, grad_x, grad, Affine<T>{transforms}, shape);
}
template <class T>
void grid_sample(Stream stream, T* out, const T* x, const T* positions, const SampleShape& shape, double fill_value) {
    sample(stream, out, x, Given<T>{positions}, shape, fill_value);
}
template <class T>
void grid_sample_backward(Stream stream, T* grad_x, const T* grad, const T* positions, const SampleShape& shape) {
    sample_backward(stream, grad_x, grad, Given<T>{positions}, shape);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/sampling.inc"
#include "cuda/instantiate.cuh"
