// How a gradient goes back to the positions of a volume. Tasks own lines of it: what a task adds to them, it adds in
// the order of the windows.
#pragma once
#include "cpu/pool3d_windows.h"

namespace nerve::NERVE_ISA {
namespace {  // pool3d.cpp alone includes this

// The windows over each position of an axis: divisions cost more than a look.
NERVE_INLINE const Span* table_over(const Windows& along, Memory& memory) {
    Span* over = memory.take<Span>(along.size);
    for (int64_t x = 0; x < along.size; ++x) over[x] = along.covering(x);
    return over;
}
struct Over {
    const Span *depth, *height, *width;

    static int64_t bytes(const Pool3DShape& s) { return (s.depth + s.height + s.width) * int64_t(sizeof(Span)) + 192; }
    Over(const Pool3DShape& s, Memory& memory)
        : depth(table_over(depth_windows(s), memory)),
          height(table_over(height_windows(s), memory)),
          width(table_over(width_windows(s), memory)) {}
};

// body(number, volume, depth, row of that) for some lines of all volumes in a row.
template <class Body>
NERVE_INLINE void each_line(const Pool3DShape& s, int64_t begin, int64_t end, const Body& body) {
    int64_t y = begin % s.height, z = begin / s.height % s.depth, volume = begin / s.height / s.depth;
    for (int64_t number = begin; number < end; ++number) {
        body(number, volume, z, y);
        if (++y < s.height) continue;
        y = 0;
        if (++z == s.depth) z = 0, ++volume;
    }
}

// Where in the output the rows begin whose windows lie over a line.
struct Rows {
    const int64_t* begin;
    int64_t count;
};

// `some` positions beside each other, the first one with this number, look which of `windows` have their maximum there,
// and add up their gradients: each at `reach` windows, those of a position beginning one behind those of the last, or,
// if that is zero, at all of them, which may lie over others.
template <int some, int reach, class T>
NERVE_INLINE void look_for_winners(T* to, const T* grad, const int32_t* index, Rows rows, Span windows, int64_t number,
                                   int64_t channels) {
    constexpr int64_t lanes = vec<T>::size;
    const int64_t count = reach > 0 ? some + reach - 1 : windows.size();
    bits<T> here[some];
    for (int x = 0; x < some; ++x) here[x] = bits<T>{} + typename vec<T>::integer(number + x);
    for (int64_t c = 0; c < channels; c += lanes) {
        const int64_t channel = c + lanes <= channels ? c : channels - lanes;  // the last vector may overlap another
        vec<T> sum[some];
        for (int x = 0; x < some; ++x) sum[x] = vec<T>(T(0));
        for (int64_t r = 0; r < rows.count; ++r) {
            int64_t at = rows.begin[r] + windows.begin * channels + channel;
#pragma GCC unroll 8
            for (int64_t w = 0; w < count; ++w, at += channels) {
                const bits<T> winner = load_integers<T>(index + at);
                vec<T> g = load(grad + at);
                in_register(g);  // additions to some lanes take much longer from memory
                for (int x = 0; x < some; ++x)
                    if (reach == 0 || (x <= w && w < x + reach))
                        sum[x] = select(mask<T>{winner == here[x]}, sum[x] + g, sum[x]);
            }
        }
        for (int x = 0; x < some; ++x) store(to + x * channels + channel, sum[x]);
    }
}
template <class T>
void look_for_winners(T* grad_x, const T* grad, const int32_t* index, const Pool3DShape& s) {
    constexpr int some = 4;
    const int64_t size = s.width * s.channels, row = s.out_width * s.channels, lines = s.depth * s.height;
    Memory memory(runtime::workspace, Over::bytes(s));
    const Over over(s, memory);
    parallel_blocks(s.batch * lines, rows_in_a_task(size), [&](int64_t begin, int64_t end) {
        Memory own(runtime::packed_a, s.out_depth * s.out_height * int64_t(sizeof(int64_t)));
        int64_t* rows = own.take<int64_t>(s.out_depth * s.out_height);
        each_line(s, begin, end, [&](int64_t number, int64_t volume, int64_t z, int64_t y) NERVE_LAMBDA_INLINE {
            const Span i = over.depth[z], j = over.height[y];
            int64_t count = 0;
            for (int64_t a = i.begin; a < i.end; ++a)
                for (int64_t b = j.begin; b < j.end; ++b)
                    rows[count++] = ((volume * s.out_depth + a) * s.out_height + b) * row;
            T* line = grad_x + number * size;
            const int64_t first = (z * s.height + y) * s.width;
            const auto look = [&](int64_t x, auto positions, auto reach) NERVE_LAMBDA_INLINE {
                const Span windows{over.width[x].begin, over.width[x + positions.value - 1].end};
                look_for_winners<positions.value, reach.value>(line + x * s.channels, grad, index, {rows, count},
                                                               windows, first + x, s.channels);
            };
            int64_t x = 0;
            for (; x + some <= s.width; x += some)
                if (s.stride_width == 1 && over.width[x].size() == 3 && over.width[x + some - 1].size() == 3)
                    look(x, Count<some>{}, Count<3>{});
                else
                    look(x, Count<some>{}, Count<0>{});
            for (; x < s.width; ++x) look(x, Count<1>{}, Count<0>{});
        });
    });
}

// Gradients of pixels of the output are given to those of their winners that are among `positions` from `first` on.
template <int C, bool from_zero, class T>
NERVE_INLINE void give(T* grad_x, const T* grad, const int32_t* winners, int64_t size, int64_t channels, int64_t first,
                       int64_t positions) {
    const auto one = [=](T* to, int64_t of_pixel, int64_t e, int64_t c) NERVE_LAMBDA_INLINE {
        const int64_t position = winners[e + c];
        if (uint64_t(from_zero ? position : position - first) < uint64_t(positions))
            to[position * of_pixel + c] += grad[e + c];
    };
    if constexpr (C > 0) {
#pragma GCC unroll 4
        for (int64_t e = 0; e < size; e += C)
#pragma GCC unroll 4
            for (int64_t c = 0; c < C; ++c) one(grad_x, C, e, c);
        return;
    }
    for (int64_t e = 0; e < size; e += channels) {
        int64_t c = 0;
        for (; c + 4 <= channels; c += 4)
#pragma GCC unroll 4
            for (int64_t k = 0; k < 4; ++k) one(grad_x + c, channels, e + c, k);
        for (; c < channels; ++c) one(grad_x, channels, e, c);
    }
}
template <bool from_zero, class T>
NERVE_INLINE void give(T* grad_x, const T* grad, const int32_t* winners, int64_t size, int64_t channels, int64_t first,
                       int64_t positions) {
    if (channels == 1)
        give<1, from_zero>(grad_x, grad, winners, size, channels, first, positions);
    else if (channels == 3)
        give<3, from_zero>(grad_x, grad, winners, size, channels, first, positions);
    else
        give<0, from_zero>(grad_x, grad, winners, size, channels, first, positions);
}
template <class T>
void give(T* grad_x, const T* grad, const int32_t* winners, int64_t size, int64_t channels, int64_t first,
          int64_t positions) {
    if (first == 0)
        give<true>(grad_x, grad, winners, size, channels, first, positions);
    else
        give<false>(grad_x, grad, winners, size, channels, first, positions);
}

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
    // Rows, of the volume and of the output, since short calls take their time.
    const int64_t least = 2048 / size + 1, together = 512 / row + 1;
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
        for (int64_t j = 0; j < s.out_height; j += together) {
            const int64_t behind = j + together < s.out_height ? j + together : s.out_height;
            const Span height{heights.window(j).begin, heights.window(behind - 1).end};
            bool any = false;
            for (int64_t d = inside.begin; d < inside.end; ++d) {
                const Span rows = part(d);
                if (height.begin >= rows.end || height.end <= rows.begin) continue;
                clear(d, height.end < rows.end ? height.end : rows.end);
                any = true;
            }
            if (!any) continue;
            const int64_t from = (i * s.out_height + j) * row;
            give(grad_x, grad + from, index + from, (behind - j) * row, s.channels, first, positions);
        }
    }
    for (int64_t d = top; d <= bottom; ++d) clear(d, part(d).end);
}

