// Rearranging lanes between registers.
#pragma once
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

template <int... I>
struct Indices {};
template <int n, int... I>
struct IndicesUpTo : IndicesUpTo<n - 1, n - 1, I...> {};
template <int... I>
struct IndicesUpTo<0, I...> : Indices<I...> {};

// Lanes first, first + 1, ... of a and b in turn: a b a b ...
template <int first, class T, int... I>
NERVE_INLINE vec<T> interleave_from(vec<T> a, vec<T> b, Indices<I...>) {
    constexpr int n = vec<T>::size;
    return vec<T>(__builtin_shufflevector(a.v, b.v, (I % 2 * n + I / 2 + first)...));
}

template <int by, class T, int... I>
NERVE_INLINE vec<T> rotated(vec<T> x, Indices<I...>) {
    return vec<T>(__builtin_shufflevector(x.v, x.v, ((I + by) % vec<T>::size)...));
}

template <class T, int... I>
NERVE_INLINE vec<T> reversed_of(vec<T> x, Indices<I...>) {
    return vec<T>(__builtin_shufflevector(x.v, x.v, (vec<T>::size - 1 - I)...));
}
// The lanes from last to first.
template <class T>
NERVE_INLINE vec<T> reversed(vec<T> x) {
    return reversed_of(x, IndicesUpTo<vec<T>::size>());
}

template <class T, int... I>
NERVE_INLINE vec<T> every_second_of(vec<T> a, vec<T> b, Indices<I...>) {
    return vec<T>(__builtin_shufflevector(a.v, b.v, (2 * I)...));
}
// Lanes 0, 2, ... of a, then of b.
template <class T>
NERVE_INLINE vec<T> every_second(vec<T> a, vec<T> b) {
    return every_second_of(a, b, IndicesUpTo<vec<T>::size>());
}

// combine over the lanes, upper half with lower half, then within that half: the first lane.
template <class T, class Combine>
NERVE_INLINE T fold_lanes(vec<T> x, const Combine& combine) {
    constexpr int n = vec<T>::size;
    if constexpr (n >= 16) x = combine(x, rotated<8>(x, IndicesUpTo<n>()));
    if constexpr (n >= 8) x = combine(x, rotated<4>(x, IndicesUpTo<n>()));
    if constexpr (n >= 4) x = combine(x, rotated<2>(x, IndicesUpTo<n>()));
    x = combine(x, rotated<1>(x, IndicesUpTo<n>()));
    return x.v[0];
}

template <int width, int first, class T, int... I>
NERVE_INLINE vec<T> segments(vec<T> a, vec<T> b, Indices<I...>) {
    return vec<T>(__builtin_shufflevector(a.v, b.v, (I / width * 2 * width + I % width + first)...));
}

// fold_lanes of every x[i], in lane i: pairs of registers become one with segments of half the length.
template <int width, class T, class Combine>
NERVE_INLINE vec<T> fold_rows(vec<T>* x, const Combine& combine) {
    constexpr IndicesUpTo<vec<T>::size> all;
#pragma GCC unroll 8
    for (int i = 0; i < width; ++i)
        x[i] = combine(segments<width, 0>(x[2 * i], x[2 * i + 1], all),
                       segments<width, width>(x[2 * i], x[2 * i + 1], all));
    if constexpr (width == 1)
        return x[0];
    else
        return fold_rows<width / 2, T>(x, combine);
}

// a0 b0 a1 b1 ..., the first register of it in `low`, the second in `high`.
template <class T>
NERVE_INLINE void interleave(vec<T> a, vec<T> b, vec<T>& low, vec<T>& high) {
    constexpr int n = vec<T>::size;
    low = interleave_from<0>(a, b, IndicesUpTo<n>());
    high = interleave_from<n / 2>(a, b, IndicesUpTo<n>());
}

// Rows r[0 .. size) become columns. Each round interleaves row i with row i + size / 2, which rotates the bits of an
// element's (row, lane) index by one; after log2(size) rounds the two have changed places.
template <class T>
NERVE_INLINE void transpose(vec<T> (&r)[vec<T>::size]) {
    constexpr int n = vec<T>::size;
#pragma GCC unroll 4
    for (int width = 1; width < n; width *= 2) {
        vec<T> s[n];
#pragma GCC unroll 16
        for (int i = 0; i < n / 2; ++i) interleave(r[i], r[i + n / 2], s[2 * i], s[2 * i + 1]);
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) r[i] = s[i];
    }
}

// The same for n < vec::size rows of a memory without gaps, n a power of two: registers of n r[0 .. n) hold size rows
// of n elements each; they become n columns.
template <int n, class T>
NERVE_INLINE void transpose_narrow(vec<T>* r) {
#pragma GCC unroll 4
    for (int width = 1; width < vec<T>::size; width *= 2) {
        vec<T> s[n];
#pragma GCC unroll 8
        for (int i = 0; i < n / 2; ++i) interleave(r[i], r[i + n / 2], s[2 * i], s[2 * i + 1]);
#pragma GCC unroll 8
        for (int i = 0; i < n; ++i) r[i] = s[i];
    }
}

}  // namespace nerve::NERVE_ISA
