// Which positions of an axis a window of a pool covers, and which windows cover a position, for CPU and CUDA.
#pragma once
#include <cstdint>

#include "shapes.h"

#ifdef NERVE_ISA
#include "cpu/simd.h"

#define NERVE_WINDOWS NERVE_INLINE
namespace nerve::NERVE_ISA {
#else
#define NERVE_WINDOWS __device__ inline
namespace nerve::cuda {
#endif

struct Span {
    int64_t begin, end;
    NERVE_WINDOWS int64_t size() const { return end - begin; }
};

// Of windows of `pool` positions, `stride` apart, the first one beginning `pad` before an axis of `size`: the positions
// in window i, and those of `count` windows that lie over a position.
NERVE_WINDOWS Span positions_in(int64_t i, int64_t size, int64_t pool, int64_t stride, int64_t pad) {
    const int64_t begin = i * stride - pad, end = begin + pool;
    return {begin < 0 ? 0 : begin, end < size ? end : size};
}
NERVE_WINDOWS Span windows_over(int64_t position, int64_t count, int64_t pool, int64_t stride, int64_t pad) {
    const int64_t first = position + pad - pool + stride, last = (position + pad) / stride + 1;
    return {first <= 0 ? 0 : first / stride, last < count ? last : count};
}

// Such windows along an axis of a volume; or, where the stride is 0, `count` of which window i covers [i size / count,
// (i + 1) size / count), rounded outwards.
struct Windows {
    int64_t size, count, pool, stride, pad;

    NERVE_WINDOWS Span window(int64_t i) const {
        if (stride == 0) return {i * size / count, ((i + 1) * size + count - 1) / count};
        return positions_in(i, size, pool, stride, pad);
    }
    NERVE_WINDOWS Span covering(int64_t position) const {
        if (stride == 0) return {position * count / size, ((position + 1) * count + size - 1) / size};
        return windows_over(position, count, pool, stride, pad);
    }
};

NERVE_WINDOWS Windows depth_windows(const Pool3DShape& s) {
    return {s.depth, s.out_depth, s.pool_depth, s.stride_depth, s.pad_front};
}
NERVE_WINDOWS Windows height_windows(const Pool3DShape& s) {
    return {s.height, s.out_height, s.pool_height, s.stride_height, s.pad_top};
}
NERVE_WINDOWS Windows width_windows(const Pool3DShape& s) {
    return {s.width, s.out_width, s.pool_width, s.stride_width, s.pad_left};
}

}  // namespace nerve::NERVE_ISA or nerve::cuda
