// sin and cos, over the whole range.
#pragma once
#include "cpu/math_common.h"

namespace nerve::NERVE_ISA::math {

// x = n pi/2 + r + tail with |r| <= pi/4 (a little more where fma rounds twice); n modulo 4 is in quadrant's low bits.
template <class T>
struct ReducedAngle {
    words<T> quadrant;
    vec<T> r, tail;
};

// Up to this |x| (about 2^11 and 2^20 quarter turns) pi/2 in four parts is enough, whose first three have short
// mantissas, so that their products with n are exact (Cody and Waite).
template <class T>
constexpr T cody_waite_limit = sizeof(T) == 4 ? T(3200) : T(1.6e6);
template <class T>
constexpr T half_pi[4] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69, 0x1.b839a252049c1p-104};
template <>
constexpr float half_pi<float>[4] = {0x1.921p+0f, 0x1.f6ap-13f, 0x1.11p-26f, 0x1.68c234p-39f};

// 2/pi = 0.a2f9836e4e44..., as a run of bits, after 64 zeros.
constexpr uint64_t two_over_pi[21] = {0,
                                      0xa2f9836e4e441529,
                                      0xfc2757d1f534ddc0,
                                      0xdb6295993c439041,
                                      0xfe5163abdebbc561,
                                      0xb7246e3a424dd2e0,
                                      0x06492eea09d1921c,
                                      0xfe1deb1cb129a73e,
                                      0xe88235f52ebb4484,
                                      0xe99c7026b45f7e41,
                                      0x3991d639835339f4,
                                      0x9c845f8bbdf9283b,
                                      0x1ff897ffde05980f,
                                      0xef2f118b5a0a6d1f,
                                      0x6d367ecf27cb09b7,
                                      0x4f463f669e5fea2d,
                                      0x7527bac7ebe5f17b,
                                      0x3d0739f78a5292ea,
                                      0x6bfb5fb11f8d5d08,
                                      0x56033046fc7b6bab,
                                      0xf0cfbc209af4361d};

// The same for one number of any size, NaN for infinity: M. H. Payne and R. N. Hanek, Radian reduction for
// trigonometric functions (1983). x = m 2^e; of 2/pi only the 192 bits matter that meet m above 2^-130 and below 4.
struct LaneAngle {
    uint64_t quadrant;
    double r;
};
[[gnu::noinline, maybe_unused]] static LaneAngle reduce_huge(double x) {
    uint64_t pattern;
    std::memcpy(&pattern, &x, 8);
    int exponent = int(pattern >> 52 & 0x7ff);
    if (exponent == 0x7ff) return {0, x - x};
    uint64_t m = (pattern & 0xfffffffffffff) | 0x10000000000000;
    int position = exponent - 1075 - 2 + 64, word = position / 64, shift = position % 64;  // |x| > 2^11: position > 0
    uint64_t w[3];
    for (int i = 0; i < 3; ++i)
        w[i] = shift == 0 ? two_over_pi[word + i]
                          : two_over_pi[word + i] << shift | two_over_pi[word + i + 1] >> (64 - shift);
    // product = m w / 2^64 modulo 2^128: two bits of quarter turns, and 126 of a fraction.
    using Wide = unsigned __int128;
    Wide product = (Wide(m * w[0]) << 64) + Wide(m) * w[1] + (Wide(m) * w[2] >> 64);
    uint64_t quadrant = (uint64_t(product >> 64) + (uint64_t(1) << 61)) >> 62;
    product -= Wide(quadrant) << 126;
    bool negative = uint64_t(product >> 64) >> 63;
    if (negative) product = -product;
    // The leading 64 bits of the fraction, times those of pi/2.
    uint64_t high = uint64_t(product >> 64), low = uint64_t(product);
    int zeros = high != 0 ? __builtin_clzll(high) : 64 + __builtin_clzll(low | 1);
    product <<= zeros;
    uint64_t angle = uint64_t(Wide(uint64_t(product >> 64)) * 0xc90fdaa22168c235 >> 64);
    uint64_t scale_pattern = uint64_t(1023 - 61 - zeros) << 52;  // 2^64 / (2^126 2^zeros) / 2^63 2^64
    double scale;
    std::memcpy(&scale, &scale_pattern, 8);
    if (negative != (pattern >> 63 != 0)) scale = -scale;
    if (pattern >> 63 != 0) quadrant = -quadrant;
    return {quadrant, double(angle) * scale};
}

