// log and log1p.
#pragma once
#include "cpu/math_common.h"

namespace nerve::NERVE_ISA::math {

// x = 2^n (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), for normal x > 0.
template <class T>
struct ReducedLogarithm {
    vec<T> n, f;
};
template <class T>
NERVE_INLINE ReducedLogarithm<T> reduce_logarithm(vec<T> x) {
    const vec<T> one(T(1)), root_half(T(0.70710678118654752440));
    words<T> shifted = to_words(x) + (to_words(one) - to_words(root_half)), exponent = shifted >> mantissa_bits<T>;
    words<T> mantissa = shifted - (exponent << mantissa_bits<T>);
    vec<T> m = from_words<T>(mantissa + to_words(root_half));
    return {small_to_float<T>(exponent) - vec<T>(T(exponent_bias<T>)), m - one};
}

// n ln2 + log(1 + f) + c, where c is a small correction. The float form is f - f^2/2 + f^3 p(f); the double form uses
// s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + s^2 r(s^2))), as in fdlibm's e_log.c.
template <class T>
NERVE_INLINE vec<T> log_reduced(ReducedLogarithm<T> x, vec<T> c) {
    vec<T> f = x.f, half_square = vec<T>(T(0.5)) * f * f;
    vec<T> low = fma(x.n, vec<T>(ln2_low<T>), c), tail;
    if constexpr (sizeof(T) == 4) {
        vec<T> p = polynomial(f, 0x1.555548p-2f, -0x1.000006p-2f, 0x1.99a4b6p-3f, -0x1.555c4ep-3f, 0x1.233768p-3f,
                              -0x1.fc2206p-4f, 0x1.e6f06ap-4f, -0x1.de3c16p-4f, 0x1.1454acp-4f);
        tail = fma(f * f * f, p, low);
    } else {
        vec<T> s = f / (f + vec<T>(T(2))), z = s * s;
        vec<T> r = polynomial(z, 0x1.5555555555592p-1, 0x1.999999997fd77p-2, 0x1.24924941f4fb5p-2, 0x1.c71c52060804fp-3,
                              0x1.74663fa2246efp-3, 0x1.39a1a6f74baaep-3, 0x1.2f063485e20ffp-3);
        tail = fma(s, fma(z, r, half_square), low);
    }
    return fma(x.n, vec<T>(ln2_high<T>), f - (half_square - tail));
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
    const vec<T> zero(T(0)), steps(T(mantissa_bits<T> + 1));
    // Subnormals are scaled up to normal numbers first.
    mask<T> tiny = x < vec<T>(smallest_normal<T>);
    ReducedLogarithm<T> reduced = reduce_logarithm(select(tiny, x * vec<T>(sizeof(T) == 4 ? T(0x1p24) : T(0x1p53)), x));
    reduced.n = reduced.n - select(tiny, steps, zero);
    return log_special(x, log_reduced(reduced, zero));
}

// log(u) for the rounded u = 1 + x, corrected by (1 + x - u) / u. Near zero u is not needed.
template <class T>
NERVE_INLINE vec<T> log1p(vec<T> x) {
    const vec<T> zero(T(0)), one(T(1));
    vec<T> u = one + x, lost = select(x > one, one - (u - x), x - (u - one));
    ReducedLogarithm<T> reduced = reduce_logarithm(u);
    mask<T> small = (x > vec<T>(T(-0.29))) & (x < vec<T>(T(0.41)));
    reduced.n = select(small, zero, reduced.n);
    reduced.f = select(small, x, reduced.f);
    vec<T> y = log_reduced(reduced, select(small, zero, lost / u));
    return select(x == zero, x, log_special(u, y));  // zero keeps its sign
}

}  // namespace nerve::NERVE_ISA::math
