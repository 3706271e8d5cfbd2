// How the gradient of an average goes back to the positions of a volume: every one gets its share of all windows that
// it is in. Those of a line's depth and height are added up to one row of the output, which is spread along the line.
#pragma once
#include "cpu/pool3d_backward.h"
#include "cpu/pool_spread.h"

namespace nerve::NERVE_ISA {
namespace {  // pool3d.cpp alone includes this

// Positions along the width that lie under the same windows.
struct Stretch {
    Span positions, windows;
};

struct Shares {
    const Tables windows;
    const Over over;
    int64_t count = 0;
    Stretch* stretches;

    static int64_t bytes(const Pool3DShape& s) {
        return Tables::bytes(s) + Over::bytes(s) + s.width * int64_t(sizeof(Stretch)) + 64;
    }
    Shares(const Pool3DShape& s, Memory& memory)
        : windows(s, memory), over(s, memory), stretches(memory.take<Stretch>(s.width)) {
        for (int64_t x = 0; x < s.width; ++x)
            if (x > 0 && same(over.width[x], over.width[x - 1]))
                ++stretches[count - 1].positions.end;
            else
                stretches[count++] = {{x, x + 1}, over.width[x]};
    }
    static NERVE_INLINE bool same(Span a, Span b) { return a.begin == b.begin && a.end == b.end; }
};

// A line from the sums of its row of the output, behind which there is room for a vector.
template <class T>
NERVE_INLINE void fill_stretches(T* line, const T* sums, const Pool3DShape& s, const Shares& shares, bits<T> order) {
    constexpr int64_t lanes = vec<T>::size;
    const int64_t channels = s.channels, size = s.width * channels;
    for (int64_t i = 0; i < shares.count; ++i) {
        const Span windows = shares.stretches[i].windows, positions = shares.stretches[i].positions;
        const int64_t begin = positions.begin * channels, end = positions.end * channels;
        if (channels >= lanes) {
            each_overlapping<T>(channels, [=](int64_t c, auto at, auto strip) NERVE_LAMBDA_INLINE {
                constexpr int n = decltype(strip)::value;
                vec<T> sum[n];
                for (int v = 0; v < n; ++v) sum[v] = vec<T>(T(0));
                for (int64_t k = windows.begin; k < windows.end; ++k)
                    for (int v = 0; v < n; ++v) sum[v] += at.read(sums + k * channels + c + v * lanes);
                for (int64_t to = begin + c; to < end; to += channels)
                    for (int v = 0; v < n; ++v) at.write(line + to + v * lanes, sum[v]);
            });
            continue;
        }
        // As many pixels as a vector holds; what is stored beyond the stretch is written over by the next.
        vec<T> pixels(T(0));
        for (int64_t k = windows.begin; k < windows.end; ++k) pixels += load(sums + k * channels);
        pixels = permute(pixels, order);
        const int64_t step = lanes / channels * channels;
        for (int64_t to = begin; to < end; to += step)
            if (to + lanes <= size)
                store(line + to, pixels);
            else
                store_partial(line + to, pixels, size - to);
    }
}

// A line under the same windows as the one before it, or the one in front of it, is a copy.
template <class T>
void share_out(T* grad_x, const T* grad, const Pool3DShape& s) {
    constexpr int64_t lanes = vec<T>::size;
    const int64_t size = s.width * s.channels, row = s.out_width * s.channels, lines = s.depth * s.height;
    if (s.batch * lines * size == 0) return;
    const Windows widths = width_windows(s);
    const bool few = s.channels < lanes, spreads = few && s.stride_width > 0;  // windows of any sizes: by stretches
    Memory memory(runtime::workspace, Shares::bytes(s) + row * int64_t(sizeof(T)) + 64 +
                                          (spreads ? Spread<T>::bytes(widths, s.channels) : 0));
    const Shares shares(s, memory);
    Spread<T> spread;
    if (spreads) spread = Spread<T>(widths, s.channels, memory);
    const Span *depth = shares.windows.depth, *height = shares.windows.height;
    T* parts = memory.take<T>(row);  // of the elements of a row of the output, along the width
    for (int64_t e = 0; e < row; ++e) parts[e] = T(shares.windows.width[e / s.channels].size());
    bits<T> order{};
    for (int64_t lane = 0; lane < lanes && few; ++lane) order[lane] = typename vec<T>::integer(lane % s.channels);
    parallel_blocks(s.batch * lines, rows_in_a_task(size), [&](int64_t begin, int64_t end) {
        const int64_t margin = spreads ? spread.margin : 0, room = spreads ? spread.source : row + lanes;
        const int64_t reach = spreads ? spread.reach : 0;
        Memory own(runtime::packed_a, room * int64_t(sizeof(T)) + reach * int64_t(sizeof(Term<T, int32_t>)) + 128);
        T *all = own.take<T>(room), *sums = all + margin;
        Term<T, int32_t>* terms = own.take<Term<T, int32_t>>(reach);
        std::memset(all, 0, room * sizeof(T));
        if (spreads) put_terms(terms, spread, Source<T, int32_t>{sums, nullptr}, s.channels, 0);
        each_line(s, begin, end, [&](int64_t number, int64_t volume, int64_t z, int64_t y) NERVE_LAMBDA_INLINE {
            T* line = grad_x + number * size;
            const Span i = shares.over.depth[z], j = shares.over.height[y];
            if (y > 0 && number > begin && Shares::same(j, shares.over.height[y - 1])) {
                std::memcpy(line, line - size, size * sizeof(T));
                return;
            }
            if (z > 0 && number - s.height >= begin && Shares::same(i, shares.over.depth[z - 1])) {
                std::memcpy(line, line - s.height * size, size * sizeof(T));
                return;
            }
            const T* from = grad + volume * s.out_depth * s.out_height * row;
            each_overlapping<T>(row, [&](int64_t e, auto at, auto strip) NERVE_LAMBDA_INLINE {
                constexpr int n = decltype(strip)::value;
                vec<T> sum[n];
                for (int v = 0; v < n; ++v) sum[v] = vec<T>(T(0));
                for (int64_t a = i.begin; a < i.end; ++a)
                    for (int64_t b = j.begin; b < j.end; ++b) {
                        const vec<T> count(T(depth[a].size() * height[b].size()));
                        for (int v = 0; v < n; ++v) {
                            const int64_t at_v = e + v * lanes;
                            sum[v] +=
                                at.read(from + (a * s.out_height + b) * row + at_v) / (count * at.read(parts + at_v));
                        }
                    }
                for (int v = 0; v < n; ++v) at.write(sums + e + v * lanes, sum[v]);
            });
            if (spreads)
                add_terms<false>(line, size, spread, terms, reach);
            else
                fill_stretches(line, sums, s, shares, order);
        });
    });
}

}  // namespace
}  // namespace nerve::NERVE_ISA
