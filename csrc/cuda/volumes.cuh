// Convolutions of volumes as those of images whose channels are those of all planes that a window sees, group by group:
// images (batch * out_depth, height, width, groups, kernel_depth, channels of a group), kernels (height, width, depth *
// channels of a group, filters).
#pragma once
#include "cuda/common.cuh"

namespace nerve::cuda {

struct Volumes : Conv3DShape {
    int64_t group_channels, pixels;  // of a plane

    explicit Volumes(const Conv3DShape& s)
        : Conv3DShape(s), group_channels(s.channels / s.groups), pixels(s.height * s.width) {}

    // Whether each output sees the plane in its own place and no other: then planes are images as they are.
    bool sees_itself() const { return kernel_depth == 1 && stride_depth == 1 && pad_front == 0 && out_depth == depth; }
    __host__ __device__ int64_t planes_size() const { return batch * out_depth * pixels * kernel_depth * channels; }
    __host__ __device__ int64_t kernel_size() const {
        return kernel_depth * kernel_height * kernel_width * group_channels * filters;
    }
    Conv2DShape images() const {
        return {batch * out_depth, height,         width,         kernel_depth * channels,
                kernel_height,     kernel_width,   filters,       groups,
                out_height,        out_width,      stride_height, stride_width,
                dilation_height,   dilation_width, pad_top,       pad_left};
    }
};

template <class T>
__global__ void planes_kernel(T* planes, const T* x, Volumes s) {
    for (int64_t i = first_index(); i < s.planes_size(); i += index_step()) {
        const int64_t c = i % s.group_channels, o = i / s.group_channels % s.kernel_depth;
        const int64_t g = i / s.group_channels / s.kernel_depth % s.groups;
        const int64_t pixel = i / (s.kernel_depth * s.channels) % s.pixels;
        const int64_t image = i / (s.kernel_depth * s.channels) / s.pixels;
        const int64_t z = image % s.out_depth * s.stride_depth - s.pad_front + o * s.dilation_depth;
        const int64_t from = (image / s.out_depth * s.depth + z) * s.pixels + pixel;
        planes[i] = z >= 0 && z < s.depth ? x[from * s.channels + g * s.group_channels + c] : T(0);
    }
}

// The adjoint: what each plane of the volumes gave, added up.
template <class T>
__global__ void planes_sum_kernel(T* x, const T* planes, Volumes s) {
    for (int64_t i = first_index(); i < s.batch * s.depth * s.pixels * s.channels; i += index_step()) {
        const int64_t c = i % s.group_channels, g = i / s.group_channels % s.groups;
        const int64_t pixel = i / s.channels % s.pixels, z = i / s.channels / s.pixels % s.depth;
        const int64_t first = i / s.channels / s.pixels / s.depth * s.out_depth;
        T sum = 0;
        for (int64_t o = 0; o < s.kernel_depth; ++o) {
            const int64_t distance = z + s.pad_front - o * s.dilation_depth;
            if (distance < 0 || distance % s.stride_depth != 0 || distance / s.stride_depth >= s.out_depth) continue;
            const int64_t image = first + distance / s.stride_depth;
            sum += planes[(((image * s.pixels + pixel) * s.groups + g) * s.kernel_depth + o) * s.group_channels + c];
        }
        x[i] = sum;
    }
}

// Kernels (depth, height, width, ...) as (height, width, depth, ...), or, for `back`, the other way round.
template <class T, bool back>
__global__ void turned_kernel(T* to, const T* from, Volumes s) {
    const int64_t one = s.group_channels * s.filters, taps = s.kernel_height * s.kernel_width;
    for (int64_t i = first_index(); i < s.kernel_size(); i += index_step()) {
        const int64_t o = i / one / taps, tap = i / one % taps, flat = (tap * s.kernel_depth + o) * one + i % one;
        to[back ? i : flat] = from[back ? flat : i];
    }
}

// The parts of the scratch memory: planes, then a kernel, then what the convolution of the images works in. Where
// planes are images as they are, there is the last part alone.
template <class T>
struct VolumeScratch {
    static constexpr int64_t line = 256;
    int64_t planes, kernel;  // bytes

    explicit VolumeScratch(const Volumes& s)
        : planes(s.sees_itself() ? 0 : divide_up(s.planes_size() * int64_t(sizeof(T)), line) * line),
          kernel(s.sees_itself() ? 0 : divide_up(s.kernel_size() * int64_t(sizeof(T)), line) * line) {}
    int64_t bytes() const { return planes + kernel; }

    T* planes_of(const Stream& stream) const { return static_cast<T*>(stream.scratch); }
    T* kernel_of(const Stream& stream) const {
        return reinterpret_cast<T*>(static_cast<char*>(stream.scratch) + planes);
    }
    Stream rest_of(Stream stream) const {
        stream.scratch = static_cast<char*>(stream.scratch) + planes + kernel;
        return stream;
    }
};

}  // namespace nerve::cuda
