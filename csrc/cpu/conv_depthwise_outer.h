// The gradient of a depthwise convolution with respect to its kernel: for each tap and channel, the sum over all
// outputs of what comes back to them times what the tap sees.
#pragma once
#include "cpu/access.h"
#include "cpu/conv_depthwise.h"

namespace nerve::NERVE_ISA {

// Adds to N vectors of channels of each of 3x3 taps the products of R lines of outputs from `line` on with what the
// taps see of an image x, with strides S and no dilation: what is read serves all of the lines and taps that look at
// it.
template <int R, int S, int N, class T, class Access>
NERVE_NOINLINE void depthwise_products(T* sums, const T* grad, const T* x, int64_t line, const Conv2DShape& s, bool far,
                                       Access at) {
    using V = vec<T>;
    constexpr int K = 3, seen = (R - 1) * S + K;  // lines of x
    const int64_t c = s.channels, row = s.width * c, out_row = s.out_width * c, top = line * S - s.pad_top;
    V sum[K][K][N];
    const auto each_sum = [&](const auto& body) NERVE_LAMBDA_INLINE {
#pragma GCC unroll 4
        for (int p = 0; p < K; ++p)
#pragma GCC unroll 4
            for (int q = 0; q < K; ++q)
#pragma GCC unroll 4
                for (int v = 0; v < N; ++v) body(sum[p][q][v], sums + (p * K + q) * c + v * V::size);
    };
    each_sum([](V& of, T*) NERVE_LAMBDA_INLINE { of = V(T(0)); });
    const auto add = [&](int64_t j, auto edges) NERVE_LAMBDA_INLINE {
        const int64_t left = j * S - s.pad_left;
        const T *from = x + top * row + left * c, *g = grad + j * c;
        V value[R][N];
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) value[r][v] = at.read(g + r * out_row + v * V::size);
#pragma GCC unroll 8
        for (int l = 0; l < seen; ++l) {
            if (edges.value && !within(top + l, s.height)) continue;
#pragma GCC unroll 4
            for (int q = 0; q < K; ++q) {
                if (edges.value && !within(left + q, s.width)) continue;
#pragma GCC unroll 4
                for (int v = 0; v < N; ++v) {
                    const V pixel = at.read(from + l * row + q * c + v * V::size);
#pragma GCC unroll 4
                    for (int p = 0; p < K; ++p)
                        if (l >= p && (l - p) % S == 0 && (l - p) / S < R)
                            sum[p][q][v] = fma(value[(l - p) / S][v], pixel, sum[p][q][v]);
                }
            }
        }
        if (!far) return;
        // What the next lines of outputs are and see; the lines of one vector alone are in no order to a processor.
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) __builtin_prefetch(g + (R + r) * out_row + v * V::size);
#pragma GCC unroll 4
        for (int l = 0; l < R * S; ++l)
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) __builtin_prefetch(from + (seen + l) * row + K / 2 * c + v * V::size);
    };
    const bool whole = top >= 0 && top + seen <= s.height;
    const int64_t end = s.out_width;
    const int64_t first = whole ? smaller(end, TapRange(-s.pad_left, S, end, s.width).begin) : end;
    const int64_t behind = TapRange(K - 1 - s.pad_left, S, end, s.width).end;
    int64_t j = 0;
    for (; j < first; ++j) add(j, std::true_type());
    for (; j < behind; ++j) add(j, std::false_type());
    for (; j < end; ++j) add(j, std::true_type());
    each_sum([&](V of, T* to) NERVE_LAMBDA_INLINE { at.write(to, at.read(to) + of); });
}

