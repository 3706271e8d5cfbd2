// Trees of clusters. Agglomerative: Ward's criterion on centroids, any criterion on a matrix of distances, single
// linkage on a minimum spanning tree. Divisive: what DIANA needs to split one cluster. Distances are float64 for either
// type.
//
// A long clustering is made in several calls: each goes on where `progress` says, for about `budget` numbers looked at.
#include "cpu/hierarchy_chain.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

template <class A>
A* take_room(char*& room, int64_t count) {
    A* const taken = reinterpret_cast<A*>(room);
    room += (size_t(count) * sizeof(A) + 63) / 64 * 64;
    return taken;
}
// Room for a point, the results of as many tasks as `count` slots can be cut into, and a list of slots.
char* small_room(int64_t count, int64_t columns) {
    const size_t bytes = size_t(columns) * sizeof(double) + size_t(count / lanes_of_tile + 1) * sizeof(Found) +
                         size_t(count) * sizeof(int64_t) + 3 * 64;
    return static_cast<char*>(runtime::scratch(runtime::workspace, bytes));
}
int64_t most_tasks(int64_t count) { return count / lanes_of_tile + 1; }

template <class T>
void begin_clusters(T* sizes, int64_t* slots, int64_t* progress, int64_t rows) {
    for (int64_t i = 0; i < padded(rows); ++i) sizes[i] = i < rows ? T(1) : T(__builtin_nan(""));
    for (int64_t i = 0; i < rows; ++i) slots[i] = i;
    progress[1] = rows;
}

// body(metric) with a metric known when compiled.
template <class Body>
void with_metric(int64_t metric, const Body& body) {
    if (metric == euclidean)
        body(std::integral_constant<int, euclidean>{});
    else
        body(std::integral_constant<int, manhattan>{});
}

}  // namespace

template <class T>
void ward_linkage(int64_t* pairs, double* heights, double* centroids, double* sizes, int64_t* slots, int64_t* chain,
                  int64_t* progress, const T* x, int64_t rows, int64_t columns, int64_t budget) {
    if (progress[1] == 0) {
        begin_clusters(sizes, slots, progress, rows);
        fill_tiles(centroids, x, rows, columns);
    }
    char* room = small_room(rows, columns);
    Centroids clusters{sizes, centroids, take_room<double>(room, columns), take_room<Found>(room, most_tasks(rows)),
                       columns};
    follow_chain(clusters, pairs, heights, slots, chain, progress, take_room<int64_t>(room, rows), rows, budget);
}

template <class T>
void matrix_linkage(int64_t* pairs, T* heights, T* distances, T* sizes, int64_t* slots, int64_t* chain,
                    int64_t* progress, int64_t rows, int64_t method, int64_t budget) {
    if (progress[1] == 0) {
        begin_clusters(sizes, slots, progress, rows);
        for (int64_t i = 0; i < rows; ++i) distances[i * rows + i] = T(__builtin_nan(""));
    }
    char* room = small_room(rows, 0);
    Matrix<T> clusters{sizes, distances, take_room<Found>(room, most_tasks(rows)), method, progress[1]};
    follow_chain(clusters, pairs, heights, slots, chain, progress, take_room<int64_t>(room, rows), rows, budget);
}

// Prim's algorithm; an edge is written from the point that came before, which gives the same clusters as the edge of
// the tree: Muellner, arXiv:1109.2378, figure 6.
template <class T>
void single_linkage(int64_t* pairs, double* heights, double* points, double* nearest, int64_t* slots, int64_t* progress,
                    const T* x, int64_t rows, int64_t columns, int64_t metric, int64_t budget) {
    int64_t &edges = progress[0], &count = progress[1], &current = progress[2];
    if (count == 0) {
        for (int64_t i = 0; i < padded(rows); ++i) nearest[i] = __builtin_inf();
        for (int64_t i = rows; i < padded(rows); ++i) nearest[i] = __builtin_nan("");
        for (int64_t i = 0; i < rows; ++i) slots[i] = i;
        if (metric != precomputed) fill_tiles(points, x, rows, columns);
        count = rows, current = 0;
        if (rows > 0) nearest[0] = __builtin_nan("");  // is in the tree
    }
    char* room = small_room(rows, columns);
    double* point = take_room<double>(room, columns);
    Found* found = take_room<Found>(room, most_tasks(rows));
    auto grow = [&](const auto& source, const auto& move) {
        const Found next = smallest(found, source, count, [&](int64_t slot, vec<double> distance) NERVE_LAMBDA_INLINE {
            vec<double> least = load(nearest + slot);
            least = select(distance < least, distance, least);
            store(nearest + slot, least);
            return least;
        });
        int64_t slot = next.slot;
        if (slot < 0)  // all are infinitely far
            for (slot = 0; nearest[slot] != nearest[slot];) ++slot;
        pairs[2 * edges] = current, pairs[2 * edges + 1] = slots[slot];
        heights[edges++] = metric == euclidean ? __builtin_sqrt(nearest[slot]) : nearest[slot];
        current = slots[slot];
        nearest[slot] = __builtin_nan("");
        if (rows - 1 - edges > count - count / 8) return;
        int64_t some = 0;
        for (int64_t i = 0; i < count; ++i)
            if (nearest[i] == nearest[i]) {
                move(some, i);
                nearest[some] = nearest[i], slots[some++] = slots[i];
            }
        for (int64_t i = some; i < padded(count); ++i) nearest[i] = __builtin_nan("");
        count = some;
    };
    while (edges < rows - 1 && budget > 0) {
        budget -= count * (metric == precomputed ? 4 : columns + 4);
        if (metric == precomputed) {
            grow(MatrixRow<T>{x + current * rows, slots, count}, [](int64_t, int64_t) {});
            continue;
        }
        for (int64_t c = 0; c < columns; ++c) point[c] = double(x[current * columns + c]);
        with_metric(metric, [&](auto known) {
            grow(Points<decltype(known)::value>{points, point, columns}, [&](int64_t to, int64_t from) {
                const double* lane = lane_of(points, columns, from);
                double* other = lane_of(points, columns, to);
                for (int64_t c = 0; c < columns * lanes_of_tile; c += lanes_of_tile) other[c] = lane[c];
            });
        });
    }
}

