// Convolution of images NHWC or volumes NDHWC with kernels HWIO or DHWIO, and its two gradients: products of matrices
// of which one, the patches, is never formed (conv_direct.h, conv_outer.h), with other ways for three taps in a row
// (conv_winograd.h), and for one channel (conv_depthwise.h) or few filters (conv_planar.h) in a group. An image is a
// volume of one plane.
#include "cpu/conv_depthwise_outer.h"
#include "cpu/conv_direct.h"
#include "cpu/conv_outer.h"
#include "cpu/conv_planar.h"
#include "cpu/conv_planar_outer.h"
#include "cpu/parallel.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

Conv3DShape as_volumes(const Conv2DShape& s) {
    return {s.batch,
            1,
            s.height,
            s.width,
            s.channels,
            1,
            s.kernel_height,
            s.kernel_width,
            s.filters,
            s.groups,
            1,
            s.out_height,
            s.out_width,
            1,
            s.stride_height,
            s.stride_width,
            1,
            s.dilation_height,
            s.dilation_width,
            0,
            s.pad_top,
            s.pad_left};
}

// Whether each output sees the plane in its own place and no other, so that planes are images.
bool sees_itself(const Conv3DShape& s) {
    return s.kernel_depth == 1 && s.stride_depth == 1 && s.pad_front == 0 && s.out_depth == s.depth;
}
Conv2DShape as_images(const Conv3DShape& s) {
    return {s.batch * s.depth, s.height,         s.width,      s.channels,  s.kernel_height, s.kernel_width,
            s.filters,         s.groups,         s.out_height, s.out_width, s.stride_height, s.stride_width,
            s.dilation_height, s.dilation_width, s.pad_top,    s.pad_left};
}

int64_t out_images(const Conv3DShape& s) { return s.batch * s.out_depth; }

