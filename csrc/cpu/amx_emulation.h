// The tile registers without AMX, for testing: bit for bit what Intel's manuals (Software Developer's Manual,
// TDPBF16PS; Instruction Set Extensions Programming Reference, TDPFP16PS) say the instructions compute. About a hundred
// times slower.
#pragma once
#include "cpu/amx.h"

namespace nerve::NERVE_ISA::amx {

// As floats, even and odd halfwords apart: the pairs of a row are [0, 16) and [16, 32).
template <bool fp16>
NERVE_INLINE void widen(float* to, const uint16_t* row) {
    const __m512i pairs = _mm512_loadu_si512(row);
    if constexpr (fp16) {  // denormals are kept
        _mm512_storeu_ps(to, _mm512_cvtph_ps(_mm512_cvtepi32_epi16(pairs)));
        _mm512_storeu_ps(to + 16, _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(pairs, 16))));
    } else {
        _mm512_storeu_si512(to, _mm512_slli_epi32(pairs, 16));
        _mm512_storeu_si512(to + 16, _mm512_and_si512(pairs, _mm512_set1_epi32(-65536)));
    }
}

// In each element two chains of fma, over the even and the odd positions; their sum is added to what was there.
template <bool fp16>
NERVE_NOINLINE void dot(float* sum, const uint16_t* a, const uint16_t* b) {
    float left[16][32], right[16][32];
    for (int i = 0; i < 16; ++i) {
        widen<fp16>(left[i], a + 32 * i);
        widen<fp16>(right[i], b + 32 * i);
    }
    for (int m = 0; m < 16; ++m) {
        vec<float> even(0.0f), odd(0.0f);
        for (int k = 0; k < 16; ++k) {
            even = fma(vec<float>(left[m][k]), load(right[k]), even);
            odd = fma(vec<float>(left[m][16 + k]), load(right[k] + 16), odd);
        }
        store(sum + 16 * m, load(sum + 16 * m) + (even + odd));
    }
}

// The arithmetic rounds to nearest, reads float denormals as zero and writes zero for them, whatever MXCSR says.
template <bool fp16>
NERVE_NOINLINE void emulated_dot(float* sum, const uint16_t* a, const uint16_t* b) {
    constexpr unsigned masked = 0x1f80, denormals_are_zero = 0x40, flush_to_zero = 0x8000;
    const unsigned before = _mm_getcsr();
    _mm_setcsr(masked | denormals_are_zero | flush_to_zero);
    dot<fp16>(sum, a, b);
    _mm_setcsr(before);
}

class Tiles {
  public:
    Tiles() { std::memset(tiles_, 0, sizeof tiles_); }
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;

    template <int t>
    void zero() {
        std::memset(tiles_[t], 0, sizeof tiles_[t]);
    }
    template <int t>
    void load(const void* from) {
        std::memcpy(tiles_[t], from, sizeof tiles_[t]);
    }
    template <int t>
    void store(void* to) {
        std::memcpy(to, tiles_[t], sizeof tiles_[t]);
    }
    template <int sum, int a, int b>
    void dot_bf16() {
        emulated_dot<false>(reinterpret_cast<float*>(tiles_[sum]), tiles_[a], tiles_[b]);
    }
    template <int sum, int a, int b>
    void dot_fp16() {
        emulated_dot<true>(reinterpret_cast<float*>(tiles_[sum]), tiles_[a], tiles_[b]);
    }

  private:
    alignas(64) uint16_t tiles_[8][tile_halfwords];
};

}  // namespace nerve::NERVE_ISA::amx
