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

}  // namespace nerve::NERVE_ISA
