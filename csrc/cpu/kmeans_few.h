// The nearest center of every row among few centers of many features, by dot products along the features: rows are read
// where they lie, and what turning them (kmeans_nearest.h) would take is more than the sums across lanes do. A dot
// product is 64 bytes of running lanes on every instruction set, folded in halves. Centers that are too much for the
// first cache are cut by their features: a block of rows is multiplied with one part after the other.
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
    static constexpr int pairs = 8, block = pairs * rows;  // rows are multiplied with a part of the centers at once
    static constexpr int64_t part_bytes = 12 << 10;        // of a part: it stays in the first cache
    static constexpr int64_t most_clusters = 23;

    const Nearest<T>& nearest;
    int64_t blocks;  // of `lanes` features
    T* centers;      // `lanes` features of each center side by side, then the next; what is too much is zero

    static int64_t elements(int64_t features, int64_t clusters) {
        return (pieces(features, lanes) * clusters + at_once) * lanes;
    }
    static int64_t room(int64_t features, int64_t clusters) { return elements(features, clusters) + lanes; }
    static bool pays(int64_t features, int64_t clusters) { return clusters <= most_clusters && features >= 128; }

    FewNearest(const Nearest<T>& nearest, T* room)
        : nearest(nearest),
          blocks(pieces(nearest.features, lanes)),
          centers(room + (-uintptr_t(room) % 64) / sizeof(T)) {
        const int64_t features = nearest.features, clusters = nearest.clusters;
        std::memset(centers, 0, size_t(elements(features, clusters)) * sizeof(T));
        for (int64_t i = 0; i < features; i += lanes)
            for (int64_t j = 0; j < clusters; ++j)
                std::memcpy(centers + i * clusters + j * lanes, nearest.centers + j * features + i,
                            size_t(smaller(lanes, features - i)) * sizeof(T));
    }

    // done(begin, end) as soon as these rows have their labels, while they are in the caches.
    template <class Done>
    void each(int32_t* labels, const T* x, int64_t first, int64_t past, const Done& done) const {
        const int64_t clusters = nearest.clusters, rounds = pieces(clusters, at_once), some = pieces(clusters, rounds);
        const int64_t cuts = pieces(some * blocks * lanes * int64_t(sizeof(T)), part_bytes);
        const int64_t few = larger(1, (8 << 10) / (nearest.features * rows * int64_t(sizeof(T)))) * rows;
        const int64_t width = cuts > 1 ? block : smaller(block, few);
        Block b;
        for (b.row = first; b.row < past; b.row = b.end) {
            b.end = smaller(b.row + width, past);
            for (int64_t j = 0; j < clusters; j += some)
                for (int64_t cut = 0; cut < cuts; ++cut) {
                    const auto at = [&](int64_t i) { return i * blocks / cuts * lanes; };
                    b.ahead = j > 0 ? 0 : cuts > 1 ? block * nearest.features : 8192 / int64_t(sizeof(T));
                    multiply<at_once>(b, x, j, smaller(some, clusters - j), at(cut),
                                      smaller(at(cut + 1), nearest.features));
                }
            label(labels, b);
            done(b.row, b.end);
        }
    }

    // Rows [row, end), the running lanes of their dot products, and these, for each center.
    struct Block {
        int64_t row, end, ahead;
        V running[pairs][parts * rows * at_once];
        alignas(64) T dots[most_clusters * block];
    };

    // Features [begin, end) of dot products with n centers from j on, by the smallest of the tiles that holds them.
    template <int count>
    void multiply(Block& b, const T* x, int64_t j, int64_t n, int64_t begin, int64_t end) const {
        if constexpr (count > step)
            if (n <= count - step) return multiply<count - step>(b, x, j, n, begin, end);
        const int64_t features = nearest.features;
        for (int64_t r = b.row; r < b.end; r += rows) {
            const int64_t next = smaller(r + 1, b.end - 1), i = r - b.row;
            alignas(64) T dots[(rows * count + V::size - 1) / V::size * V::size];
            tile<count>(dots, b.running[i / rows], x + r * features, x + next * features, j, begin, end, b.ahead);
            if (end < features) continue;
            for (int64_t c = 0; c < n; ++c) {
                T* to = b.dots + (j + c) * block + i;
                to[0] = dots[c], to[1] = dots[count + c];
            }
        }
    }

    // Lanes are rows; those past the last have anything.
    void label(int32_t* labels, const Block& b) const {
        for (int64_t r = b.row; r < b.end; r += V::size) {
            V best(-T(__builtin_inf()));
            bits<T> at{};
            for (int64_t j = 0; j < nearest.clusters; ++j)
                nearest.keep_larger(best, at, load(b.dots + j * block + r - b.row) + V(nearest.bias[j]), j);
            for (int64_t i = r; i < smaller(r + V::size, b.end); ++i) labels[i] = int32_t(at[i - r]);
        }
    }

    // Features [begin, end): running lanes, or after the last feature dot products.
    template <int count>
    NERVE_NOINLINE void tile(T* dots, V* running, const T* a, const T* b, int64_t j, int64_t begin, int64_t end,
                             int64_t ahead) const {
        V sum[parts][rows * count];
        const int64_t apart = nearest.clusters * lanes;
        const T* center = centers + begin * nearest.clusters + j * lanes;
#pragma GCC unroll 4
        for (int p = 0; p < parts; ++p)
#pragma GCC unroll 24
            for (int i = 0; i < rows * count; ++i) sum[p][i] = V(T(0));
        if (begin > 0) {
#pragma GCC unroll 4
            for (int p = 0; p < parts; ++p)
#pragma GCC unroll 24
                for (int i = 0; i < rows * count; ++i) sum[p][i] = running[p * rows * count + i];
        }
        const auto add = [&](int p, V x, V y) NERVE_LAMBDA_INLINE {
#pragma GCC unroll 12
            for (int c = 0; c < count; ++c) {
                V value = load(center + c * lanes + p * V::size);
                in_register(value);
                sum[p][c] = fma(x, value, sum[p][c]);
                sum[p][count + c] = fma(y, value, sum[p][count + c]);
            }
        };
        int64_t i = begin;
        for (; i + lanes <= end; i += lanes, center += apart) {
            __builtin_prefetch(a + i + ahead, 0, 2);
            __builtin_prefetch(b + i + ahead, 0, 2);
#pragma GCC unroll 4
            for (int p = 0; p < parts; ++p) add(p, load(a + i + p * V::size), load(b + i + p * V::size));
        }
#pragma GCC unroll 4
        for (int p = 0; p < parts; ++p) {
            const int64_t left = smaller(end - i - p * V::size, V::size);
            if (left <= 0) break;
            add(p, load_partial(a + i + p * V::size, left), load_partial(b + i + p * V::size, left));
        }
        if (end < nearest.features) {
#pragma GCC unroll 4
            for (int p = 0; p < parts; ++p)
#pragma GCC unroll 24
                for (int i = 0; i < rows * count; ++i) running[p * rows * count + i] = sum[p][i];
            return;
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
