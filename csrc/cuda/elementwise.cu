// Elementwise kernels: one loop for each number of operands around the formulas of functors.h.
#include "cuda/walk.cuh"

namespace nerve::cuda {

template <class V>
__device__ V select(bool condition, V a, V b) {
    return condition ? a : b;
}

}  // namespace nerve::cuda

#define NERVE_ISA cuda
#define NERVE_FUNCTOR __device__ inline
#include "functors.h"
#undef NERVE_ISA

namespace nerve::cuda {
namespace {

// --- kernels

template <class T, class F>
__global__ void unary_kernel(T* out, const T* x, int64_t size, F f) {
    for (int64_t i = first_index(); i < size; i += index_step()) out[i] = f(x[i]);
}

template <class T, class F>
__global__ void unary_backward_kernel(T* out, const T* grad, const T* x, const T* y, int64_t size, F f) {
    for (int64_t i = first_index(); i < size; i += index_step()) out[i] = grad[i] * f.derivative(x[i], y[i]);
}

template <class T, class Out, class F>
__global__ void binary_kernel(Out* out, const T* a, const T* b, Walk walk, F f) {
    for (int64_t i = first_index(); i < walk.size; i += index_step()) {
        const Offsets offsets = walk.at(i);
        out[i] = f(a[offsets.first], b[offsets.second]);
    }
}

template <class T>
__global__ void where_kernel(T* out, const bool* condition, const T* a, const T* b, int64_t size) {
    for (int64_t i = first_index(); i < size; i += index_step()) out[i] = condition[i] ? a[i] : b[i];
}

template <class Out, class In>
__global__ void convert_kernel(Out* out, const In* x, int64_t size) {
    for (int64_t i = first_index(); i < size; i += index_step()) out[i] = Out(x[i]);
}

// --- launchers

template <class Out, class In>
void convert(Stream stream, Out* out, const In* x, int64_t size) {
    launch(stream, convert_kernel<Out, In>, loop_blocks(size), out, x, size);
}

template <class T, class F>
void unary(Stream stream, T* out, const T* x, int64_t size, F f) {
    launch(stream, unary_kernel<T, F>, loop_blocks(size), out, x, size, f);
}

template <class T, class F>
void unary_backward(Stream stream, T* out, const T* grad, const T* x, const T* y, int64_t size, F f) {
    launch(stream, unary_backward_kernel<T, F>, loop_blocks(size), out, grad, x, y, size, f);
}

template <class F, class T, class Out>
void binary(Stream stream, Out* out, const T* a, const T* b, const Broadcast& shape) {
    const Walk walk(shape.shape, shape.a_strides, shape.b_strides);
    launch(stream, binary_kernel<T, Out, F>, loop_blocks(walk.size), out, a, b, walk, F{});
}

}  // namespace

#define UNARY(name)                                                                                    \
    template <class T>                                                                                 \
    void name(Stream stream, T* out, const T* x, int64_t size) {                                       \
        unary(stream, out, x, size, functor::name{});                                                  \
    }                                                                                                  \
    template <class T>                                                                                 \
    void name##_backward(Stream stream, T* out, const T* grad, const T* x, const T* y, int64_t size) { \
        unary_backward(stream, out, grad, x, y, size, functor::name{});                                \
    }
#define UNARY_ALPHA(name)                                                                                            \
    template <class T>                                                                                               \
    void name(Stream stream, T* out, const T* x, int64_t size, double alpha) {                                       \
        unary(stream, out, x, size, functor::name{alpha});                                                           \
    }                                                                                                                \
    template <class T>                                                                                               \
    void name##_backward(Stream stream, T* out, const T* grad, const T* x, const T* y, int64_t size, double alpha) { \
        unary_backward(stream, out, grad, x, y, size, functor::name{alpha});                                         \
    }
#define BINARY(name)                                                                   \
    template <class T>                                                                 \
    void name(Stream stream, T* out, const T* a, const T* b, const Broadcast& shape) { \
        binary<functor::name>(stream, out, a, b, shape);                               \
    }
#define COMPARE(name)                                                                     \
    template <class T>                                                                    \
    void name(Stream stream, bool* out, const T* a, const T* b, const Broadcast& shape) { \
        binary<functor::name>(stream, out, a, b, shape);                                  \
    }
#define KERNEL(...)
#include "kernels/elementwise.inc"
#undef KERNEL

template <class T>
void where(Stream stream, T* out, const bool* condition, const T* a, const T* b, int64_t size) {
    launch(stream, where_kernel<T>, loop_blocks(size), out, condition, a, b, size);
}

template <class T>
void to_float32(Stream stream, float* out, const T* x, int64_t size) {
    convert(stream, out, x, size);
}
template <class T>
void to_float64(Stream stream, double* out, const T* x, int64_t size) {
    convert(stream, out, x, size);
}
template <class T>
void to_int64(Stream stream, int64_t* out, const T* x, int64_t size) {
    convert(stream, out, x, size);
}
template <class T>
void from_int64(Stream stream, T* out, const int64_t* x, int64_t size) {
    convert(stream, out, x, size);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/elementwise.inc"
#include "cuda/instantiate.cuh"