template <class T>
void give_to_winners(T* grad_x, const T* grad, const int32_t* index, const Pool3DShape& s) {
    const int64_t size = s.width * s.channels, lines = s.depth * s.height;
    const int64_t out = s.out_depth * s.out_height * s.out_width * s.channels;
    if (s.batch * lines * size == 0) return;
    const Windows depths = depth_windows(s), heights = height_windows(s), widths = width_windows(s);
    const auto pool = [](const Windows& along) { return along.window(along.count / 2).size(); };
    // A look at a window for every position in it, vectors of them at a time, or a scattered addition for the window:
    // windows of 9 in AVX2's vectors of float are looked at sooner, those of 27 in AVX-512's later.
    constexpr int64_t most = sizeof(T) == 4 ? vec<T>::size * 3 / 2 : vec<T>::size;
    if (s.channels >= vec<T>::size && pool(depths) * pool(heights) * pool(widths) <= most)
        return look_for_winners(grad_x, grad, index, s);
    constexpr int64_t close = (1 << 18) / sizeof(T);  // volumes that stay in cache are cleared at once
    if (lines * size <= close) {
        parallel_blocks(s.batch, rows_in_a_task(lines * size), [&](int64_t begin, int64_t end) {
            std::memset(grad_x + begin * lines * size, 0, (end - begin) * lines * size * sizeof(T));
            for (int64_t n = begin; n < end; ++n)
                give(grad_x + n * lines * size, grad + n * out, index + n * out, out, s.channels, 0, lines * s.width);
        });
        return;
    }
    // Else whole volumes, or bands of them that are high enough for few windows to lie across.
    constexpr int64_t near = 16 * grain;
    int64_t band = lines;
    if (lines * size > near) {
        const int64_t unit = s.depth > 1 ? s.height : 1;  // bands are of whole depths
        band = (near / size + 4 * pool(s.depth > 1 ? depths : heights) * unit) / unit * unit;
    }
    const int64_t bands = (lines + band - 1) / band;
    parallel(s.batch * bands, [&](int64_t task) {
        const int64_t n = task / bands, begin = task % bands * band, end = begin + band < lines ? begin + band : lines;
        Memory memory(runtime::packed_a, (s.depth + 1) * int64_t(sizeof(int64_t)));
        give_to_winners(grad_x + n * lines * size, grad + n * out, index + n * out, s, Span{begin, end},
                        memory.take<int64_t>(s.depth));
    });
}

}  // namespace
}  // namespace nerve::NERVE_ISA
