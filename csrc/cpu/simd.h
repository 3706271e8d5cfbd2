// vec<T>: one register of T, a thin layer over the compiler's vector types; mask<T> the result of comparing two.
// Lane-wise and deterministic: the same bits on AVX2, AVX-512 and NEON. x86-64-v2 has no fma instruction: there fma
// rounds twice.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define NERVE_INLINE __attribute__((always_inline)) inline
#define NERVE_LAMBDA_INLINE __attribute__((always_inline))
#define NERVE_NOINLINE __attribute__((noinline))

namespace nerve::NERVE_ISA {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

// The compiler's vector types (spelled out: GCC drops the attribute on a dependent type).
template <class T>
struct registers;
template <>
struct registers<float> {
    typedef float floating __attribute__((vector_size(vector_bytes)));
    typedef int32_t integers __attribute__((vector_size(vector_bytes)));
};
template <>
struct registers<double> {
    typedef double floating __attribute__((vector_size(vector_bytes)));
    typedef int64_t integers __attribute__((vector_size(vector_bytes)));
};

template <class T>
struct mask;

template <class T>
struct vec {
    using element = T;
    using integer = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
    using native = typename registers<T>::floating;
    static constexpr int size = vector_bytes / int(sizeof(T));

    native v;

    vec() = default;
    NERVE_INLINE vec(native value) : v(value) {}
    NERVE_INLINE vec(T value) : v(value - native{}) {}  // every lane; x - 0 keeps the sign of zero

    NERVE_INLINE friend vec operator+(vec a, vec b) { return a.v + b.v; }
    NERVE_INLINE friend vec operator-(vec a, vec b) { return a.v - b.v; }
    NERVE_INLINE friend vec operator*(vec a, vec b) { return a.v * b.v; }
    NERVE_INLINE friend vec operator/(vec a, vec b) { return a.v / b.v; }
    NERVE_INLINE friend vec operator-(vec a) { return -a.v; }
    NERVE_INLINE vec& operator+=(vec b) { return v += b.v, *this; }
    NERVE_INLINE vec& operator-=(vec b) { return v -= b.v, *this; }
    NERVE_INLINE vec& operator*=(vec b) { return v *= b.v, *this; }

    NERVE_INLINE friend mask<T> operator<(vec a, vec b) { return {a.v < b.v}; }
    NERVE_INLINE friend mask<T> operator<=(vec a, vec b) { return {a.v <= b.v}; }
    NERVE_INLINE friend mask<T> operator>(vec a, vec b) { return {a.v > b.v}; }
    NERVE_INLINE friend mask<T> operator>=(vec a, vec b) { return {a.v >= b.v}; }
    NERVE_INLINE friend mask<T> operator==(vec a, vec b) { return {a.v == b.v}; }
    NERVE_INLINE friend mask<T> operator!=(vec a, vec b) { return {a.v != b.v}; }
};

// All bits set where true. Also serves as a vector of integers of T's width (bits, shifts).
template <class T>
struct mask {
    using native = typename registers<T>::integers;
    native v;
    NERVE_INLINE friend mask operator&(mask a, mask b) { return {a.v & b.v}; }
    NERVE_INLINE friend mask operator|(mask a, mask b) { return {a.v | b.v}; }
    NERVE_INLINE friend mask operator^(mask a, mask b) { return {a.v ^ b.v}; }
    NERVE_INLINE friend mask operator~(mask a) { return {~a.v}; }
};

template <class T>
using bits = typename mask<T>::native;  // the integers behind the lanes

template <class T>
NERVE_INLINE bits<T> to_bits(vec<T> x) {
    return (bits<T>)x.v;
}
template <class T>
NERVE_INLINE vec<T> from_bits(bits<T> x) {
    return (typename vec<T>::native)x;
}
// Integer lanes to floating point and back (truncating); exact for |x| < 2^31 (float) and 2^51 (double).
template <class T>
NERVE_INLINE vec<T> to_float(bits<T> x) {
    return __builtin_convertvector(x, typename vec<T>::native);
}
template <class T>
NERVE_INLINE bits<T> to_int(vec<T> x) {
    return __builtin_convertvector(x.v, bits<T>);
}

template <class T>
NERVE_INLINE vec<T> select(mask<T> condition, vec<T> a, vec<T> b) {
    return condition.v ? a.v : b.v;
}

template <class T>
NERVE_INLINE vec<T> load(const T* p) {
    vec<T> r;
    std::memcpy(&r.v, p, vector_bytes);
    return r;
}
template <class T>
NERVE_INLINE void store(T* p, vec<T> x) {
    std::memcpy(p, &x.v, vector_bytes);
}

// `load` for loops that wait for memory: 64 bytes in two halves. What comes from beyond the L2 cache comes faster so
// (on Zen 5 by a twentieth, and by an eighth where registers lie across cache lines); what is in L1, slower by a third.
template <class T>
NERVE_INLINE vec<T> load_streamed(const T* p) {
#if defined(__AVX512F__)
    const auto* halves = reinterpret_cast<const __m256i*>(p);
    const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256(halves));
    const __m256i high = _mm256_loadu_si256(halves + 1);
    return (typename vec<T>::native)_mm512_maskz_inserti64x4(__mmask8(-1), low, high, 1);
#else
    return load(p);
#endif
}

