// Pooling where a pixel has fewer channels than a vector has lanes. A row of the image is then taken as one line: every
// position of it gets the result of a window that would begin there, and a permutation keeps those that do begin there.
// The gradients go the other way, spreading a row of the output over the lines it came from.
#pragma once
#include "cpu/pool_windows.h"

namespace nerve::NERVE_ISA {
namespace {  // pool.cpp alone includes this

// The windows of a row of the output that lie inside the image, as vectors of the line from `start` on: for each, the
// lanes to keep, in order, and where they go. `from` holds vec::size numbers for every vector.
template <class T>
struct Kept {
    using Integer = typename vec<T>::integer;
    static constexpr int64_t lanes = vec<T>::size;
    Span inside;  // of the windows
    int64_t start = 0, length = 0, vectors = 0;
    Integer* from;
    int64_t* to;  // within the row of the output; vectors + 1 of them

    static int64_t bytes(const Pool2DShape& s) {
        const int64_t most = s.width * s.channels / lanes + 1;
        return most * lanes * int64_t(sizeof(Integer)) + (most + 1) * int64_t(sizeof(int64_t)) + 128;
    }
    Kept(const Pool2DShape& s, Memory& memory) {
        const int64_t most = s.width * s.channels / lanes + 1;
        from = memory.take<Integer>(most * lanes);
        to = memory.take<int64_t>(most + 1);
        inside = windows_inside(s);
        if (inside.end <= inside.begin) return;
        start = (inside.begin * s.stride_width - s.pad_left) * s.channels;
        length = ((inside.size() - 1) * s.stride_width + 1) * s.channels;
        vectors = (length + lanes - 1) / lanes;
        int64_t kept = inside.begin * s.channels, column = 0, channel = 0;
        for (int64_t v = 0; v < vectors; ++v) {
            int64_t here = 0;
            to[v] = kept;
            for (int64_t lane = 0; lane < lanes; ++lane) from[v * lanes + lane] = 0;
            for (int64_t lane = 0; lane < lanes && v * lanes + lane < length; ++lane) {
                if (column == 0) from[v * lanes + here++] = Integer(lane), ++kept;
                if (++channel < s.channels) continue;
                channel = 0;
                if (++column == s.stride_width) column = 0;
            }
        }
        to[vectors] = kept;
    }
};

// The windows [inside.begin, inside.end) of row i of the output. A vector is stored whole and the next one writes over
// the lanes not kept, as long as that is in the same row.
template <class Reduce, bool indexed, class T, class Index>
void pool_line(T* out, Index* index, const T* image, const Pool2DShape& s, int64_t i, Span rows, const Kept<T>& kept) {
    constexpr int64_t lanes = vec<T>::size;
    if (kept.vectors == 0) return;
    const int64_t size = s.out_width * s.channels, j = kept.inside.begin;
    const Window w(s, i, rows, j, window_columns(s, j));
    const T* x = image + rows.begin * w.line + kept.start;
    const auto put = [&](int64_t v, auto at) NERVE_LAMBDA_INLINE {
        const int64_t to = kept.to[v];
        if (to == kept.to[v + 1]) return;
        // The rows that the next one needs first: short pieces of rows in turn are not what the processor foresees.
        for (int64_t p = 0; p < s.stride_height; ++p) __builtin_prefetch(x + v * lanes + (w.rows + p) * w.line);
        vec<T> value[1];
        bits<T> winner[1], from;
        Reduce::template join<indexed>(value, winner, x + v * lanes, w, at);
        std::memcpy(&from, kept.from + v * lanes, sizeof from);
        value[0] = permute(value[0], from);
        if constexpr (indexed) winner[0] = permute<T>(winner[0], from);
        if (to + lanes <= size) {
            store(out + to, value[0]);
            if constexpr (indexed) store_integers<T>(index + to, winner[0]);
        } else {
            const int64_t count = kept.to[v + 1] - to;
            store_partial(out + to, value[0], count);
            if constexpr (indexed) store_integers<T>(index + to, winner[0], count);
        }
    };
    for (int64_t v = 0; v < kept.vectors - 1; ++v) put(v, Whole{});
    put(kept.vectors - 1, Part{kept.length - (kept.vectors - 1) * lanes});
}

// How a line of the image gathers from rows of the output ("sources"): for every vector of the line, the place of its
// first source, a permutation of the sources from there on, and, for each of the `reach` windows that may share a
// column, which of their columns it is, or something negative where there is no such window. Up to `margin` elements
// in front of a source and vec::size behind it are read, whatever they are.
template <class T>
struct Spread {
    using Integer = typename vec<T>::integer;
    static constexpr int64_t lanes = vec<T>::size;
    static constexpr Integer none = -(Integer(1) << 30);
    int64_t reach, reach_rows, vectors, margin, source;  // elements of a source with all that is read around it
    Integer *from, *column;
    int64_t* base;

