// Philox4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A keyed
// function of a counter: any number of the sequence can be had alone, so results never depend on how work is cut.
//
// Our use of it, the same everywhere: the key is the seed; the counter's low 64 bits are the number of the block, the
// high ones zero. A block's words w0..w3 make four floats u = (w >> 8) 2^-24, or two doubles u = (w1:w0 >> 11) 2^-53
// and (w3:w2 >> 11) 2^-53, w1 being the high half: all of [0, 1) in equal steps. Normal numbers pair the first half of
// a block's u with the second (Box and Muller, 1958): z = sqrt(-2 log(1 - u)) cos(2 pi u') in the place of u, and with
// sin in that of u'.
#pragma once
#include <cstdint>

#ifdef NERVE_ISA
#include "cpu/simd.h"

#define NERVE_PHILOX NERVE_INLINE
namespace nerve::NERVE_ISA {

// The 64-bit lanes of a register.
typedef uint64_t words __attribute__((vector_size(vector_bytes)));

NERVE_PHILOX words multiply_low(words a, uint32_t m) {
    const words factor = words{} + m;
#if defined(__AVX512F__)
    return (words)_mm512_maskz_mul_epu32(__mmask8(-1), (__m512i)a, (__m512i)factor);
#elif defined(__AVX2__)
    return (words)_mm256_mul_epu32((__m256i)a, (__m256i)factor);
#elif defined(__x86_64__) || defined(_M_X64)
    return (words)_mm_mul_epu32((__m128i)a, (__m128i)factor);
#else
    return (words)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)factor));
#endif
}
#else
#define NERVE_PHILOX __device__ inline
namespace nerve::cuda {

NERVE_PHILOX uint64_t multiply_low(uint64_t a, uint32_t m) { return uint64_t(uint32_t(a)) * m; }
#endif

// Word is uint64_t or a vector of them, and holds its 32-bit word in the low half; the high half may be anything.
// multiply_low gives the whole product of the low half and m.
template <class Word>
NERVE_PHILOX void philox_round(Word (&x)[4], Word key_0, Word key_1) {
    const Word p = multiply_low(x[0], 0xD2511F53u), q = multiply_low(x[2], 0xCD9E8D57u);
    x[0] = (q >> 32) ^ x[1] ^ key_0;
    x[1] = q;
    x[2] = (p >> 32) ^ x[3] ^ key_1;
    x[3] = p;
}

// The keys of the ten rounds.
template <class Word>
struct PhiloxKeys {
    static constexpr int rounds = 10;
    Word key[rounds][2];

    NERVE_PHILOX explicit PhiloxKeys(uint64_t seed) {
        uint32_t key_0 = uint32_t(seed), key_1 = uint32_t(seed >> 32);
        for (int round = 0; round < rounds; ++round) {
            key[round][0] = Word{} + uint64_t(key_0), key[round][1] = Word{} + uint64_t(key_1);
            key_0 += 0x9E3779B9u;
            key_1 += 0xBB67AE85u;
        }
    }
};

#if defined(__CUDACC__)
#define NERVE_PHILOX_UNROLL _Pragma("unroll")
#else
#define NERVE_PHILOX_UNROLL _Pragma("GCC unroll 10")
#endif

// In: the counters; out: the blocks. Several at once keep the processor busy, since each round waits for the last.
template <int blocks, class Word>
NERVE_PHILOX void philox4x32_10(Word (&x)[blocks][4], const PhiloxKeys<Word>& keys) {
    NERVE_PHILOX_UNROLL
    for (int round = 0; round < PhiloxKeys<Word>::rounds; ++round) {
        NERVE_PHILOX_UNROLL
        for (int i = 0; i < blocks; ++i) philox_round(x[i], keys.key[round][0], keys.key[round][1]);
    }
}

}  // namespace nerve::NERVE_ISA or nerve::cuda
