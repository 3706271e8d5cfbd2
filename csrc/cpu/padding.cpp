// Padding, in one pass over what is written. The work is lines along the last padded axis, each a border, a run of x
// and a border; a line of which an outer axis lies in a border is all border, or another line of x mirrored. The
// gradient goes over the lines of x and adds up those that showed them.
#include "cpu/lines.h"
#include "cpu/parallel.h"
#include "cpu/shuffle.h"
#include "cpu/simd.h"
#include "sampling.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int last = max_rank - 1;

// The lines of an array in their order: the index of one along the axes from `first` to the last but one.
struct Line {
    int first;
    int64_t extents[max_rank], index[max_rank];

    // Axes before the first that matters have one element.
    explicit Line(const PadShape& s) : first(0) {
        while (first < last - 1 && s.sizes[first] == 1 && s.before[first] == 0 && s.after[first] == 0) ++first;
    }
    int64_t count() const {
        int64_t product = 1;
        for (int d = first; d < last; ++d) product *= extents[d];
        return product;
    }
    void seek(int64_t line) {
        for (int d = last - 1; d >= first; --d) {
            index[d] = line % extents[d];
            line /= extents[d];
        }
    }
    NERVE_INLINE void next() {
        for (int d = last - 1; d >= first && ++index[d] == extents[d]; --d) index[d] = 0;
    }
};

// body(line, number, begin, end) for positions [begin, end) of each line.
template <class Body>
void each_piece(const Line& all, int64_t positions, int64_t inner, const Body& body) {
    const int64_t lines = all.count();
    if (lines * positions * inner == 0) return;
    const int64_t piece = min(positions, max(1, task_elements / inner)), pieces = ceil_div(positions, piece);
    parallel_blocks(lines * pieces, max(1, task_elements / (piece * inner)), [&](int64_t task, int64_t end) {
        int64_t number = task / pieces, begin = task % pieces * piece;
        Line line = all;
        line.seek(number);
        for (; task < end; ++task) {
            body(line, number, begin, min(begin + piece, positions));
            if ((begin += piece) < positions) continue;
            begin = 0, ++number;
            line.next();
        }
    });
}

// Where the line of x begins that a line of the output is made of; -1: none.
NERVE_INLINE int64_t source_of(const PadShape& s, const Line& line) {
    int64_t from = 0, stride = s.sizes[last] * s.inner;
    for (int d = last - 1; d >= line.first; --d) {
        const int64_t at = pixel_for(line.index[d] - s.before[d], s.sizes[d], s.fill);
        if (at < 0) return -1;
        from += at * stride;
        stride *= s.sizes[d];
    }
    return from;
}

// A run of x that fills a vector, in whole vectors.
template <class T>
NERVE_INLINE void copy_within(T* to, const T* x, int64_t size) {
    constexpr int n = vec<T>::size;
    for (int64_t i = 0; i + n < size; i += n) store(to + i, load_streamed(x + i));
    store(to + size - n, load(x + size - n));
}

// What lies between two runs of x, in whole vectors; what these write beyond it is written over by what comes after.
template <class T>
NERVE_INLINE void fill_gap(T* to, vec<T> value, int64_t size, const T* end) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i < size && to + i + n <= end; i += n) store(to + i, value);
    if (i < size) store_partial(to + i, value, size - i);
}

// Lines of `width` elements, each with a run of x between borders of one value, or all border. They are written as one
// stream, in which a border behind a run and the one in front of the next run are one gap.
template <class T>
void surround(T* out, const T* x, const PadShape& s, T value, const Line& lines, int64_t width) {
    constexpr int axis = last - 1;
    const int64_t size = s.sizes[last], gap = width - size, rows = s.sizes[axis], above = s.before[axis];
    parallel_blocks(lines.count(), max(1, task_elements / width), [&](int64_t begin, int64_t end) {
        const vec<T> border(value);
        T *to = out + begin * width, *const limit = out + end * width;
        int64_t pending = 0;  // of the border
        for (int64_t number = begin; number < end;) {
            Line line = lines;
            line.seek(number);
            const int64_t row = line.index[axis], stop = min(end, number + lines.extents[axis] - row);
            const int64_t first = max(row, above), behind = min(row + stop - number, above + rows);
            line.index[axis] = above;
            const int64_t place = source_of(s, line);
            if (place < 0 || first >= behind || size == 0) {
                pending += (stop - number) * width;
            } else {
                pending += (first - row) * width + s.before[last];
                const T* from = x + place + (first - above) * size;
                for (int64_t r = first; r < behind; ++r, from += size, pending = gap) {
                    fill_gap(to, border, pending, limit);
                    to += pending;
                    if (size >= vec<T>::size)
                        copy_within(to, from, size);
                    else
                        copy_line(to, from, size);
                    to += size;
                }
                pending = s.after[last] + (row + stop - number - behind) * width;
            }
            number = stop;
        }
        fill_gap(to, border, pending, limit);
    });
}

// Mirrored elements of fewer lanes than a vector has; those at the ends of the line show `first` and `end` of x.
template <class T>
NERVE_INLINE void mirror_around(T* to, const T* x, int64_t left, int64_t size, int64_t right, int64_t inner,
                                int64_t first, int64_t end) {
    constexpr int n = vec<T>::size;
    for (int64_t i = 0; i < left; ++i) store(to + i * inner, load(x + (first - i) * inner));
    T* const behind = to + (left + size + right) * inner - n;
    for (int64_t i = 0; i < right; ++i) store(behind - i * inner, load(x + (end + i + 1) * inner - n));
}

