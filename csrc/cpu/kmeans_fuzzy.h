// Fuzzy c-means (Bezdek, "Pattern recognition with fuzzy objective function algorithms", 1981) for 64 bytes of rows at
// a time, on every instruction set: lanes are rows.
#pragma once
#include "cpu/kmeans_sums.h"
#include "cpu/math.h"
#include "cpu/rows.h"
#include "cpu/turned_rows.h"

namespace nerve::NERVE_ISA {

template <class T>
struct Fuzzy {
    static constexpr int vectors = 64 / vector_bytes, width = 64 / int(sizeof(T));
    static constexpr int at_once = vector_bytes == 64 ? 8 : vector_bytes == 32 ? 4 : 2;
    using V = vec<T>;
    using Rows = TurnedRows<T, vectors>;

    const GroupedSums<T>& all;
    const T* centers;
    int64_t features, clusters, row, used;
    T* sums;
    T* totals;
    T exponent, fuzzifier;
    Rows rows;
    T* powers;  // (clusters, width): squared distances, then powers of memberships
    T* ratios;  // likewise
    T* lanes;   // running totals

    Fuzzy(const GroupedSums<T>& all, int64_t group, const T* centers, double fuzzifier)
        : all(all),
          centers(centers),
          features(all.features),
          clusters(all.clusters),
          exponent(T(1 / (fuzzifier - 1))),
          fuzzifier(T(fuzzifier)) {
        sums = all.wanted() ? all.sums_of(group) : nullptr;
        totals = all.wanted() ? all.totals_of(group) : nullptr;
        powers = scratch<T>(runtime::packed_a, Rows::elements(features) + 3 * clusters * width);
        ratios = powers + clusters * width, lanes = ratios + clusters * width;
        rows = {lanes + clusters * width, features};
        std::memset(lanes, 0, size_t(clusters * width) * sizeof(T));
    }

    // squares of rows [first, first + count)
    void distances(const T* x, int64_t first, int64_t count) {
        row = first, used = count;
        rows.turn(x, row, used);
        for (int64_t j = 0; j < clusters;) {
            const auto run = [&](auto n) NERVE_LAMBDA_INLINE { differences<decltype(n)::value>(j), j += n; };
            if (clusters - j >= at_once)
                run(std::integral_constant<int, at_once>());
            else if (clusters - j >= 4 && at_once > 4)
                run(std::integral_constant<int, 4>());
            else
                run(std::integral_constant<int, 1>());
        }
    }