// The same for any number of taps, strides and dilation, and one line of outputs.
template <class T>
void depthwise_products(T* sums, const T* grad, const T* x, int64_t line, const Conv2DShape& s) {
    using V = vec<T>;
    const int64_t channels = s.channels, top = line * s.stride_height - s.pad_top;
    const TapRange down(top, s.dilation_height, s.kernel_height, s.height);
    for (int64_t p = down.begin; p < down.end; ++p)
        for (int64_t q = 0; q < s.kernel_width; ++q) {
            const int64_t left = q * s.dilation_width - s.pad_left;
            const TapRange along(left, s.stride_width, s.out_width, s.width);
            const T* from = x + ((top + p * s.dilation_height) * s.width + left) * channels;
            T* to = sums + (p * s.kernel_width + q) * channels;
            each_strip<T>(channels, [&](int64_t c, auto at, auto count) {
                V sum[count.value];
                for (V& v : sum) v = V(T(0));
                for (int64_t j = along.begin; j < along.end; ++j)
                    for (int i = 0; i < count.value; ++i)
                        sum[i] = fma(at.read(grad + j * channels + c + i * V::size),
                                     at.read(from + j * s.stride_width * channels + c + i * V::size), sum[i]);
                for (int i = 0; i < count.value; ++i) {
                    T* there = to + c + i * V::size;
                    at.write(there, at.read(there) + sum[i]);
                }
            });
        }
}

// Blocks of output lines are summed apart, at most `most_blocks` of them, and then joined in order.
template <class T>
void depthwise_backward_kernel(T* grad_kernel, const T* grad, const T* x, const Conv2DShape& s) {
    constexpr int64_t most_blocks = 64;
    constexpr int together = sizeof(T) == 4 ? 2 : 1;  // lines
    constexpr int strip = tile_rows > 6 ? 2 : 1;      // vectors of channels whose sums the registers hold
    const int64_t channels = s.channels, size = s.kernel_height * s.kernel_width * channels;
    const int64_t lines = s.batch * s.out_height, work = s.out_width * size;
    int64_t block = 1 + (1 << 16) / (work + 1);
    if (block * most_blocks < lines) block = pieces(lines, most_blocks);
    const int64_t blocks = pieces(lines, block), image = s.height * s.width * channels;
    T* partials = static_cast<T*>(runtime::scratch(runtime::workspace, size_t(blocks * size) * sizeof(T)));
    const bool three = s.kernel_height == 3 && s.kernel_width == 3 && s.stride_height == s.stride_width &&
                       s.stride_width <= 2 && s.dilation_height == 1 && s.dilation_width == 1;
    const bool far = s.batch * image * int64_t(sizeof(T)) > in_cache;
    parallel_blocks(lines, block, [&](int64_t begin, int64_t end) {
        T* sums = partials + begin / block * size;
        std::memset(sums, 0, size * sizeof(T));
        for (int64_t line = begin; line < end;) {
            const int64_t i = line % s.out_height;
            const T *of_image = x + line / s.out_height * image, *of_grad = grad + line * s.out_width * channels;
            if (!three) {
                depthwise_products(sums, of_grad, of_image, i, s);
                line += 1;
                continue;
            }
            const auto of = [&](auto R, auto S) NERVE_LAMBDA_INLINE {
                const auto at = [&](int64_t c, auto N, auto access) NERVE_LAMBDA_INLINE {
                    depthwise_products<R.value, S.value, N.value>(sums + c, of_grad + c, of_image + c, i, s, far,
                                                                  access);
                };
                int64_t c = 0;
                for (; c + strip * vec<T>::size <= channels; c += strip * vec<T>::size) at(c, Count<strip>(), Whole());
                for (; c < channels; c += vec<T>::size) at(c, Count<1>(), Part{smaller(channels - c, vec<T>::size)});
                line += R.value;
            };
            if (together == 2 && line + 1 < end && i + 1 < s.out_height)
                s.stride_width == 1 ? of(Count<together>(), Count<1>()) : of(Count<together>(), Count<2>());
            else
                s.stride_width == 1 ? of(Count<1>(), Count<1>()) : of(Count<1>(), Count<2>());
        }
    });
    for (int64_t i = 0; i < size; ++i) {
        T sum = 0;
        for (int64_t b = 0; b < blocks; ++b) sum += partials[b * size + i];
        grad_kernel[i] = sum;
    }
}

}  // namespace nerve::NERVE_ISA
