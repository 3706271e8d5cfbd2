// The nearest center of every row: the largest of x . c - |c|^2 / 2, the first of equal ones. Products with many
// centers come in strips of the register tile's; with few, rows are turned so that lanes are rows.
#pragma once
#include "cpu/kmeans_sums.h"
#include "cpu/strips.h"
#include "cpu/turned_rows.h"

namespace nerve::NERVE_ISA {

template <class T>
struct Nearest {
    static constexpr int64_t few = 32;  // clusters for which turning the rows costs less than tiles wider than these

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

    // done(begin, end) as soon as these rows have their labels, while they are in the caches.
    template <class Done>
    void each(int32_t* labels, const T* x, int64_t row, int64_t row_end, const Done& done) const {
        if (clusters <= few)
            turned(labels, x, row, row_end, done);
        else
            in_strips(labels, x, row, row_end, done);
    }

    template <class Done>
    void in_strips(int32_t* labels, const T* x, int64_t first, int64_t past, const Done& done) const {
        const MatrixRows<T> points{x + first * features, features, false};
        const MatrixColumns<T> columns{centers, features, true};
        strips<T>(past - first, clusters, features, points, columns, bias, 1,
                  [&](int64_t row, int64_t row_end, int64_t, const auto& each) {
                      T best[2 * strip_rows];
                      int32_t* found = labels + first;
                      for (int64_t r = row; r < row_end; ++r) best[r - row] = -T(__builtin_inf()), found[r] = 0;
                      each([&](const Strip<T>& strip)
                               NERVE_LAMBDA_INLINE { improve(best + strip.row - row, found + strip.row, strip); });
                      done(first + row, first + row_end);
                  });
    }

    // Asks for rows that are read a little later.
    NERVE_INLINE void fetch(const T* x, int64_t row, int64_t count, int64_t past) const {
        constexpr int64_t line = 64 / int64_t(sizeof(T)), most = 256;  // lines: what the first cache has room for
        const int64_t begin = row * features, end = smaller(smaller(row + count, past) * features, begin + most * line);
        for (int64_t i = begin; i < end; i += line) __builtin_prefetch(x + i, 0, 2);
    }

    // The best value of each of the strip's rows, and where it stands, which is looked for only if it is better than
    // those of the strips before.
    static NERVE_NOINLINE void improve(T* best, int32_t* labels, const Strip<T>& strip) {
        using V = vec<T>;
        constexpr T lowest = -T(__builtin_inf());
        auto larger_of = [](auto a, auto b) NERVE_LAMBDA_INLINE { return select(a > b, a, b); };
        const auto some = [&](const T* values, int64_t c) NERVE_LAMBDA_INLINE {
            return load_partial_or(values + c, smaller(strip.columns - c, V::size), lowest);
        };
        for (int64_t row = 0; row < strip.rows; row += V::size) {
            const int64_t rows = smaller(strip.rows - row, V::size);
            V most[V::size];
            for (int64_t r = 0; r < rows; ++r) {
                const T* values = strip.data + (row + r) * strip.stride;
                V one(lowest), other(lowest);
                int64_t c = 0;
                for (; c + 2 * V::size <= strip.columns; c += 2 * V::size) {
                    one = larger_of(load(values + c), one);
                    other = larger_of(load(values + c + V::size), other);
                }
                for (; c < strip.columns; c += V::size) one = larger_of(some(values, c), one);
                most[r] = larger_of(one, other);
            }
            for (int64_t r = rows; r < V::size; ++r) most[r] = V(lowest);
            alignas(64) T top[V::size];
            store(top, fold_rows<V::size / 2, T>(most, larger_of));
            for (int64_t r = 0; r < rows; ++r) {
                if (!(top[r] > best[row + r])) continue;
                best[row + r] = top[r];
                const T* values = strip.data + (row + r) * strip.stride;
                int64_t c = 0;
                int at = V::size;
                for (; c < strip.columns; c += V::size)
                    if ((at = first(some(values, c) == V(top[r]))) < V::size) break;
                labels[row + r] = int32_t(strip.column + c + at);
            }
        }
    }

    template <class Done>
    void turned(int32_t* labels, const T* x, int64_t first, int64_t past, const Done& done) const {
        using V = vec<T>;
        constexpr int vectors = 2, at_once = vector_bytes == 16 ? 4 : 6;
        using Rows = TurnedRows<T, vectors>;
        const Rows rows{scratch<T>(runtime::packed_a, Rows::elements(features)), features};
        const int64_t rounds = pieces(clusters, at_once), some = pieces(clusters, rounds);
        for (int64_t row = first; row < past; row += Rows::width) {
            const int64_t used = smaller(past - row, Rows::width);
            rows.turn(x, row, used);
            V best[vectors];
            bits<T> at[vectors];
            for (int v = 0; v < vectors; ++v) best[v] = V(-T(__builtin_inf())), at[v] = bits<T>{};
            // The rows of the next panel, a line or more for each feature, while the first centers are compared.
            const T* ahead = row + 2 * Rows::width <= past ? x + (row + Rows::width) * features : x + row * features;
            for (int64_t j = 0; j < clusters; j += some) {
                const int64_t n = smaller(some, clusters - j);
                const auto run = [&](auto count) NERVE_LAMBDA_INLINE {
                    compare<decltype(count)::value, vectors>(best, at, rows.panel, j, j == 0 ? ahead : nullptr);
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
            for (int64_t r = 0; r < used; ++r) labels[row + r] = int32_t(at[r / V::size][r % V::size]);
            done(row, row + used);
        }
    }

    // Centers [j, j + count).
    template <int count, int vectors>
    NERVE_NOINLINE void compare(vec<T>* best, bits<T>* at, const T* panel, int64_t j, const T* ahead) const {
        using V = vec<T>;
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
                const mask<T> better = value > best[v];
                best[v] = select(better, value, best[v]);
                at[v] = better.v ? bits<T>{} + typename V::integer(j + c) : at[v];
            }
    }
};

}  // namespace nerve::NERVE_ISA
