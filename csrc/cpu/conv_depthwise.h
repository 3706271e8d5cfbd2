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

// One vector of channels, all there.
struct Whole {
    template <class T>
    NERVE_INLINE vec<T> read(const T* p, int) const {
        return load(p);
    }
    template <class T>
    NERVE_INLINE void write(T* p, int, vec<T> x) const {
        store(p, x);
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

// Whether several pixels are computed at once: where these come from memory rather than from the cache, and a pixel has
// many channels, going from pixel to pixel reads memory in order.
template <class T>
bool wants_blocks(int64_t pixels, int64_t channels) {
    const int64_t bytes = channels * int64_t(sizeof(T));
    return bytes <= 256 || pixels * bytes <= int64_t(4) << 20;
}

// N outputs side by side of whose taps none lies outside: output i of channel c looks at x + i * pixel + p * row + q *
// column for the taps (p, q) with kernel element kernel + p * kernel_row + q * channels.
template <class T, int N>
NERVE_INLINE void depthwise_block(T* out, int64_t channels, const T* x, int64_t pixel, int64_t row, int64_t column,
                                  const T* kernel, int64_t kernel_row, int64_t taps_y, int64_t taps_x, const T* bias,
                                  bool relu) {
    using V = vec<T>;
    auto body = [&](int64_t c, auto strip) NERVE_LAMBDA_INLINE {
        V sum[N];
#pragma GCC unroll 16
        for (V& v : sum) v = V(T(0));
        for (int64_t p = 0; p < taps_y; ++p)
            for (int64_t q = 0; q < taps_x; ++q) {
                const V weight = strip.read(kernel + p * kernel_row + q * channels + c, 0);
                const T* from = x + p * row + q * column + c;
#pragma GCC unroll 16
                for (int i = 0; i < N; ++i) sum[i] = fma(strip.read(from + i * pixel, 0), weight, sum[i]);
            }
#pragma GCC unroll 16
        for (int i = 0; i < N; ++i) {
            if (bias != nullptr) sum[i] += strip.read(bias + c, 0);
            strip.write(out + i * channels + c, 0, relu ? max(sum[i], V(T(0))) : sum[i]);
        }
    };
    int64_t c = 0;
    for (; c + V::size <= channels; c += V::size) body(c, Whole());
    if (c < channels) body(c, Strip<1>{channels - c});
}

// Long formulas are in the code once, and not for every register.
template <class T>
NERVE_NOINLINE void activate_run(T* x, int64_t size, Activation activation) {
    for (int64_t i = 0; i < size; i += vec<T>::size) {
        const int64_t n = smaller(size - i, vec<T>::size);
        store_partial(x + i, activate(activation, load_partial(x + i, n)), n);
    }
}

template <class T>
void depthwise(T* out, const T* x, const T* kernel, const T* bias, const Conv2DShape& s, Activation activation) {
    using V = vec<T>;
    const int64_t channels = s.channels, work = s.out_width * channels * s.kernel_height * s.kernel_width;
    const int64_t reach = (s.kernel_width - 1) * s.dilation_width, kernel_row = s.kernel_width * channels;
    const bool relu = activation == Activation::relu;
    const bool blocks = wants_blocks<T>(s.batch * s.height * s.width, channels);
    parallel_blocks(s.batch * s.out_height, 1 + (1 << 15) / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const T* image = x + row / s.out_height * s.height * s.width * channels;
            const int64_t y = row % s.out_height * s.stride_height - s.pad_top;
            const TapRange down(y, s.dilation_height, s.kernel_height, s.height);
            for (int64_t j = 0; j < s.out_width; ++j) {
                const int64_t at = j * s.stride_width - s.pad_left;
                if (blocks && at >= 0 && j + 8 <= s.out_width && at + 7 * s.stride_width + reach < s.width) {
                    const int64_t line = (y + down.begin * s.dilation_height) * s.width + at;
                    depthwise_block<T, 8>(out + (row * s.out_width + j) * channels, channels, image + line * channels,
                                          s.stride_width * channels, s.dilation_height * s.width * channels,
                                          s.dilation_width * channels, kernel + down.begin * kernel_row, kernel_row,
                                          down.end - down.begin, s.kernel_width, bias, relu);
                    j += 7;
                    continue;
                }
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
                        strip.write(to + c, i, relu ? max(sum[i], V(T(0))) : sum[i]);
                    }
                });
            }
            if (!relu && activation != Activation::linear)
                activate_run(out + row * s.out_width * channels, s.out_width * channels, activation);
        }
    });
}

template <class T>
void depthwise_backward_input(T* grad_x, const T* grad, const T* kernel, const Conv2DShape& s) {
    using V = vec<T>;
    const int64_t channels = s.channels, work = s.width * channels * s.kernel_height * s.kernel_width;
    const int64_t reach = (s.kernel_width - 1) * s.dilation_width, kernel_row = s.kernel_width * channels;
    const bool blocks =
        s.stride_height == 1 && s.stride_width == 1 && wants_blocks<T>(s.batch * s.height * s.width, channels);
    parallel_blocks(s.batch * s.height, 1 + (1 << 15) / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const T* image = grad + row / s.height * s.out_height * s.out_width * channels;
            const int64_t y = row % s.height + s.pad_top;  // tap p looks at line y - p * dilation
            int64_t begin_p = 0, end_p = s.kernel_height;
            while (begin_p < end_p && y - begin_p * s.dilation_height >= s.out_height) ++begin_p;
            while (begin_p < end_p && y - (end_p - 1) * s.dilation_height < 0) --end_p;
            for (int64_t x = 0; x < s.width; ++x) {
                const int64_t at = x + s.pad_left;
                if (blocks && x + 8 <= s.width && at - reach >= 0 && at + 7 < s.out_width) {
                    const int64_t line = (y - begin_p * s.dilation_height) * s.out_width + at;
                    depthwise_block<T, 8>(grad_x + (row * s.width + x) * channels, channels, image + line * channels,
                                          channels, -s.dilation_height * s.out_width * channels,
                                          -s.dilation_width * channels, kernel + begin_p * kernel_row, kernel_row,
                                          end_p - begin_p, s.kernel_width, static_cast<const T*>(nullptr), false);
                    x += 7;
                    continue;
                }
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
