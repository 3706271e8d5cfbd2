// How a gradient goes back to the positions of the image: three walks, by whether windows overlap and channels are few.
#pragma once
#include "cpu/pool_lines.h"

namespace nerve::NERVE_ISA {
namespace {  // pool.cpp alone includes this

// body(line of grad_x, image, y, windows that line y lies under) for every line of the image.
template <class T, class Body>
void each_line(T* grad_x, const Pool2DShape& s, const Body& body) {
    const int64_t size = s.width * s.channels;
    parallel_blocks(s.batch * s.height, rows_in_a_task(size), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            body(grad_x + row * size, row / s.height, row % s.height, covering_rows(s, row % s.height));
    });
}

NERVE_INLINE int64_t out_offset(const Pool2DShape& s, int64_t image, int64_t i, int64_t j) {
    return ((image * s.out_height + i) * s.out_width + j) * s.channels;
}

// A window, and where its gradient is.
struct Place {
    int64_t i, j, out;
};

// Where windows do not overlap, a position lies in one at most. fill(to, window, place, count) sets a line of the
// window, for `count` vectors of channels.
template <class T, class Fill>
void fill_windows(T* grad_x, const Pool2DShape& s, const Fill& fill) {
    each_line(grad_x, s, [&](T* line, int64_t image, int64_t y, Span rows) {
        const int64_t size = s.width * s.channels;
        int64_t done = 0;
        for (int64_t j = 0; j < s.out_width && rows.size() > 0; ++j) {
            const Span columns = window_columns(s, j);
            const Window w(s, rows.begin, {y, y + 1}, j, columns);
            const int64_t begin = columns.begin * s.channels, out = out_offset(s, image, rows.begin, j);
            std::memset(line + done, 0, (begin - done) * sizeof(T));
            done = columns.end * s.channels;
            each_overlapping<T>(s.channels, [&](int64_t c, auto, auto count) NERVE_LAMBDA_INLINE {
                fill(line + begin + c, w, Place{rows.begin, j, out + c}, count);
            });
        }
        std::memset(line + done, 0, (size - done) * sizeof(T));
    });
}

// Where they do, each position adds up what share(sum, i, j, offset of that window in the output, position in it) adds
// to n vectors of channels, window by window.
template <class T, class Share>
void gather(T* grad_x, const Pool2DShape& s, const Share& share) {
    Memory memory(runtime::workspace, s.width * int64_t(sizeof(Span)) + 64);
    Span* over = memory.take<Span>(s.width);  // the windows over each column: divisions cost more than a look
    for (int64_t x = 0; x < s.width; ++x) over[x] = covering_columns(s, x);
    each_line(grad_x, s, [&](T* line, int64_t image, int64_t y, Span rows) {
        for (int64_t x = 0; x < s.width; ++x) {
            const Span columns = over[x];
            each_overlapping<T>(s.channels, [&](int64_t c, auto, auto count) NERVE_LAMBDA_INLINE {
                constexpr int n = decltype(count)::value;
                vec<T> sum[n];
                for (int k = 0; k < n; ++k) sum[k] = vec<T>(T(0));
                for (int64_t i = rows.begin; i < rows.end; ++i)
                    for (int64_t j = columns.begin; j < columns.end; ++j)
                        share(
                            sum, i, j, out_offset(s, image, i, j) + c,
                            (y + s.pad_top - i * s.stride_height) * s.pool_width + x + s.pad_left - j * s.stride_width);
                for (int k = 0; k < n; ++k) store(line + x * s.channels + c + k * vec<T>::size, sum[k]);
            });
        }
    });
}

// With few channels, and windows that overlap: the lines of an image that are all of a task's own, to which the windows
// above them give their gradient one by one, in the same order. `places` are those of the elements of a row of the
// output in a line of the image, before the padding; `offsets` those of a window's positions from its corner.
template <class T, class Index>
void give_to_winners(T* image, const T* grad, const Index* index, const Pool2DShape& s, Span lines,
                     const int32_t* places, const int64_t* offsets) {
    const int64_t size = s.width * s.channels, row = s.out_width * s.channels;
    const int64_t positions = s.pool_height * s.pool_width;
    const Span first = covering_rows(s, lines.begin), last = covering_rows(s, lines.end - 1);
    const Span inside = windows_inside(s);
    int64_t zeroed = lines.begin;
    for (int64_t i = first.begin; i < last.end; ++i) {
        const int64_t top = i * s.stride_height - s.pad_top, bottom = window_rows(s, i).end;
        const int64_t needed = bottom < lines.end ? bottom : lines.end;
        if (zeroed < needed) {
            std::memset(image + zeroed * size, 0, (needed - zeroed) * size * sizeof(T));
            zeroed = needed;
        }
        const T* from = grad + i * row;
        const Index* winners = index + i * row;
        const auto carefully = [&](int64_t begin, int64_t end) {
            for (int64_t e = begin * s.channels; e < end * s.channels; ++e) {
                const int64_t y = top + winners[e] / s.pool_width, inner = winners[e] % s.pool_width;
                const int64_t x = e / s.channels * s.stride_width - s.pad_left + inner;
                if (winners[e] >= 0 && y >= lines.begin && y < lines.end && x >= 0 && x < s.width)
                    image[y * size + x * s.channels + e % s.channels] += from[e];
            }
        };
        if (sizeof(Index) > 1 || top < lines.begin || top + s.pool_height > lines.end || inside.size() <= 0) {
            carefully(0, s.out_width);
            continue;
        }
        carefully(0, inside.begin);
        T* corner = image + top * size - s.pad_left * s.channels;
        const int64_t end = inside.end * s.channels;
#pragma GCC unroll 4
        for (int64_t e = inside.begin * s.channels; e < end; ++e) {
            if (winners[e] < positions) corner[places[e] + offsets[winners[e]]] += from[e];
        }
        carefully(inside.end, s.out_width);
    }
    if (zeroed < lines.end) std::memset(image + zeroed * size, 0, (lines.end - zeroed) * size * sizeof(T));
}

template <class T, class Index>
void give_to_winners(T* grad_x, const T* grad, const Index* index, const Pool2DShape& s) {
    const int64_t row = s.width * s.channels, image = s.height * row, out_row = s.out_width * s.channels;
    if (row == 0) return;
    Memory memory(runtime::workspace, out_row * int64_t(sizeof(int32_t)) + 64);
    int32_t* places = memory.take<int32_t>(out_row);
    for (int64_t e = 0; e < out_row; ++e)
        places[e] = int32_t(e / s.channels * s.stride_width * s.channels + e % s.channels);
    int64_t offsets[256];
    for (int64_t i = 0; i < 256; ++i) offsets[i] = i / s.pool_width * row + i % s.pool_width * s.channels;
    // Whole images, or bands of them that are high enough for few windows to lie across.
    const int64_t images = image < grain ? grain / image : 1;
    const int64_t band = image < 4 * grain ? s.height : 8 * grain / row + s.pool_height;
    const int64_t bands = (s.height + band - 1) / band, groups = (s.batch + images - 1) / images;
    parallel(groups * bands, [&](int64_t task) {
        const int64_t begin = task % bands * band, end = begin + band < s.height ? begin + band : s.height;
        const int64_t first = task / bands * images;
        for (int64_t n = first; n < s.batch && n < first + images; ++n)
            give_to_winners(grad_x + n * image, grad + n * s.out_height * out_row, index + n * s.out_height * out_row,
                            s, {begin, end}, places, offsets);
    });
}

// Each position of the image gets, of the rows of the output, what is its winner's; of windows that overlap as well as
// of others. Rows are read where they are, but for those next to the ends of memory, which are copied.
template <class T, class Index>
void spread_to_winners(T* grad_x, const T* grad, const Index* index, const Pool2DShape& s) {
    const int64_t size = s.width * s.channels, row = s.out_width * s.channels, total = s.batch * s.out_height * row;
    if (size == 0) return;
    const int64_t reach_rows = most_over(rows_of(s));
    Memory memory(runtime::workspace, Spread<T>::bytes(columns_of(s), s.channels));
    const Spread<T> plan(columns_of(s), s.channels, memory);
    parallel_blocks(s.batch * s.height, rows_in_a_task(size), [&](int64_t begin, int64_t end) {
        const int64_t copy = reach_rows * plan.source, most = reach_rows * plan.reach;
        Memory own(runtime::packed_a,
                   copy * int64_t(sizeof(T) + sizeof(Index)) + most * int64_t(sizeof(Term<T, Index>)) + 192);
        T* values = own.take<T>(copy);
        Index* winners = own.take<Index>(copy);
        Term<T, Index>* terms = own.take<Term<T, Index>>(most);
        std::memset(values, 0, copy * sizeof(T));
        std::memset(winners, 0, copy * sizeof(Index));
        spread_lines<true>(grad_x, s, plan, begin, end, terms, [&](int64_t at) -> Source<T, Index> {
            const int64_t first = at * row;
            if (first >= plan.margin && first + plan.source <= total) return {grad + first, index + first};
            const int64_t to = at % reach_rows * plan.source + plan.margin;
            std::memcpy(values + to, grad + first, row * sizeof(T));
            std::memcpy(winners + to, index + first, row * sizeof(Index));
            return {values + to, winners + to};
        });
    });
}

// Each position gets its share of every window it is in. weigh(values, row of the output) makes the shares of a row.
template <class T, class Weigh>
void spread_to_all(T* grad_x, const Pool2DShape& s, const Weigh& weigh) {
    const int64_t size = s.width * s.channels;
    if (size == 0) return;
    const int64_t reach_rows = most_over(rows_of(s));
    Memory memory(runtime::workspace, Spread<T>::bytes(columns_of(s), s.channels));
    const Spread<T> plan(columns_of(s), s.channels, memory);
    parallel_blocks(s.batch * s.height, rows_in_a_task(size), [&](int64_t begin, int64_t end) {
        const int64_t copy = reach_rows * plan.source, most = reach_rows * plan.reach;
        Memory own(runtime::packed_a, copy * int64_t(sizeof(T)) + reach_rows * int64_t(sizeof(int64_t)) +
                                          most * int64_t(sizeof(Term<T, uint8_t>)) + 192);
        T* values = own.take<T>(copy);
        int64_t* holds = own.take<int64_t>(reach_rows);
        Term<T, uint8_t>* terms = own.take<Term<T, uint8_t>>(most);
        std::memset(values, 0, copy * sizeof(T));
        for (int64_t i = 0; i < reach_rows; ++i) holds[i] = -1;
        spread_lines<false>(grad_x, s, plan, begin, end, terms, [&](int64_t at) -> Source<T, uint8_t> {
            const int64_t slot = at % reach_rows, to = slot * plan.source + plan.margin;
            if (holds[slot] != at) weigh(values + to, at);
            holds[slot] = at;
            return {values + to, nullptr};
        });
    });
}

}  // namespace
}  // namespace nerve::NERVE_ISA
