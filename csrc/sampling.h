// Which pixel stands for one outside the image, for CPU and CUDA.
#pragma once
#include <cstdint>

#include "shapes.h"

#ifdef NERVE_ISA
#include "cpu/simd.h"

#define NERVE_SAMPLING NERVE_INLINE
namespace nerve::NERVE_ISA {
#else
#define NERVE_SAMPLING __device__ inline
namespace nerve::cuda {
#endif

// The pixel for position `index` of an axis of `size` >= 1; -1 where there is none (Fill::constant).
NERVE_SAMPLING int64_t pixel_for(int64_t index, int64_t size, int64_t fill) {
    if (uint64_t(index) < uint64_t(size)) return index;
    if (Fill(fill) == Fill::constant) return -1;
    if (Fill(fill) == Fill::nearest || size == 1) return index < 0 ? 0 : size - 1;
    if (Fill(fill) == Fill::wrap) {
        const int64_t at = index < 0 ? index + size : index - size;
        if (uint64_t(at) < uint64_t(size)) return at;
        return ((index % size) + size) % size;
    }
    const int64_t edge = Fill(fill) == Fill::reflect, period = 2 * (size - 1 + edge);
    int64_t at = index < 0 ? -index - edge : period - edge - index;
    if (uint64_t(at) < uint64_t(size)) return at;  // as nearly always: a division takes longer than all the rest
    at = ((index % period) + period) % period;
    return at < size ? at : period - edge - at;
}

// Positions further out than this, and NaN, are taken for it: integers hold what comes near them.
constexpr double furthest = 1e9;

}  // namespace nerve::NERVE_ISA or nerve::cuda
