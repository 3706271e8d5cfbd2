// Where the windows of a convolution lie, along an axis of the image at a time: constexpr, and tried for every index by
// tests/native/cuda_index.cpp.
#pragma once
#include "cuda/launch.h"

namespace nerve::cuda {

// What place i of an axis sees at tap t: pixel i scale + offset + t step, of `size`. Taps and channels are counted in
// 32 bits, pixels and places in 64.
struct Axis {
    int64_t size, places, scale, offset, step;
    int32_t taps, first_tap, tap_step;  // tap 0 is the kernel's first_tap, the next one is tap_step further on
};

// Forward: the places are the output's.
constexpr Axis forward_axis(int64_t size, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
    return {size, out, stride, -pad, dilation, int32_t(kernel), 0, 1};
}

constexpr int64_t greatest_divisor(int64_t a, int64_t b) { return b == 0 ? a : greatest_divisor(b, a % b); }

// Gradient of the input: output o and tap t reach pixel o stride - pad + t dilation. The places are pixels phase,
// phase + stride, ..., which the same taps reach, one in every tap_step = stride / greatest_divisor(stride, dilation);
// what they see are outputs, seen_step = -tap_step dilation / stride from tap to tap.
constexpr Axis backward_axis(int64_t size, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
                             int64_t tap_step, int64_t seen_step, int64_t phase) {
    int64_t first = 0;
    while (first < tap_step && (phase + pad - first * dilation) % stride != 0) ++first;
    const bool reached = first < tap_step && first < kernel;
    return {out,
            phase < size ? (size - phase + stride - 1) / stride : 0,
            1,
            reached ? (phase + pad - first * dilation) / stride : 0,
            seen_step,
            reached ? int32_t((kernel - first + tap_step - 1) / tap_step) : 0,
            int32_t(first),
            int32_t(tap_step)};
}

// A place, and the images they belong to; index counts columns first, then rows.
struct Place {
    int64_t image, row, column;
};
constexpr Place place_at(int64_t index, int64_t rows, int64_t columns) {
    if (rows == 0 || columns == 0) return {0, 0, 0};
    return {index / columns / rows, index / columns % rows, index % columns};
}
// The place `by` further on.
constexpr void advance(Place& place, int64_t by, int64_t rows, int64_t columns) {
    place.column += by;
    while (place.column >= columns) {
        place.column -= columns;
        if (++place.row == rows) place.row = 0, ++place.image;
    }
}

// A tap and what is multiplied there: a channel, or a filter; index counts channels first, then columns, then rows.
struct Tap {
    int32_t row, column, channel;
};
constexpr Tap tap_at(int64_t index, int32_t columns, int32_t channels) {
    if (columns == 0 || channels == 0) return {0, 0, 0};
    return {int32_t(index / channels / columns), int32_t(index / channels % columns), int32_t(index % channels)};
}
constexpr void advance(Tap& tap, int32_t by, int32_t columns, int32_t channels) {
    tap.channel += by;
    while (tap.channel >= channels) {
        tap.channel -= channels;
        if (++tap.column == columns) tap.column = 0, ++tap.row;
    }
}

}  // namespace nerve::cuda
