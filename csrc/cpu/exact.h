// Distances that decide: in float64, by differences, so that neither a large common offset nor float32 costs digits.
// Products and sums are rounded apart, in eight running lanes folded in halves: the same bits on every instruction set,
// and whether the coordinates lie side by side or in a tree's leaf.
#pragma once
#include <cstdint>
#include <cstring>

#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

constexpr int exact_lanes = 8;

typedef float GivenFloats __attribute__((vector_size(exact_lanes * sizeof(float))));
typedef double ExactLanes __attribute__((vector_size(exact_lanes * sizeof(double))));

template <bool manhattan>
NERVE_INLINE double term_of(double difference) {
    if constexpr (manhattan)
        return __builtin_fabs(difference);
    else
        return difference * difference;
}
template <bool manhattan>
NERVE_INLINE ExactLanes term_of(ExactLanes difference) {
    typedef int64_t Bits __attribute__((vector_size(sizeof difference)));
    if constexpr (manhattan)
        return (ExactLanes)((Bits)difference & INT64_MAX);
    else
        return difference * difference;
}

NERVE_INLINE double folded(const double (&lane)[exact_lanes]) {
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

// The sum of term(x, y), of eight lanes at a time and of numbers.
template <class T, class Term>
NERVE_INLINE double exact_sum(const T* x, const T* y, int64_t size, const Term& term) {
    using Given = std::conditional_t<sizeof(T) == 4, GivenFloats, ExactLanes>;
    double lane[exact_lanes] = {};
    int64_t k = 0;
    if (size >= exact_lanes) {
        ExactLanes sum = {};
        for (; k + exact_lanes <= size; k += exact_lanes) {
            Given a, b;
            std::memcpy(&a, x + k, sizeof a), std::memcpy(&b, y + k, sizeof b);
            sum += term(__builtin_convertvector(a, ExactLanes), __builtin_convertvector(b, ExactLanes));
        }
        std::memcpy(lane, &sum, sizeof sum);
    }
    for (int i = 0; k < size; ++i, ++k) lane[i] += term(double(x[k]), double(y[k]));
    return folded(lane);
}

// The sum of squares, or of magnitudes, of x - y.
template <bool manhattan, class T>
NERVE_INLINE double exact_distance(const T* x, const T* y, int64_t size) {
    return exact_sum(x, y, size, [](auto a, auto b) NERVE_LAMBDA_INLINE { return term_of<manhattan>(a - b); });
}

// The sum of products x y.
template <class T>
NERVE_INLINE double exact_dot(const T* x, const T* y, int64_t size) {
    return exact_sum(x, y, size, [](auto a, auto b) NERVE_LAMBDA_INLINE { return a * b; });
}

// The same of a point whose coordinates are `stride` apart.
template <bool manhattan, class T>
NERVE_INLINE double exact_distance(const T* x, const T* y, int64_t stride, int64_t size) {
    double lane[exact_lanes] = {};
    for (int64_t k = 0; k < size; ++k)
        lane[k % exact_lanes] += term_of<manhattan>(double(x[k]) - double(y[k * stride]));
    return folded(lane);
}

// 1 - cos of the angle of rows whose dot product and squares these are, from 0 to 2: exactly 0 for equal rows, 1 where
// one is zero.
NERVE_INLINE double cosine_distance(double dot, double x_square, double y_square) {
    // Its root is x_square where that is y_square, unless it over- or underflows.
    const double both = x_square * y_square;
    const bool safe = both > 0x1p-900 && both < __builtin_inf();
    const double norms = safe ? __builtin_sqrt(both) : __builtin_sqrt(x_square) * __builtin_sqrt(y_square);
    const double distance = norms == 0 ? 1 : 1 - dot / norms;
    return distance < 0 ? 0 : distance > 2 ? 2 : distance;
}

// NaN is as far as infinity.
NERVE_INLINE double far_if_nan(double distance) { return distance == distance ? distance : __builtin_inf(); }

// By how much, relative to the sum of the squared norms (or to the distance itself), a distance computed in T by
// `operations` roundings in a row can be wrong; with room for the few roundings around them.
template <class T>
constexpr double unit_roundoff = sizeof(T) == 4 ? 0x1p-24 : 0x1p-53;
template <class T>
constexpr double smallest_normal = sizeof(T) == 4 ? 0x1p-126 : 0x1p-1022;
template <class T>
NERVE_INLINE double relative_error(int64_t operations) {
    return double(2 * operations + 32) * unit_roundoff<T>;
}
// What underflow can add to it.
template <class T>
NERVE_INLINE double absolute_error(int64_t operations) {
    return double(operations + 32) * smallest_normal<T>;
}

// x in T, not above it, or not below it: the nearest such number, so that of two numbers the larger is not rounded to
// less (a threshold made of one distance must let a nearer one pass).
template <class T>
NERVE_INLINE T rounded_down(double x) {
    constexpr double largest = sizeof(T) == 4 ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
    if (x >= largest) return T(largest);
    T y = T(x);
    if constexpr (sizeof(T) == sizeof(float)) {
        if (double(y) > x) {  // the number before it
            uint32_t bits;
            std::memcpy(&bits, &y, sizeof bits);
            bits = y > 0 ? bits - 1 : y < 0 ? bits + 1 : 0x80000001u;
            std::memcpy(&y, &bits, sizeof y);
        }
    }
    return y;
}
template <class T>
NERVE_INLINE T rounded_up(double x) {
    return -rounded_down<T>(-x);
}

}  // namespace nerve::NERVE_ISA
