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
__global__ void unary_kernel(T* out, const T* x, int64_t size, bool wide, F f) {
    each_index<T>(
        size, wide,
        [=](int64_t i) {
            Values<T> values;
            values.read(x + i);
            for (T& value : values.of) value = f(value);
            values.write(out + i);
        },
        [=](int64_t i) { out[i] = f(x[i]); });
}

template <class T, class F>
__global__ void unary_backward_kernel(T* out, const T* grad, const T* x, const T* y, int64_t size, bool wide, F f) {
    each_index<T>(
        size, wide,
        [=](int64_t i) {
            Values<T> grads, xs, ys;
            grads.read(grad + i), xs.read(x + i), ys.read(y + i);
            for (int e = 0; e < chunk<T>; ++e) grads.of[e] *= f.derivative(xs.of[e], ys.of[e]);
            grads.write(out + i);
        },
        [=](int64_t i) { out[i] = grad[i] * f.derivative(x[i], y[i]); });
}

template <class T, class Out, class F>
__global__ void binary_kernel(Out* out, const T* a, const T* b, Walk walk, bool wide, F f) {
    each_index<T>(
        walk.size, wide,
        [=](int64_t i) {
            const Offsets offsets = walk.at(i);
            const Values<T> left = read_chunk(a + offsets.first, walk.first[walk.rank - 1]);
            const Values<T> right = read_chunk(b + offsets.second, walk.second[walk.rank - 1]);
            if constexpr (sizeof(Out) == sizeof(T)) {
                Values<T> results;
                for (int e = 0; e < chunk<T>; ++e) results.of[e] = f(left.of[e], right.of[e]);
                results.write(out + i);
            } else {
                for (int e = 0; e < chunk<T>; ++e) out[i + e] = f(left.of[e], right.of[e]);
            }
        },
        [=](int64_t i) {
            const Offsets offsets = walk.at(i);
            out[i] = f(a[offsets.first], b[offsets.second]);
        });
}

template <class T>
__global__ void where_kernel(T* out, const bool* condition, const T* a, const T* b, int64_t size, bool wide) {
    each_index<T>(
        size, wide,
        [=](int64_t i) {
            Values<T> left, right;
            left.read(a + i), right.read(b + i);
            for (int e = 0; e < chunk<T>; ++e)
                if (!condition[i + e]) left.of[e] = right.of[e];
            left.write(out + i);
        },
        [=](int64_t i) { out[i] = condition[i] ? a[i] : b[i]; });
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
    launch(stream, unary_kernel<T, F>, chunk_blocks<T>(size), out, x, size, is_aligned(out) && is_aligned(x), f);
}

template <class T, class F>
void unary_backward(Stream stream, T* out, const T* grad, const T* x, const T* y, int64_t size, F f) {
    const bool wide = is_aligned(out) && is_aligned(grad) && is_aligned(x) && is_aligned(y);
    launch(stream, unary_backward_kernel<T, F>, chunk_blocks<T>(size), out, grad, x, y, size, wide, f);
}

template <class F, class T, class Out>
void binary(Stream stream, Out* out, const T* a, const T* b, const Broadcast& shape) {
    const Walk walk(shape.shape, shape.a_strides, shape.b_strides);
    const bool wide = is_aligned(out) && walk.is_wide(a, walk.first) && walk.is_wide(b, walk.second);
    launch(stream, binary_kernel<T, Out, F>, chunk_blocks<T>(walk.size), out, a, b, walk, wide, F{});
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
    const bool wide = is_aligned(out) && is_aligned(a) && is_aligned(b);
    launch(stream, where_kernel<T>, chunk_blocks<T>(size), out, condition, a, b, size, wide);
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
