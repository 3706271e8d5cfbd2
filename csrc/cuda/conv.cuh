// The operands of a convolution as a product (gemm.cuh): found in the image and in the kernel where they are, for
// images NHWC and kernels HWIO.
#pragma once
#include "cuda/conv_index.cuh"
#include "cuda/operands.cuh"

namespace nerve::cuda {

struct Geometry : Conv2DShape {
    int64_t places;
    int32_t group_channels, group_filters, taps;
    int32_t row_step, column_step;  // from one tap to the next that reach the same pixels
    int64_t row_seen, column_seen;  // and what that is in outputs

    explicit Geometry(const Conv2DShape& s)
        : Conv2DShape(s),
          places(s.batch * s.out_height * s.out_width),
          group_channels(int32_t(s.channels / s.groups)),
          group_filters(int32_t(s.filters / s.groups)),
          taps(int32_t(s.kernel_height * s.kernel_width)),
          row_step(int32_t(s.stride_height / greatest_divisor(s.stride_height, s.dilation_height))),
          column_step(int32_t(s.stride_width / greatest_divisor(s.stride_width, s.dilation_width))),
          row_seen(-(row_step * s.dilation_height / s.stride_height)),
          column_seen(-(column_step * s.dilation_width / s.stride_width)) {}

    __host__ __device__ Axis rows() const {
        return forward_axis(height, out_height, kernel_height, stride_height, dilation_height, pad_top);
    }
    __host__ __device__ Axis columns() const {
        return forward_axis(width, out_width, kernel_width, stride_width, dilation_width, pad_left);
    }
    // Of the gradient of the input. A phase is a pixel of the first stride_height rows and stride_width columns.
    __host__ __device__ Axis rows_reached(int32_t phase) const {
        return backward_axis(height, out_height, kernel_height, stride_height, dilation_height, pad_top, row_step,
                             row_seen, phase / int32_t(stride_width));
    }
    __host__ __device__ Axis columns_reached(int32_t phase) const {
        return backward_axis(width, out_width, kernel_width, stride_width, dilation_width, pad_left, column_step,
                             column_seen, phase % int32_t(stride_width));
    }
};

// What the places of a product see: index is a place, and k a tap and a channel of the group.
template <class T>
struct Windows {
    static constexpr bool along_k = true;
    const T* data;  // (images, rows.size, columns.size, channels), from the group's first channel on
    Axis rows, columns;
    int64_t images, channels;
    int32_t group_channels;
    bool wide;

    template <int count, int spread>
    struct Cursor {
        Tap tap;
        const T* from[count];
        int64_t row[count], column[count];  // seen at tap 0, perhaps outside of the image

        __device__ void start(const Windows& w, int64_t index, int64_t k) {
            tap = tap_at(k, w.columns.taps, w.group_channels);
            for (int i = 0; i < count; ++i) {
                const Place at = place_at(index + i * spread, w.rows.places, w.columns.places);
                row[i] = at.row * w.rows.scale + w.rows.offset;
                column[i] = at.column * w.columns.scale + w.columns.offset;
                from[i] = w.data + ((at.image * w.rows.size + row[i]) * w.columns.size + column[i]) * w.channels;
                if (at.image >= w.images) row[i] = INT64_MIN / 2;  // beyond the last one there is nothing to see
            }
        }
        __device__ const T* find(const Windows& w, int i, int e) const {
            Tap here = tap;
            advance(here, e, w.columns.taps, w.group_channels);
            const int64_t down = here.row * w.rows.step, right = here.column * w.columns.step;
            const bool inside = here.row < w.rows.taps && row[i] + down >= 0 && row[i] + down < w.rows.size &&
                                column[i] + right >= 0 && column[i] + right < w.columns.size;
            return inside ? from[i] + (down * w.columns.size + right) * w.channels + here.channel : nullptr;
        }
        __device__ void next(const Windows& w) { advance(tap, slice, w.columns.taps, w.group_channels); }
    };
};

// The same with the roles exchanged, for the gradient of the kernel: index is a tap and a channel, and k a place.
template <class T>
struct WindowsOfTaps {
    static constexpr bool along_k = false;
    const T* data;
    Axis rows, columns;
    int64_t images, channels;
    int32_t group_channels;
    bool wide;

