// Convolution of images NHWC with kernels HWIO, and its two gradients: products of matrices of which one, the patches
// of an image, is never formed (conv_direct.h, conv_outer.h), with other ways for one channel (conv_depthwise.h) or few
// filters (conv_planar.h) in a group.
#include "cpu/conv_depthwise.h"
#include "cpu/conv_direct.h"
#include "cpu/conv_outer.h"
#include "cpu/conv_planar.h"
#include "cpu/conv_planar_outer.h"
#include "cpu/parallel.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// The patches of x that the output looks at, of all channels or of group g's.
template <class T>
Patches<T> input_patches(const T* x, const Conv2DShape& s, int64_t g = -1) {
    const int64_t channels = g < 0 ? s.channels : s.channels / s.groups;
    return {x + (g < 0 ? 0 : g) * channels,
            s.height,
            s.width,
            s.channels,
            channels,
            s.out_height,
            s.out_width,
            s.stride_height,
            s.stride_width,
            -s.pad_top,
            -s.pad_left,
            s.kernel_height,
            s.kernel_width,
            s.dilation_height,
            s.dilation_width};
}

// Along one axis: input positions phase, phase + stride, ... and the kernel's taps that reach them, which are
// last, last - step, ..., `taps` of them. The t-th such position looks at outputs t + first, t + first + apart, ...
struct Phase {
    int64_t positions, taps, last, step, first, apart;

    Phase(int64_t phase, int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
        positions = phase < size ? (size - phase + stride - 1) / stride : 0;
        taps = 0, last = 0, step = 1, first = 0, apart = 1;
        for (int64_t tap = 0; tap < kernel; ++tap) {
            const int64_t distance = phase + pad - tap * dilation;
            if (distance % stride != 0) continue;
            if (taps == 1) step = tap - last, apart = step * dilation / stride;
            taps += 1, last = tap, first = distance / stride;
        }
    }
};

// The pixels of grad_x that are `phase` modulo the strides.
template <class T>
void backward_input_phase(T* grad_x, const T* grad, const T* kernel, const Conv2DShape& s, int64_t phase_y,
                          int64_t phase_x) {
    const Phase y(phase_y, s.height, s.kernel_height, s.stride_height, s.dilation_height, s.pad_top);
    const Phase x(phase_x, s.width, s.kernel_width, s.stride_width, s.dilation_width, s.pad_left);
    const int64_t filters = s.filters / s.groups, channels = s.channels / s.groups, line = s.width * s.channels;
    Patches<T> patches{grad, s.out_height, s.out_width, s.filters, s.filters, y.positions, x.positions, 1,
                       1,    y.first,      x.first,     y.taps,    x.taps,    y.apart,     x.apart};
    Places<T> places{grad_x + phase_y * line + phase_x * s.channels,
                     s.height * line,
                     s.stride_height * line,
                     s.stride_width * s.channels,
                     nullptr,
                     Activation::linear};
    // The kernel as tap (p, q) of the phase has it: channels rows of s.filters, of which group 0's come first.
    auto turned = [&](int64_t p, int64_t q) {
        return kernel + ((y.last - p * y.step) * s.kernel_width + x.last - q * x.step) * channels * s.filters;
    };
    if (channels <= planar_filters)
        return planar(
            patches, s.batch, s.groups, channels,
            [&](int64_t g, int64_t p, int64_t q, int64_t f, int64_t c) {
                return turned(p, q)[c * s.filters + g * filters + f];
            },
            places);
    patches.channels = filters;
    for (int64_t g = 0; g < s.groups; ++g, patches.images += filters, places.out += channels)
        product(
            patches, s.batch, channels,
            [&](T* panel, int64_t column, int64_t columns, int64_t k, int64_t count) {
                while (count > 0) {
                    const int64_t tap = k / filters, f = k % filters, length = smaller(filters - f, count);
                    pack_across<tile_columns<T>>(panel, turned(tap / x.taps, tap % x.taps) + g * filters, s.filters,
                                                 column, columns, f, length);
                    panel += length * tile_columns<T>, k += length, count -= length;
                }
            },
            places);
}

bool wants_planes(const Conv2DShape& s) {
    return s.filters / s.groups <= planar_filters && s.stride_height == 1 && s.stride_width == 1;
}

bool is_depthwise(const Conv2DShape& s) { return s.groups == s.channels && s.groups == s.filters && s.groups > 1; }

}  // namespace

template <class T>
void conv2d(T* out, const T* x, const T* kernel, const T* bias, const Conv2DShape& s, int64_t activation) {
    if (is_depthwise(s)) return depthwise(out, x, kernel, bias, s, static_cast<Activation>(activation));
    const int64_t filters = s.filters / s.groups, channels = s.channels / s.groups;
    Places<T> places{out,  s.out_height * s.out_width * s.filters, s.out_width * s.filters, s.filters,
                     bias, static_cast<Activation>(activation)};
    if (wants_planes(s))
        return planar(
            input_patches(x, s), s.batch, s.groups, filters,
            [&](int64_t g, int64_t p, int64_t q, int64_t c, int64_t f) {
                return kernel[((p * s.kernel_width + q) * channels + c) * s.filters + g * filters + f];
            },
            places);
    for (int64_t g = 0; g < s.groups; ++g) {
        product(
            input_patches(x, s, g), s.batch, filters,
            [&](T* panel, int64_t column, int64_t columns, int64_t k, int64_t count) {
                pack_along<tile_columns<T>>(panel, kernel + g * filters, s.filters, column, columns, k, count);
            },
            places);
        places.out += filters;
        if (bias != nullptr) places.bias += filters;
    }
}

// Input pixels that are equal modulo the strides see the same taps, so each such phase is a convolution of grad with
// strides of one, by a part of the kernel turned round.
template <class T>
void conv2d_backward_input(T* grad_x, const T* grad, const T* kernel, const Conv2DShape& s) {
    if (is_depthwise(s)) return depthwise_backward_input(grad_x, grad, kernel, s);
    for (int64_t phase_y = 0; phase_y < s.stride_height; ++phase_y)
        for (int64_t phase_x = 0; phase_x < s.stride_width; ++phase_x)
            backward_input_phase(grad_x, grad, kernel, s, phase_y, phase_x);
}

template <class T>
void conv2d_backward_kernel(T* grad_kernel, const T* grad, const T* x, const Conv2DShape& s) {
    if (is_depthwise(s)) return depthwise_backward_kernel(grad_kernel, grad, x, s);
    const int64_t filters = s.filters / s.groups, size = s.kernel_height * s.kernel_width * s.channels * filters;
    if (wants_planes(s) && filters <= 4 && size > 0 && size <= planar_outer_size &&
        s.batch * s.out_height * s.out_width > 0)
        return planar_outer(grad_kernel, input_patches(x, s), s.batch, s.groups, filters, grad);
    for (int64_t g = 0; g < s.groups; ++g)
        outer_products(grad_kernel + g * filters, s.filters, input_patches(x, s, g), s.batch, grad + g * filters,
                       s.filters, filters);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/conv.inc"
#include "cpu/instantiate.h"
