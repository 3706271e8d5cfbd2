// One step of greedy k-means++ (Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", 2007): what
// each candidate would leave of the distances. In double, as |x|^2 - 2 x . c + |c|^2 and never negative, then rounded,
// so that draws by these distances agree with those of a library that does the same.
#pragma once
#include "cpu/kmeans_sums.h"
#include "cpu/math_common.h"
#include "cpu/turned_rows.h"

namespace nerve::NERVE_ISA::plusplus {

using math::WidePair;

NERVE_INLINE WidePair wide(const float* p) { return math::widen(load(p)); }
NERVE_INLINE WidePair wide(const double* p) { return {load(p), load(p + vec<double>::size)}; }
NERVE_INLINE void store_narrow(float* p, WidePair x) { store(p, math::narrow(x)); }
NERVE_INLINE void store_narrow(double* p, WidePair x) { store(p, x.low), store(p + vec<double>::size, x.high); }

constexpr int lanes = 2 * vec<double>::size;                               // rows at once
constexpr int most = vector_bytes == 64 ? 8 : vector_bytes == 32 ? 5 : 4;  // candidates at once

// Some candidates in double, element (candidate c, feature i) at values[i * count + c], and |c|^2.
struct Candidates {
    const double* values;
    const double* norms;
};

// squares[c]: the squared distances of a panel's rows to candidate c.
template <int count, class T>
NERVE_NOINLINE void squared_distances(WidePair* squares, const T* panel, const Candidates& candidates, int64_t features,
                                      const T* ahead) {
    using V = vec<double>;
    WidePair dot[count], norm{V(0.0), V(0.0)};
#pragma GCC unroll 8
    for (int c = 0; c < count; ++c) dot[c] = norm;
    const double* value = candidates.values;
    for (int64_t i = 0; i < features; ++i, panel += lanes, value += count) {
        if (ahead != nullptr)
            for (int64_t k = 0; k < lanes; k += 64 / int64_t(sizeof(T)))
                __builtin_prefetch(ahead + i * lanes + k, 0, 2);
        const WidePair x = wide(panel);
        norm.low = fma(x.low, x.low, norm.low), norm.high = fma(x.high, x.high, norm.high);
#pragma GCC unroll 8
        for (int c = 0; c < count; ++c) {
            const V v(value[c]);
            dot[c].low = fma(v, x.low, dot[c].low), dot[c].high = fma(v, x.high, dot[c].high);
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < count; ++c) {
        const V square(candidates.norms[c]);
        const V low = fma(V(-2.0), dot[c].low, norm.low) + square, high = fma(V(-2.0), dot[c].high, norm.high) + square;
        squares[c] = {select(low > V(0.0), low, V(0.0)), select(high > V(0.0), high, V(0.0))};
    }
}

template <class T>
void by_count(int64_t count, WidePair* squares, const T* panel, const Candidates& candidates, int64_t features,
              const T* ahead) {
    const auto run = [&](auto n) NERVE_LAMBDA_INLINE {
        squared_distances<decltype(n)::value>(squares, panel, candidates, features, ahead);
    };
    switch (count) {
        case 1:
            return run(std::integral_constant<int, 1>());
        case 2:
            return run(std::integral_constant<int, 2>());
        case 3:
            return run(std::integral_constant<int, 3>());
        case 4:
            return run(std::integral_constant<int, 4>());
        case 5:
            return run(std::integral_constant<int, (5 < most ? 5 : most)>());
        case 6:
            return run(std::integral_constant<int, (6 < most ? 6 : most)>());
        case 7:
            return run(std::integral_constant<int, (7 < most ? 7 : most)>());
        default:
            return run(std::integral_constant<int, most>());
    }
}

template <class T>
void step(T* distances, T* potentials, const T* x, const T* closest, const T* weights, const T* candidates,
          int64_t rows, int64_t features, int64_t count) {
    const int64_t size =
        pieces(larger(pieces(rows, 64), larger(64, serial_work / ((features + 1) * (count + 1)))), 16) * 16;
    const int64_t groups = pieces(rows, size), rounds = pieces(count, most), some = pieces(count, larger(rounds, 1));
    double* values = scratch<double>(runtime::workspace, count * (features + 1 + groups));
    double *norms = values + count * features, *parts = norms + count;
    for (int64_t c = 0; c < count; ++c) {
        const int64_t first = c / some * some, together = smaller(some, count - first);
        double sum = 0;
        for (int64_t i = 0; i < features; ++i) {
            const double value = double(candidates[c * features + i]);
            values[first * features + i * together + c - first] = value;
            sum += value * value;
        }
        norms[c] = sum;
    }
    parallel_blocks(rows, size, [&](int64_t row, int64_t row_end) {
        using Rows = TurnedRows<T, lanes / vec<T>::size>;
        const Rows turned{scratch<T>(runtime::packed_a, Rows::elements(features)), features};
        double* sums = parts + row / size * count;
        for (int64_t c = 0; c < count; ++c) sums[c] = 0;
        for (; row < row_end; row += lanes) {
            const int64_t used = smaller(row_end - row, lanes);
            turned.turn(x, row, used);
            // The rows of the next panel are asked for meanwhile.
            const T* ahead = row + 2 * lanes <= row_end ? x + (row + lanes) * features : nullptr;
            for (int64_t first = 0; first < count; first += some, ahead = nullptr) {
                const int64_t n = smaller(some, count - first);
                WidePair squares[most];
                by_count(n, squares, turned.panel, {values + first * features, norms + first}, features, ahead);
                for (int64_t c = 0; c < n; ++c) {
                    alignas(64) T lane[lanes];
                    store_narrow(lane, squares[c]);
                    T* out = distances + (first + c) * rows + row;
                    double sum = 0;
                    for (int64_t r = 0; r < used; ++r) {
                        T value = lane[r];
                        if (closest != nullptr && closest[row + r] < value) value = closest[row + r];
                        out[r] = value;
                        sum += weights == nullptr ? double(value) : double(value) * weights[row + r];
                    }
                    sums[first + c] += sum;
                }
            }
        }
    });
    for (int64_t c = 0; c < count; ++c) {
        double sum = 0;
        for (int64_t group = 0; group < groups; ++group) sum += parts[group * count + c];
        potentials[c] = T(sum);
    }
}

}  // namespace nerve::NERVE_ISA::plusplus
