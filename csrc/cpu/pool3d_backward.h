// How a gradient goes back to the positions of a volume. Tasks own lines of it: what a task adds to them, it adds in
// the order of the windows.
#pragma once
#include "cpu/pool3d_windows.h"

namespace nerve::NERVE_ISA {
namespace {  // pool3d.cpp alone includes this

// The windows over the lines [begin, end) of a volume (line d height + h is row h of depth d) give their gradients to
// their maxima among these. Lines are cleared a window ahead, so that they are in a cache when they get something.
template <class T>
void give_to_winners(T* grad_x, const T* grad, const int32_t* index, const Pool3DShape& s, Span lines,
                     int64_t* cleared) {
    const int64_t size = s.width * s.channels, row = s.out_width * s.channels;
    const int64_t first = lines.begin * s.width, positions = lines.size() * s.width;
    const int64_t top = lines.begin / s.height, bottom = (lines.end - 1) / s.height;
    const Windows depths = depth_windows(s), heights = height_windows(s);
    const auto part = [&](int64_t d) -> Span {  // the rows of depth d
        return {d == top ? lines.begin - d * s.height : 0, d == bottom ? lines.end - d * s.height : s.height};
    };
    const int64_t least = 2048 / size + 1;  // rows, since short calls of memset take their time
    const auto clear = [&](int64_t d, int64_t end) {
        int64_t& done = cleared[d - top];
        if (end <= done) return;
        if (end < done + least) end = done + least < part(d).end ? done + least : part(d).end;
        std::memset(grad_x + (d * s.height + done) * size, 0, (end - done) * size * sizeof(T));
        done = end;
    };
    for (int64_t d = top; d <= bottom; ++d) cleared[d - top] = part(d).begin;
    for (int64_t i = depths.covering(top).begin; i < depths.covering(bottom).end; ++i) {
        Span inside = depths.window(i);
        if (inside.begin < top) inside.begin = top;
        if (inside.end > bottom + 1) inside.end = bottom + 1;
        for (int64_t j = 0; j < s.out_height; ++j) {
            const Span height = heights.window(j);
            bool any = false;
            for (int64_t d = inside.begin; d < inside.end; ++d) {
                const Span rows = part(d);
                if (height.begin >= rows.end || height.end <= rows.begin) continue;
                clear(d, height.end < rows.end ? height.end : rows.end);
                any = true;
            }
            if (!any) continue;
            const T* from = grad + (i * s.out_height + j) * row;
            const int32_t* winners = index + (i * s.out_height + j) * row;
            const auto give = [&](int64_t e, int64_t c) NERVE_LAMBDA_INLINE {
                const int64_t position = winners[e];
                if (uint64_t(position - first) < uint64_t(positions)) grad_x[position * s.channels + c] += from[e];
            };
            if (s.channels == 1) {
#pragma GCC unroll 4
                for (int64_t e = 0; e < row; ++e) give(e, 0);
            } else {
                for (int64_t e = 0; e < row; e += s.channels)
                    for (int64_t c = 0; c < s.channels; ++c) give(e + c, c);
            }
        }
    }
    for (int64_t d = top; d <= bottom; ++d) clear(d, part(d).end);
}

template <class T>
void give_to_winners(T* grad_x, const T* grad, const int32_t* index, const Pool3DShape& s) {
    const int64_t size = s.width * s.channels, lines = s.depth * s.height;
    const int64_t out = s.out_depth * s.out_height * s.out_width * s.channels;
    if (s.batch * lines * size == 0) return;
    // Whole volumes, or bands of them that are high enough for few windows to lie across.
    constexpr int64_t most = 16 * grain;
    int64_t band = lines;
    if (lines * size > most) {
        const int64_t unit = s.depth > 1 ? s.height : 1;  // bands are of whole depths
        const Windows across = s.depth > 1 ? depth_windows(s) : height_windows(s);
        const int64_t pool = across.window(across.count / 2).size();
        band = (most / size + 4 * pool * unit) / unit * unit;
    }
    const int64_t bands = (lines + band - 1) / band, volumes = rows_in_a_task(lines * size);
    const int64_t groups = (s.batch + volumes - 1) / volumes;
    parallel(groups * bands, [&](int64_t task) {
        const int64_t begin = task % bands * band, end = begin + band < lines ? begin + band : lines;
        Memory memory(runtime::packed_a, (s.depth + 1) * int64_t(sizeof(int64_t)));
        int64_t* cleared = memory.take<int64_t>(s.depth);
        const int64_t first = task / bands * volumes;
        for (int64_t n = first; n < s.batch && n < first + volumes; ++n)
            give_to_winners(grad_x + n * lines * size, grad + n * out, index + n * out, s, Span{begin, end}, cleared);
    });
}

// Every position gets its share of all windows it is in. The windows of a line's depth and height are added up to one
// row of the output, and that is spread along the line; a line under the same windows as the one before it is a copy.
template <class T>
void share_out(T* grad_x, const T* grad, const Pool3DShape& s) {
    const int64_t size = s.width * s.channels, row = s.out_width * s.channels, lines = s.depth * s.height;
    if (s.batch * lines * size == 0) return;
    const int64_t spans = s.depth + s.height + s.width;
    Memory memory(runtime::workspace,
                  Tables::bytes(s) + spans * int64_t(sizeof(Span)) + row * int64_t(sizeof(T)) + 256);
    const Tables windows(s, memory);
    const auto covering =
        [&](const Windows& along) {  // the windows over each position: divisions cost more than a look
            Span* over = memory.take<Span>(along.size);
            for (int64_t x = 0; x < along.size; ++x) over[x] = along.covering(x);
            return over;
        };
    const Span *over_depth = covering(depth_windows(s)), *over_height = covering(height_windows(s));
    const Span* over = covering(width_windows(s));
    T* parts = memory.take<T>(row);  // of the elements of a row of the output, along the width
    for (int64_t e = 0; e < row; ++e) parts[e] = T(windows.width[e / s.channels].size());
    parallel_blocks(s.batch * lines, rows_in_a_task(size), [&](int64_t begin, int64_t end) {
        Memory own(runtime::packed_a, row * int64_t(sizeof(T)) + 64);
        T* sums = own.take<T>(row);
        Span depth{0, 0}, height{0, 0};
        int64_t volume = -1;
        for (int64_t number = begin; number < end; ++number) {
            T* line = grad_x + number * size;
            const Span i = over_depth[number / s.height % s.depth], j = over_height[number % s.height];
            if (number / lines == volume && i.begin == depth.begin && i.end == depth.end && j.begin == height.begin &&
                j.end == height.end) {
                std::memcpy(line, line - size, size * sizeof(T));
                continue;
            }
            depth = i, height = j, volume = number / lines;
            const T* from = grad + volume * s.out_depth * s.out_height * row;
            each_strip<T>(row, [&](int64_t e, auto at, auto strip) NERVE_LAMBDA_INLINE {
                constexpr int n = decltype(strip)::value;
                vec<T> sum[n];
                for (int v = 0; v < n; ++v) sum[v] = vec<T>(T(0));
                for (int64_t a = i.begin; a < i.end; ++a)
                    for (int64_t b = j.begin; b < j.end; ++b) {
                        const vec<T> count(T(windows.depth[a].size() * windows.height[b].size()));
                        for (int v = 0; v < n; ++v) {
                            const int64_t at_v = e + v * vec<T>::size;
                            sum[v] +=
                                at.read(from + (a * s.out_height + b) * row + at_v) / (count * at.read(parts + at_v));
                        }
                    }
                for (int v = 0; v < n; ++v) at.write(sums + e + v * vec<T>::size, sum[v]);
            });
            for (int64_t x = 0; x < s.width; ++x)
                if (s.channels >= vec<T>::size)
                    each_strip<T>(s.channels, [&](int64_t c, auto at, auto strip) NERVE_LAMBDA_INLINE {
                        constexpr int n = decltype(strip)::value;
                        vec<T> sum[n];
                        for (int v = 0; v < n; ++v) sum[v] = vec<T>(T(0));
                        for (int64_t k = over[x].begin; k < over[x].end; ++k)
                            for (int v = 0; v < n; ++v) sum[v] += at.read(sums + k * s.channels + c + v * vec<T>::size);
                        for (int v = 0; v < n; ++v) at.write(line + x * s.channels + c + v * vec<T>::size, sum[v]);
                    });
                else
                    for (int64_t c = 0; c < s.channels; ++c) {
                        T sum = 0;
                        for (int64_t k = over[x].begin; k < over[x].end; ++k) sum += sums[k * s.channels + c];
                        line[x * s.channels + c] = sum;
                    }
        }
    });
}

}  // namespace
}  // namespace nerve::NERVE_ISA