// Keeps GCC from loading x anew for each use.
template <class T>
NERVE_INLINE void in_register([[maybe_unused]] vec<T>& x) {
#if defined(__x86_64__)
    asm("" : "+v"(x.v));
#endif
}

#if defined(__AVX2__) && !defined(__AVX512F__)
template <class T>
NERVE_INLINE __m256i first_lanes(int64_t n) {
    if constexpr (sizeof(T) == 4)
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    else
        return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
#endif

// The first n lanes, 0 <= n <= size; the others read as zero, and are not written.
template <class T>
NERVE_INLINE vec<T> load_partial(const T* p, int64_t n) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
    else
        return (typename vec<T>::native)_mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm256_maskload_ps(p, first_lanes<T>(n));
    else
        return (typename vec<T>::native)_mm256_maskload_pd(p, first_lanes<T>(n));
#else
    vec<T> r(T(0));
    for (int64_t i = 0; i < n; ++i) r.v[i] = p[i];
    return r;
#endif
}
template <class T>
NERVE_INLINE void store_partial(T* p, vec<T> x, int64_t n) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)x.v);
    else
        _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), (__m512d)x.v);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        _mm256_maskstore_ps(p, first_lanes<T>(n), (__m256)x.v);
    else
        _mm256_maskstore_pd(p, first_lanes<T>(n), (__m256d)x.v);
#else
    for (int64_t i = 0; i < n; ++i) p[i] = x.v[i];
#endif
}

// The first n lanes; the others are `other`.
template <class T>
NERVE_INLINE vec<T> load_partial_or(const T* p, int64_t n, T other) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_mask_loadu_ps((__m512)vec<T>(other).v, __mmask16((1u << n) - 1), p);
    else
        return (typename vec<T>::native)_mm512_mask_loadu_pd((__m512d)vec<T>(other).v, __mmask8((1u << n) - 1), p);
#elif defined(__AVX2__)
    const mask<T> some{(typename mask<T>::native)first_lanes<T>(n)};
    return select(some, load_partial(p, n), vec<T>(other));
#else
    vec<T> r(other);
    for (int64_t i = 0; i < n; ++i) r.v[i] = p[i];
    return r;
#endif
}

// a * b + c
template <class T>
NERVE_INLINE vec<T> fma(vec<T> a, vec<T> b, vec<T> c) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_fmadd_ps((__m512)a.v, (__m512)b.v, (__m512)c.v);
    else
        return (typename vec<T>::native)_mm512_fmadd_pd((__m512d)a.v, (__m512d)b.v, (__m512d)c.v);
#elif defined(__FMA__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm256_fmadd_ps((__m256)a.v, (__m256)b.v, (__m256)c.v);
    else
        return (typename vec<T>::native)_mm256_fmadd_pd((__m256d)a.v, (__m256d)b.v, (__m256d)c.v);
#elif defined(__aarch64__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)vfmaq_f32((float32x4_t)c.v, (float32x4_t)a.v, (float32x4_t)b.v);
    else
        return (typename vec<T>::native)vfmaq_f64((float64x2_t)c.v, (float64x2_t)a.v, (float64x2_t)b.v);
#else
    return a * b + c;
#endif
}

template <class T>
NERVE_INLINE vec<T> sqrt(vec<T> x) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_maskz_sqrt_ps(__mmask16(-1), (__m512)x.v);
    else
        return (typename vec<T>::native)_mm512_maskz_sqrt_pd(__mmask8(-1), (__m512d)x.v);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm256_sqrt_ps((__m256)x.v);
    else
        return (typename vec<T>::native)_mm256_sqrt_pd((__m256d)x.v);
