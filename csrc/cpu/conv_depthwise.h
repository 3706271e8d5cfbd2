// Convolution with one input and one output channel per group: no product of matrices, so vectors run along the
// channels.
#pragma once
#include "cpu/gemm.h"

namespace nerve::NERVE_ISA {

// `count` vectors of channels, the last `lanes` of which (all, or those left over) are there.
template <int count>
struct Strip {
    static constexpr int size = count;
    int64_t lanes;

    template <class T>
    NERVE_INLINE vec<T> read(const T* p, int i) const {
        return lanes == vec<T>::size ? load(p + i * vec<T>::size) : load_partial(p, lanes);
    }
    template <class T>
    NERVE_INLINE void write(T* p, int i, vec<T> x) const {
        if (lanes == vec<T>::size)
            store(p + i * vec<T>::size, x);
        else
            store_partial(p, x, lanes);
    }
};

// body(c, strip) over all channels.
template <class T, class Body>
NERVE_INLINE void each_strip(int64_t channels, const Body& body) {
    constexpr int64_t n = vec<T>::size;
    int64_t c = 0;
    for (; c + 4 * n <= channels; c += 4 * n) body(c, Strip<4>{n});
    for (; c + n <= channels; c += n) body(c, Strip<1>{n});
    if (c < channels) body(c, Strip<1>{channels - c});
}

// The taps p in [0, taps) with 0 <= first + p * step < size, step >= 1.
struct TapRange {
    int64_t begin, end;
    NERVE_INLINE TapRange(int64_t first, int64_t step, int64_t taps, int64_t size) {
        begin = first < 0 ? (-first + step - 1) / step : 0;
        end = first < size ? smaller(taps, (size - first + step - 1) / step) : 0;
    }
};

template <class T>
void depthwise(T* out, const T* x, const T* kernel, const T* bias, const Conv2DShape& s, Activation activation) {
    using V = vec<T>;
    const int64_t channels = s.channels, work = s.out_width * channels * s.kernel_height * s.kernel_width;
    parallel_blocks(s.batch * s.out_height, 1 + (1 << 15) / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const T* image = x + row / s.out_height * s.height * s.width * channels;
            const int64_t y = row % s.out_height * s.stride_height - s.pad_top;
            const TapRange down(y, s.dilation_height, s.kernel_height, s.height);
            for (int64_t j = 0; j < s.out_width; ++j) {
                const int64_t left = j * s.stride_width - s.pad_left;
                const TapRange along(left, s.dilation_width, s.kernel_width, s.width);
                T* to = out + (row * s.out_width + j) * channels;
                each_strip<T>(channels, [&](int64_t c, auto strip) {
                    V sum[strip.size];
                    for (V& v : sum) v = V(T(0));
                    for (int64_t p = down.begin; p < down.end; ++p) {
                        const T* from = image + ((y + p * s.dilation_height) * s.width + left) * channels + c;
                        const T* weights = kernel + p * s.kernel_width * channels + c;
                        for (int64_t q = along.begin; q < along.end; ++q)
                            for (int i = 0; i < strip.size; ++i)
                                sum[i] = fma(strip.read(from + q * s.dilation_width * channels, i),
                                             strip.read(weights + q * channels, i), sum[i]);
                    }
                    for (int i = 0; i < strip.size; ++i) {
                        if (bias != nullptr) sum[i] += strip.read(bias + c, i);
                        strip.write(to + c, i, activate(activation, sum[i]));
                    }
                });
            }
        }
    });
}

