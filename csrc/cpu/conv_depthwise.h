// Convolution with one input and one output channel per group: no product of matrices, so vectors run along the
// channels.
#pragma once
#include "cpu/access.h"
#include "cpu/conv_patches.h"

namespace nerve::NERVE_ISA {

// A depthwise convolution, or its gradient with strides of one: that is the convolution of the gradients read from the
// last pixel to the first, so all steps are negative then.
template <class T>
struct Depthwise {
    int64_t out_row, row, pixel;  // from one line or pixel to the next, of out and of x
    const T *kernel, *bias;       // a tap has `padded` elements, whole vectors
    int64_t padded;
    const Conv2DShape& s;
    bool relu;
    bool far;  // x comes from beyond the caches of a core
};

// Outputs side by side: the first one, what its first tap looks at, where in the image that is, and how many outputs of
// the tile's lines and of its pixels there are.
template <class T>
struct DepthwiseTile {
    T* out;
    const T* x;
    int64_t at_y, at_x, lines, pixels;
};

// A vector of channels from c on, for R lines of N outputs. K taps in a row with strides S and no dilation, what is
// read serving all of the taps and lines that look at it; or, for K = 0 and R = 1, any number, strides and dilation.
// With `edges`, some outputs are not there, or look beyond the left or right end of the image, at zeros.
template <int R, int N, int K, int S, bool edges, class T, class Access>
NERVE_INLINE void depthwise_tile(const Depthwise<T>& d, const DepthwiseTile<T>& tile, int64_t c, Access at) {
    using V = vec<T>;
    const Conv2DShape& s = d.s;
    const int64_t taps_x = K > 0 ? K : s.kernel_width, stride = K > 0 ? S : s.stride_width;
    const int64_t apart_y = K > 0 ? 1 : s.dilation_height, apart_x = K > 0 ? 1 : s.dilation_width;
    V sum[R][N];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int n = 0; n < N; ++n) sum[r][n] = V(T(0));
    auto read = [&](const T* from, int64_t u) NERVE_LAMBDA_INLINE {
        return !edges || within(tile.at_x + u, s.width) ? at.read(from + u * d.pixel) : V(T(0));
    };
    for (int64_t l = 0; l < s.kernel_height + (R - 1) * S; ++l) {
        if (!within(tile.at_y + l * apart_y, s.height)) continue;
        const T* from = tile.x + l * apart_y * d.row + c;
        // Channels are visited in between, so that no processor sees by itself that the pixels beside are next.
        if (d.far)
            for (int64_t u = (taps_x - 1) * apart_x + N * stride, end = u + N * stride; u < end; ++u)
                __builtin_prefetch(from + u * d.pixel);
        if constexpr (K > 0) {
            V x[(N - 1) * S + K];
#pragma GCC unroll 16
            for (int u = 0; u < (N - 1) * S + K; ++u) x[u] = read(from, u);
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) {
                if (!within(l - r * S, s.kernel_height)) continue;
                const T* weights = d.kernel + (l - r * S) * K * d.padded + c;
#pragma GCC unroll 8
                for (int q = 0; q < K; ++q) {
                    const V weight = load(weights + q * d.padded);
#pragma GCC unroll 16
                    for (int n = 0; n < N; ++n) sum[r][n] = fma(x[n * S + q], weight, sum[r][n]);
                }
            }
        } else {
            for (int64_t q = 0; q < taps_x; ++q) {
                const V weight = load(d.kernel + (l * taps_x + q) * d.padded + c);
#pragma GCC unroll 16
                for (int n = 0; n < N; ++n) sum[0][n] = fma(read(from, n * stride + q * apart_x), weight, sum[0][n]);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int n = 0; n < N; ++n) {
            if (edges && (r >= tile.lines || n >= tile.pixels)) continue;
            if (d.bias != nullptr) sum[r][n] += at.read(d.bias + c);
            T* to = tile.out + r * d.out_row + n * d.pixel + c;
            at.write(to, d.relu ? max(sum[r][n], V(T(0))) : sum[r][n]);
        }
}

// Long formulas are in the code once, and not for every register.
template <class T>
NERVE_NOINLINE void activate_run(T* x, int64_t size, Activation activation) {
    for (int64_t i = 0; i < size; i += vec<T>::size) {
        const int64_t n = smaller(size - i, vec<T>::size);
        store_partial(x + i, activate(activation, load_partial(x + i, n)), n);
    }
}

// Output lines [line, line + R) of an image, as far as they are there.
template <int R, int N, int K, int S, class T>
void depthwise_lines(T* out, const T* x, const Depthwise<T>& d, int64_t line) {
    const Conv2DShape& s = d.s;
    const int64_t n = vec<T>::size, lines = smaller(R, s.out_height - line), at_y = line * s.stride_height - s.pad_top;
    for (int64_t j = 0; j < s.out_width; j += N) {
        const int64_t at_x = j * s.stride_width - s.pad_left, pixels = smaller(N, s.out_width - j);
        const DepthwiseTile<T> tile{
            out + line * d.out_row + j * d.pixel, x + at_y * d.row + at_x * d.pixel, at_y, at_x, lines, pixels};
        const int64_t last = at_x + (N - 1) * s.stride_width + (s.kernel_width - 1) * s.dilation_width;
        int64_t c = 0;
        if (lines == R && pixels == N && at_x >= 0 && last < s.width)
            for (; c + n <= s.channels; c += n) depthwise_tile<R, N, K, S, false>(d, tile, c, Whole());
        for (; c + n <= s.channels; c += n) depthwise_tile<R, N, K, S, true>(d, tile, c, Whole());
        if (c < s.channels) depthwise_tile<R, N, K, S, true>(d, tile, c, Part{s.channels - c});
    }
}

constexpr int64_t in_cache = int64_t(8) << 20;  // bytes of x; measured

// `backward`: out and x lie in memory from the last pixel of an image to the first.
template <class T>
void depthwise_images(T* out, const T* x, const T* kernel, const T* bias, const Conv2DShape& s, Activation activation,
                      bool backward) {
    constexpr int together = 2, wide = tile_rows > 6 ? 7 : 4;  // what the registers hold
    const int64_t channels = s.channels, taps = s.kernel_height * s.kernel_width;
    const int64_t padded = pieces(channels, vec<T>::size) * vec<T>::size;
    const int64_t out_image = s.out_height * s.out_width * channels, image = s.height * s.width * channels;
    const bool three =
        s.kernel_width == 3 && s.stride_height == s.stride_width && s.dilation_height == 1 && s.dilation_width == 1;
    // Side by side: its vectors are read again and again, none of them across two cache lines.
    T* packed = scratch<T>(runtime::packed_b, taps * padded);
    for (int64_t t = 0; t < taps; ++t) {
        std::memcpy(packed + t * padded, kernel + t * channels, channels * sizeof(T));
        std::memset(packed + t * padded + channels, 0, (padded - channels) * sizeof(T));
    }
    const int64_t step = backward ? -channels : channels;
    const Depthwise<T> d{s.out_width * step,
                         s.width * step,
                         step,
                         packed,
                         bias,
                         padded,
                         s,
                         activation == Activation::relu,
                         s.batch * image * int64_t(sizeof(T)) > in_cache};
    const int64_t height = three && s.stride_width == 1 ? together : 1, units = pieces(s.out_height, height);
    const int64_t work = height * s.out_width * channels * taps;
    parallel_blocks(s.batch * units, 1 + (1 << 15) / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t unit = begin; unit < end; ++unit) {
            const int64_t line = unit % units * height;
            T* to = out + unit / units * out_image;
            const T* from = x + unit / units * image;
            T* first = backward ? to + out_image - channels : to;
            const T* first_x = backward ? from + image - channels : from;
            if (height > 1)
                depthwise_lines<together, wide, 3, 1>(first, first_x, d, line);
            else if (three && s.stride_width == 2)
                depthwise_lines<1, wide, 3, 2>(first, first_x, d, line);
            else
                depthwise_lines<1, 7, 0, 1>(first, first_x, d, line);
            if (!d.relu && activation != Activation::linear)
                activate_run(to + line * s.out_width * channels,
                             smaller(height, s.out_height - line) * s.out_width * channels, activation);
        }
    });
}