    template <int count, int spread>
    struct Cursor {
        Place place;
        Tap tap;

        __device__ void start(const WindowsOfTaps& w, int64_t index, int64_t k) {
            place = place_at(k, w.rows.places, w.columns.places);
            tap = tap_at(index, w.columns.taps, w.group_channels);
        }
        __device__ const T* find(const WindowsOfTaps& w, int i, int e) const {
            Place at = place;
            advance(at, i * spread, w.rows.places, w.columns.places);
            Tap here = tap;
            advance(here, e, w.columns.taps, w.group_channels);
            const int64_t y = at.row * w.rows.scale + w.rows.offset + here.row * w.rows.step;
            const int64_t x = at.column * w.columns.scale + w.columns.offset + here.column * w.columns.step;
            const bool inside = here.row < w.rows.taps && at.image < w.images && y >= 0 && y < w.rows.size && x >= 0 &&
                                x < w.columns.size;
            return inside ? w.data + ((at.image * w.rows.size + y) * w.columns.size + x) * w.channels + here.channel
                          : nullptr;
        }
        __device__ void next(const WindowsOfTaps& w) { advance(place, slice, w.rows.places, w.columns.places); }
    };
};

// The kernel as the gradient of the input reads it: index is a channel, and k a tap and a filter of the group.
template <class T>
struct TurnedKernel {
    static constexpr bool along_k = true;
    const T* data;  // (height, width, group_channels, filters), from the group's first filter on
    Axis rows, columns;
    int64_t width, filters;
    int32_t group_channels, group_filters;
    bool wide;

    template <int count, int spread>
    struct Cursor {
        int64_t channel;
        Tap tap;

        __device__ void start(const TurnedKernel& w, int64_t index, int64_t k) {
            channel = index;
            tap = tap_at(k, w.columns.taps, w.group_filters);
        }
        __device__ const T* find(const TurnedKernel& w, int i, int e) const {
            Tap here = tap;
            advance(here, e, w.columns.taps, w.group_filters);
            if (channel + i * spread >= w.group_channels || here.row >= w.rows.taps) return nullptr;
            const int64_t row = w.rows.first_tap + here.row * w.rows.tap_step;
            const int64_t column = w.columns.first_tap + here.column * w.columns.tap_step;
            return w.data + ((row * w.width + column) * w.group_channels + channel + i * spread) * w.filters +
                   here.channel;
        }
        __device__ void next(const TurnedKernel& w) { advance(tap, slice, w.columns.taps, w.group_filters); }
    };
};

// --- the three products; the groups are batches

template <class T>
struct ConvForward {
    using A = Windows<T>;
    using B = Matrix<T, false>;
    Geometry s;
    const T* x;
    B kernel;
    T* result;
    Epilogue<T> finish;
    int64_t batch, rows, columns;
    bool wide_image, wide_out;

    ConvForward(T* out, const T* x, const T* kernel, const T* bias, const Geometry& s, Activation activation)
        : s(s),
          x(x),
          kernel(kernel, int64_t(s.taps) * s.group_channels, s.group_filters, s.group_filters, s.filters),
          result(out),
          finish{bias, activation},
          batch(s.groups),
          rows(s.places),
          columns(s.group_filters),
          wide_image(B::is_wide(x, s.group_channels, 0, s.channels)),
          wide_out(B::is_wide(out, s.group_filters, 0, s.filters)) {}

    bool may_split() const { return true; }
    __host__ __device__ int64_t inner(int64_t) const { return int64_t(s.taps) * s.group_channels; }
    __device__ A left(int64_t b) const {
        return {x + b * s.group_channels, s.rows(), s.columns(), s.batch, s.channels, s.group_channels, wide_image};
    }
    __device__ B right(int64_t b) const { return kernel.of_batch(b); }
    __device__ T epilogue(int64_t b, int64_t column, T value) const { return finish(value, b * columns + column); }
    __device__ T* out(int64_t b, int64_t row, int64_t column) const {
        return result + row * s.filters + b * columns + column;
    }
};

// The phases of each group are batches, too: pixels that the same taps reach.
template <class T>
struct ConvBackwardInput {
    using A = Windows<T>;
    using B = TurnedKernel<T>;
    Geometry s;
    const T *grad, *kernel;
    T* result;
    int64_t batch, rows, columns;
    int32_t phases;
    bool wide_grad, wide_kernel, wide_out;