template <class T>
void depthwise_backward_input(T* grad_x, const T* grad, const T* kernel, const Conv2DShape& s) {
    using V = vec<T>;
    const int64_t channels = s.channels, work = s.width * channels * s.kernel_height * s.kernel_width;
    parallel_blocks(s.batch * s.height, 1 + (1 << 15) / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const T* image = grad + row / s.height * s.out_height * s.out_width * channels;
            for (int64_t x = 0; x < s.width; ++x) {
                T* to = grad_x + (row * s.width + x) * channels;
                each_strip<T>(channels, [&](int64_t c, auto strip) {
                    V sum[strip.size];
                    for (V& v : sum) v = V(T(0));
                    for (int64_t p = 0; p < s.kernel_height; ++p) {
                        const int64_t y = row % s.height + s.pad_top - p * s.dilation_height, i = y / s.stride_height;
                        if (y < 0 || y % s.stride_height != 0 || i >= s.out_height) continue;
                        for (int64_t q = 0; q < s.kernel_width; ++q) {
                            const int64_t z = x + s.pad_left - q * s.dilation_width, j = z / s.stride_width;
                            if (z < 0 || z % s.stride_width != 0 || j >= s.out_width) continue;
                            const T* from = image + (i * s.out_width + j) * channels + c;
                            const T* weights = kernel + (p * s.kernel_width + q) * channels + c;
                            for (int v = 0; v < strip.size; ++v)
                                sum[v] = fma(strip.read(from, v), strip.read(weights, v), sum[v]);
                        }
                    }
                    for (int v = 0; v < strip.size; ++v) strip.write(to + c, v, sum[v]);
                });
            }
        }
    });
}

// Blocks of output rows are summed apart, at most `most_blocks` of them, and then joined in order.
template <class T>
void depthwise_backward_kernel(T* grad_kernel, const T* grad, const T* x, const Conv2DShape& s) {
    using V = vec<T>;
    constexpr int64_t most_blocks = 64;
    const int64_t channels = s.channels, size = s.kernel_height * s.kernel_width * channels;
    const int64_t rows = s.batch * s.out_height, work = s.out_width * size;
    int64_t block = 1 + (1 << 16) / (work + 1);
    if (block * most_blocks < rows) block = (rows + most_blocks - 1) / most_blocks;
    const int64_t blocks = (rows + block - 1) / block;
    T* partials = static_cast<T*>(runtime::scratch(runtime::workspace, size_t(blocks * size) * sizeof(T)));
    parallel_blocks(rows, block, [&](int64_t begin, int64_t end) {
        T* sums = partials + begin / block * size;
        std::memset(sums, 0, size * sizeof(T));
        for (int64_t row = begin; row < end; ++row) {
            const T* image = x + row / s.out_height * s.height * s.width * channels;
            const T* from_grad = grad + row * s.out_width * channels;
            const int64_t top = row % s.out_height * s.stride_height - s.pad_top;
            const TapRange down(top, s.dilation_height, s.kernel_height, s.height);
            for (int64_t p = down.begin; p < down.end; ++p)
                for (int64_t q = 0; q < s.kernel_width; ++q) {
                    const int64_t left = q * s.dilation_width - s.pad_left;
                    const TapRange along(left, s.stride_width, s.out_width, s.width);
                    const T* line = image + ((top + p * s.dilation_height) * s.width + left) * channels;
                    T* to = sums + (p * s.kernel_width + q) * channels;
                    each_strip<T>(channels, [&](int64_t c, auto strip) {
                        V sum[strip.size];
                        for (V& v : sum) v = V(T(0));
                        for (int64_t j = along.begin; j < along.end; ++j)
                            for (int i = 0; i < strip.size; ++i)
                                sum[i] = fma(strip.read(from_grad + j * channels + c, i),
                                             strip.read(line + j * s.stride_width * channels + c, i), sum[i]);
                        for (int i = 0; i < strip.size; ++i) strip.write(to + c, i, strip.read(to + c, i) + sum[i]);
                    });
                }
        }
    });
    for (int64_t i = 0; i < size; ++i) {
        T sum = 0;
        for (int64_t b = 0; b < blocks; ++b) sum += partials[b * size + i];
        grad_kernel[i] = sum;
    }
}

}  // namespace nerve::NERVE_ISA
