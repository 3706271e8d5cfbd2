// Trees of clusters. Agglomerative: Ward's criterion on centroids, any criterion on a matrix of distances, single
// linkage on a minimum spanning tree. Divisive: what DIANA needs to split one cluster. Distances are float64 for either
// type.
//
// A long clustering is made in several calls: each goes on where `progress` says, for about `budget` numbers looked at.
#include "cpu/hierarchy_chain.h"
#include "cpu/hierarchy_split.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

template <class T>
void begin_clusters(T* sizes, int64_t* slots, int64_t* progress, int64_t rows) {
    for (int64_t i = 0; i < padded(rows); ++i) sizes[i] = i < rows ? T(1) : T(__builtin_nan(""));
    for (int64_t i = 0; i < rows; ++i) slots[i] = i;
    progress[1] = rows;
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

// One thread: a union changes what the next one sees.
template <class T>
void join_neighbors(int64_t* parents, const T* density, const int64_t* points, const int64_t* offsets,
                    const int64_t* indices, int64_t rows, double least) {
    auto root_of = [&](int64_t i) {
        while (parents[i] != i) i = parents[i] = parents[parents[i]];
        return i;
    };
    for (int64_t row = 0; row < rows; ++row) {
        int64_t root = root_of(points[row]);
        for (int64_t k = offsets[row]; k < offsets[row + 1]; ++k) {
            const int64_t neighbor = indices[k];
            if (parents[neighbor] == root || !(double(density[neighbor]) >= least)) continue;
            const int64_t other = root_of(neighbor);
            if (other < root)
                parents[root] = other, root = other;
            else
                parents[other] = root;
        }
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

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/hierarchy.inc"
#include "cpu/instantiate.h"
