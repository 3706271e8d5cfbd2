// Lanes by number: permutations known only at run time, and small integers in memory as lanes of T's width.
#pragma once
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

// Lane i of the result is lane from[i] of x.
template <class T>
NERVE_INLINE vec<T> permute(vec<T> x, bits<T> from) {
    using V [[maybe_unused]] = typename vec<T>::native;
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (V)_mm512_maskz_permutexvar_ps(__mmask16(-1), (__m512i)from, (__m512)x.v);
    else
        return (V)_mm512_maskz_permutexvar_pd(__mmask8(-1), (__m512i)from, (__m512d)x.v);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 8) from = (from * 2) | ((from * 2 + 1) << 32);  // as pairs of words
    return (V)_mm256_permutevar8x32_ps((__m256)x.v, (__m256i)from);
#else
    vec<T> result = x;
    for (int i = 0; i < vec<T>::size; ++i) result.v[i] = x.v[from[i]];
    return result;
#endif
}
template <class T>
NERVE_INLINE bits<T> permute(bits<T> x, bits<T> from) {
    return to_bits(permute(from_bits<T>(x), from));
}

// vec<T>::size integers from p on, as lanes.
template <class T>
NERVE_INLINE bits<T> load_integers(const uint8_t* p) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (bits<T>)_mm512_maskz_cvtepu8_epi32(__mmask16(-1), _mm_loadu_si128((const __m128i*)p));
    else
        return (bits<T>)_mm512_maskz_cvtepu8_epi64(__mmask8(-1), _mm_loadl_epi64((const __m128i*)p));
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4) return (bits<T>)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p));
    int32_t four;
    std::memcpy(&four, p, sizeof four);
    return (bits<T>)_mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four));
#else
    bits<T> x;
    for (int i = 0; i < vec<T>::size; ++i) x[i] = p[i];
    return x;
#endif
}
template <class T>
NERVE_INLINE void store_integers(uint8_t* p, bits<T> x) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        _mm_storeu_si128((__m128i*)p, _mm512_maskz_cvtepi32_epi8(__mmask16(-1), (__m512i)x));
    else
        _mm_storel_epi64((__m128i*)p, _mm512_maskz_cvtepi64_epi8(__mmask8(-1), (__m512i)x));
#elif defined(__AVX2__)
    // The lowest byte of each lane to the front of its half, then the halves together.
    const __m256i order = sizeof(T) == 4 ? _mm256_set1_epi32(0x0c080400) : _mm256_set1_epi32(0x80800800);
    const __m256i packed = _mm256_shuffle_epi8((__m256i)x, order);
    const __m128i low = _mm256_castsi256_si128(packed), high = _mm256_extracti128_si256(packed, 1);
    if constexpr (sizeof(T) == 4) return _mm_storel_epi64((__m128i*)p, _mm_unpacklo_epi32(low, high));
    const int32_t four = _mm_cvtsi128_si32(_mm_unpacklo_epi16(low, high));
    std::memcpy(p, &four, sizeof four);
#else
    for (int i = 0; i < vec<T>::size; ++i) p[i] = uint8_t(x[i]);
#endif
}
template <class T>
NERVE_INLINE void store_integers(int32_t* p, bits<T> x) {
    for (int i = 0; i < vec<T>::size; ++i) p[i] = int32_t(x[i]);
}
template <class T>
NERVE_INLINE bits<T> load_integers(const int32_t* p) {
    typedef int32_t Narrow __attribute__((vector_size(vec<T>::size * sizeof(int32_t))));
    Narrow x;
    std::memcpy(&x, p, sizeof x);
    return __builtin_convertvector(x, bits<T>);
}
template <class T>
NERVE_INLINE bits<T> load_integers(const int64_t* p) {
    bits<T> x;
    for (int i = 0; i < vec<T>::size; ++i) x[i] = typename vec<T>::integer(p[i]);
    return x;
}
template <class T>
NERVE_INLINE void store_integers(int64_t* p, bits<T> x) {
    for (int i = 0; i < vec<T>::size; ++i) p[i] = x[i];
}

// The first n of them only; the other lanes read as zero.
template <class T, class Integer>
NERVE_INLINE bits<T> load_integers(const Integer* p, int64_t n) {
    if (n >= vec<T>::size) return load_integers<T>(p);
    Integer first[vec<T>::size] = {};
    for (int64_t i = 0; i < n; ++i) first[i] = p[i];
    return load_integers<T>(first);
}
template <class T, class Integer>
NERVE_INLINE void store_integers(Integer* p, bits<T> x, int64_t n) {
    if (n >= vec<T>::size) return store_integers<T>(p, x);
    Integer all[vec<T>::size];
    store_integers<T>(all, x);
    for (int64_t i = 0; i < n; ++i) p[i] = all[i];
}

}  // namespace nerve::NERVE_ISA
