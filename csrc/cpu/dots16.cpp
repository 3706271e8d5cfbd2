// The only source compiled for VNNI: whoever calls it has asked whether the processor has that (dots16.h).
#include "cpu/dots16.h"

namespace nerve::NERVE_ISA::dots16 {
namespace {

template <int count>
NERVE_NOINLINE void dots_of(int32_t* out, const int32_t* panel, const int32_t* rows, int64_t pairs) {
    __m512i sum[count][2];
    // Pointers to every fourth row: the others are at addresses the processor can add by itself.
    const int32_t* quad[(count + 3) / 4];
#pragma GCC unroll 4
    for (int q = 0; q < (count + 3) / 4; ++q) quad[q] = rows + 4 * q * pairs;
#pragma GCC unroll 14
    for (int r = 0; r < count; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_si512();
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

}  // namespace

void dots(int32_t* out, const int32_t* panel, const int32_t* rows, int count, int64_t pairs) {
    switch (count) {
#define NERVE_COUNT(n) \
    case n:            \
        return dots_of<n>(out, panel, rows, pairs);
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

}  // namespace nerve::NERVE_ISA::dots16
