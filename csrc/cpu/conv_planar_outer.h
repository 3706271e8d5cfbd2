// The gradient of a kernel with few filters a group, strides of one, over planes (conv_planes.h): vectors run along the
// pixels, lane by lane sums of 64 bytes whatever the vector's length, folded at the end.
#pragma once
#include "cpu/conv_planar.h"

namespace nerve::NERVE_ISA {

constexpr int64_t planar_outer_size = 1 << 15;  // of a kernel: each number is a sum of several lanes until the end

template <class T>
constexpr int lanes = 64 / int(sizeof(T));

// sums[r * filters + f] (of `lanes` each) += sum over i of x[offsets[r] + i] grad[f * plane + i], for F filters and
// the first `rows` of R; or = for `first`.
template <class T, int R, int F>
void planar_outer_tile(T* sums, int64_t filters, const T* x, const int64_t* offsets, const T* grad, int64_t plane,
                       int64_t length, int64_t rows, bool first) {
    using V = vec<T>;
    const T* a[R];
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r) a[r] = x + offsets[r < rows ? r : 0];
    // The lanes of one register after those of another: all at once, few elements of a patch would share what is read.
    for (int64_t lane = 0; lane < lanes<T>; lane += V::size) {
        V sum[R][F];
#pragma GCC unroll 32
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int f = 0; f < F; ++f) sum[r][f] = V(T(0));
        for (int64_t i = lane; i < length; i += lanes<T>) {
            V g[F];
#pragma GCC unroll 4
            for (int f = 0; f < F; ++f) g[f] = load(grad + f * plane + i);
#pragma GCC unroll 32
            for (int r = 0; r < R; ++r) {
                const V xr = load(a[r] + i);
#pragma GCC unroll 4
                for (int f = 0; f < F; ++f) sum[r][f] = fma(xr, g[f], sum[r][f]);
            }
        }
#pragma GCC unroll 32
        for (int r = 0; r < R; ++r) {
            if (r >= rows) break;
#pragma GCC unroll 4
            for (int f = 0; f < F; ++f) {
                T* to = sums + (r * filters + f) * lanes<T> + lane;
                store(to, first ? sum[r][f] : load(to) + sum[r][f]);
            }
        }
    }
}

template <class T, int F>
void planar_outer_rows(T* sums, int64_t filters, const T* x, const int64_t* offsets, int64_t count, const T* grad,
                       int64_t plane, int64_t length, bool first) {
    // Patches of 9, 25 or 75 elements are whole tiles of five, nearly.
    constexpr int registers = tile_rows * tile_vectors > 20 ? 20 : 10, most = registers / F, R = most == 6 ? 5 : most;
    for (int64_t k = 0; k < count; k += R)
        planar_outer_tile<T, R, F>(sums + k * filters * lanes<T>, filters, x, offsets + k, grad, plane, length,
                                   smaller(R, count - k), first);
}

// out[k * groups * filters + g * filters + f] for the elements k of a patch of group g's channels.
template <class T>
void planar_outer(T* out, const Patches<T>& m, int64_t images, int64_t groups, int64_t filters, const T* grad) {
    constexpr int slack = 2 * lanes<T>;
    constexpr int64_t cache = 192 << 10, most_parts = 16;
    const int64_t channels = m.channels / groups, taps = m.taps(), count = channels * taps;
    const int64_t all = groups * filters, step = planar_step(filters), width = m.rows_x + (m.taps_x - 1) * m.step_x;
    const int64_t halo = (m.taps_y - 1) * m.step_y;
    int64_t rows = cache / (int64_t(sizeof(T)) * width * (m.taps_z * m.channels + all)) - halo;
    rows = smaller(rows < halo + 1 ? halo + 1 : rows, m.rows_y);
    const int64_t bands = (m.rows_y + rows - 1) / rows, units = images * bands, parts = smaller(units, most_parts);
    rows = (m.rows_y + bands - 1) / bands;
    const Planes<T> in(m.taps_z * m.channels, rows + halo, width, slack), of_grad(all, rows, width, slack);

    int64_t* offsets = static_cast<int64_t*>(runtime::scratch(runtime::packed_b, size_t(count) * sizeof(int64_t)));
    for (int64_t k = 0; k < count; ++k) {
        const Place at = m.tap(k / channels);
        offsets[k] = (at.z / m.step_z * m.channels + k % channels) * in.plane + at.y * width + at.x;
    }
    const int64_t size = all * count * lanes<T>;
    T* partials = static_cast<T*>(runtime::scratch(runtime::workspace, size_t(parts * size) * sizeof(T)));
    parallel(parts, [&](int64_t part) {
        T* x = static_cast<T*>(runtime::scratch(runtime::packed_a, size_t(in.size() + of_grad.size()) * sizeof(T)));
        T* y = x + in.size();
        const int64_t begin = part * units / parts, end = (part + 1) * units / parts;
        for (int64_t unit = begin; unit < end; ++unit) {
            const int64_t image = unit / bands, row = unit % bands * rows, used = smaller(rows, m.rows_y - row);
            copy_planes(x, in, m, image, row);
            // With zeros where the planes of x go on beyond the line.
            std::memset(y, 0, of_grad.size() * sizeof(T));
            for (int64_t i = 0; i < used; ++i)
                to_planes(y + i * width, of_grad.plane, grad + ((image * m.rows_y + row + i) * m.rows_x) * all, all,
                          all, m.rows_x);
            const int64_t length = (used - 1) * width + m.rows_x;
            T* sums = partials + part * size;
            for (int64_t g = 0; g < groups; ++g, sums += count * filters * lanes<T>)
                for (int64_t f = 0; f < filters; f += step) {
                    const int64_t some = smaller(step, filters - f);
                    const T *from = x + g * channels * in.plane, *by = y + (g * filters + f) * of_grad.plane;
                    T* to = sums + f * lanes<T>;
                    const bool first = unit == begin;
                    if (some == 1)
                        planar_outer_rows<T, 1>(to, filters, from, offsets, count, by, of_grad.plane, length, first);
                    if (some == 2)
                        planar_outer_rows<T, 2>(to, filters, from, offsets, count, by, of_grad.plane, length, first);
                    if (some == 3)
                        planar_outer_rows<T, 3>(to, filters, from, offsets, count, by, of_grad.plane, length, first);
                    if (some == 4)
                        planar_outer_rows<T, 4>(to, filters, from, offsets, count, by, of_grad.plane, length, first);
                }
        }
    });
    parallel_blocks(groups * count, 1 + 32768 / (filters * lanes<T> * parts), [&](int64_t begin, int64_t end) {
        for (int64_t e = begin; e < end; ++e)
            for (int64_t f = 0; f < filters; ++f) {
                T sum[lanes<T>];
                const T* from = partials + (e * filters + f) * lanes<T>;
                std::memcpy(sum, from, sizeof(sum));
                for (int64_t part = 1; part < parts; ++part)
                    for (int l = 0; l < lanes<T>; ++l) sum[l] += from[part * size + l];
                for (int half = lanes<T> / 2; half > 0; half /= 2)
                    for (int l = 0; l < half; ++l) sum[l] += sum[l + half];
                out[e % count * all + e / count * filters + f] = sum[0];
            }
    });
}

}  // namespace nerve::NERVE_ISA
