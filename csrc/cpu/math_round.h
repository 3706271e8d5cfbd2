// floor, ceil, and round half to even.
#pragma once
#include "cpu/math_common.h"

namespace nerve::NERVE_ISA::math {

#if defined(__aarch64__)
#define NERVE_ROUNDING(name, mode, instruction)                                  \
    template <class T>                                                           \
    NERVE_INLINE vec<T> name(vec<T> x) {                                         \
        if constexpr (sizeof(T) == 4)                                            \
            return (typename vec<T>::native)instruction##_f32((float32x4_t)x.v); \
        else                                                                     \
            return (typename vec<T>::native)instruction##_f64((float64x2_t)x.v); \
    }
NERVE_ROUNDING(floor, 1, vrndmq)
NERVE_ROUNDING(ceil, 2, vrndpq)
NERVE_ROUNDING(round, 0, vrndnq)
#undef NERVE_ROUNDING
#else
// 8: raise no exceptions. (GCC 12 warns of an uninitialised value inside the unmasked intrinsics.)
template <int mode, class T>
NERVE_INLINE vec<T> round_to(vec<T> x) {
    using N = typename vec<T>::native;
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (N)_mm512_maskz_roundscale_ps(__mmask16(-1), (__m512)x.v, mode | 8);
    else
        return (N)_mm512_maskz_roundscale_pd(__mmask8(-1), (__m512d)x.v, mode | 8);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return (N)_mm256_round_ps((__m256)x.v, mode | 8);
    else
        return (N)_mm256_round_pd((__m256d)x.v, mode | 8);
#else
    if constexpr (sizeof(T) == 4)
        return (N)_mm_round_ps((__m128)x.v, mode | 8);
    else
        return (N)_mm_round_pd((__m128d)x.v, mode | 8);
#endif
}
template <class T>
NERVE_INLINE vec<T> floor(vec<T> x) {
    return round_to<1>(x);
}
template <class T>
NERVE_INLINE vec<T> ceil(vec<T> x) {
    return round_to<2>(x);
}
template <class T>
NERVE_INLINE vec<T> round(vec<T> x) {
    return round_to<0>(x);
}
#endif

}  // namespace nerve::NERVE_ISA::math