template <class T>
NERVE_INLINE void add_run(T* to, const T* x, int64_t size) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i + n <= size; i += n) store(to + i, load(to + i) + load(x + i));
    if (i < size) store_partial(to + i, load_partial(to + i, size - i) + load_partial(x + i, size - i), size - i);
}

// to[i] += x[-i]
template <class T>
NERVE_INLINE void add_reversed(T* to, const T* x, int64_t size) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i + n <= size; i += n) store(to + i, load(to + i) + reversed(load(x - i - (n - 1))));
    for (; i < size; ++i) to[i] += x[-i];
}

}  // namespace

template <class T>
void pad(T* out, const T* x, const PadShape& shape, double value) {
    const PadShape& s = shape;
    const int64_t size = s.sizes[last], before = s.before[last], width = before + size + s.after[last];
    const int64_t inner = s.inner;
    Line lines(s);
    for (int d = lines.first; d < last; ++d) lines.extents[d] = s.before[d] + s.sizes[d] + s.after[d];

    const bool constant = Fill(s.fill) == Fill::constant;
    if (constant && inner == 1 && width <= task_elements)
        return width > 0 ? surround(out, x, s, T(value), lines, width) : void();
    const int64_t wider = (before > s.after[last] ? before : s.after[last]) + 1;  // the furthest that a mirror shows
    const bool whole = !constant && inner > 1 && inner < vec<T>::size && (size - wider) * inner >= vec<T>::size;
    const auto border = [&](T* to, const T* from, int64_t begin, int64_t end) {
        if (begin >= end) return;
        if (constant) return fill_line(to + begin * inner, T(value), (end - begin) * inner);
        const int64_t start = pixel_for(begin - before, size, s.fill);  // and from there backwards
        if (inner == 1) return copy_reversed(to + begin, from + start, end - begin);
        for (int64_t i = 0; i < end - begin; ++i)
            copy_line(to + (begin + i) * inner, from + (start - i) * inner, inner);
    };
    each_piece(lines, width, inner, [&](const Line& line, int64_t number, int64_t begin, int64_t end) {
        T* to = out + number * width * inner;
        const int64_t place = source_of(s, line);
        if (place < 0 || size == 0) return fill_line(to + begin * inner, T(value), (end - begin) * inner);
        const T* from = x + place;
        if (whole && begin == 0 && end == width) {
            const int64_t after = s.after[last];
            mirror_around(to, from, before, size, after, inner, pixel_for(-before, size, s.fill),
                          pixel_for(size + after - 1, size, s.fill));
            return copy_within(to + before * inner, from, size * inner);
        }
        const int64_t left = max(begin, before), right = min(end, before + size);
        border(to, from, begin, min(end, before));
        if (left < right) copy_line(to + left * inner, from + (left - before) * inner, (right - left) * inner);
        border(to, from, max(begin, before + size), end);
    });
}

template <class T>
void pad_backward(T* grad_x, const T* grad, const PadShape& shape) {
    const PadShape& s = shape;
    const int64_t size = s.sizes[last], before = s.before[last], after = s.after[last], width = before + size + after;
    const int64_t inner = s.inner, edge = Fill(s.fill) == Fill::mirror;
    Line lines(s);
    int64_t most = 1;  // lines of grad that show one of x
    for (int d = lines.first; d < last; ++d) {
        lines.extents[d] = s.sizes[d];
        if (s.before[d] + s.after[d] > 0) most *= 3;
    }
    each_piece(lines, size, inner, [&](const Line& line, int64_t number, int64_t begin, int64_t end) {
        auto* from = static_cast<int64_t*>(runtime::scratch(runtime::workspace, size_t(most) * sizeof(int64_t)));
        T* to = grad_x + number * size * inner;
        int64_t count = 1, stride = width * inner;
        from[0] = 0;
        for (int d = last - 1; d >= line.first; --d) {
            int64_t places[3];
            const int more = places_of(places, line.index[d], s.sizes[d], s.before[d], s.after[d], s.fill);
            for (int k = more - 1; k >= 0; --k)
                for (int64_t i = 0; i < count; ++i) from[k * count + i] = from[i] + places[k] * stride;
            count *= more;
            stride *= s.before[d] + s.sizes[d] + s.after[d];
        }
        // Adds positions [a, b) of x, the first of which is seen at `place` of g, the others before it.
        const auto reflect = [&](const T* g, int64_t a, int64_t b, int64_t place) {
            if (a >= b) return;
            if (inner == 1) return add_reversed(to + a, g + place, b - a);
            for (int64_t i = 0; i < b - a; ++i) add_run(to + (a + i) * inner, g + (place - i) * inner, inner);
        };
        for (int64_t i = 0; i < count; ++i) {
            const T *g = grad + from[i], *own = g + (before + begin) * inner;
            if (i == 0)
                copy_line(to + begin * inner, own, (end - begin) * inner);
            else
                add_run(to + begin * inner, own, (end - begin) * inner);
            const int64_t left = max(begin, edge), right = max(begin, size - edge - after);
            reflect(g, left, min(end, before + edge), before - 1 + edge - left);
            reflect(g, right, min(end, size - edge), before + size + (size - 1 - edge - right));
        }
    });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/padding.inc"
#include "cpu/instantiate.h"
