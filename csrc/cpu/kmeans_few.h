// The nearest center of every row among few centers of many features, by dot products along the features: rows are read
// where they lie, and what turning them (kmeans_nearest.h) would take is more than the sums across lanes do. A dot
// product is 64 bytes of running lanes on every instruction set, folded in halves.
#pragma once
#include "cpu/kmeans_nearest.h"
#include "cpu/shuffle.h"

namespace nerve::NERVE_ISA {

template <class T>
struct FewNearest {
    using V = vec<T>;
    static constexpr int parts = 64 / vector_bytes, lanes = parts * V::size, rows = 2;
    static constexpr int at_once = vector_bytes == 64 ? 12 : vector_bytes == 32 ? 3 : 1;  // as registers hold
    static constexpr int step = at_once % 2 == 0 ? 2 : 1;

    static constexpr int64_t ahead = 8192 / sizeof(T);  // of what is multiplied, into the second cache
    const Nearest<T>& nearest;
    int64_t stride;
    T* centers;  // their rows a stride apart, so that each begins a line of the cache

    static int64_t stride_of(int64_t features) { return pieces(features, lanes) * lanes; }
    static int64_t room(int64_t features, int64_t clusters) { return clusters * stride_of(features) + lanes; }
    static bool pays(int64_t features, int64_t clusters) { return clusters < 24 && features >= 128; }

    FewNearest(const Nearest<T>& nearest, T* room)
        : nearest(nearest), stride(stride_of(nearest.features)), centers(room + (-uintptr_t(room) % 64) / sizeof(T)) {
        for (int64_t j = 0; j < nearest.clusters; ++j)
            std::memcpy(centers + j * stride, nearest.centers + j * nearest.features,
                        size_t(nearest.features) * sizeof(T));
    }

    // done(begin, end) as soon as these rows have their labels, while they are in the first cache.
    template <class Done>
    void each(int32_t* labels, const T* x, int64_t first, int64_t past, const Done& done) const {
        const int64_t features = nearest.features;
        const int64_t block = larger(1, (8 << 10) / (features * rows * int64_t(sizeof(T)))) * rows;
        for (int64_t row = first; row < past; row += block) {
            const int64_t end = smaller(row + block, past);
            for (int64_t r = row; r < end; r += rows) {
                const bool pair = r + 1 < end;
                int32_t found[rows];
                label(found, x + r * features, x + (pair ? r + 1 : r) * features);
                labels[r] = found[0];
                if (pair) labels[r + 1] = found[1];
            }
            done(row, end);
        }
    }

    // The labels of two rows.
    void label(int32_t* found, const T* a, const T* b) const {
        T best[rows];
        for (int r = 0; r < rows; ++r) best[r] = -T(__builtin_inf()), found[r] = 0;
        const int64_t clusters = nearest.clusters, rounds = pieces(clusters, at_once), some = pieces(clusters, rounds);
        for (int64_t j = 0; j < clusters; j += some) {
            const int64_t n = smaller(some, clusters - j);
            T dots[pieces(rows * at_once, V::size) * V::size] = {};
            const int64_t apart = multiply<at_once>(dots, a, b, j, n);
            for (int64_t c = 0; c < n; ++c)
                for (int r = 0; r < rows; ++r) {
                    const T value = dots[r * apart + c] + nearest.bias[j + c];
                    const bool better = value > best[r];
                    best[r] = better ? value : best[r];
                    found[r] = better ? int32_t(j + c) : found[r];
                }
        }
    }

    // Dot products with n centers from j on, by the smallest of the tiles that holds them; returns its width.
    template <int count>
    int64_t multiply(T* dots, const T* a, const T* b, int64_t j, int64_t n) const {
        if constexpr (count > step)
            if (n <= count - step) return multiply<count - step>(dots, a, b, j, n);
        tile<count>(dots, a, b, j, n);
        return count;
    }

    // A tile wider than n repeats the last center.
    template <int count>
    NERVE_NOINLINE void tile(T* dots, const T* a, const T* b, int64_t j, int64_t n) const {
        const int64_t features = nearest.features;
        V sum[parts][rows * count];
        const T* center[count];
#pragma GCC unroll 12
        for (int c = 0; c < count; ++c) center[c] = centers + (j + smaller(c, n - 1)) * stride;
#pragma GCC unroll 4
        for (int p = 0; p < parts; ++p)
#pragma GCC unroll 24
            for (int i = 0; i < rows * count; ++i) sum[p][i] = V(T(0));
        const auto add = [&](int p, const auto& at) NERVE_LAMBDA_INLINE {
            const V x = at(a), y = at(b);
#pragma GCC unroll 12
            for (int c = 0; c < count; ++c) {
                V value = at(center[c]);
                in_register(value);
                sum[p][c] = fma(x, value, sum[p][c]);
                sum[p][count + c] = fma(y, value, sum[p][count + c]);
            }
        };
        int64_t i = 0;
        for (; i + lanes <= features; i += lanes) {
            __builtin_prefetch(a + i + ahead, 0, 2);
            __builtin_prefetch(b + i + ahead, 0, 2);
#pragma GCC unroll 4
            for (int p = 0; p < parts; ++p)
                add(p, [&](const T* from) NERVE_LAMBDA_INLINE { return load(from + i + p * V::size); });
        }
#pragma GCC unroll 4
        for (int p = 0; p < parts; ++p) {
            const int64_t left = smaller(features - i - p * V::size, V::size);
            if (left <= 0) break;
            add(p, [&](const T* from) NERVE_LAMBDA_INLINE { return load_partial(from + i + p * V::size, left); });
        }
        constexpr int registers = (rows * count + V::size - 1) / V::size * V::size;
        V folded[registers];
        const auto plus = [](auto x, auto y) NERVE_LAMBDA_INLINE { return x + y; };
#pragma GCC unroll 32
        for (int k = 0; k < registers; ++k) {
            if (k >= rows * count) {
                folded[k] = V(T(0));
                continue;
            }
#pragma GCC unroll 4
            for (int half = parts / 2; half > 0; half /= 2)
#pragma GCC unroll 4
                for (int p = 0; p < half; ++p) sum[p][k] += sum[p + half][k];
            folded[k] = sum[0][k];
        }
#pragma GCC unroll 16
        for (int k = 0; k < registers; k += V::size) store(dots + k, fold_rows<V::size / 2, T>(folded + k, plus));
    }
};

}  // namespace nerve::NERVE_ISA
