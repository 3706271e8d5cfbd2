// What the functions of math.h share.
#pragma once
#include "cpu/simd.h"

namespace nerve::NERVE_ISA::math {

template <class T>
constexpr T infinity = T(__builtin_inf());
template <class T>
constexpr T not_a_number = T(__builtin_nan(""));

template <class T>
constexpr int mantissa_bits = sizeof(T) == 4 ? 23 : 52;
template <class T>
constexpr int exponent_bias = sizeof(T) == 4 ? 127 : 1023;
template <class T>
constexpr T smallest_normal = sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022);

// Adding and subtracting it rounds |x| < 2^22 (2^51) to an integer, half to even; the sum's low bits hold the integer.
template <class T>
constexpr T rounding_shift = sizeof(T) == 4 ? T(0x1.8p23) : T(0x1.8p52);

// ln 2 in two parts; the first is short enough for its product with an exponent to be exact without fma.
template <class T>
constexpr T ln2_high = sizeof(T) == 4 ? T(0x1.62e4p-1) : T(0x1.62e42fefa2p-1);
template <class T>
constexpr T ln2_low = sizeof(T) == 4 ? T(0x1.7f7d1cp-20) : T(0x1.9ef35793c7673p-41);

// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <class T>
NERVE_INLINE vec<T> polynomial(vec<T>, T c0) {
    return c0;
}
template <class T, class... Rest>
NERVE_INLINE vec<T> polynomial(vec<T> x, T c0, Rest... rest) {
    return fma(x, polynomial(x, T(rest)...), vec<T>(c0));
}

// The lesser and the greater of a limit and x; NaN stays NaN. (The instructions return x where they cannot compare.)
template <class T>
NERVE_INLINE vec<T> at_most(T limit, vec<T> x) {
    const vec<T> a(limit);
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_maskz_min_ps(__mmask16(-1), (__m512)a.v, (__m512)x.v);
    else
        return (typename vec<T>::native)_mm512_maskz_min_pd(__mmask8(-1), (__m512d)a.v, (__m512d)x.v);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm256_min_ps((__m256)a.v, (__m256)x.v);
    else
        return (typename vec<T>::native)_mm256_min_pd((__m256d)a.v, (__m256d)x.v);
#else
    return select(a < x, a, x);
#endif
}
template <class T>
NERVE_INLINE vec<T> at_least(T limit, vec<T> x) {
    const vec<T> a(limit);
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_maskz_max_ps(__mmask16(-1), (__m512)a.v, (__m512)x.v);
    else
        return (typename vec<T>::native)_mm512_maskz_max_pd(__mmask8(-1), (__m512d)a.v, (__m512d)x.v);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm256_max_ps((__m256)a.v, (__m256)x.v);
    else
        return (typename vec<T>::native)_mm256_max_pd((__m256d)a.v, (__m256d)x.v);
#else
    return select(a > x, a, x);
#endif
}
template <class T>
NERVE_INLINE vec<T> clamp(vec<T> x, T low, T high) {
    return at_least(low, at_most(high, x));
}

// y with the sign of s, for y that is not negative or has that sign already.
template <class T>
NERVE_INLINE vec<T> with_sign(vec<T> y, vec<T> s) {
    using I = typename vec<T>::integer;
    constexpr I sign = I(1) << (8 * sizeof(T) - 1);
    return from_bits<T>(to_bits(y) | (to_bits(s) & sign));
}

// Integers of T's width that wrap around, and shift without sign (instruction sets lack the signed shift of 64 bits).
template <class T>
struct unsigned_lanes;
template <>
struct unsigned_lanes<float> {
    typedef uint32_t type __attribute__((vector_size(vector_bytes)));
};
template <>
struct unsigned_lanes<double> {
    typedef uint64_t type __attribute__((vector_size(vector_bytes)));
};
template <class T>
using words = typename unsigned_lanes<T>::type;

template <class T>
NERVE_INLINE words<T> to_words(vec<T> x) {
    return (words<T>)x.v;
}
template <class T>
NERVE_INLINE vec<T> from_words(words<T> x) {
    return (typename vec<T>::native)x;
}

// Integers n >= 0, n < 2^22 (2^51), as floating point, without the conversion that only AVX-512 has for 64 bits.
template <class T>
NERVE_INLINE vec<T> small_to_float(words<T> n) {
    vec<T> shift(rounding_shift<T>);
    return from_words<T>(n + to_words(shift)) - shift;
}

// 2^n for exponents n of normal numbers.
template <class T>
NERVE_INLINE vec<T> power_of_two(words<T> n) {
    return from_words<T>((n + exponent_bias<T>) << mantissa_bits<T>);
}

// p 2^n, rounded once, for integers |n| up to twice the exponent range.
template <class T>
NERVE_INLINE vec<T> scale(vec<T> p, vec<T> n) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_maskz_scalef_ps(__mmask16(-1), (__m512)p.v, (__m512)n.v);
    else
        return (typename vec<T>::native)_mm512_maskz_scalef_pd(__mmask8(-1), (__m512d)p.v, (__m512d)n.v);
#else
    vec<T> shift(rounding_shift<T>);
    words<T> integer = to_words(n + shift) - to_words(shift), half = ((integer + 8192) >> 1) - 4096;
    return p * power_of_two<T>(half) * power_of_two<T>(integer - half);
#endif
}

// The same for normal p and results; n may also be NaN, and then p must be.
template <class T>
NERVE_INLINE vec<T> scale_normal(vec<T> p, vec<T> n) {
#if defined(__AVX512F__)
    return scale(p, n);
#else
    // The shift leaves of the sum's bits only n's.
    words<T> exponent = to_words(n + vec<T>(rounding_shift<T>)) << mantissa_bits<T>;
    return select(p == p, from_words<T>(to_words(p) + exponent), p);
#endif
}

// a b = high + low exactly, unless it overflows; high is the rounded product.
template <class T>
struct Product {
    vec<T> high, low;
};
template <class T>
NERVE_INLINE Product<T> exact_product(vec<T> a, vec<T> b) {
    vec<T> high = a * b;
#if defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
    return {high, fma(a, b, -high)};
#else
    // T. J. Dekker, A floating-point technique for extending the available precision (1971): halves of the mantissas.
    const vec<T> splitter(sizeof(T) == 4 ? T(0x1p12 + 1) : T(0x1p27 + 1));
    vec<T> ca = splitter * a, a1 = ca - (ca - a), a2 = a - a1;
    vec<T> cb = splitter * b, b1 = cb - (cb - b), b2 = b - b1;
    return {high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2};
#endif
}

// The lower and upper half of a register's floats, as doubles.
struct WidePair {
    vec<double> low, high;
};
NERVE_INLINE WidePair widen(vec<float> x) {
    typedef float half __attribute__((vector_size(vector_bytes / 2)));
    half low, high;
    std::memcpy(&low, &x.v, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&x.v) + sizeof low, sizeof high);
    return {__builtin_convertvector(low, vec<double>::native), __builtin_convertvector(high, vec<double>::native)};
}
NERVE_INLINE vec<float> narrow(WidePair x) {
    typedef float half __attribute__((vector_size(vector_bytes / 2)));
    half low = __builtin_convertvector(x.low.v, half), high = __builtin_convertvector(x.high.v, half);
    vec<float> r;
    std::memcpy(&r.v, &low, sizeof low);
    std::memcpy(reinterpret_cast<char*>(&r.v) + sizeof low, &high, sizeof high);
    return r;
}

}  // namespace nerve::NERVE_ISA::math
