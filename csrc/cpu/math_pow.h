// pow.
#pragma once
#include "cpu/math_exp.h"
#include "cpu/math_log.h"
#include "cpu/math_round.h"

namespace nerve::NERVE_ISA::math {

// high + low, with |low| at most about an ulp of high.
struct DoubleDouble {
    vec<double> high, low;
};
// Exact for |a| >= |b| (Dekker).
NERVE_INLINE DoubleDouble fast_sum(vec<double> a, vec<double> b) {
    vec<double> high = a + b;
    return {high, b - (high - a)};
}

// log(x) for normal x = 2^n (1 + f) to about 2^-65: s = f / (2 + f), log(1 + f) = 2s + s t with
// t = s^2 (2/3 + s^2 r(s^2)), everything but r in two doubles.
NERVE_INLINE DoubleDouble log_extended(ReducedLogarithm<double> x) {
    using V = vec<double>;
    const V two(2.0), third_high(0x1.5555555555555p-1), third_low(0x1.5555555555555p-55);
    V d = x.f + two, d_low = x.f - (d - two), inverse = V(1.0) / d;
    V s = x.f * inverse;
    Product<double> back = exact_product(s, d);
    V s_low = (((x.f - back.high) - back.low) - s * d_low) * inverse;
    Product<double> z = exact_product(s, s);
    V z_low = fma(s + s, s_low, z.low);
    V r = polynomial(z.high, 0x1.9999999999b31p-2, 0x1.2492492457b6ap-2, 0x1.c71c722d93af2p-3, 0x1.745ce9d33b894p-3,
                     0x1.3b1eef0e4d9eap-3, 0x1.0f7fa0f7301fcp-3, 0x1.0e45646299735p-3);
    Product<double> first = exact_product(z.high, third_high);
    DoubleDouble t = fast_sum(first.high, z.high * z.high * r);
    t.low += first.low + fma(z.high, third_low, z_low * third_high);
    Product<double> st = exact_product(s, t.high);
    DoubleDouble m = fast_sum(s + s, st.high);
    m.low += (s_low + s_low) + (st.low + fma(s, t.low, s_low * t.high));
    DoubleDouble sum = fast_sum(x.n * V(ln2_high<double>), m.high);
    // ln2_high leaves 2^-41, whose product with n is rounded at 2^-84.
    DoubleDouble rest = fast_sum(x.n * V(ln2_low<double>), m.low);
    DoubleDouble total = fast_sum(sum.high, rest.high);
    return {total.high, total.low + (sum.low + rest.low)};
}

// |x|^y but for the cases that pow sorts out; x >= 0.
NERVE_INLINE vec<double> pow_magnitude(vec<double> x, vec<double> y) {
    using V = vec<double>;
    mask<double> tiny = x < V(smallest_normal<double>);
    ReducedLogarithm<double> reduced = reduce_logarithm(select(tiny, x * V(0x1p53), x));
    reduced.n = reduced.n - select(tiny, V(53.0), V(0.0));
    DoubleDouble l = log_extended(reduced);
    // Beyond 2^64 no y but gives zero, one or infinity, and the product stays finite.
    V bounded = clamp(y, -0x1p64, 0x1p64);
    Product<double> p = exact_product(bounded, l.high);
    V low = fma(bounded, l.low, p.low);
    V exponent = clamp(p.high, -746.0, 710.0);
    ReducedExponent<double> e = reduce_exponent(exponent);
    V r = e.r;
    e.low += select(exponent == p.high, low, V(0.0));
    e.r = r + e.low;
    e.low = (r - e.r) + e.low;
    V result = extended_exp(e, V(1.0));
    // log(0) = -infinity and log(infinity) = infinity: the power is 0 or infinity, by the sign of y.
    V limit = select((x > V(1.0)) ^ (y > V(0.0)), V(0.0), V(infinity<double>));
    return select((x == V(0.0)) | (x == V(infinity<double>)), limit, result);
}

// In double, where the product y log(x) has bits to spare.
NERVE_INLINE vec<float> pow_magnitude(vec<float> x, vec<float> y) {
    WidePair a = widen(x), b = widen(y);
    return narrow({exp(b.low * log(a.low)), exp(b.high * log(a.high))});
}

// As C's pow and NumPy's power: x^0 = 1^y = 1 even for NaN, a negative base has a power only for integers y.
template <class T>
NERVE_INLINE vec<T> pow(vec<T> x, vec<T> y) {
    const vec<T> zero(T(0)), one(T(1)), half(T(0.5));
    vec<T> a = abs(x), result = pow_magnitude(a, y);
    mask<T> integer = round(y) == y, odd = integer & (round(y * half) != y * half);
    mask<T> negative{to_bits(x) < 0};
    result = select((a == one) & (abs(y) == vec<T>(infinity<T>)), one, result);
    result = select(negative & odd, -result, result);
    result = select((x < zero) & ~integer & (a < vec<T>(infinity<T>)), vec<T>(not_a_number<T>), result);
    result = select((x != x) | (y != y), x + y, result);
    return select((x == one) | (y == zero), one, result);
}

}  // namespace nerve::NERVE_ISA::math
