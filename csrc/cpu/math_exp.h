// exp and what is made of it.
#pragma once
#include "cpu/math_common.h"

namespace nerve::NERVE_ISA::math {

// x = n ln2 + r + low with |r| <= ln2 / 2 and low what r lost in rounding, for |x| below about 800.
template <class T>
struct ReducedExponent {
    vec<T> n, r, low;
};
template <class T>
NERVE_INLINE ReducedExponent<T> reduce_exponent(vec<T> x) {
    vec<T> shift(rounding_shift<T>), n = fma(x, vec<T>(T(1.44269504088896340736)), shift) - shift;
    vec<T> exact = fma(n, vec<T>(-ln2_high<T>), x), r = fma(n, vec<T>(-ln2_low<T>), exact);
    return {n, r, fma(n, vec<T>(-ln2_low<T>), exact - r)};
}

// exp(r) = 1 + r + r^2 q(r) for |r| <= ln2 / 2; relative to exp(r) the fit is within 2^-28 (2^-60).
template <class T>
NERVE_INLINE vec<T> exp_polynomial(vec<T> r) {
    vec<T> q;
    if constexpr (sizeof(T) == 4) {
        q = polynomial(r, 0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.123a20p-7f, 0x1.6a23d0p-10f);
    } else {
        q = polynomial(r, 0x1.0000000000000p-1, 0x1.555555555555bp-3, 0x1.5555555555503p-5, 0x1.111111110ec3fp-7,
                       0x1.6c16c16c305dbp-10, 0x1.a01a01b38a1d5p-13, 0x1.a01a01364ea35p-16, 0x1.71ddf00274097p-19,
                       0x1.27e5b491e68c7p-22, 0x1.af6c1dce81f43p-26, 0x1.1e3d09166df68p-29);
    }
    return q;
}

// 2^n (offset + r + r^2 q(r)) with all but the last rounding made good: about 0.55 ULP. offset is 0, or |offset| >=
// |r|.
template <class T>
NERVE_INLINE vec<T> extended_exp(ReducedExponent<T> x, vec<T> offset) {
    vec<T> sum = offset + x.r, lost = x.r - (sum - offset);
    return scale(sum + (lost + fma(x.r * x.r, exp_polynomial(x.r), x.low)), x.n);
}

// From here on exp(x) is infinity.
template <class T>
constexpr T exp_ceiling = sizeof(T) == 4 ? T(89) : T(710);

// From here down it rounds to zero.
template <class T>
constexpr T exp_floor = sizeof(T) == 4 ? T(-104) : T(-746);

// (exp(r) - 1) / r
template <class T>
NERVE_INLINE vec<T> exp_slope(vec<T> r) {
    return fma(r, exp_polynomial(r), vec<T>(T(1)));
}

template <class T>
NERVE_INLINE vec<T> exp(vec<T> x) {
    ReducedExponent<T> reduced = reduce_exponent(clamp(x, exp_floor<T>, exp_ceiling<T>));
    vec<T> r = reduced.r;
    return scale(fma(r, exp_slope(r), vec<T>(T(1))), reduced.n);
}

// exp(x) for |x| < 80, with an error of 2^-29 n for exp(x) near 2^n (2^-55 n in double): to be added to something.
template <class T>
NERVE_INLINE vec<T> exp_beside_one(vec<T> x) {
    vec<T> shift(rounding_shift<T>), n = fma(x, vec<T>(T(1.44269504088896340736)), shift) - shift;
    vec<T> r = fma(n, vec<T>(T(-0.69314718055994530942)), x);
    return scale_normal(fma(r, exp_slope(r), vec<T>(T(1))), n);
}

template <class T>
NERVE_INLINE vec<T> expm1(vec<T> x) {
    const vec<T> one(T(1));
    // Below, the result rounds to -1.
    ReducedExponent<T> reduced = reduce_exponent(clamp(x, sizeof(T) == 4 ? T(-20) : T(-40), exp_ceiling<T>));
    return copysign(extended_exp(reduced, one - scale(one, -reduced.n)), x);  // zero keeps its sign
}

// With exp(-x) = 2^-n exp(r) it is 2^n / (2^n + exp(r)), where only adding exp(r) - 1 to 1 + 2^n loses digits. Nothing
// overflows, cancels or has to be chosen by the sign of x.
template <class T>
NERVE_INLINE vec<T> sigmoid(vec<T> x) {
    const vec<T> one(T(1)), shift(rounding_shift<T>);
    x = clamp(x, exp_floor<T>, sizeof(T) == 4 ? T(20) : T(40));  // above, it rounds to 1
    vec<T> n = fma(x, vec<T>(T(1.44269504088896340736)), shift) - shift;
    vec<T> r = fma(n, vec<T>(ln2_low<T>), fma(n, vec<T>(ln2_high<T>), -x)), power = scale(one, n);
    vec<T> sum = one + power, lost = power - (sum - one);
    return power / (sum + fma(r, exp_slope(r), lost));
}

// x + x^3 p(x^2) for |x| < 0.55, and 1 - 2 / (exp(2|x|) + 1) with the sign of x beyond.
template <class T>
NERVE_INLINE vec<T> tanh(vec<T> x) {
    const vec<T> one(T(1)), two(T(2));
    vec<T> a = abs(x), z = a * a, p;
    if constexpr (sizeof(T) == 4) {
        p = polynomial(z, -0x1.55554ap-2f, 0x1.110d0cp-3f, -0x1.b923aep-5f, 0x1.5912d0p-6f, -0x1.9a332ep-8f);
    } else {
        p = polynomial(z, -0x1.5555555555555p-2, 0x1.11111111110aap-3, -0x1.ba1ba1ba13bafp-5, 0x1.664f488053b3dp-6,
                       -0x1.226e34ee5a055p-7, 0x1.d6d3b7135543bp-9, -0x1.7da16759baefap-10, 0x1.353d3dcc8b2c3p-11,
                       -0x1.f38663bb6ca9cp-13, 0x1.89e9c69d1a0ebp-14, -0x1.13f88b025e94cp-15, 0x1.f1411115f8ce3p-18);
    }
    vec<T> bounded = at_most(sizeof(T) == 4 ? T(20) : T(40), a + a);  // above, the result rounds to 1
    vec<T> small = fma(a * z, p, a), large = one - two / (exp_beside_one(bounded) + one);
    return with_sign(select(a < vec<T>(T(0.55)), small, large), x);
}

}  // namespace nerve::NERVE_ISA::math