    template <int count>
    NERVE_NOINLINE void differences(int64_t j) const {
        V sum[count][vectors];
        const T* center[count];
#pragma GCC unroll 8
        for (int c = 0; c < count; ++c) {
            center[c] = centers + (j + c) * features;
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) sum[c][v] = V(T(0));
        }
        const T* panel = rows.panel;
        for (int64_t i = 0; i < features; ++i, panel += width)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                const V here = load(panel + v * V::size);
#pragma GCC unroll 8
                for (int c = 0; c < count; ++c) {
                    const V apart = here - V(center[c][i]);
                    sum[c][v] = fma(apart, apart, sum[c][v]);
                }
            }
#pragma GCC unroll 8
        for (int c = 0; c < count; ++c)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) store(powers + (j + c) * width + v * V::size, sum[c][v]);
    }

    // From squares to powers of memberships, times weights. With q = nearest / square and r = q^(1 / (m - 1)), u is
    // r / sum(r), u^m = r q / sum(r)^m, and the sum of u^m square is nearest sum(r) / sum(r)^m.
    void assign(T* memberships, T* costs, const T* weights) {
        const bool two = fuzzifier == T(2);
        for (int v = 0; v < vectors; ++v) {
            const int64_t first = v * V::size, n = smaller(used - first, V::size);
            if (n <= 0) {  // no rows: of no weight
                for (int64_t j = 0; j < clusters; ++j) store(powers + j * width + first, V(T(0)));
                continue;
            }
            V nearest{T(__builtin_inf())}, sum(T(0));
            for (int64_t j = 0; j < clusters; ++j) {
                const V square = load(powers + j * width + first);
                nearest = select(square < nearest, square, nearest);
            }
            for (int64_t j = 0; j < clusters; ++j) {
                const V square = load(powers + j * width + first);
                const V q = select(square == nearest, V(T(1)), nearest / square);  // 1 also where that is 0 / 0
                const V ratio = two ? q : math::pow(q, V(exponent));
                store(ratios + j * width + first, ratio);
                store(powers + j * width + first, ratio * q);
                sum += ratio;
            }
            const V weight = weights == nullptr ? V(T(1)) : load_partial(weights + row + first, n);
            const V present = select(load_partial_or(zeros<T>, n, T(1)) == V(T(0)), weight, V(T(0)));
            const V scale = present * (two ? V(T(1)) / (sum * sum) : math::pow(sum, V(-fuzzifier)));
            store_partial(costs + row + first, nearest * sum * scale, n);
            for (int64_t j = 0; j < clusters; ++j)
                store(powers + j * width + first, load(powers + j * width + first) * scale);
            if (memberships == nullptr) continue;
            for (int64_t j = 0; j < clusters; ++j) {
                alignas(64) T lane[V::size];
                store(lane, load(ratios + j * width + first) / sum);
                for (int64_t r = 0; r < n; ++r) memberships[(row + first + r) * clusters + j] = lane[r];
            }
        }
    }

    // The rows, so weighted, to the sums: a few clusters times a few registers of features at a time.
    void add(const T* x) const {
        if (sums == nullptr) return;
        for (int64_t j = 0; j < clusters; ++j)
            for (int64_t i = 0; i < width; i += V::size)
                store(lanes + j * width + i, load(lanes + j * width + i) + load(powers + j * width + i));
        x += row * features;
        for (int64_t j = 0; j < clusters;) {
            if (clusters - j >= 4)
                add_clusters<4>(x, j), j += 4;
            else
                add_clusters<1>(x, j), j += 1;
        }
    }

    template <int count>
    NERVE_NOINLINE void add_clusters(const T* x, int64_t j) const {
        int64_t i = 0;
        for (; i + 2 * V::size <= features; i += 2 * V::size) add_tile<count, 2>(x, j, i, V::size);
        for (; i < features; i += V::size) add_tile<count, 1>(x, j, i, smaller(features - i, V::size));
    }

    template <int count, int registers>
    NERVE_INLINE void add_tile(const T* x, int64_t j, int64_t i, int64_t n) const {
        V sum[count][registers];
        const auto each = [&](const auto& body) NERVE_LAMBDA_INLINE {
#pragma GCC unroll 4
            for (int c = 0; c < count; ++c)
#pragma GCC unroll 2
                for (int v = 0; v < registers; ++v) body(c, v, sums + (j + c) * features + i + v * V::size);
        };
        each([&](int c, int v, const T* to) NERVE_LAMBDA_INLINE { sum[c][v] = load_some(to, n); });
        for (int64_t r = 0; r < used; ++r) {
            V here[registers];
#pragma GCC unroll 2
            for (int v = 0; v < registers; ++v) here[v] = load_some(x + r * features + i + v * V::size, n);
#pragma GCC unroll 4
            for (int c = 0; c < count; ++c) {
                const V power(powers[(j + c) * width + r]);
#pragma GCC unroll 2
                for (int v = 0; v < registers; ++v) sum[c][v] = fma(power, here[v], sum[c][v]);
            }
        }
        each([&](int c, int v, T* to) NERVE_LAMBDA_INLINE { store_some(to, sum[c][v], n); });
    }

    void finish() const {
        if (sums == nullptr) return;
        for (int64_t j = 0; j < clusters; ++j) {
            T* lane = lanes + j * width;
            for (int half = width / 2; half > 0; half /= 2)
                for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
            totals[j] = lane[0];
        }
    }
};

}  // namespace nerve::NERVE_ISA
