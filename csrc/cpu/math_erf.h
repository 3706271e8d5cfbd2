// erf and erfc.
#pragma once
#include "cpu/math_exp.h"

namespace nerve::NERVE_ISA::math {

// erf(x) = x + x p(x^2) for |x| < 1.
template <class T>
NERVE_INLINE vec<T> erf_small(vec<T> x) {
    vec<T> z = x * x, p;
    if constexpr (sizeof(T) == 4) {
        p = polynomial(z, 0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2cf8p-4f, -0x1.b7f90ep-6f, 0x1.5405b2p-8f,
                       -0x1.a3f700p-11f, 0x1.496a32p-14f);
    } else {
        p = polynomial(z, 0x1.06eba8214db68p-3, -0x1.812746b0379bdp-2, 0x1.ce2f21a040d16p-4, -0x1.b82ce311fa93ep-6,
                       0x1.565bccf92b2f9p-8, -0x1.c02db03dd71d3p-11, 0x1.f9a2baa8fedefp-14, -0x1.f4ca4d6f3e7d3p-17,
                       0x1.b97fd3d9970a2p-20, -0x1.5c0726f070dbep-23, 0x1.d71b0f1c2fb70p-27, -0x1.abae49200da41p-31);
    }
    return fma(x, p, x);
}

// erfc(x) = exp(-x^2) q(t), t = (x - k) / (x + k), for 1 <= x; beyond 10.2 (27.3) it rounds to zero.
template <class T>
NERVE_INLINE vec<T> erfc_large(vec<T> x) {
    x = clamp(x, T(1), sizeof(T) == 4 ? T(10.2) : T(27.3));
    vec<T> q;
    if constexpr (sizeof(T) == 4) {
        vec<T> t = (x - vec<T>(2.5f)) / (x + vec<T>(2.5f));
        q = polynomial(t, 0x1.afbb40p-3f, -0x1.7ca88ep-2f, 0x1.01c11ap-2f, -0x1.00114ep-3f, 0x1.470b7ap-5f,
                       -0x1.05c73cp-8f, -0x1.5a2064p-9f, 0x1.cd8d12p-11f, 0x1.c41796p-13f, -0x1.19af80p-13f);
    } else {
        vec<T> t = (x - vec<T>(3.0)) / (x + vec<T>(3.0));
        q = polynomial(t, 0x1.6e9827d229d2dp-3, -0x1.4e102b9cf8514p-2, 0x1.f6ff204105975p-3, -0x1.336ffbef08ac8p-3,
                       0x1.258b13b0178a6p-4, -0x1.8fa58eb5e632cp-6, 0x1.17c838eefb653p-8, 0x1.73101e9b60377p-11,
                       -0x1.39084cb900845p-11, 0x1.7ba0ec8355cbbp-15, 0x1.0cac5d4ad3defp-14, -0x1.af8512e37ffe3p-17,
                       -0x1.0bbd54ace6b2bp-17, 0x1.1c872f7c3a75cp-19, 0x1.5175324df4fb0p-20, -0x1.3f155bc6ac5fep-22,
                       -0x1.05c10c241b121p-22, 0x1.6415d2562cc18p-25, 0x1.b3d066508f318p-25, -0x1.05c0367303547p-26,
                       -0x1.0ce6318928e26p-31);
    }
    Product<T> square = exact_product(x, x);
    return exp(-square.high) * fma(-square.low, q, q);
}

// In float 1 - exp(l(x)) beyond 0.85, where l fits log(erfc(x)) up to where the result rounds to 1.
NERVE_INLINE vec<float> erf(vec<float> x) {
    using V = vec<float>;
    V a = abs(x), z = a * a, b = at_most(3.95f, a);
    V p = polynomial(z, 0x1.06eba8p-3f, -0x1.812726p-2f, 0x1.ce256ap-4f, -0x1.b735eap-6f, 0x1.4b7630p-8f,
                     -0x1.4cd860p-11f);
    V l = polynomial(b, -0x1.b65eeap-14f, -0x1.20c89cp+0f, -0x1.45e5ccp-1f, -0x1.ac2378p-4f, 0x1.70f3dep-6f,
                     -0x1.98a9d0p-9f, 0x1.ab2394p-13f);
    return with_sign(select(a < V(0.85f), fma(a, p, a), V(1.0f) - exp_beside_one(l)), x);
}
NERVE_INLINE vec<double> erf(vec<double> x) {
    const vec<double> one(1.0);
    vec<double> a = abs(x);
    return with_sign(select(a < one, erf_small(a), one - erfc_large(a)), x);
}

template <class T>
NERVE_INLINE vec<T> erfc(vec<T> x) {
    const vec<T> one(T(1)), two(T(2)), zero(T(0));
    vec<T> a = abs(x), large = erfc_large(a);
    return select(a < one, one - erf_small(x), select(x < zero, two - large, large));
}

}  // namespace nerve::NERVE_ISA::math
