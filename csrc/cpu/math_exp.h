// exp and what is made of it.
#pragma once
#include "cpu/math_common.h"

namespace nerve::NERVE_ISA::math {

// x = n ln2 + r with |r| <= ln2 / 2, for |x| below about 800.
template <class T>
struct ReducedExponent {
    vec<T> n, r;
};
template <class T>
NERVE_INLINE ReducedExponent<T> reduce_exponent(vec<T> x) {
    vec<T> shift(rounding_shift<T>);
    vec<T> n = fma(x, vec<T>(T(1.44269504088896340736)), shift) - shift;
    return {n, fma(n, vec<T>(-ln2_low<T>), fma(n, vec<T>(-ln2_high<T>), x))};
}

// exp(r) - 1 = r + r^2 q(r) for |r| <= ln2 / 2; relative to exp(r) the fit is within 2^-28 (2^-60).
template <class T>
NERVE_INLINE vec<T> expm1_reduced(vec<T> r) {
    vec<T> q;
    if constexpr (sizeof(T) == 4) {
        q = polynomial(r, 0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.123a20p-7f, 0x1.6a23d0p-10f);
    } else {
        q = polynomial(r, 0x1.0000000000000p-1, 0x1.555555555555bp-3, 0x1.5555555555503p-5, 0x1.111111110ec3fp-7,
                       0x1.6c16c16c305dbp-10, 0x1.a01a01b38a1d5p-13, 0x1.a01a01364ea35p-16, 0x1.71ddf00274097p-19,
                       0x1.27e5b491e68c7p-22, 0x1.af6c1dce81f43p-26, 0x1.1e3d09166df68p-29);
    }
    return fma(r * r, q, r);
}

template <class T>
NERVE_INLINE vec<T> exp(vec<T> x) {
    // Beyond these the result is infinity, or rounds to zero. Comparing so lets NaN through.
    vec<T> high(sizeof(T) == 4 ? T(89) : T(710)), low(sizeof(T) == 4 ? T(-104) : T(-746));
    x = select(x > high, high, x);
    x = select(x < low, low, x);
    ReducedExponent<T> reduced = reduce_exponent(x);
    return scale(expm1_reduced(reduced.r) + vec<T>(T(1)), reduced.n);
}

}  // namespace nerve::NERVE_ISA::math
