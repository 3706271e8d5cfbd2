// The only source compiled for VNNI: whoever calls it has asked whether the processor has that (dots16.h).
#include "cpu/dots16.h"

namespace nerve::NERVE_ISA::dots16 {
namespace {

// As dots(), of sums that begin with from[r].
template <int count>
NERVE_NOINLINE void dots_of(int32_t* out, const int32_t* from, const int32_t* panel, const int32_t* rows,
                            int64_t pairs) {
    __m512i sum[count][2];
    // Pointers to every fourth row: the others are at addresses the processor can add by itself.
    const int32_t* quad[(count + 3) / 4];
#pragma GCC unroll 4
    for (int q = 0; q < (count + 3) / 4; ++q) quad[q] = rows + 4 * q * pairs;
#pragma GCC unroll 14
    for (int r = 0; r < count; ++r) sum[r][0] = sum[r][1] = _mm512_set1_epi32(from[r]);
    const int64_t thrice = 3 * pairs;
    for (int64_t k = 0; k < pairs; ++k, panel += lanes) {
        const __m512i low = _mm512_loadu_si512(panel), high = _mm512_loadu_si512(panel + 16);
#pragma GCC unroll 14
        for (int r = 0; r < count; ++r) {
            const int64_t apart = r % 4 == 3 ? thrice : r % 4 * pairs;
            const __m512i pair = _mm512_set1_epi32(quad[r / 4][k + apart]);
            sum[r][0] = _mm512_dpwssd_epi32(sum[r][0], low, pair);
            sum[r][1] = _mm512_dpwssd_epi32(sum[r][1], high, pair);
        }
    }
#pragma GCC unroll 14
    for (int r = 0; r < count; ++r) {
        _mm512_storeu_si512(out + r * lanes, sum[r][0]);
        _mm512_storeu_si512(out + r * lanes + 16, sum[r][1]);
    }
}

void dots_from(int32_t* out, const int32_t* from, const int32_t* panel, const int32_t* rows, int count, int64_t pairs) {
    switch (count) {
#define NERVE_COUNT(n) \
    case n:            \
        return dots_of<n>(out, from, panel, rows, pairs);
        NERVE_COUNT(1)
        NERVE_COUNT(2)
        NERVE_COUNT(3)
        NERVE_COUNT(4)
        NERVE_COUNT(5)
        NERVE_COUNT(6)
        NERVE_COUNT(7)
        NERVE_COUNT(8)
        NERVE_COUNT(9)
        NERVE_COUNT(10)
        NERVE_COUNT(11)
        NERVE_COUNT(12)
        NERVE_COUNT(13)
        NERVE_COUNT(14)
#undef NERVE_COUNT
        default:
            return;
    }
}

}  // namespace

void dots(int32_t* out, const int32_t* panel, const int32_t* rows, int count, int64_t pairs) {
    constexpr int32_t from[most] = {};
    dots_from(out, from, panel, rows, count, pairs);
}

void rank(Ranks& ranks, const int32_t* panel, const int32_t* rows, const int32_t* biases, const int32_t* codes,
          int32_t code_bits, int count, int64_t pairs) {
    alignas(64) int32_t sums[most * lanes];
    dots_from(sums, biases, panel, rows, count, pairs);
    const __m512i in_code = _mm512_set1_epi32(code_bits);
    for (int half = 0; half < lanes; half += 16) {
        __m512i first = _mm512_load_si512(ranks.first + half), second = _mm512_load_si512(ranks.second + half),
                third = _mm512_load_si512(ranks.third + half);
        for (int r = 0; r < count; ++r) {
            constexpr int choose = 0xCA;  // bits of the second where the first has a 1, else of the third
            const __m512i sum = _mm512_load_si512(sums + r * lanes + half), code = _mm512_set1_epi32(codes[r]),
                          value = _mm512_ternarylogic_epi32(in_code, code, sum, choose);
            const __m512i less = _mm512_min_epi32(first, value), least = _mm512_min_epi32(second, less);
            first = _mm512_max_epi32(first, value);
            second = _mm512_max_epi32(second, less);
            third = _mm512_max_epi32(third, least);
        }
        _mm512_store_si512(ranks.first + half, first);
        _mm512_store_si512(ranks.second + half, second);
        _mm512_store_si512(ranks.third + half, third);
    }
}

}  // namespace nerve::NERVE_ISA::dots16
