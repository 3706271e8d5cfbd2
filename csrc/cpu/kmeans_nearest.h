// The nearest center of every row: the largest of x . c - |c|^2 / 2, the first of equal ones. Rows are turned so that
// lanes are rows and need no search across lanes, which measured faster than the register tile's strips (cpu/strips.h)
// for 10 to 1024 clusters.
#pragma once
#include "cpu/kmeans_sums.h"
#include "cpu/turned_rows.h"

namespace nerve::NERVE_ISA {

template <class T>
struct Nearest {
    using V = vec<T>;
    const T* centers;
    int64_t features, clusters;
    T* bias;  // -|c|^2 / 2

    Nearest(const T* centers, int64_t features, int64_t clusters, T* room)
        : centers(centers), features(features), clusters(clusters), bias(room) {
        parallel_blocks(clusters, 1 + 16384 / (features + 1), [&](int64_t begin, int64_t end) {
            for (int64_t j = begin; j < end; ++j) {
                const T* center = centers + j * features;
                double sum = 0;
                for (int64_t i = 0; i < features; ++i) sum += double(center[i]) * center[i];
                room[j] = T(-0.5 * sum);
            }
        });
    }

    // The larger values so far, and the centers they are of.
    NERVE_INLINE static void keep_larger(V& best, bits<T>& at, V value, int64_t j) {
        const mask<T> better = value > best;
        best = select(better, value, best);
        at = better.v ? bits<T>{} + typename V::integer(j) : at;
    }

    static constexpr int vectors = 2, at_once = vector_bytes == 16 ? 4 : 6;
    using Rows = TurnedRows<T, vectors>;

    // done(begin, end) as soon as these rows have their labels, while they are in the caches.
    template <class Done>
    void each(int32_t* labels, const T* x, int64_t first, int64_t past, const Done& done) const {
        const Rows rows{scratch<T>(runtime::packed_a, Rows::elements(features)), features};
        for (int64_t row = first; row < past; row += Rows::width) {
            const int64_t used = smaller(past - row, Rows::width);
            rows.turn(x, row, used);
            bits<T> at[vectors];
            // The rows of the next panel, a line or more for each feature, while the first centers are compared.
            of_panel(at, rows.panel,
                     row + 2 * Rows::width <= past ? x + (row + Rows::width) * features : x + row * features);
            for (int64_t r = 0; r < used; ++r) labels[row + r] = int32_t(at[r / V::size][r % V::size]);
            done(row, row + used);
        }
    }

    // The labels of a panel's rows.
    void of_panel(bits<T>* at, const T* panel, const T* ahead) const {
        const int64_t rounds = pieces(clusters, at_once), some = pieces(clusters, rounds);
        V best[vectors];
        for (int v = 0; v < vectors; ++v) best[v] = V(-T(__builtin_inf())), at[v] = bits<T>{};
        for (int64_t j = 0; j < clusters; j += some) {
            const int64_t n = smaller(some, clusters - j);
            const auto run = [&](auto count) NERVE_LAMBDA_INLINE {
                compare<decltype(count)::value>(best, at, panel, j, j == 0 ? ahead : nullptr);
            };
            switch (n) {
                case 1:
                    run(std::integral_constant<int, 1>());
                    break;
                case 2:
                    run(std::integral_constant<int, 2>());
                    break;
                case 3:
                    run(std::integral_constant<int, 3>());
                    break;
                case 4:
                    run(std::integral_constant<int, 4>());
                    break;
                case 5:
                    run(std::integral_constant < int, at_once<5 ? at_once : 5>());
                    break;
                default:
                    run(std::integral_constant<int, at_once>());
            }
        }
    }

    // Centers [j, j + count).
    template <int count>
    NERVE_NOINLINE void compare(V* best, bits<T>* at, const T* panel, int64_t j, const T* ahead) const {
        V sum[count][vectors];
        const T* center[count];
#pragma GCC unroll 8
        for (int c = 0; c < count; ++c) {
            center[c] = centers + (j + c) * features;
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) sum[c][v] = V(T(0));
        }
        constexpr int64_t line = 64 / int64_t(sizeof(T));
        for (int64_t i = 0; i < features; ++i, panel += vectors * V::size) {
            if (ahead != nullptr)
                for (int64_t k = 0; k < vectors * V::size; k += line)
                    __builtin_prefetch(ahead + i * vectors * V::size + k, 0, 2);
            V here[vectors];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) here[v] = load(panel + v * V::size);
#pragma GCC unroll 8
            for (int c = 0; c < count; ++c) {
                const V value(center[c][i]);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; ++v) sum[c][v] = fma(value, here[v], sum[c][v]);
            }
        }
#pragma GCC unroll 8
        for (int c = 0; c < count; ++c)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                const V value = sum[c][v] + V(bias[j + c]);
                keep_larger(best[v], at[v], value, j + c);
            }
    }
};

}  // namespace nerve::NERVE_ISA