    ConvBackwardInput(T* grad_x, const T* grad, const T* kernel, const Geometry& s)
        : s(s),
          grad(grad),
          kernel(kernel),
          result(grad_x),
          batch(s.groups * s.stride_height * s.stride_width),
          rows(s.batch * s.rows_reached(0).places * s.columns_reached(0).places),  // phase 0 has the most
          columns(s.group_channels),
          phases(int32_t(s.stride_height * s.stride_width)),
          wide_grad(Matrix<T, true>::is_wide(grad, s.group_filters, 0, s.filters)),
          wide_kernel(Matrix<T, true>::is_wide(kernel, s.group_filters, 0, s.filters)),
          wide_out(Matrix<T, true>::is_wide(grad_x, s.group_channels, 0, s.channels)) {}

    bool may_split() const { return phases == 1; }  // whose sums are of one length
    __host__ __device__ int64_t inner(int64_t b) const {
        const int32_t phase = int32_t(b) % phases;
        return int64_t(s.rows_reached(phase).taps) * s.columns_reached(phase).taps * s.group_filters;
    }
    __device__ A left(int64_t b) const {
        const int32_t phase = int32_t(b) % phases;
        return {grad + int32_t(b) / phases * s.group_filters,
                s.rows_reached(phase),
                s.columns_reached(phase),
                s.batch,
                s.filters,
                s.group_filters,
                wide_grad};
    }
    __device__ B right(int64_t b) const {
        const int32_t phase = int32_t(b) % phases;
        return {kernel + int32_t(b) / phases * s.group_filters,
                s.rows_reached(phase),
                s.columns_reached(phase),
                s.kernel_width,
                s.filters,
                s.group_channels,
                s.group_filters,
                wide_kernel};
    }
    __device__ T epilogue(int64_t, int64_t, T value) const { return value; }
    // Null beyond the last place of a phase, which may have none.
    __device__ T* out(int64_t b, int64_t row, int64_t column) const {
        const int32_t phase = int32_t(b) % phases;
        const Axis rows_here = s.rows_reached(phase), columns_here = s.columns_reached(phase);
        const Place at = place_at(row, rows_here.places, columns_here.places);
        if (rows_here.places == 0 || columns_here.places == 0) return nullptr;
        if (at.image >= s.batch) return nullptr;
        const int64_t y = phase / int32_t(s.stride_width) + at.row * s.stride_height;
        const int64_t x = phase % int32_t(s.stride_width) + at.column * s.stride_width;
        return result + ((at.image * s.height + y) * s.width + x) * s.channels + int32_t(b) / phases * columns + column;
    }
};

template <class T>
struct ConvBackwardKernel {
    using A = WindowsOfTaps<T>;
    using B = Matrix<T, false>;
    Geometry s;
    const T* x;
    B grad;
    T* result;
    int64_t batch, rows, columns;
    bool wide_image, wide_out;

    ConvBackwardKernel(T* grad_kernel, const T* grad, const T* x, const Geometry& s)
        : s(s),
          x(x),
          grad(grad, s.places, s.group_filters, s.group_filters, s.filters),
          result(grad_kernel),
          batch(s.groups),
          rows(int64_t(s.taps) * s.group_channels),
          columns(s.group_filters),
          wide_image(B::is_wide(x, s.group_channels, 0, s.channels)),
          wide_out(B::is_wide(grad_kernel, s.group_filters, 0, s.filters)) {}

    bool may_split() const { return true; }
    __host__ __device__ int64_t inner(int64_t) const { return s.places; }
    __device__ A left(int64_t b) const {
        return {x + b * s.group_channels, s.rows(), s.columns(), s.batch, s.channels, s.group_channels, wide_image};
    }
    __device__ B right(int64_t b) const { return grad.of_batch(b); }
    __device__ T epilogue(int64_t, int64_t, T value) const { return value; }
    __device__ T* out(int64_t b, int64_t row, int64_t column) const {
        return result + row * s.filters + b * columns + column;
    }
};

}  // namespace nerve::cuda
