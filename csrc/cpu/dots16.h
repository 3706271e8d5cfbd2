// Products of float32 rows rounded to 16-bit integers: the dot products of VNNI take two multiplications where fma
// takes one. Whoever looks for what is largest or nearest finds out so what cannot be it, and computes the rest as
// ever.
//
// A row x becomes integers q with x = s q + r, |r_i| <= 0.51 s, s = |x| / 32000. By Cauchy and Schwarz a sum of
// products of two such rows, and each part of it, is below 2^31, and
//     |x . y - s_x s_y (q_x . q_y)| <= (2 d + d^2) |x| |y|,  d = 0.51 sqrt(size) / 32000 (1 + what |x| is wrong by).
#pragma once
#include "cpu/exact.h"
#include "cpu/pack.h"
#include "runtime/runtime.h"

namespace nerve::NERVE_ISA::dots16 {

constexpr int64_t lanes = 32;  // of a panel: rows side by side
constexpr int most = 14;       // rows multiplied with a panel at once
constexpr int64_t most_features = 4096;

// The three largest values of each column of a panel so far, the largest first.
struct Ranks {
    alignas(64) int32_t first[lanes], second[lanes], third[lanes];

    void clear() {
        for (int64_t c = 0; c < lanes; ++c) first[c] = second[c] = third[c] = INT32_MIN;
    }
};

#if defined(__AVX512F__)
// Whether this processor has the instructions.
NERVE_INLINE bool usable() { return runtime::has_dots16(); }

// out[r * lanes + c]: the dot product of row r, of `count` rows `pairs` apart, and column c of a panel. An element
// holds two integers; element k of the column is panel[k * lanes + c].
void dots(int32_t* out, const int32_t* panel, const int32_t* rows, int count, int64_t pairs);

// Takes biases[r] + the dot product of row r and each column, with the bits that `code_bits` has replaced by those of
// codes[r], among the largest values.
void rank(Ranks& ranks, const int32_t* panel, const int32_t* rows, const int32_t* biases, const int32_t* codes,
          int32_t code_bits, int count, int64_t pairs);
#else
NERVE_INLINE bool usable() { return false; }
NERVE_INLINE void dots(int32_t*, const int32_t*, const int32_t*, int, int64_t) {}
NERVE_INLINE void rank(Ranks&, const int32_t*, const int32_t*, const int32_t*, const int32_t*, int32_t, int, int64_t) {}
#endif

NERVE_INLINE int64_t pairs_of(int64_t features) { return (features + 1) / 2; }

// What two rounded rows can be wrong by, relative to the product of their norms.
NERVE_INLINE double relative_error(int64_t features) {
    const double d = 0.52 * __builtin_sqrt(double(features)) / 32000;
    return 2 * d + d * d;
}

// Whether products of a row of this squared norm are neither too large nor too small for floats.
NERVE_INLINE bool fits(float square) { return square == 0 || (square >= 1e-24f && square <= 1e30f); }

// The scale of a row of this norm, or of this squared norm: -1 where that does not fit.
NERVE_INLINE float scale_of_norm(float norm) { return norm * (1 / 32000.0f); }
NERVE_INLINE float scale_of(float square) { return fits(square) ? scale_of_norm(__builtin_sqrtf(square)) : -1; }

// x - point, or x, rounded.
NERVE_INLINE void round(int32_t* to, const float* x, const float* point, float scale, int64_t features) {
    using V = vec<float>;
    auto* q = reinterpret_cast<int16_t*>(to);
    const V by(scale > 0 ? 1 / scale : 0.0f);
    q[2 * pairs_of(features) - 1] = 0;
    for (int64_t k = 0; k < features; k += V::size) {
        const int64_t n = smaller(features - k, V::size);
        V moved = load_partial(x + k, n);
        if (point != nullptr) moved -= load_partial(point + k, n);
        moved *= by;
#if defined(__AVX512F__)
        _mm512_mask_cvtepi32_storeu_epi16(q + k, __mmask16((1u << n) - 1),
                                          _mm512_maskz_cvtps_epi32(__mmask16(-1), (__m512)moved.v));
#else
        for (int64_t i = 0; i < n; ++i) q[k + i] = int16_t(__builtin_rintf(moved.v[i]));
#endif
    }
}

// The squared norm of x - point, or of x, in any order of sums.
NERVE_INLINE float square_of(const float* x, const float* point, int64_t features) {
    using V = vec<float>;
    V sum(0.0f);
    for (int64_t k = 0; k < features; k += V::size) {
        const int64_t n = smaller(features - k, V::size);
        V moved = load_partial(x + k, n);
        if (point != nullptr) moved -= load_partial(point + k, n);
        sum = fma(moved, moved, sum);
    }
    return fold_lanes(sum, [](auto a, auto b) NERVE_LAMBDA_INLINE { return a + b; });
}

// A panel of some rows, `room` for lanes of them; unused lanes are zero.
template <class Row>
NERVE_INLINE void pack(int32_t* panel, int32_t* room, int64_t used, int64_t pairs, const Row& row) {
    for (int64_t r = 0; r < used; ++r) row(room + r * pairs, r);
    for (int64_t k = 0; k < pairs; k += inner_block)
        pack_across<lanes>(reinterpret_cast<float*>(panel) + k * lanes, reinterpret_cast<const float*>(room), pairs, 0,
                           used, k, smaller(pairs - k, inner_block));
}

// Sums as floats.
NERVE_INLINE vec<float> floats(const int32_t* sums) {
    bits<float> whole;
    std::memcpy(&whole, sums, vector_bytes);
    return to_float<float>(whole);
}

}  // namespace nerve::NERVE_ISA::dots16
