// The first position of the best element along the middle axis of x (outer, reduced, inner); NaN is better than
// anything, as in NumPy. A row is searched in two passes: its best value, then where it stands. Across rows the best so
// far and its row are kept for a strip of columns.
#pragma once
#include "cpu/rows.h"

namespace nerve::NERVE_ISA {

// Whether x takes the place of the best so far.
template <class T>
NERVE_INLINE mask<T> improves(Max, vec<T> x, vec<T> best) {
    return ~(x <= best) & (best == best);
}
template <class T>
NERVE_INLINE mask<T> improves(Min, vec<T> x, vec<T> best) {
    return ~(x >= best) & (best == best);
}
template <class T>
NERVE_INLINE bool improves(Max, T x, T best) {
    return !(x <= best) && best == best;
}
template <class T>
NERVE_INLINE bool improves(Min, T x, T best) {
    return !(x >= best) && best == best;
}

// Where `best`, the best of x, stands.
template <class T>
NERVE_INLINE int64_t position_of(T best, const T* x, int64_t size) {
    constexpr int n = vec<T>::size;
    const vec<T> value(best);
    for (int64_t i = 0; i < size; i += n) {
        const vec<T> here = load_or(x + i, size - i < n ? size - i : n, best);
        const int lane = first((here == value) | (here != here));
        if (lane < n) return i + lane;
    }
    return 0;
}

template <class T, class Over>
NERVE_INLINE void positions(int64_t* out, const Over& over, const T* x, vec<T> best) {
    for (int64_t r = 0; r < over.rows; ++r) out[r] = position_of(best.v[r], x + over.place(r, 0), over.columns);
}
template <class T>
NERVE_INLINE void positions(int64_t* out, const Tile<T>& tile, const T* x, vec<T> best) {
    bits<T> at{};
    for (int64_t c = tile.columns - 1; c >= 0; --c) {
        const vec<T> here = load(x + c * vec<T>::size);
        at = ((here == best) | (here != here)).v ? bits<T>{} + typename vec<T>::integer(c) : at;
    }
    for (int64_t r = 0; r < tile.rows; ++r) out[r] = at[r];
}

template <class T, class Combine>
void find_in_rows(int64_t* out, const T* x, int64_t outer, int64_t reduced, T neutral, const Combine& combine) {
    constexpr int64_t piece = long_columns;
    if (reduced < 2 * piece || outer >= few_rows)
        return for_rows<T, 1>(nullptr, {x}, outer, reduced,
                              [=](const auto& over, T*, const T* const(&in)[1], int64_t row) NERVE_LAMBDA_INLINE {
                                  const T* values = in[0];
                                  const vec<T> best = over.reduce(
                                      neutral, combine, [&](int64_t i, int64_t n, int64_t) NERVE_LAMBDA_INLINE {
                                          return load_or(values + i, n, neutral);
                                      });
                                  positions(out + row, over, values, best);
                              });
    const int64_t pieces = (reduced + piece - 1) / piece;
    auto* found = static_cast<int64_t*>(runtime::scratch(runtime::workspace, size_t(pieces) * sizeof(int64_t)));
    for (int64_t o = 0; o < outer; ++o) {
        const T* row = x + o * reduced;
        parallel_blocks(reduced, piece, [&](int64_t begin, int64_t end) {
            const T best = reduce_row<T>(begin, end, neutral, combine, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
                return load_or(row + i, n, neutral);
            });
            found[begin / piece] = begin + position_of(best, row + begin, end - begin);
        });
        int64_t at = found[0];
        for (int64_t p = 1; p < pieces; ++p)
            if (improves(combine, row[found[p]], row[at])) at = found[p];
        out[o] = at;
    }
}

// Rows first .. first + count of a strip; narrow rows are joined into wider ones as in columns.h.
template <class T, class Combine>
NERVE_INLINE void improve_strip(T* best, bits<T>* at, const T* x, int64_t columns, int64_t row, T neutral,
                                const Combine& combine) {
    each_register<T>(columns, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
        const vec<T> here = load_or(x + i, n, neutral), old = load(best + i);
        const mask<T> better = improves(combine, here, old);
        store_some(best + i, select(better, here, old), n);
        bits<T>& rows = at[i / vec<T>::size];
        rows = better.v ? bits<T>{} + typename vec<T>::integer(row) : rows;
    });
}

template <class T, class Combine>
void find_in_columns(int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, T neutral,
                     const Combine& combine) {
    constexpr int64_t strip = 512, band = 1024;
    int64_t joined = 1;
    while (joined * inner * 2 <= strip && joined * 2 <= reduced) joined *= 2;
    const int64_t wide = joined * inner, rows = (reduced + joined - 1) / joined;
    const int64_t bands = (rows + band - 1) / band, strips = (wide + strip - 1) / strip;
    int64_t* found = out;
    if (bands > 1)
        found = static_cast<int64_t*>(
            runtime::scratch(runtime::workspace, size_t(outer * bands * inner) * sizeof(int64_t)));
    auto body = [&](int64_t task) {
        const int64_t s = task % strips, b = task / strips % bands, o = task / strips / bands;
        const int64_t first = b * band, count = rows - first < band ? rows - first : band;
        const int64_t begin = s * strip, columns = wide - begin < strip ? wide - begin : strip;
        const T* values = x + (o * reduced + first * joined) * inner + begin;
        const int64_t left = reduced * inner - first * wide;  // elements from `first` on
        alignas(64) T best[strip];
        alignas(64) bits<T> at[strip / vec<T>::size];
        const int64_t start = left < columns ? left : columns;
        std::memcpy(best, values, size_t(start) * sizeof(T));
        for (auto& rows_of : at) rows_of = bits<T>{};
        for (int64_t r = 1; r < count; ++r) {
            const int64_t some = left - r * wide;
            improve_strip(best, at, values + r * wide, joined == 1 || some > columns ? columns : some, r, neutral,
                          combine);
        }
        int64_t* to = found + (o * bands + b) * inner + begin;
        for (int64_t c = 0; c < columns && c < inner; ++c) {
            int64_t chosen = -1, place = 0;
            for (int64_t j = c; j < start; j += inner) {
                const int64_t row = (first + at[j / vec<T>::size][j % vec<T>::size]) * joined + j / inner;
                const bool same =
                    chosen >= 0 && (best[j] == best[place] || (best[j] != best[j] && best[place] != best[place]));
                if (chosen < 0 || improves(combine, best[j], best[place]) || (same && row < chosen))
                    chosen = row, place = j;
            }
            to[c] = chosen;
        }
    };
    const int64_t work = (rows < band ? rows : band) * (wide < strip ? wide : strip);
    parallel_blocks(outer * bands * strips, 1 + elements_a_task / work, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) body(task);
    });
    if (bands == 1) return;
    for (int64_t o = 0; o < outer; ++o)
        for (int64_t c = 0; c < inner; ++c) {
            const T* column = x + o * reduced * inner + c;
            int64_t at = found[o * bands * inner + c];
            for (int64_t b = 1; b < bands; ++b) {
                const int64_t row = found[(o * bands + b) * inner + c];
                if (improves(combine, column[row * inner], column[at * inner])) at = row;
            }
            out[o * inner + c] = at;
        }
}

template <class T, class Combine>
void find(int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, T neutral, const Combine& combine) {
    if (outer * inner == 0) return;
    if (inner == 1)
        find_in_rows(out, x, outer, reduced, neutral, combine);
    else
        find_in_columns(out, x, outer, reduced, inner, neutral, combine);
}

}  // namespace nerve::NERVE_ISA
