// What the k-means kernels share: the rows cut into groups, a task each, with sums of their own that are combined in
// their order; distances by differences.
#pragma once
#include "cpu/gemm.h"
#include "cpu/shuffle.h"

namespace nerve::NERVE_ISA {

struct RowGroups {
    int64_t rows, size, count;

    // More groups for more threads, but no more of their sums to combine than half of what there are rows.
    RowGroups(int64_t rows, int64_t features, int64_t clusters) : rows(rows) {
        const int64_t most = smaller(64, larger(8, rows / (2 * clusters)));
        size = larger(pieces(rows, most), larger(64, serial_work / ((features + 1) * clusters)));
        size = pieces(size, 16) * 16;
        count = pieces(rows, size);
    }

    // body(group, row, row_end)
    template <class Body>
    void each(const Body& body) const {
        parallel(count, [&](int64_t group) { body(group, group * size, smaller((group + 1) * size, rows)); });
    }
};

// Sums of vectors and of their weights, by cluster: the caller's arrays if there is one group, else some for each.
// `beside`: as many elements of scratch memory as were asked for.
template <class T>
struct GroupedSums {
    T* sums;
    T* totals;
    int64_t features, clusters, groups, step;
    T* parts;
    T* beside;

    GroupedSums(T* sums, T* totals, int64_t features, int64_t clusters, int64_t groups, int64_t room)
        : sums(sums), totals(totals), features(features), clusters(clusters), groups(groups) {
        step = pieces(clusters * (features + 1), 16) * 16;
        const int64_t elements = sums != nullptr && groups > 1 ? step * groups : 0;
        parts = scratch<T>(runtime::workspace, elements + room);
        beside = parts + elements;
        if (elements == 0) parts = nullptr;
    }

    bool wanted() const { return sums != nullptr; }
    T* sums_of(int64_t group) const { return parts == nullptr ? sums : parts + group * step; }
    T* totals_of(int64_t group) const { return parts == nullptr ? totals : sums_of(group) + clusters * features; }
    void clear(int64_t group) const {
        if (!wanted()) return;
        std::memset(sums_of(group), 0, size_t(clusters * features) * sizeof(T));
        std::memset(totals_of(group), 0, size_t(clusters) * sizeof(T));
    }
    void combine() const {
        if (!wanted()) return;
        if (groups == 0) clear(0);
        if (parts == nullptr) return;
        const int64_t elements = clusters * features;
        parallel_blocks(elements, 4096,
                        [&](int64_t begin, int64_t end) { add_parts(sums + begin, parts + begin, end - begin); });
        add_parts(totals, parts + elements, clusters);
    }

    void add_parts(T* out, const T* part, int64_t size) const {
        using V = vec<T>;
        for (int64_t i = 0; i < size; i += V::size) {
            const int64_t n = smaller(size - i, V::size);
            V sum = load_partial(part + i, n);
            for (int64_t group = 1; group < groups; ++group) sum += load_partial(part + group * step + i, n);
            store_partial(out + i, sum, n);
        }
    }

    // weight times x to the sums of a cluster. `one`: the weight is 1.
    NERVE_INLINE static void add(T* to, const T* x, T weight, bool one, int64_t features) {
        using V = vec<T>;
        const V w(weight);
        int64_t i = 0;
        if (one)
            for (; i + V::size <= features; i += V::size) store(to + i, load(to + i) + load(x + i));
        else
            for (; i + V::size <= features; i += V::size) store(to + i, fma(load(x + i), w, load(to + i)));
        if (i == features) return;
        const int64_t n = features - i;
        store_partial(to + i, fma(load_partial(x + i, n), w, load_partial(to + i, n)), n);
    }
};

// The squared distance of two vectors: 128 bytes of running lanes on every instruction set, folded in halves.
template <class T>
NERVE_INLINE T squared_distance(const T* a, const T* b, int64_t size) {
    using V = vec<T>;
    constexpr int n = 128 / vector_bytes, lanes = n * V::size;
    V sum[n];
#pragma GCC unroll 8
    for (int j = 0; j < n; ++j) sum[j] = V(T(0));
    int64_t i = 0;
    for (; i + lanes <= size; i += lanes)
#pragma GCC unroll 8
        for (int j = 0; j < n; ++j) {
            const V apart = load(a + i + j * V::size) - load(b + i + j * V::size);
            sum[j] = fma(apart, apart, sum[j]);
        }
#pragma GCC unroll 8
    for (int j = 0; j < n; ++j) {
        const int64_t left = smaller(size - i - j * V::size, V::size);
        if (left <= 0) break;
        const V apart = load_partial(a + i + j * V::size, left) - load_partial(b + i + j * V::size, left);
        sum[j] = fma(apart, apart, sum[j]);
    }
#pragma GCC unroll 4
    for (int half = n / 2; half > 0; half /= 2)
#pragma GCC unroll 4
        for (int j = 0; j < half; ++j) sum[j] += sum[j + half];
    return fold_lanes(sum[0], [](auto x, auto y) NERVE_LAMBDA_INLINE { return x + y; });
}

// Rows [row, row_end) have their labels: their weighted sums, and their distances to their centers.
template <class T>
void add_rows(T* distances, const GroupedSums<T>& all, int64_t group, const int32_t* labels, const T* x,
              const T* weights, const T* centers, int64_t features, int64_t row, int64_t row_end) {
    if (distances != nullptr)
        for (int64_t r = row; r < row_end; ++r)
            distances[r] = squared_distance(x + r * features, centers + labels[r] * features, features);
    if (!all.wanted()) return;
    T *sums = all.sums_of(group), *totals = all.totals_of(group);
    for (int64_t r = row; r < row_end; ++r) {
        const T weight = weights == nullptr ? T(1) : weights[r];
        totals[labels[r]] += weight;
        all.add(sums + labels[r] * features, x + r * features, weight, weights == nullptr, features);
    }
}

}  // namespace nerve::NERVE_ISA