template <class T>
NERVE_INLINE ReducedAngle<T> reduce_angle(vec<T> x) {
    vec<T> shift(rounding_shift<T>), shifted = fma(x, vec<T>(T(0.63661977236758134308)), shift), n = shifted - shift;
    vec<T> r1 = fma(n, vec<T>(-half_pi<T>[0]), x), r2 = fma(n, vec<T>(-half_pi<T>[1]), r1);
    ReducedAngle<T> result;
    result.quadrant = to_words(shifted);
    if constexpr (sizeof(T) == 4) {  // r2 is exact; the tail is below half a unit of r, unless r is tiny and exact
        result.r = fma(n, vec<T>(-half_pi<T>[2]), r2);
        result.tail = n * vec<T>(-half_pi<T>[3]);
    } else {  // r2 is exact where it is small; subtracting 0 leaves -0 as it is
        vec<T> lost = fma(n, vec<T>(-half_pi<T>[1]), r1 - r2);
        result.r = r2 - (fma(n, vec<T>(half_pi<T>[2]), n * vec<T>(half_pi<T>[3])) - lost);
        result.tail = vec<T>(T(0));
    }
    mask<T> huge = ~(abs(x) <= vec<T>(cody_waite_limit<T>));
    if (__builtin_expect(any(huge), 0)) {
        for (int i = 0; i < vec<T>::size; ++i) {
            if (!huge.v[i]) continue;
            LaneAngle lane = reduce_huge(double(x.v[i]));
            result.quadrant[i] = lane.quadrant;
            result.r.v[i] = T(lane.r);
            result.tail.v[i] = T(0);
        }
    }
    return result;
}

// sin(r + tail) = r + (r^3 s(r^2) + tail) for |r| <= pi/4, where the tail counts only beside a small r, and
// cos(r) = 1 + r^2 c(r^2), where c begins with -1/2.
template <class T>
NERVE_INLINE vec<T> sin_reduced(vec<T> r, vec<T> tail) {
    vec<T> z = r * r, s;
    if constexpr (sizeof(T) == 4) {
        s = polynomial(z, -0x1.555546p-3f, 0x1.11075ep-7f, -0x1.994daap-13f);
    } else {
        s = polynomial(z, -0x1.5555555555549p-3, 0x1.111111110f86ep-7, -0x1.a01a019c0ff2cp-13, 0x1.71de3576387c5p-19,
                       -0x1.ae5e6503fe5bap-26, 0x1.5d92a3dc86159p-33);
    }
    return r + fma(z * r, s, tail);
}
template <class T>
NERVE_INLINE vec<T> cos_reduced(vec<T> r) {
    vec<T> z = r * r, c;
    if constexpr (sizeof(T) == 4) {
        c = polynomial(z, -0x1p-1f, 0x1.55554ap-5f, -0x1.6c0c30p-10f, 0x1.99eaa6p-16f);
    } else {
        c = polynomial(z, -0x1p-1, 0x1.555555555554bp-5, -0x1.6c16c16c14f7bp-10, 0x1.a01a019c8213dp-16,
                       -0x1.27e4f7e91d147p-22, 0x1.1ee9d68dd7264p-29, -0x1.8fa3fdb774990p-37);
    }
    return fma(z, c, vec<T>(T(1)));
}

// sin(x + quarters pi/2)
template <class T>
NERVE_INLINE vec<T> sin_shifted(vec<T> x, int quarters) {
    ReducedAngle<T> angle = reduce_angle(x);
    words<T> quadrant = angle.quadrant + quarters;
    vec<T> s = with_sign(sin_reduced(angle.r, angle.tail), angle.r);  // zero keeps its sign
    vec<T> y = select(mask<T>{(quadrant & 1) == 0}, s, cos_reduced(angle.r));
    return from_words<T>(to_words(y) ^ (quadrant & 2) << (8 * sizeof(T) - 2));
}

template <class T>
NERVE_INLINE vec<T> sin(vec<T> x) {
    return sin_shifted(x, 0);
}
template <class T>
NERVE_INLINE vec<T> cos(vec<T> x) {
    return sin_shifted(x, 1);
}

}  // namespace nerve::NERVE_ISA::math