template <class T>
void depthwise(T* out, const T* x, const T* kernel, const T* bias, const Conv2DShape& s, Activation activation) {
    depthwise_images(out, x, kernel, bias, s, activation, false);
}

template <class T>
void depthwise_backward_input(T* grad_x, const T* grad, const T* kernel, const Conv2DShape& s) {
    using V = vec<T>;
    const int64_t channels = s.channels, work = s.width * channels * s.kernel_height * s.kernel_width;
    if (s.stride_height == 1 && s.stride_width == 1) {
        Conv2DShape turned = s;
        turned.height = s.out_height, turned.width = s.out_width;
        turned.out_height = s.height, turned.out_width = s.width;
        turned.pad_top = s.pad_top + s.height - s.out_height, turned.pad_left = s.pad_left + s.width - s.out_width;
        return depthwise_images(grad_x, grad, kernel, static_cast<const T*>(nullptr), turned, Activation::linear, true);
    }
    parallel_blocks(s.batch * s.height, 1 + (1 << 15) / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const T* image = grad + row / s.height * s.out_height * s.out_width * channels;
            for (int64_t x = 0; x < s.width; ++x) {
                T* to = grad_x + (row * s.width + x) * channels;
                each_strip<T>(channels, [&](int64_t c, auto at, auto count) {
                    V sum[count.value];
                    for (V& v : sum) v = V(T(0));
                    for (int64_t p = 0; p < s.kernel_height; ++p) {
                        const int64_t y = row % s.height + s.pad_top - p * s.dilation_height, i = y / s.stride_height;
                        if (y < 0 || y % s.stride_height != 0 || i >= s.out_height) continue;
                        for (int64_t q = 0; q < s.kernel_width; ++q) {
                            const int64_t z = x + s.pad_left - q * s.dilation_width, j = z / s.stride_width;
                            if (z < 0 || z % s.stride_width != 0 || j >= s.out_width) continue;
                            const T* from = image + (i * s.out_width + j) * channels + c;
                            const T* weights = kernel + (p * s.kernel_width + q) * channels + c;
                            for (int v = 0; v < count.value; ++v)
                                sum[v] = fma(at.read(from + v * V::size), at.read(weights + v * V::size), sum[v]);
                        }
                    }
                    for (int v = 0; v < count.value; ++v) at.write(to + c + v * V::size, sum[v]);
                });
            }
        }
    });
}

}  // namespace nerve::NERVE_ISA