// Merges between points, sorted by height and said between clusters instead: n + i is the i-th. Of equal heights the
// first comes first. `ordered`: the lower number of a pair comes first.
template <class T>
void label_merges(int64_t* children, T* sorted, int64_t* counts, const int64_t* pairs, const T* heights, int64_t merges,
                  bool ordered) {
    const int64_t rows = merges + 1, nodes = rows + merges;
    auto* room =
        static_cast<int64_t*>(runtime::scratch(runtime::workspace, size_t(2 * merges + 2 * nodes) * sizeof(int64_t)));
    int64_t *order = room, *other = room + merges, *parent = other + merges, *size = parent + nodes;
    for (int64_t i = 0; i < merges; ++i) order[i] = i;
    for (int64_t width = 1; width < merges; width *= 2) {
        for (int64_t begin = 0; begin < merges; begin += 2 * width) {
            const int64_t middle = begin + width < merges ? begin + width : merges;
            const int64_t end = middle + width < merges ? middle + width : merges;
            for (int64_t i = begin, j = middle, k = begin; k < end; ++k)
                other[k] =
                    j >= end || (i < middle && !(heights[order[j]] < heights[order[i]])) ? order[i++] : order[j++];
        }
        int64_t* const filled = other;
        other = order, order = filled;
    }
    for (int64_t i = 0; i < nodes; ++i) parent[i] = i, size[i] = i < rows;
    auto root = [&](int64_t i) {
        while (parent[i] != i) parent[i] = parent[parent[i]], i = parent[i];
        return i;
    };
    for (int64_t k = 0; k < merges; ++k) {
        const int64_t merge = order[k], one = root(pairs[2 * merge]), two = root(pairs[2 * merge + 1]);
        const bool turn = ordered && two < one;
        children[2 * k] = turn ? two : one, children[2 * k + 1] = turn ? one : two;
        sorted[k] = heights[merge];
        parent[one] = parent[two] = rows + k;
        counts[k] = size[rows + k] = size[one] + size[two];
    }
}

template <class T>
void dissimilarity_matrix(double* out, const T* x, int64_t rows, int64_t columns, int64_t metric) {
    auto* tiles =
        static_cast<double*>(runtime::scratch(runtime::workspace, size_t(padded(rows) * columns + 1) * sizeof(double)));
    fill_tiles(tiles, x, rows, columns);
    with_metric(metric, [&](auto known) {
        constexpr int of = decltype(known)::value;
        const int64_t block = values_a_task / (columns + 4) / (rows + 1) + 1;
        parallel_blocks(rows, block, [&](int64_t begin, int64_t end) {
            auto* point =
                static_cast<double*>(runtime::scratch(runtime::packed_a, size_t(columns + 1) * sizeof(double)));
            for (int64_t i = begin; i < end; ++i) {
                read_point(point, tiles, columns, i);
                Points<of>{tiles, point, columns}.each(0, padded(rows),
                                                       [&](int64_t j, vec<double> distances) NERVE_LAMBDA_INLINE {
                                                           if constexpr (of == euclidean) distances = sqrt(distances);
                                                           const int64_t left = rows - j;
                                                           if (left >= vec<double>::size)
                                                               store(out + i * rows + j, distances);
                                                           else if (left > 0)
                                                               store_partial(out + i * rows + j, distances, left);
                                                       });
            }
        });
    });
}

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

#define FAMILY_hierarchy FAMILY_HERE
#include "cpu/instantiate.h"
