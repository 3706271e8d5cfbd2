// Convolution with strides of one and few filters a group, over planes (conv_planes.h): vectors run along the pixels,
// and each weight is one number in all lanes.
#pragma once
#include "cpu/conv_direct.h"
#include "cpu/conv_planes.h"

namespace nerve::NERVE_ISA {

constexpr int64_t planar_filters = 8;  // of a group: with more, vectors of filters are as good

// out[f][i] = bias[f] + sum over k of x[offsets[k] + i] weights[k][f], for F filters and N vectors of i.
template <class T, int F, int N>
void planar_tile(T* out, int64_t plane, const T* x, const int64_t* offsets, int64_t count, const T* weights,
                 const T* bias) {
    using V = vec<T>;
    V sum[F][N];
#pragma GCC unroll 4
    for (int f = 0; f < F; ++f)
#pragma GCC unroll 16
        for (int i = 0; i < N; ++i) sum[f][i] = V(T(0));
    for (int64_t k = 0; k < count; ++k, weights += F) {
        const T* from = x + offsets[k];
        V w[F];
#pragma GCC unroll 4
        for (int f = 0; f < F; ++f) w[f] = V(weights[f]);
#pragma GCC unroll 16
        for (int i = 0; i < N; ++i) {
            const V xi = load(from + i * V::size);
#pragma GCC unroll 4
            for (int f = 0; f < F; ++f) sum[f][i] = fma(xi, w[f], sum[f][i]);
        }
    }
#pragma GCC unroll 4
    for (int f = 0; f < F; ++f)
#pragma GCC unroll 16
        for (int i = 0; i < N; ++i)
            store(out + f * plane + i * V::size, bias != nullptr ? sum[f][i] + V(bias[f]) : sum[f][i]);
}

template <class T, int F>
void planar_line(T* out, int64_t plane, int64_t length, const T* x, const int64_t* offsets, int64_t count,
                 const T* weights, const T* bias) {
    constexpr int n = vec<T>::size, registers = tile_rows * tile_vectors > 24 ? 24 : tile_rows * tile_vectors;
    constexpr int N = registers / F > 12 ? 12 : registers / F;
    int64_t i = 0;
    for (; i + (N - 2) * n < length; i += N * n)
        planar_tile<T, F, N>(out + i, plane, x + i, offsets, count, weights, bias);
    for (; i < length; i += 2 * n) planar_tile<T, F, 2>(out + i, plane, x + i, offsets, count, weights, bias);
}

template <class T>
NERVE_NOINLINE void activate_all(T* x, int64_t size, Activation activation) {
    for (int64_t i = 0; i < size; i += vec<T>::size) store(x + i, activate(activation, load(x + i)));
}

// How many filters are computed at once, of `filters`: four at most, as evenly as can be.
inline int64_t planar_step(int64_t filters) {
    const int64_t steps = (filters + 3) / 4;
    return steps == 0 ? 1 : (filters + steps - 1) / steps;
}

// places (pixels, groups * filters) from m, of which each group sees `channels`; weight(g, t, c, f) is the number
// that tap t of channel c gives filter f of group g.
template <class T, class Weight>
void planar(const Patches<T>& m, int64_t images, int64_t groups, int64_t filters, const Weight& weight,
            const Places<T>& places) {
    constexpr int slack = 12 * 16;
    constexpr int64_t cache = 192 << 10;
    const int64_t channels = m.channels / groups, taps = m.taps(), count = channels * taps;
    const int64_t all = groups * filters, step = planar_step(filters);
    if (images * m.rows_y * m.rows_x <= 0 || all <= 0) return;
    const int64_t width = m.rows_x + (m.taps_x > 0 ? (m.taps_x - 1) * m.step_x : 0);
    const int64_t halo = m.taps_y > 0 ? (m.taps_y - 1) * m.step_y : 0;
    int64_t rows = cache / (int64_t(sizeof(T)) * width * (m.taps_z * m.channels + all)) - halo;
    rows = smaller(rows < halo + 1 ? halo + 1 : rows, m.rows_y);
    const int64_t bands = (m.rows_y + rows - 1) / rows;
    rows = (m.rows_y + bands - 1) / bands;
    const Planes<T> in(m.taps_z * m.channels, rows + halo, width, slack), out(all, rows, width, slack);

    T* weights = static_cast<T*>(
        runtime::scratch(runtime::packed_b, size_t(all * count) * sizeof(T) + size_t(count) * sizeof(int64_t) + 128));
    int64_t* offsets = reinterpret_cast<int64_t*>(weights + (all * count + 15) / 16 * 16);
    for (int64_t k = 0; k < count; ++k) {
        const Place at = m.tap(k % taps);
        offsets[k] = (at.z / m.step_z * m.channels + k / taps) * in.plane + at.y * width + at.x;
    }
    T* to = weights;
    for (int64_t g = 0; g < groups; ++g)
        for (int64_t f0 = 0; f0 < filters; f0 += step)
            for (int64_t k = 0; k < count; ++k)
                for (int64_t f = f0; f < smaller(f0 + step, filters); ++f) *to++ = weight(g, k % taps, k / taps, f);

    auto body = [&](int64_t task) {
        const int64_t image = task / bands, row = task % bands * rows, used = smaller(rows, m.rows_y - row);
        T* x = static_cast<T*>(runtime::scratch(runtime::packed_a, size_t(in.size() + out.size()) * sizeof(T)));
        T* y = x + in.size();
        if (count > 0) copy_planes(x, in, m, image, row);
        const int64_t length = (used - 1) * width + m.rows_x;
        const T* w = weights;
        for (int64_t g = 0; g < groups; ++g)
            for (int64_t f = 0; f < filters; f += step) {
                const int64_t some = smaller(step, filters - f), first = g * filters + f;
                const T *from = x + g * channels * in.plane, *bias = places.bias ? places.bias + first : nullptr;
                T* plane = y + first * out.plane;
                if (some == 1) planar_line<T, 1>(plane, out.plane, length, from, offsets, count, w, bias);
                if (some == 2) planar_line<T, 2>(plane, out.plane, length, from, offsets, count, w, bias);
                if (some == 3) planar_line<T, 3>(plane, out.plane, length, from, offsets, count, w, bias);
                if (some == 4) planar_line<T, 4>(plane, out.plane, length, from, offsets, count, w, bias);
                w += some * count;
            }
        if (places.activation != Activation::linear)
            for (int64_t f = 0; f < all; ++f) activate_all(y + f * out.plane, length, places.activation);
        for (int64_t i = 0; i < used; ++i)
            from_planes(places.at(image) + (row + i) * places.row, places.pixel, y + i * width, out.plane, all,
                        m.rows_x);
    };
    const int64_t work = rows * width * count * all;
    parallel_blocks(images * bands, 1 + 32768 / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) body(task);
    });
}

}  // namespace nerve::NERVE_ISA