// The patches of x that the output looks at, of all channels or of group g's.
template <class T>
Patches<T> input_patches(const T* x, const Conv3DShape& s, int64_t g = -1) {
    const int64_t channels = g < 0 ? s.channels : s.channels / s.groups;
    Patches<T> m;
    m.images = x + (g < 0 ? 0 : g) * channels, m.pixel = s.channels, m.channels = channels;
    m.depth = s.depth, m.height = s.height, m.width = s.width;
    m.rows_z = s.out_depth, m.rows_y = s.out_height, m.rows_x = s.out_width;
    m.stride_z = s.stride_depth, m.stride_y = s.stride_height, m.stride_x = s.stride_width;
    m.first_z = -s.pad_front, m.first_y = -s.pad_top, m.first_x = -s.pad_left;
    m.taps_z = s.kernel_depth, m.taps_y = s.kernel_height, m.taps_x = s.kernel_width;
    m.step_z = s.dilation_depth, m.step_y = s.dilation_height, m.step_x = s.dilation_width;
    return m;
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
void backward_input_phase(T* grad_x, const T* grad, const T* kernel, const Conv3DShape& s, const Place& phase) {
    const Phase z(phase.z, s.depth, s.kernel_depth, s.stride_depth, s.dilation_depth, s.pad_front);
    const Phase y(phase.y, s.height, s.kernel_height, s.stride_height, s.dilation_height, s.pad_top);
    const Phase x(phase.x, s.width, s.kernel_width, s.stride_width, s.dilation_width, s.pad_left);
    const int64_t filters = s.filters / s.groups, channels = s.channels / s.groups, images = s.batch * z.positions;
    if (images == 0) return;
    Patches<T> m;
    m.images = grad, m.pixel = m.channels = s.filters;
    m.depth = s.out_depth, m.height = s.out_height, m.width = s.out_width;
    m.rows_z = z.positions, m.rows_y = y.positions, m.rows_x = x.positions;
    m.stride_z = m.stride_y = m.stride_x = 1;
    m.first_z = z.first, m.first_y = y.first, m.first_x = x.first;
    m.taps_z = z.taps, m.taps_y = y.taps, m.taps_x = x.taps;
    m.step_z = z.apart, m.step_y = y.apart, m.step_x = x.apart;
    const int64_t line = s.width * s.channels, plane = s.height * line;
    Places<T> places{grad_x + phase.z * plane + phase.y * line + phase.x * s.channels,
                     z.positions,
                     s.depth * plane,
                     s.stride_depth * plane,
                     s.stride_height * line,
                     s.stride_width * s.channels,
                     nullptr,
                     Activation::linear};
    // The kernel as tap t of the phase has it: channels rows of s.filters, of which group 0's come first.
    auto turned = [&](int64_t t) {
        const int64_t o = z.last - t / x.taps / y.taps * z.step, p = y.last - t / x.taps % y.taps * y.step;
        const int64_t q = x.last - t % x.taps * x.step;
        return kernel + ((o * s.kernel_height + p) * s.kernel_width + q) * channels * s.filters;
    };
    if (channels <= planar_filters)
        return planar(
            m, images, s.groups, channels,
            [&](int64_t g, int64_t t, int64_t f, int64_t c) { return turned(t)[c * s.filters + g * filters + f]; },
            places);
    m.channels = filters;
    for (int64_t g = 0; g < s.groups; ++g, m.images += filters, places.out += channels)
        product(
            m, images, channels,
            [&](T* panel, int64_t column, int64_t columns, int64_t k, int64_t count) {
                while (count > 0) {
                    const int64_t f = k % filters, length = smaller(filters - f, count);
                    pack_across<tile_columns<T>>(panel, turned(k / filters) + g * filters, s.filters, column, columns,
                                                 f, length);
                    panel += length * tile_columns<T>, k += length, count -= length;
                }
            },
            places);
}

bool wants_planes(const Conv3DShape& s) {
    return s.filters / s.groups <= planar_filters && s.stride_height == 1 && s.stride_width == 1;
}

bool is_depthwise(const Conv2DShape& s) { return s.groups == s.channels && s.groups == s.filters && s.groups > 1; }

template <class T>
void forward(T* out, const T* x, const T* kernel, const T* bias, const Conv3DShape& s, int64_t activation) {
    const int64_t filters = s.filters / s.groups, channels = s.channels / s.groups;
    const int64_t line = s.out_width * s.filters, plane = s.out_height * line;
    Places<T> places{
        out, s.out_depth, s.out_depth * plane, plane, line, s.filters, bias, static_cast<Activation>(activation)};
    if (out_images(s) == 0) return;
    if (wants_planes(s))
        return planar(
            input_patches(x, s), out_images(s), s.groups, filters,
            [&](int64_t g, int64_t t, int64_t c, int64_t f) {
                return kernel[(t * channels + c) * s.filters + g * filters + f];
            },
            places);
    for (int64_t g = 0; g < s.groups; ++g) {
        product(
            input_patches(x, s, g), out_images(s), filters,
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
void backward_input(T* grad_x, const T* grad, const T* kernel, const Conv3DShape& s) {
    for (int64_t z = 0; z < s.stride_depth; ++z)
        for (int64_t y = 0; y < s.stride_height; ++y)
            for (int64_t x = 0; x < s.stride_width; ++x) backward_input_phase(grad_x, grad, kernel, s, {z, y, x});
}

template <class T>
void backward_kernel(T* grad_kernel, const T* grad, const T* x, const Conv3DShape& s) {
    const int64_t filters = s.filters / s.groups, taps = s.kernel_depth * s.kernel_height * s.kernel_width;
    const int64_t size = taps * s.channels * filters;
    // Eight filters are a vector of AVX2, which sums over pixels as fast without planes.
    if (wants_planes(s) && filters < 8 && size > 0 && size <= planar_outer_size &&
        out_images(s) * s.out_height * s.out_width > 0)
        return planar_outer(grad_kernel, input_patches(x, s), out_images(s), s.groups, filters, grad);
    for (int64_t g = 0; g < s.groups; ++g)
        outer_products(grad_kernel + g * filters, s.filters, input_patches(x, s, g), out_images(s), grad + g * filters,
                       s.filters, filters);
}

}  // namespace

template <class T>
void conv2d(T* out, const T* x, const T* kernel, const T* bias, const Conv2DShape& s, int64_t activation) {
    if (is_depthwise(s)) return depthwise(out, x, kernel, bias, s, static_cast<Activation>(activation));
    forward(out, x, kernel, bias, as_volumes(s), activation);
}

template <class T>
void conv2d_backward_input(T* grad_x, const T* grad, const T* kernel, const Conv2DShape& s) {
    if (is_depthwise(s)) return depthwise_backward_input(grad_x, grad, kernel, s);
    backward_input(grad_x, grad, kernel, as_volumes(s));
}

template <class T>
void conv2d_backward_kernel(T* grad_kernel, const T* grad, const T* x, const Conv2DShape& s) {
    if (is_depthwise(s)) return depthwise_backward_kernel(grad_kernel, grad, x, s);
    backward_kernel(grad_kernel, grad, x, as_volumes(s));
}

template <class T>
void conv3d(T* out, const T* x, const T* kernel, const T* bias, const Conv3DShape& s, int64_t activation) {
    if (sees_itself(s)) return conv2d(out, x, kernel, bias, as_images(s), activation);
    forward(out, x, kernel, bias, s, activation);
}

template <class T>
void conv3d_backward_input(T* grad_x, const T* grad, const T* kernel, const Conv3DShape& s) {
    if (sees_itself(s)) return conv2d_backward_input(grad_x, grad, kernel, as_images(s));
    backward_input(grad_x, grad, kernel, s);
}

template <class T>
void conv3d_backward_kernel(T* grad_kernel, const T* grad, const T* x, const Conv3DShape& s) {
    if (sees_itself(s)) return conv2d_backward_kernel(grad_kernel, grad, x, as_images(s));
    backward_kernel(grad_kernel, grad, x, s);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/conv.inc"
#include "cpu/instantiate.h"