    static int64_t across(int64_t pool, int64_t stride) { return (pool + stride - 1) / stride; }
    // How many windows a position may be in.
    static int64_t windows(const Pool2DShape& s) {
        return across(s.pool_height, s.stride_height) * across(s.pool_width, s.stride_width);
    }
    static int64_t bytes(const Pool2DShape& s) {
        const int64_t most = s.width * s.channels / lanes + 1, reach = across(s.pool_width, s.stride_width);
        return (1 + reach) * most * lanes * int64_t(sizeof(Integer)) + most * int64_t(sizeof(int64_t)) + 192;
    }
    Spread(const Pool2DShape& s, Memory& memory) {
        reach = across(s.pool_width, s.stride_width);
        reach_rows = across(s.pool_height, s.stride_height);
        const int64_t size = s.width * s.channels;
        vectors = (size + lanes - 1) / lanes;
        margin = reach * s.channels;
        const int64_t last = (s.width - 1 + s.pad_left) / s.stride_width + 1;
        source = margin + (last > s.out_width ? last : s.out_width) * s.channels + lanes;
        from = memory.take<Integer>(vectors * lanes);
        column = memory.take<Integer>(reach * vectors * lanes);
        base = memory.take<int64_t>(vectors);
        for (int64_t v = 0; v < vectors; ++v) {
            int64_t place[lanes];
            for (int64_t lane = 0; lane < lanes; ++lane) {
                const int64_t i = v * lanes + lane < size ? v * lanes + lane : size - 1;
                const int64_t x = i / s.channels + s.pad_left, j = x / s.stride_width;
                place[lane] = j * s.channels + i % s.channels;
                if (lane == 0 || place[lane] < base[v]) base[v] = place[lane];
                for (int64_t k = 0; k < reach; ++k) {
                    const int64_t there = x % s.stride_width + k * s.stride_width;
                    const bool is = there < s.pool_width && j - k >= 0 && j - k < s.out_width;
                    column[(k * vectors + v) * lanes + lane] = is ? Integer(there) : none;
                }
            }
            // Places go up by one, or back to the pixel's first where a window covers the next column too: as many
            // lanes as they come from hold them all, since a pixel has fewer channels than a vector has lanes.
            for (int64_t lane = 0; lane < lanes; ++lane) from[v * lanes + lane] = Integer(place[lane] - base[v]);
        }
    }
};

// A row of the output, and the positions in their windows that alone get something of it, or null where all do.
template <class T, class Index>
struct Source {
    const T* values;
    const Index* winners;
};

// One term of the sums along a line: a source, moved by some windows, which columns of those the positions are, and the
// first position of the line in them.
template <class T, class Index>
struct Term {
    using Integer = typename vec<T>::integer;
    Source<T, Index> source;
    const Integer* column;
    Integer first;
};

// N terms, or `count` if that is zero.
template <bool winners, int N, class T, class Index>
NERVE_INLINE void add_terms(T* line, int64_t size, const Spread<T>& spread, const Term<T, Index>* all, int64_t count) {
    constexpr int64_t lanes = vec<T>::size;
    Term<T, Index> some[N > 0 ? N : 1];  // which the compiler knows not to change
    for (int i = 0; i < N; ++i) some[i] = all[i];
    const Term<T, Index>* terms = N > 0 ? some : all;
    const typename vec<T>::integer* order = spread.from;
    const int64_t* base = spread.base;
    const auto add = [&](int64_t v, auto at) NERVE_LAMBDA_INLINE {
        const vec<T> zero(T(0));
        vec<T> sum = zero;
        bits<T> from, column;
        std::memcpy(&from, order + v * lanes, sizeof from);
        const int64_t begin = base[v];
#pragma GCC unroll 4
        for (int64_t i = 0; i < (N > 0 ? N : count); ++i) {
            std::memcpy(&column, terms[i].column + v * lanes, sizeof column);
            mask<T> here{column >= 0};
            if constexpr (winners) {
                const bits<T> winner = load_integers<T>(terms[i].source.winners + begin);
                here.v = permute<T>(winner, from) == column + terms[i].first;
            }
            sum += select(here, permute(load(terms[i].source.values + begin), from), zero);
        }
        at.write(line + v * lanes, sum);
    };
    const int64_t whole = size / lanes, vectors = spread.vectors;
    for (int64_t v = 0; v < whole; ++v) add(v, Whole{});
    if (whole < vectors) add(whole, Part{size - whole * lanes});
}

// Lines [begin, end) of the gradient, all images' in a row; sources(row of the output) is a Source.
template <bool winners, class T, class Index, class Sources>
void spread_lines(T* grad_x, const Pool2DShape& s, const Spread<T>& spread, int64_t begin, int64_t end,
                  Term<T, Index>* terms, const Sources& sources) {
    const int64_t size = s.width * s.channels;
    int64_t image = begin / s.height, y = begin % s.height;
    for (int64_t row = begin; row < end; ++row) {
        const Span rows = covering_rows(s, y);
        Term<T, Index>* term = terms;
        for (int64_t i = rows.begin; i < rows.end; ++i) {
            Source<T, Index> source = sources(image * s.out_height + i);
            source.values -= (spread.reach - 1) * s.channels;
            if constexpr (winners) source.winners -= (spread.reach - 1) * s.channels;
            const int64_t first = (y + s.pad_top - i * s.stride_height) * s.pool_width;
            for (int64_t k = spread.reach - 1; k >= 0; --k) {
                *term++ = {source, spread.column + k * spread.vectors * Spread<T>::lanes,
                           typename vec<T>::integer(first)};
                source.values += s.channels;
                if constexpr (winners) source.winners += s.channels;
            }
        }
        T* line = grad_x + row * size;
        const int64_t count = term - terms;
        if (count == 1)
            add_terms<winners, 1>(line, size, spread, terms, count);
        else if (count == 2)
            add_terms<winners, 2>(line, size, spread, terms, count);
        else if (count == 4)
            add_terms<winners, 4>(line, size, spread, terms, count);
        else
            add_terms<winners, 0>(line, size, spread, terms, count);
        if (++y == s.height) y = 0, ++image;
    }
}

}  // namespace
}  // namespace nerve::NERVE_ISA
