// Pooling where a pixel has fewer channels than a vector has lanes. A row of the image is then taken as one line: every
// position of it gets the result of a window that would begin there, and a permutation keeps those that do begin there.
// The gradients go the other way, spreading a row of the output over the lines it came from.
#pragma once
#include "cpu/pool_spread.h"
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
            const int64_t first = (y + s.pad_top - i * s.stride_height) * s.pool_width;
            term = put_terms(term, spread, sources(image * s.out_height + i), s.channels, first);
        }
        add_terms<winners>(grad_x + row * size, size, spread, terms, term - terms);
        if (++y == s.height) y = 0, ++image;
    }
}

}  // namespace
}  // namespace nerve::NERVE_ISA
