// Floats as sums of 16-bit pieces, laid out as tiles (amx.h), so that products of the pieces add up to the product of
// the floats as exactly as float32 arithmetic gives it:
//
//   fp16x3  two pieces of 11 bits, three products (after Ootomo and Yokota, arXiv 2203.03341); what is left out is at
//           most 12 units in the last place of a product, in sums of many less than one
//   bf16x6  three pieces of 8 bits, which is all 24 of them, six products (Henry, Tang and Heinecke, arXiv 1904.06376);
//           what is left out is at most 2 units in the last place
//   bf16    one piece
//
// Each row of A and column of B is scaled by a power of two within a block of `inner`, its largest element to [2^14,
// 2^15), so that the pieces stay in the range of their format; the result is scaled back. What a split cannot hold is
// found on the way, and the product is made otherwise.
#pragma once
#include "cpu/amx.h"
#include "cpu/gemm.h"

namespace nerve::NERVE_ISA::amx {

using runtime::Split;

template <Split split>
constexpr int piece_count = split == Split::fp16x3   ? 2
                            : split == Split::bf16x6 ? 3
                                                     : 1;
template <Split split>
constexpr int product_count = split == Split::fp16x3   ? 3
                              : split == Split::bf16x6 ? 6
                                                       : 1;

constexpr int64_t side = 32;    // rows of A, columns of B in a panel: two tiles
constexpr int64_t depth = 32;   // positions of `inner` in a tile
constexpr int64_t block = 256;  // positions with a scale of their own, whose products are summed in the tiles
template <Split split>
constexpr int64_t step_halfwords = piece_count<split> * 2 * tile_halfwords;  // of a panel: [piece][tile]
template <Split split>
constexpr int64_t panel_halfwords = block / depth * step_halfwords<split>;

// Whether a panel can be split, and what to do about the product if not. Later ones win.
enum Verdict { good, wide, impossible };
NERVE_INLINE void worsen(Verdict& verdict, Verdict other) {
    if (other > verdict) verdict = other;
}

// x to the nearest of 8 significant bits (Veltkamp's splitting); x less that has 15.
NERVE_INLINE vec<float> to_bf16(vec<float> x) {
    const vec<float> product = x * vec<float>(65537.0f);
    return product - (product - x);
}

// Pieces of x, one after the other; bf16 ones as floats whose low halves are zero.
template <Split split>
NERVE_INLINE void cut(vec<float> x, __m256i (&piece)[2]) {
    constexpr int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    piece[0] = _mm512_cvtps_ph((__m512)x.v, nearest);
    piece[1] = _mm512_cvtps_ph(_mm512_sub_ps((__m512)x.v, _mm512_cvtph_ps(piece[0])), nearest);
}
template <Split split>
NERVE_INLINE void cut(vec<float> x, __m512i (&piece)[piece_count<split>]) {
    vec<float> high = to_bf16(x);
    piece[0] = (__m512i)high.v;
    if constexpr (split == Split::bf16x6) {
        x = x - high;
        high = to_bf16(x);
        piece[1] = (__m512i)high.v;
        piece[2] = (__m512i)(x - high).v;  // 8 bits are left
    }
}

// A row of a tile of A for each piece: positions [0, 16) and [16, 32).
template <Split split>
NERVE_INLINE void store_along(uint16_t* to, vec<float> low, vec<float> high) {
    if constexpr (split == Split::fp16x3) {
        __m256i a[2], b[2];
        cut<split>(low, a), cut<split>(high, b);
        for (int i = 0; i < 2; ++i) {
            _mm256_storeu_si256((__m256i*)(to + 2 * i * tile_halfwords), a[i]);
            _mm256_storeu_si256((__m256i*)(to + 2 * i * tile_halfwords + 16), b[i]);
        }
    } else {
        __m512i a[piece_count<split>], b[piece_count<split>];
        cut<split>(low, a), cut<split>(high, b);
        alignas(64) static constexpr uint16_t upper[32] = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21,
                                                           23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43,
                                                           45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
        for (int i = 0; i < piece_count<split>; ++i)
            _mm512_storeu_si512(to + 2 * i * tile_halfwords,
                                _mm512_permutex2var_epi16(a[i], _mm512_load_si512(upper), b[i]));
    }
}

// A row of a tile of B for each piece: two positions of `inner` side by side in each of 16 columns.
template <Split split>
NERVE_INLINE void store_across(uint16_t* to, vec<float> even, vec<float> odd) {
    if constexpr (split == Split::fp16x3) {
        __m256i a[2], b[2];
        cut<split>(even, a), cut<split>(odd, b);
        for (int i = 0; i < 2; ++i)
            _mm512_storeu_si512(
                to + 2 * i * tile_halfwords,
                _mm512_or_si512(_mm512_cvtepu16_epi32(a[i]), _mm512_slli_epi32(_mm512_cvtepu16_epi32(b[i]), 16)));
    } else {
        __m512i a[piece_count<split>], b[piece_count<split>];
        cut<split>(even, a), cut<split>(odd, b);
        for (int i = 0; i < piece_count<split>; ++i)
            _mm512_storeu_si512(
                to + 2 * i * tile_halfwords,
                _mm512_or_si512(_mm512_srli_epi32(a[i], 16), _mm512_and_si512(b[i], _mm512_set1_epi32(-65536))));
    }
}

// The exponents by which lanes whose largest magnitude is `most` are scaled; false if one of them is Inf or NaN. (The
// bits of magnitudes compare like integers, with NaN above all.) Beyond 127 the factor is no float; such tiny lanes
// keep what they have.
NERVE_INLINE bool find_exponents(__m512i most, __m512& exponents) {
    if (_mm512_cmpge_epi32_mask(most, _mm512_set1_epi32(0x7f800000)) != 0) return false;
    const __mmask16 zero = _mm512_testn_epi32_mask(most, most);
    exponents = _mm512_sub_ps(_mm512_set1_ps(14), _mm512_getexp_ps(_mm512_castsi512_ps(most)));
    exponents = _mm512_maskz_min_ps(_knot_mask16(zero), exponents, _mm512_set1_ps(127));
    return true;
}
NERVE_INLINE vec<float> power_of_two(__m512 exponents) {
    return (vec<float>::native)_mm512_scalef_ps(_mm512_set1_ps(1), exponents);
}

// Counts, lane by lane, of what is too small beside the largest element of its row or column.
//
// bf16x6: below 2^-68 of it, products of pieces may be denormals, which AMX takes for zero. None is allowed. fp16x3:
// below 2^-15 of it, the second piece is a denormal and loses bits. That is no loss as long as others dominate the
// sums, so a quarter of the nonzero elements may be below 2^-10. The quarters of a row and of a column leave half the
// products with both factors above that: the error stays below 2^5 units in the last place even then, while normal and
// uniform numbers pass easily and have errors of about one unit.
template <Split split>
struct Census {
    __m512i nonzero = _mm512_setzero_si512(), small = _mm512_setzero_si512();

