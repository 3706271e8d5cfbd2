// Four values side by side, as pixels of four channels have them, and products added to them as vectors compute them.
#pragma once
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

// Four values side by side. (Spelled out: GCC drops the attribute on a dependent type.)
template <class T>
struct quad;
template <>
struct quad<float> {
    typedef float type __attribute__((vector_size(16)));
};
template <>
struct quad<double> {
    typedef double type __attribute__((vector_size(32)));
};

// a * b + c as vectors compute it, so that every way through a row has the same bits: rounded once, where there is an
// instruction for it.
template <class T>
NERVE_INLINE T fma_one(T a, T b, T c) {
#if defined(__FMA__) || defined(__aarch64__)
    if constexpr (sizeof(T) == 4)
        return __builtin_fmaf(a, b, c);
    else
        return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}
template <class V, class T>
NERVE_INLINE V fma_quad(V a, T b, V c) {
#if defined(__FMA__)
    if constexpr (sizeof(T) == 4)
        return (V)_mm_fmadd_ps((__m128)a, _mm_set1_ps(b), (__m128)c);
    else
        return (V)_mm256_fmadd_pd((__m256d)a, _mm256_set1_pd(b), (__m256d)c);
#else
    for (int i = 0; i < 4; ++i) c[i] = fma_one<T>(a[i], b, c[i]);
    return c;
#endif
}

}  // namespace nerve::NERVE_ISA
