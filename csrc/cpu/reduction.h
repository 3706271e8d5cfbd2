// Sums in an order that depends on the length alone: 64 (float) or 32 (double) running lanes, whatever the register
// width, folded in halves; long rows are cut into leaves of `leaf` elements combined pairwise. AVX2, AVX-512 and NEON
// give the same bits, and the error grows with log(n), not n.
#pragma once
#include <cstdint>

#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

constexpr int64_t leaf = 4096;  // elements

template <class T>
constexpr int lanes = 256 / int(sizeof(T));
template <class T>
constexpr int lane_vectors = lanes<T> / vec<T>::size;

struct Add {
    template <class V>
    NERVE_INLINE V operator()(V a, V b) const {
        return a + b;
    }
};
struct Max {
    template <class T>
    NERVE_INLINE vec<T> operator()(vec<T> a, vec<T> b) const {
        return max(a, b);
    }
    template <class T>
    NERVE_INLINE T operator()(T a, T b) const {
        return a > b || a != a ? a : b;
    }
};
struct Min {
    template <class T>
    NERVE_INLINE vec<T> operator()(vec<T> a, vec<T> b) const {
        return min(a, b);
    }
    template <class T>
    NERVE_INLINE T operator()(T a, T b) const {
        return a < b || a != a ? a : b;
    }
};

// combine over value(i, n), i in [0, size): the vector of elements i .. i + n - 1 (n < vec::size at the end, other
// lanes must be `neutral`).
template <class T, class Combine, class Value>
NERVE_INLINE T reduce_leaf(int64_t size, T neutral, const Combine& combine, const Value& value) {
    using V = vec<T>;
    V sum[lane_vectors<T>];
    for (int j = 0; j < lane_vectors<T>; ++j) sum[j] = V(neutral);
    int64_t i = 0;
    for (; i + lanes<T> <= size; i += lanes<T>)
#pragma GCC unroll 16
        for (int j = 0; j < lane_vectors<T>; ++j) sum[j] = combine(sum[j], value(i + j * V::size, V::size));
#pragma GCC unroll 16
    for (int j = 0; j < lane_vectors<T>; ++j) {
        int64_t n = size - i - j * V::size;
        if (n > 0) sum[j] = combine(sum[j], value(i + j * V::size, n < V::size ? n : V::size));
    }
    alignas(64) T lane[lanes<T>];
    for (int j = 0; j < lane_vectors<T>; ++j) store(lane + j * V::size, sum[j]);
    for (int width = lanes<T> / 2; width > 0; width /= 2)
        for (int j = 0; j < width; ++j) lane[j] = combine(lane[j], lane[j + width]);
    return lane[0];
}

// The elements first .. first + n - 1 of x, the other lanes `neutral`.
template <class T>
NERVE_INLINE vec<T> load_or(const T* x, int64_t n, T neutral) {
    if (n == vec<T>::size) return load(x);
    vec<T> lane;
    for (int i = 0; i < vec<T>::size; ++i) lane.v[i] = T(i);
    return select(lane < vec<T>(T(n)), load_partial(x, n), vec<T>(neutral));
}

// A whole row: leaves combined pairwise, left half first. value as above.
template <class T, class Combine, class Value>
NERVE_NOINLINE T reduce_row(int64_t begin, int64_t end, T neutral, const Combine& combine, const Value& value) {
    if (end - begin <= leaf)
        return reduce_leaf<T>(end - begin, neutral, combine,
                              [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { return value(begin + i, n); });
    int64_t leaves = (end - begin + leaf - 1) / leaf, middle = begin + leaves / 2 * leaf;
    T left = reduce_row<T>(begin, middle, neutral, combine, value);
    return combine(left, reduce_row<T>(middle, end, neutral, combine, value));
}

template <class T>
inline T sum_row(const T* x, int64_t size) {
    return reduce_row<T>(0, size, T(0), Add{},
                         [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { return load_or(x + i, n, T(0)); });
}
template <class T>
inline T max_row(const T* x, int64_t size) {
    return reduce_row<T>(0, size, -T(__builtin_inf()), Max{}, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
        return load_or(x + i, n, -T(__builtin_inf()));
    });
}

}  // namespace nerve::NERVE_ISA
