// Which pixel stands for one outside the image, and where a pixel is seen, for CPU and CUDA.
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

// Where element `index` of an axis lies once the axis has a border: first its own place, then its mirror images, of
// which there may be one at either end. Returns how many places these are.
NERVE_SAMPLING int places_of(int64_t* places, int64_t index, int64_t size, int64_t before, int64_t after,
                             int64_t fill) {
    int count = 0;
    places[count++] = before + index;
    if (Fill(fill) == Fill::constant) return count;
    const int64_t edge = Fill(fill) == Fill::mirror, left = index - edge, right = size - 1 - index - edge;
    if (left >= 0 && left < before) places[count++] = before - 1 - left;
    if (right >= 0 && right < after) places[count++] = before + size + right;
    return count;
}

// Positions further out than this, and NaN, are taken for it: integers hold what comes near them.
constexpr double furthest = 1e9;

}  // namespace nerve::NERVE_ISA or nerve::cuda
