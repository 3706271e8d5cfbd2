// Sums in an order that depends on the length alone: 64 (float) or 32 (double) running lanes, whatever the register
// width; long rows are cut into leaves of `leaf` elements combined pairwise; the lanes are folded in halves in the end.
// AVX2, AVX-512 and NEON give the same bits, and the error grows with log(n), not n.
#pragma once
#include <cstdint>

#include "cpu/shuffle.h"
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

// The running lanes, all of them.
template <class T>
struct Running {
    vec<T> v[lane_vectors<T>];
};

// combine over value(i, n), i in [0, size): the vector of elements i .. i + n - 1 (n < vec::size at the end, other
// lanes must be `neutral`).
template <class T, class Combine, class Value>
NERVE_INLINE Running<T> run_leaf(int64_t size, T neutral, const Combine& combine, const Value& value) {
    using V = vec<T>;
    Running<T> sum;
    for (int j = 0; j < lane_vectors<T>; ++j) sum.v[j] = V(neutral);
    int64_t i = 0;
    for (; i + lanes<T> <= size; i += lanes<T>)
#pragma GCC unroll 16
        for (int j = 0; j < lane_vectors<T>; ++j) sum.v[j] = combine(value(i + j * V::size, V::size), sum.v[j]);
#pragma GCC unroll 16
    for (int j = 0; j < lane_vectors<T>; ++j) {
        int64_t n = size - i - j * V::size;
        if (n >= V::size)
            sum.v[j] = combine(value(i + j * V::size, V::size), sum.v[j]);
        else if (n > 0)
            sum.v[j] = combine(value(i + j * V::size, n), sum.v[j]);
    }
    return sum;
}

// One register of the running lanes; what is left to do is to fold its lanes.
template <class T, class Combine>
NERVE_INLINE vec<T> fold_registers(Running<T> sum, const Combine& combine) {
#pragma GCC unroll 5
    for (int width = lane_vectors<T> / 2; width > 0; width /= 2)
#pragma GCC unroll 16
        for (int j = 0; j < width; ++j) sum.v[j] = combine(sum.v[j], sum.v[j + width]);
    return sum.v[0];
}

// The first n elements of x, the other lanes `neutral`.
template <class T>
NERVE_INLINE vec<T> load_or(const T* x, int64_t n, T neutral) {
    if (n == vec<T>::size) return load(x);
    return load_partial_or(x, n, neutral);
}

// Leaves combined pairwise, left half first.
template <class T, class Combine, class Value>
NERVE_NOINLINE Running<T> run_leaves(int64_t begin, int64_t end, T neutral, const Combine& combine,
                                     const Value& value) {
    if (end - begin <= leaf)
        return run_leaf<T>(end - begin, neutral, combine,
                           [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { return value(begin + i, n); });
    const int64_t leaves = (end - begin + leaf - 1) / leaf, middle = begin + leaves / 2 * leaf;
    Running<T> left = run_leaves<T>(begin, middle, neutral, combine, value);
    const Running<T> right = run_leaves<T>(middle, end, neutral, combine, value);
    for (int j = 0; j < lane_vectors<T>; ++j) left.v[j] = combine(left.v[j], right.v[j]);
    return left;
}

// A whole row; value as above.
template <class T, class Combine, class Value>
NERVE_INLINE T reduce_row(int64_t begin, int64_t end, T neutral, const Combine& combine, const Value& value) {
    return fold_lanes(fold_registers(run_leaves<T>(begin, end, neutral, combine, value), combine), combine);
}

}  // namespace nerve::NERVE_ISA
