// log and log1p.
#pragma once
#include "cpu/math_common.h"

namespace nerve::NERVE_ISA::math {

// x = 2^n (1 + f) for normal x > 0, with 3/4 <= 1 + f < 3/2 in float and sqrt(1/2) <= 1 + f < sqrt(2) in double.
template <class T>
struct ReducedLogarithm {
    vec<T> n, f;
};
template <class T>
NERVE_INLINE ReducedLogarithm<T> reduce_logarithm(vec<T> x) {
    const vec<T> one(T(1));
    if constexpr (sizeof(T) == 4) {
        const bits<T> exponent = (bits<T>)(to_words(x) - to_words(vec<T>(0.75f))) >> mantissa_bits<T>;
        return {to_float<T>(exponent), from_words<T>(to_words(x) - ((words<T>)exponent << mantissa_bits<T>)) - one};
    } else {
        const vec<T> root_half(T(0.70710678118654752440));
        words<T> shifted = to_words(x) + (to_words(one) - to_words(root_half)), exponent = shifted >> mantissa_bits<T>;
        words<T> mantissa = shifted - (exponent << mantissa_bits<T>);
        vec<T> m = from_words<T>(mantissa + to_words(root_half));
        return {small_to_float<T>(exponent) - vec<T>(T(exponent_bias<T>)), m - one};
    }
}

// n ln2 + log(1 + f) + c, where c is a small correction. The float form is f + c + f^2 p(f); the double form uses
// s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + s^2 r(s^2))), as in fdlibm's e_log.c.
NERVE_INLINE vec<float> log_reduced(ReducedLogarithm<float> x, vec<float> f_and_c) {
    vec<float> p = polynomial(x.f, -0x1.000000p-1f, 0x1.5555a4p-2f, -0x1.000046p-2f, 0x1.99697ap-3f, -0x1.54ee28p-3f,
                              0x1.2883bep-3f, -0x1.0d9942p-3f, 0x1.acd728p-4f, -0x1.71a206p-5f);
    return fma(x.n, vec<float>(0.693147180559945309f), fma(x.f * x.f, p, f_and_c));
}
NERVE_INLINE vec<double> log_reduced(ReducedLogarithm<double> x, vec<double> c) {
    vec<double> f = x.f, half_square = vec<double>(0.5) * f * f;
    vec<double> s = f / (f + vec<double>(2.0)), z = s * s;
    vec<double> r = polynomial(z, 0x1.5555555555592p-1, 0x1.999999997fd77p-2, 0x1.24924941f4fb5p-2,
                               0x1.c71c52060804fp-3, 0x1.74663fa2246efp-3, 0x1.39a1a6f74baaep-3, 0x1.2f063485e20ffp-3);
    vec<double> tail = fma(s, fma(z, r, half_square), fma(x.n, vec<double>(ln2_low<double>), c));
    return fma(x.n, vec<double>(ln2_high<double>), f - (half_square - tail));
}

// What log and log1p return where y, computed as if 0 < u < infinity, is not the answer.
template <class T>
NERVE_INLINE vec<T> log_special(vec<T> u, vec<T> y) {
    const vec<T> zero(T(0));
    y = select(u < vec<T>(infinity<T>), y, u);  // infinity and NaN
    y = select(u < zero, vec<T>(not_a_number<T>), y);
    return select(u == zero, vec<T>(-infinity<T>), y);
}

template <class T>
NERVE_INLINE vec<T> log(vec<T> x) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        // Instructions that take a number apart give the same n and f, and by themselves what log_special would.
        const __m512 v = (__m512)x.v,
                     m = _mm512_maskz_getmant_ps(__mmask16(-1), v, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
        const __m512 above = _mm512_maskz_getexp_ps(__mmask16(-1), m);  // -1 below 1, else 0
        vec<T> n((typename vec<T>::native)(_mm512_maskz_getexp_ps(__mmask16(-1), v) - above));
        vec<T> f = vec<T>((typename vec<T>::native)m) - vec<T>(T(1));
        return log_reduced({n, f}, f);
    }
#endif
    const vec<T> zero(T(0)), steps(T(mantissa_bits<T> + 1));
    // Subnormals are scaled up to normal numbers first.
    mask<T> tiny = x < vec<T>(smallest_normal<T>);
    ReducedLogarithm<T> reduced = reduce_logarithm(select(tiny, x * vec<T>(sizeof(T) == 4 ? T(0x1p24) : T(0x1p53)), x));
    reduced.n = reduced.n - select(tiny, steps, zero);
    return log_special(x, log_reduced(reduced, sizeof(T) == 4 ? reduced.f : zero));
}

// log(u) for the rounded u = 1 + x, corrected by (1 + x - u) / u. Near zero u is not needed.
template <class T>
NERVE_INLINE vec<T> log1p(vec<T> x) {
    const vec<T> zero(T(0)), one(T(1));
    vec<T> u = one + x, lost = select(x > one, one - (u - x), x - (u - one));
    ReducedLogarithm<T> reduced = reduce_logarithm(u);
    mask<T> small = (x > vec<T>(T(sizeof(T) == 4 ? -0.25 : -0.29))) & (x < vec<T>(T(sizeof(T) == 4 ? 0.5 : 0.41)));
    reduced.n = select(small, zero, reduced.n);
    reduced.f = select(small, x, reduced.f);
    vec<T> c = select(small, zero, lost / u), y = log_reduced(reduced, sizeof(T) == 4 ? reduced.f + c : c);
    return select(x == zero, x, log_special(u, y));  // zero keeps its sign
}

}  // namespace nerve::NERVE_ISA::math
