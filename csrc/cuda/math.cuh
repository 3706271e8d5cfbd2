// Elementary functions of float and double under the names that cpu/math.h gives them for vectors, so that functors.h
// reads the same on both. They are CUDA's own, which are within a few units in the last place.
#pragma once
#include <math.h>

namespace nerve::cuda::math {

#define NERVE_FUNCTION_1(name)                                  \
    __device__ inline float name(float x) { return ::name(x); } \
    __device__ inline double name(double x) { return ::name(x); }
NERVE_FUNCTION_1(exp)
NERVE_FUNCTION_1(expm1)
NERVE_FUNCTION_1(log)
NERVE_FUNCTION_1(log1p)
NERVE_FUNCTION_1(sin)
NERVE_FUNCTION_1(cos)
NERVE_FUNCTION_1(tanh)
NERVE_FUNCTION_1(erf)
NERVE_FUNCTION_1(erfc)
NERVE_FUNCTION_1(sqrt)
NERVE_FUNCTION_1(floor)
NERVE_FUNCTION_1(ceil)
#undef NERVE_FUNCTION_1

template <class T>
__device__ T round(T x) {  // halves to even
    return ::rint(x);
}
template <class T>
__device__ T pow(T x, T y) {
    return ::pow(x, y);
}
template <class T>
__device__ T abs(T x) {
    return ::fabs(x);
}
template <class T>
__device__ T copysign(T x, T s) {
    return ::copysign(x, s);
}
template <class T>
__device__ T fma(T a, T b, T c) {
    return ::fma(a, b, c);
}
template <class T>
__device__ T sigmoid(T x) {
    const T z = ::exp(-::fabs(x));  // neither overflows nor loses the small results
    return (x < T(0) ? z : T(1)) / (T(1) + z);
}

// NaN in either operand gives NaN, as in NumPy.
template <class T>
__device__ T max(T a, T b) {
    return a > b || a != a ? a : b;
}
template <class T>
__device__ T min(T a, T b) {
    return a < b || a != a ? a : b;
}

}  // namespace nerve::cuda::math
