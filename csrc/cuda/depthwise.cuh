// Convolutions in which a filter sees a single channel: too little to multiply for a product, so a thread makes a
// result.
#pragma once
#include "cuda/conv.cuh"

namespace nerve::cuda {

// body(y, x, tap row, tap column) for the taps at which a place sees a pixel.
template <class Body>
__device__ void each_tap(const Axis& rows, const Axis& columns, const Place& at, const Body& body) {
    for (int64_t i = 0; i < rows.taps; ++i) {
        const int64_t y = at.row * rows.scale + rows.offset + i * rows.step;
        if (y < 0 || y >= rows.size) continue;
        for (int64_t j = 0; j < columns.taps; ++j) {
            const int64_t x = at.column * columns.scale + columns.offset + j * columns.step;
            if (x >= 0 && x < columns.size)
                body(y, x, rows.first_tap + i * rows.tap_step, columns.first_tap + j * columns.tap_step);
        }
    }
}

template <class T>
__global__ void depthwise_kernel(T* out, const T* image, const T* kernel, Geometry s, Epilogue<T> finish) {
    for (int64_t i = first_index(); i < s.places * s.filters; i += index_step()) {
        const int64_t filter = i % s.filters, channel = filter / s.group_filters;
        const Place at = place_at(i / s.filters, s.out_height, s.out_width);
        T sum = 0;
        each_tap(s.rows(), s.columns(), at, [&](int64_t y, int64_t x, int64_t row, int64_t column) {
            sum = math::fma(image[((at.image * s.height + y) * s.width + x) * s.channels + channel],
                            kernel[(row * s.kernel_width + column) * s.filters + filter], sum);
        });
        out[i] = finish(sum, filter);
    }
}

template <class T>
__global__ void depthwise_input_kernel(T* grad_x, const T* grad, const T* kernel, Geometry s) {
    for (int64_t i = first_index(); i < s.batch * s.height * s.width * s.channels; i += index_step()) {
        const int64_t channel = i % s.channels;
        const Place pixel = place_at(i / s.channels, s.height, s.width);
        const int32_t phase = int32_t(pixel.row % s.stride_height * s.stride_width + pixel.column % s.stride_width);
        const Place at{pixel.image, pixel.row / s.stride_height, pixel.column / s.stride_width};
        T sum = 0;
        each_tap(s.rows_reached(phase), s.columns_reached(phase), at,
                 [&](int64_t y, int64_t x, int64_t row, int64_t column) {
                     const int64_t seen = ((at.image * s.out_height + y) * s.out_width + x) * s.filters;
                     const int64_t weights = (row * s.kernel_width + column) * s.filters;
                     for (int64_t f = channel * s.group_filters; f < (channel + 1) * s.group_filters; ++f)
                         sum = math::fma(grad[seen + f], kernel[weights + f], sum);
                 });
        grad_x[i] = sum;
    }
}

// Of the gradient of the kernel, the part of some of the places: a block has a tap and 32 filters, its warps take
// turns.
template <class T>
__global__ void depthwise_taps_kernel(T* partials, const T* grad, const T* image, Geometry s, int64_t splits) {
    struct Partials {
        T of[threads / warp][warp];
    };
    auto& memory = shared<Partials>();
    const int64_t strips = divide_up(s.filters, warp), split = blockIdx.x / strips % splits;
    const int64_t tap = blockIdx.x / strips / splits, filter = blockIdx.x % strips * warp + threadIdx.x % warp;
    const int64_t share = divide_up(s.places, splits),
                  end = (split + 1) * share < s.places ? (split + 1) * share : s.places;
    const Axis rows = s.rows(), columns = s.columns();
    const int64_t down = rows.offset + tap / s.kernel_width * rows.step;
    const int64_t right = columns.offset + tap % s.kernel_width * columns.step;
    const int group = threadIdx.x / warp;
    T sum = 0;
    for (int64_t place = split * share + group; place < end && filter < s.filters;) {
        T run = 0;  // sums of 32: long ones lose less this way
        for (int n = 0; n < 32 && place < end; ++n, place += threads / warp) {
            const Place at = place_at(place, s.out_height, s.out_width);
            const int64_t y = at.row * rows.scale + down, x = at.column * columns.scale + right;
            if (y < 0 || y >= s.height || x < 0 || x >= s.width) continue;
            run = math::fma(grad[place * s.filters + filter],
                            image[((at.image * s.height + y) * s.width + x) * s.channels + filter / s.group_filters],
                            run);
        }
        sum += run;
    }
    memory.of[group][threadIdx.x % warp] = sum;
    __syncthreads();
    if (group > 0 || filter >= s.filters) return;
    for (int other = 1; other < threads / warp; ++other) sum += memory.of[other][threadIdx.x % warp];
    partials[(split * s.taps + tap) * s.filters + filter] = sum;
}

template <class T>
__global__ void add_parts_kernel(T* out, const T* partials, int64_t size, int64_t splits) {
    for (int64_t i = first_index(); i < size; i += index_step()) {
        T sum = partials[i];
        for (int64_t split = 1; split < splits; ++split) sum += partials[split * size + i];
        out[i] = sum;
    }
}

inline bool is_depthwise(const Geometry& s) { return s.group_channels == 1 && s.groups > 1; }

// Parts of the places, so that there are blocks for a whole GPU, each with work for its trouble.
inline int64_t depthwise_splits(const Geometry& s) {
    const int64_t blocks = s.taps * divide_up(s.filters, warp);
    const int64_t wanted = blocks > 0 ? divide_up(busy_blocks(), blocks) : 1, most = divide_up(s.places, 512);
    return wanted < most ? wanted : most > 1 ? most : 1;
}

}  // namespace nerve::cuda
