// Where windows lie, and how one becomes a value: its maximum, with the position of that, or its average.
#pragma once
#include "cpu/pool_vectors.h"
#include "shapes.h"
#include "windows.h"

namespace nerve::NERVE_ISA {
namespace {  // pool.cpp alone includes this

// The rows or columns of a window that lie inside the image.
NERVE_INLINE Span window_rows(const Pool2DShape& s, int64_t i) {
    return positions_in(i, s.height, s.pool_height, s.stride_height, s.pad_top);
}
NERVE_INLINE Span window_columns(const Pool2DShape& s, int64_t j) {
    return positions_in(j, s.width, s.pool_width, s.stride_width, s.pad_left);
}

// The windows whose columns all lie inside the image; none where `end` is not above `begin`.
NERVE_INLINE Span windows_inside(const Pool2DShape& s) {
    const int64_t begin = (s.pad_left + s.stride_width - 1) / s.stride_width;
    const int64_t room = s.width + s.pad_left - s.pool_width, end = room < 0 ? 0 : room / s.stride_width + 1;
    return {begin, end < s.out_width ? end : s.out_width};
}

NERVE_INLINE Windows rows_of(const Pool2DShape& s) {
    return {s.height, s.out_height, s.pool_height, s.stride_height, s.pad_top};
}
NERVE_INLINE Windows columns_of(const Pool2DShape& s) {
    return {s.width, s.out_width, s.pool_width, s.stride_width, s.pad_left};
}

// The windows that a row or column lies in.
NERVE_INLINE Span covering_rows(const Pool2DShape& s, int64_t y) {
    return windows_over(y, s.out_height, s.pool_height, s.stride_height, s.pad_top);
}
NERVE_INLINE Span covering_columns(const Pool2DShape& s, int64_t x) {
    return windows_over(x, s.out_width, s.pool_width, s.stride_width, s.pad_left);
}

// The elements of a window that belong to one element of the output: `rows` lines, a `line` apart, of `columns`
// elements `channels` apart, from a corner on. Positions are counted in the whole window, line by line, the ones
// outside the image too; the corner is number `first`.
struct Window {
    int64_t rows, columns, line, channels, first, pitch;

    Window(const Pool2DShape& s, int64_t i, Span rows, int64_t j, Span columns)
        : rows(rows.size()),
          columns(columns.size()),
          line(s.width * s.channels),
          channels(s.channels),
          first((rows.begin + s.pad_top - i * s.stride_height) * s.pool_width + columns.begin + s.pad_left -
                j * s.stride_width),
          pitch(s.pool_width) {}
};

// a where it is greater, else b: one instruction, which gives b where either is NaN.
template <class T>
NERVE_INLINE vec<T> greater_or(vec<T> a, vec<T> b) {
#if defined(__AVX512F__)
    using V = typename vec<T>::native;
    if constexpr (sizeof(T) == 4)
        return (V)_mm512_maskz_max_ps(__mmask16(-1), (__m512)a.v, (__m512)b.v);
    else
        return (V)_mm512_maskz_max_pd(__mmask8(-1), (__m512d)a.v, (__m512d)b.v);
#else
    return select(a > b, a, b);
#endif
}

// The maxima of n vectors of windows, and where they are: the first one, or the first NaN. The plain comparison does
// not see a NaN that comes late; a running 0 * value does, and then the window is looked at again.
struct Highest {
    template <bool indexed, bool careful, int n, class T, class Access>
    static NERVE_INLINE bool look(vec<T> (&value)[n], bits<T> (&winner)[n], const T* corner, const Window& w,
                                  const Access& at) {
        using Integer = typename vec<T>::integer;
        vec<T> special[n];
        for (int k = 0; k < n; ++k) {
            value[k] = at.read(corner + k * vec<T>::size);
            winner[k] = bits<T>{} + Integer(w.first);
            special[k] = vec<T>(T(0));
        }
        for (int64_t p = 0; p < w.rows; ++p)
            for (int64_t q = 0; q < w.columns; ++q) {
                const bits<T> position = bits<T>{} + Integer(w.first + p * w.pitch + q);
                for (int k = 0; k < n; ++k) {
                    const vec<T> here = at.read(corner + p * w.line + q * w.channels + k * vec<T>::size);
                    if constexpr (careful) {
                        const mask<T> better = (here > value[k]) | ((here != here) & (value[k] == value[k]));
                        winner[k] = better.v ? position : winner[k];
                        value[k] = select(better, here, value[k]);
                    } else {
                        if constexpr (indexed) winner[k] = (here > value[k]).v ? position : winner[k];
                        value[k] = greater_or(here, value[k]);
                        special[k] = fma(here, vec<T>(T(0)), special[k]);
                    }
                }
            }
        if constexpr (careful) return true;
        for (int k = 1; k < n; ++k) special[0] += special[k];
        return !any(special[0] != special[0]);
    }
    template <bool indexed, int n, class T, class Access>
    static NERVE_NOINLINE void look_again(vec<T> (&value)[n], bits<T> (&winner)[n], const T* corner, const Window& w,
                                          const Access& at) {
        look<indexed, true>(value, winner, corner, w, at);
    }
    template <bool indexed, int n, class T, class Access>
    static NERVE_INLINE void join(vec<T> (&value)[n], bits<T> (&winner)[n], const T* corner, const Window& w,
                                  const Access& at) {
        if (look<indexed, false>(value, winner, corner, w, at)) return;
        vec<T> values[n];  // whose addresses are taken, which keeps the others in registers
        bits<T> winners[n];
        look_again<indexed>(values, winners, corner, w, at);
        for (int k = 0; k < n; ++k) value[k] = values[k], winner[k] = winners[k];
    }
};

struct Average {
    template <bool, int n, class T, class Access>
    static NERVE_INLINE void join(vec<T> (&value)[n], bits<T> (&)[n], const T* corner, const Window& w,
                                  const Access& at) {
        for (int k = 0; k < n; ++k) value[k] = vec<T>(T(0));
        for (int64_t p = 0; p < w.rows; ++p)
            for (int64_t q = 0; q < w.columns; ++q)
                for (int k = 0; k < n; ++k)
                    value[k] += at.read(corner + p * w.line + q * w.channels + k * vec<T>::size);
        const vec<T> count(T(w.rows * w.columns));
        for (int k = 0; k < n; ++k) value[k] = value[k] / count;
    }
};

}  // namespace
}  // namespace nerve::NERVE_ISA
