// One split of a cluster by DIANA: how far its points are from each other, and which of them leave it.
#pragma once
#include "cpu/hierarchy_points.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {

// Of every point the sum of its distances to all, eight running sums folded in halves, and the largest distance of all.
template <class T>
void dissimilarity_sums(double* sums, double* largest, const T* x, int64_t rows, int64_t columns, int64_t metric) {
    using V = vec<double>;
    double* tiles = nullptr;
    const int64_t block = values_a_task / (columns + 4) / (rows + 1) + 1, blocks = (rows + block - 1) / block;
    const int64_t tiled = metric == precomputed ? 0 : padded(rows) * columns;
    char* room = static_cast<char*>(
        runtime::scratch(runtime::workspace, size_t(tiled + blocks + rows) * sizeof(double) + 3 * 64));
    tiles = take_room<double>(room, tiled);
    double* most = take_room<double>(room, blocks);
    int64_t* all = take_room<int64_t>(room, rows);
    for (int64_t i = 0; i < rows; ++i) all[i] = i;
    if (metric != precomputed) fill_tiles(tiles, x, rows, columns);
    auto add_up = [&](const auto& source, int64_t i, double& top) NERVE_LAMBDA_INLINE {
        V total[registers_of_tile], highest(0.0);
        for (V& sum : total) sum = V(0.0);
        double numbers[V::size];
        for (int j = 0; j < V::size; ++j) numbers[j] = j;
        const V places = load(numbers), end(static_cast<double>(rows));
        source.each(0, padded(rows), [&](int64_t slot, V distances) NERVE_LAMBDA_INLINE {
            if (metric == euclidean) distances = sqrt(distances);
            distances = select(places + V(double(slot)) < end, distances, V(0.0));
            total[slot / V::size % registers_of_tile] += distances;
            highest = max(distances, highest);
        });
        double lanes[lanes_of_tile];
        for (int r = 0; r < registers_of_tile; ++r) store(lanes + r * V::size, total[r]);
        for (int half = lanes_of_tile / 2; half > 0; half /= 2)
            for (int j = 0; j < half; ++j) lanes[j] += lanes[j + half];
        sums[i] = lanes[0];
        for (int j = 0; j < V::size; ++j) top = highest.v[j] > top ? highest.v[j] : top;
    };
    parallel_blocks(rows, block, [&](int64_t begin, int64_t end) {
        double top = 0;
        auto* point = static_cast<double*>(runtime::scratch(runtime::packed_a, size_t(columns + 1) * sizeof(double)));
        for (int64_t i = begin; i < end; ++i) {
            if (metric == precomputed) {
                add_up(MatrixRow<T>{x + i * rows, all, rows}, i, top);
                continue;
            }
            read_point(point, tiles, columns, i);
            with_metric(metric, [&](auto known) NERVE_LAMBDA_INLINE {
                add_up(Points<decltype(known)::value>{tiles, point, columns}, i, top);
            });
        }
        most[begin / block] = top;
    });
    largest[0] = 0;
    for (int64_t i = 0; i < blocks; ++i) largest[0] = most[i] > largest[0] ? most[i] : largest[0];
}

// The splinter group of a cluster: the point that is farthest from the others on average, and then, one by one, the
// points that are farther from the rest than from the group; the farthest first. Macnaughton-Smith et al.,
// "Dissimilarity Analysis" (1964); Kaufman and Rousseeuw, "Finding Groups in Data" (1990), chapter 6.
template <class T>
void splinter_group(bool* moved, const T* x, const double* sums, int64_t rows, int64_t columns, int64_t metric) {
    using V = vec<double>;
    for (int64_t i = 0; i < rows; ++i) moved[i] = false;
    if (rows < 2) return;
    const int64_t tiled = metric == precomputed ? 0 : padded(rows) * columns, all_rows = padded(rows);
    char* room = static_cast<char*>(
        runtime::scratch(runtime::workspace, size_t(tiled + 2 * all_rows + columns + rows) * sizeof(double) +
                                                 size_t(most_tasks(rows)) * sizeof(Found) + 6 * 64));
    double *tiles = take_room<double>(room, tiled), *to_rest = take_room<double>(room, all_rows);
    double *to_group = take_room<double>(room, all_rows), *point = take_room<double>(room, columns);
    int64_t* all = take_room<int64_t>(room, rows);
    Found* found = take_room<Found>(room, most_tasks(rows));
    if (metric != precomputed) fill_tiles(tiles, x, rows, columns);
    int64_t next = 0;
    for (int64_t i = 0; i < all_rows; ++i) {
        to_rest[i] = i < rows ? sums[i] : __builtin_nan(""), to_group[i] = 0;
        if (i < rows) all[i] = i, next = sums[i] > sums[next] ? i : next;
    }
    for (int64_t group = 1; group < rows; ++group) {
        moved[next] = true;
        to_rest[next] = __builtin_nan("");  // never found again
        if (group == rows - 1) return;
        const V rest(double(rows - group - 1)), many(static_cast<double>(group));
        auto pick = [&](const auto& source) NERVE_LAMBDA_INLINE {
            return smallest(found, source, rows, [&](int64_t slot, V distances) NERVE_LAMBDA_INLINE {
                if (metric == euclidean) distances = sqrt(distances);
                const V left = load(to_rest + slot) - distances, joined = load(to_group + slot) + distances;
                store(to_rest + slot, left), store(to_group + slot, joined);
                return joined / many - left / rest;
            });
        };
        Found best;
        if (metric == precomputed) {
            best = pick(MatrixRow<T>{x + next * rows, all, rows});
        } else {
            read_point(point, tiles, columns, next);
            with_metric(metric,
                        [&](auto known) { best = pick(Points<decltype(known)::value>{tiles, point, columns}); });
        }
        if (!(best.value < 0)) return;
        next = best.slot;
    }
}

}  // namespace nerve::NERVE_ISA