    NERVE_INLINE void count(vec<float> original, vec<float> scaled) {
        if constexpr (split == Split::bf16) return;
        const __m512i one = _mm512_set1_epi32(1);
        const __m512 limit = _mm512_set1_ps(split == Split::fp16x3 ? 0x1p4f : 0x1p-54f);
        const __mmask16 present = _mm512_cmp_ps_mask((__m512)original.v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
        const __mmask16 below = _mm512_mask_cmp_ps_mask(present, _mm512_abs_ps((__m512)scaled.v), limit, _CMP_LT_OQ);
        nonzero = _mm512_mask_add_epi32(nonzero, present, nonzero, one);
        small = _mm512_mask_add_epi32(small, below, small, one);
    }
    NERVE_INLINE Verdict of_lanes() const {
        if constexpr (split == Split::bf16) return good;
        if constexpr (split == Split::bf16x6) return _mm512_test_epi32_mask(small, small) ? impossible : good;
        return _mm512_cmpgt_epi32_mask(_mm512_slli_epi32(small, 2), nonzero) ? wide : good;
    }
    NERVE_INLINE Verdict of_all() const {
        if constexpr (split == Split::bf16) return good;
        const int total = _mm512_reduce_add_epi32(small);
        if constexpr (split == Split::bf16x6) return total > 0 ? impossible : good;
        return 4 * total > _mm512_reduce_add_epi32(nonzero) ? wide : good;
    }
};

NERVE_INLINE __m512i larger_magnitude(__m512i most, vec<float> x) {
    return _mm512_max_epi32(most, _mm512_and_si512((__m512i)x.v, _mm512_set1_epi32(0x7fffffff)));
}

// A panel of A from `rows` of them in memory, `stride` apart, each of `count` positions. exponents[r] is what the
// products of row r are to be scaled back by; rows beyond are zero.
template <Split split>
NERVE_NOINLINE Verdict split_rows(uint16_t* panel, float* exponents, const float* x, int64_t stride, int64_t rows,
                                  int64_t count) {
    Verdict verdict = good;
    const int64_t steps = (count + depth - 1) / depth;
    for (int64_t r = 0; r < side; ++r) {
        uint16_t* to = panel + r / 16 * tile_halfwords + r % 16 * depth;
        const float* from = x + r * stride;
        exponents[r] = 0;
        if (r >= rows) {
            for (int64_t s = 0; s < steps; ++s, to += step_halfwords<split>)
                for (int i = 0; i < piece_count<split>; ++i) std::memset(to + 2 * i * tile_halfwords, 0, 64);
            continue;
        }
        auto part = [&](int64_t k) NERVE_LAMBDA_INLINE {  // zeros beyond the end
            return k + 16 <= count ? load(from + k) : load_partial(from + k, k < count ? count - k : 0);
        };
        __m512i most = _mm512_setzero_si512();
        for (int64_t k = 0; k < count; k += 16) most = larger_magnitude(most, part(k));
        __m512 exponent;
        if (!find_exponents(_mm512_set1_epi32(_mm512_reduce_max_epi32(most)), exponent)) return impossible;
        exponents[r] = -_mm512_cvtss_f32(exponent);
        const vec<float> scale = power_of_two(exponent);
        Census<split> census;
        for (int64_t k = 0; k < steps * depth; k += depth, to += step_halfwords<split>) {
            const vec<float> low = part(k), high = part(k + 16);
            const vec<float> low_scaled = low * scale, high_scaled = high * scale;
            census.count(low, low_scaled), census.count(high, high_scaled);
            store_along<split>(to, low_scaled, high_scaled);
        }
        worsen(verdict, census.of_all());
    }
    return verdict;
}

// A panel of B from `count` rows of 32 columns, followed by rows of zeros up to a multiple of `depth`.
template <Split split>
NERVE_NOINLINE Verdict split_columns(uint16_t* panel, float* exponents, const float* x, int64_t count) {
    Verdict verdict = good;
    const int64_t padded = (count + depth - 1) / depth * depth;
    for (int half = 0; half < 2; ++half) {
        const float* from = x + 16 * half;
        __m512i most = _mm512_setzero_si512();
        for (int64_t k = 0; k < count; ++k) most = larger_magnitude(most, load(from + k * side));
        __m512 exponent;
        if (!find_exponents(most, exponent)) return impossible;
        _mm512_storeu_ps(exponents + 16 * half, _mm512_sub_ps(_mm512_setzero_ps(), exponent));
        const vec<float> scale = power_of_two(exponent);
        Census<split> census;
        for (int64_t k = 0; k < padded; k += 2) {
            const vec<float> even = load(from + k * side), odd = load(from + (k + 1) * side);
            const vec<float> even_scaled = even * scale, odd_scaled = odd * scale;
            census.count(even, even_scaled), census.count(odd, odd_scaled);
            uint16_t* to = panel + k / depth * step_halfwords<split> + half * tile_halfwords + k % depth * 16;
            store_across<split>(to, even_scaled, odd_scaled);
        }
        worsen(verdict, census.of_lanes());
    }
    return verdict;
}

}  // namespace nerve::NERVE_ISA::amx
