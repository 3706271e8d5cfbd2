// Convolution of NHWC images with HWIO kernels, and its two gradients, each as one product whose operands are looked up
// in place; the groups are the product's batch.
#include "cuda/gemm.cuh"

namespace nerve::cuda {
namespace {

// A position of an image or of its output.
struct Place {
    int64_t image, row, column;
    __device__ Place(int64_t index, int64_t height, int64_t width)
        : image(index / width / height), row(index / width % height), column(index % width) {}
};

// A position of the kernel and a channel: of the group's inputs or of its filters, whichever runs fastest.
struct Tap {
    int64_t row, column, channel;
    __device__ Tap(int64_t index, int64_t kernel_width, int64_t channels)
        : row(index / channels / kernel_width), column(index / channels % kernel_width), channel(index % channels) {}
};

struct Geometry : Conv2DShape {
    int64_t group_channels, group_filters;
    explicit Geometry(const Conv2DShape& shape)
        : Conv2DShape(shape),
          group_channels(shape.channels / shape.groups),
          group_filters(shape.filters / shape.groups) {}
};

// What the kernel's tap sees from a place of the output; zero outside the image.
template <class T>
__device__ T seen(const T* x, const Geometry& s, int64_t group, const Place& out, const Tap& tap) {
    const int64_t row = out.row * s.stride_height - s.pad_top + tap.row * s.dilation_height;
    const int64_t column = out.column * s.stride_width - s.pad_left + tap.column * s.dilation_width;
    if (row < 0 || row >= s.height || column < 0 || column >= s.width) return T(0);
    return x[((out.image * s.height + row) * s.width + column) * s.channels + group * s.group_channels + tap.channel];
}

// --- forward: (places of the output, taps) by (taps, filters)

template <class T>
struct Patches {
    const T* x;
    Geometry s;
    static constexpr bool along_inner = true;
    __device__ T operator()(int64_t group, int64_t row, int64_t k) const {
        return seen(x, s, group, Place(row, s.out_height, s.out_width), Tap(k, s.kernel_width, s.group_channels));
    }
};

template <class T>
struct Filters {
    const T* kernel;
    Geometry s;
    static constexpr bool along_inner = false;
    __device__ T operator()(int64_t group, int64_t k, int64_t column) const {
        return kernel[k * s.filters + group * s.group_filters + column];
    }
};

template <class T>
struct StoreOutput {
    T* out;
    Geometry s;
    Epilogue<T> epilogue;
    __device__ void operator()(int64_t group, int64_t row, int64_t column, T value) const {
        const int64_t filter = group * s.group_filters + column;
        out[row * s.filters + filter] = epilogue(value, filter);
    }
};

// --- gradient of the input: (places of the image, taps by filters) by (taps by filters, channels)

template <class T>
struct Reached {
    const T* grad;
    Geometry s;
    static constexpr bool along_inner = true;
    __device__ T operator()(int64_t group, int64_t row, int64_t k) const {
        const Place in(row, s.height, s.width);
        const Tap tap(k, s.kernel_width, s.group_filters);
        const int64_t y = in.row + s.pad_top - tap.row * s.dilation_height;
        const int64_t x = in.column + s.pad_left - tap.column * s.dilation_width;
        if (y < 0 || x < 0 || y % s.stride_height != 0 || x % s.stride_width != 0) return T(0);
        const int64_t out_row = y / s.stride_height, out_column = x / s.stride_width;
        if (out_row >= s.out_height || out_column >= s.out_width) return T(0);
        return grad[((in.image * s.out_height + out_row) * s.out_width + out_column) * s.filters +
                    group * s.group_filters + tap.channel];
    }
};

template <class T>
struct TransposedFilters {
    const T* kernel;
    Geometry s;
    static constexpr bool along_inner = true;
    __device__ T operator()(int64_t group, int64_t k, int64_t column) const {
        const int64_t position = k / s.group_filters, filter = group * s.group_filters + k % s.group_filters;
        return kernel[(position * s.group_channels + column) * s.filters + filter];
    }
};

template <class T>
struct StoreInput {
    T* grad_x;
    Geometry s;
    __device__ void operator()(int64_t group, int64_t row, int64_t column, T value) const {
        grad_x[row * s.channels + group * s.group_channels + column] = value;
    }
};

// --- gradient of the kernel: (taps, places of the output) by (places of the output, filters)

template <class T>
struct TransposedPatches {
    const T* x;
    Geometry s;
    static constexpr bool along_inner = false;
    __device__ T operator()(int64_t group, int64_t row, int64_t k) const {
        return seen(x, s, group, Place(k, s.out_height, s.out_width), Tap(row, s.kernel_width, s.group_channels));
    }
};

template <class T>
struct StoreKernel {
    T* grad_kernel;
    Geometry s;
    __device__ void operator()(int64_t group, int64_t row, int64_t column, T value) const {
        grad_kernel[row * s.filters + group * s.group_filters + column] = value;
    }
};

int64_t places(const Conv2DShape& s) { return s.batch * s.out_height * s.out_width; }
int64_t positions(const Conv2DShape& s) { return s.kernel_height * s.kernel_width; }

}  // namespace

template <class T>
void conv2d(Stream stream, T* out, const T* x, const T* kernel, const T* bias, const Conv2DShape& shape,
            int64_t activation) {
    const Geometry s(shape);
    gemm<T>(stream, s.groups, places(s), s.group_filters, positions(s) * s.group_channels, Patches<T>{x, s},
            Filters<T>{kernel, s}, StoreOutput<T>{out, s, {bias, static_cast<Activation>(activation)}});
}

template <class T>
void conv2d_backward_input(Stream stream, T* grad_x, const T* grad, const T* kernel, const Conv2DShape& shape) {
    const Geometry s(shape);
    gemm<T>(stream, s.groups, s.batch * s.height * s.width, s.group_channels, positions(s) * s.group_filters,
            Reached<T>{grad, s}, TransposedFilters<T>{kernel, s}, StoreInput<T>{grad_x, s});
}

template <class T>
void conv2d_backward_kernel(Stream stream, T* grad_kernel, const T* grad, const T* x, const Conv2DShape& shape) {
    const Geometry s(shape);
    gemm<T>(stream, s.groups, positions(s) * s.group_channels, s.group_filters, places(s), TransposedPatches<T>{x, s},
            Filters<T>{grad, s}, StoreKernel<T>{grad_kernel, s});
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/conv.inc"
#include "cuda/instantiate.cuh"