#elif defined(__aarch64__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)vsqrtq_f32((float32x4_t)x.v);
    else
        return (typename vec<T>::native)vsqrtq_f64((float64x2_t)x.v);
#else
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm_sqrt_ps((__m128)x.v);
    else
        return (typename vec<T>::native)_mm_sqrt_pd((__m128d)x.v);
#endif
}

template <class T>
NERVE_INLINE vec<T> abs(vec<T> x) {
    using I = typename vec<T>::integer;
    constexpr I sign = I(1) << (8 * sizeof(T) - 1);
    return from_bits<T>(to_bits(x) & ~sign);
}
// The magnitude of x with the sign of s.
template <class T>
NERVE_INLINE vec<T> copysign(vec<T> x, vec<T> s) {
    using I = typename vec<T>::integer;
    constexpr I sign = I(1) << (8 * sizeof(T) - 1);
    return from_bits<T>((to_bits(x) & ~sign) | (to_bits(s) & sign));
}

// NaN in either operand gives NaN, as in NumPy; of equal ones the second. The instruction gives b where either operand
// is NaN, so that only a's are left to see to.
template <class T>
NERVE_INLINE vec<T> max(vec<T> a, vec<T> b) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_mask_max_ps(
            (__m512)a.v, _mm512_cmp_ps_mask((__m512)a.v, (__m512)a.v, _CMP_ORD_Q), (__m512)a.v, (__m512)b.v);
    else
        return (typename vec<T>::native)_mm512_mask_max_pd(
            (__m512d)a.v, _mm512_cmp_pd_mask((__m512d)a.v, (__m512d)a.v, _CMP_ORD_Q), (__m512d)a.v, (__m512d)b.v);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return select(a != a, a, vec<T>((typename vec<T>::native)_mm256_max_ps((__m256)a.v, (__m256)b.v)));
    else
        return select(a != a, a, vec<T>((typename vec<T>::native)_mm256_max_pd((__m256d)a.v, (__m256d)b.v)));
#else
    return select((a > b) | (a != a), a, b);
#endif
}
template <class T>
NERVE_INLINE vec<T> min(vec<T> a, vec<T> b) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_mask_min_ps(
            (__m512)a.v, _mm512_cmp_ps_mask((__m512)a.v, (__m512)a.v, _CMP_ORD_Q), (__m512)a.v, (__m512)b.v);
    else
        return (typename vec<T>::native)_mm512_mask_min_pd(
            (__m512d)a.v, _mm512_cmp_pd_mask((__m512d)a.v, (__m512d)a.v, _CMP_ORD_Q), (__m512d)a.v, (__m512d)b.v);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return select(a != a, a, vec<T>((typename vec<T>::native)_mm256_min_ps((__m256)a.v, (__m256)b.v)));
    else
        return select(a != a, a, vec<T>((typename vec<T>::native)_mm256_min_pd((__m256d)a.v, (__m256d)b.v)));
#else
    return select((a < b) | (a != a), a, b);
#endif
}

template <class T>
NERVE_INLINE bool any(mask<T> m) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)m.v, (__m512i)m.v) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_epi8((__m256i)m.v) != 0;
#elif defined(__aarch64__)
    return vmaxvq_u32((uint32x4_t)m.v) != 0;
#else
    return _mm_movemask_epi8((__m128i)m.v) != 0;
#endif
}

// The first true lane; vec::size if there is none.
template <class T>
NERVE_INLINE int first(mask<T> m) {
#if defined(__AVX512DQ__)
    if constexpr (sizeof(T) == 4)
        return __builtin_ctz(_mm512_movepi32_mask((__m512i)m.v) | 1u << 16);
    else
        return __builtin_ctz(_mm512_movepi64_mask((__m512i)m.v) | 1u << 8);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return __builtin_ctz(_mm256_movemask_ps((__m256)m.v) | 1 << 8);
    else
        return __builtin_ctz(_mm256_movemask_pd((__m256d)m.v) | 1 << 4);
#else
    int i = 0;
    while (i < vec<T>::size && !m.v[i]) ++i;
    return i;
#endif
}

}  // namespace nerve::NERVE_ISA
