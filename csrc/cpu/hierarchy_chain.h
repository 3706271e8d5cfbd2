// Agglomerative clustering by nearest-neighbour chains: from any cluster to its nearest, from that to its nearest,
// until two are each other's nearest; these are merged, and the chain goes on from what is left of it. Murtagh, "A
// Survey of Recent Advances in Hierarchical Clustering Algorithms" (1983); Muellner, arXiv:1109.2378, figure 3. Of
// equally near clusters the chain prefers the one it came from, then the first, and the union takes the later one's
// slot: the order of SciPy's `linkage`.
//
// Slots hold clusters in the order of their numbers; a size of NaN marks one that is gone. Now and then those are
// closed up.
#pragma once
#include "cpu/hierarchy_points.h"

namespace nerve::NERVE_ISA {

// Clusters has
//   sizes, padded with NaN           of the clusters in the slots
//   nearest(slot, count)             the cluster nearest to one, itself excepted, and their dissimilarity
//   between(a, b)                    the same number for two slots
//   merge(a, b, between, count)      puts their union into slot b
//   keep(kept, alive, count)         moves slots kept[i] to i
//   height(between)                  what the tree says of the merge
//   share                            of the slots that may be gone before they are closed up
template <class T, class Clusters>
void follow_chain(Clusters& clusters, int64_t* pairs, T* heights, int64_t* slots, int64_t* chain, int64_t* progress,
                  int64_t* kept, int64_t rows, int64_t budget) {
    T* const sizes = clusters.sizes;
    int64_t &merges = progress[0], &count = progress[1], &length = progress[2];
    while (merges < rows - 1 && budget > 0) {
        if (length == 0) {
            int64_t first = 0;
            while (sizes[first] != sizes[first]) ++first;
            chain[length++] = first;
        }
        const int64_t here = chain[length - 1], before = length > 1 ? chain[length - 2] : -1;
        budget -= clusters.cost(count);
        Found found = clusters.nearest(here, count);
        const double back = before >= 0 ? double(clusters.between(before, here)) : 0;
        if (before < 0 || found.value < back) {
            int64_t next = found.slot;
            if (next < 0) {  // all are infinitely far
                next = here == 0 ? 1 : 0;
                while (next == here || sizes[next] != sizes[next]) ++next;
            }
            // Rounding may bring a union nearer to a cluster further back than that one's own nearest was: the chain
            // goes on from there.
            int64_t at = 0;
            while (at < length && chain[at] != next) ++at;
            chain[at] = next;
            length = at + 1;
            continue;
        }
        const int64_t low = here < before ? here : before, high = here < before ? before : here;
        pairs[2 * merges] = slots[low], pairs[2 * merges + 1] = slots[high];
        heights[merges] = clusters.height(T(back));
        const T size = sizes[low] + sizes[high];
        clusters.merge(low, high, T(back), count);
        sizes[low] = T(__builtin_nan("")), sizes[high] = size;
        length -= 2;
        ++merges;
        const int64_t alive = rows - merges;
        if (double(alive) > double(count) * (1 - Clusters::share) || alive < 2) continue;
        int64_t some = 0;
        for (int64_t i = 0; i < count; ++i)
            if (sizes[i] == sizes[i]) kept[some++] = i;
        clusters.keep(kept, some, count);
        for (int64_t i = 0; i < some; ++i) sizes[i] = sizes[kept[i]], slots[i] = slots[kept[i]];
        for (int64_t i = some; i < padded(count); ++i) sizes[i] = T(__builtin_nan(""));
        for (int64_t j = 0; j < length; ++j) {
            int64_t low_end = 0, high_end = some - 1;
            while (low_end < high_end) {
                const int64_t middle = (low_end + high_end) / 2;
                if (kept[middle] < chain[j])
                    low_end = middle + 1;
                else
                    high_end = middle;
            }
            chain[j] = low_end;
        }
        count = some;
    }
}

// Ward's criterion on centroids a, b of sizes s, t: twice the growth of the sum of squares, 2 s t / (s + t) |a - b|^2,
// whose root is the distance for two points. Ward, "Hierarchical Grouping to Optimize an Objective Function" (1963).
struct Centroids {
    static constexpr double share = 0.125;
    double *sizes, *tiles, *point;
    Found* found;
    int64_t columns;

    int64_t cost(int64_t count) const { return count * (columns + 4); }
    template <class V>
    NERVE_INLINE static V criterion(V size, V other, V distance) {
        return V(2.0) * (size * other / (size + other)) * distance;
    }
    Found nearest(int64_t slot, int64_t count) {
        const double own = sizes[slot];
        const vec<double> size(own);
        sizes[slot] = __builtin_nan("");
        read_point(point, tiles, columns, slot);
        const Found nearest_one = smallest(found, Points<euclidean>{tiles, point, columns}, count,
                                           [&](int64_t i, vec<double> distance) NERVE_LAMBDA_INLINE {
                                               return criterion(size, load(sizes + i), distance);
                                           });
        sizes[slot] = own;
        return nearest_one;
    }
    double between(int64_t a, int64_t b) const {
        const double *one = lane_of(tiles, columns, a), *other = lane_of(tiles, columns, b);
        double sum = 0;
        for (int64_t c = 0; c < columns * lanes_of_tile; c += lanes_of_tile) {
            const double difference = one[c] - other[c];
            sum += difference * difference;
        }
        return 2.0 * (sizes[a] * sizes[b] / (sizes[a] + sizes[b])) * sum;
    }
    void merge(int64_t a, int64_t b, double, int64_t) {
        const double *one = lane_of(tiles, columns, a), share_of_b = sizes[b] / (sizes[a] + sizes[b]);
        double* other = lane_of(tiles, columns, b);
        for (int64_t c = 0; c < columns * lanes_of_tile; c += lanes_of_tile)
            other[c] = one[c] + (other[c] - one[c]) * share_of_b;
    }
    void keep(const int64_t* kept, int64_t alive, int64_t) {
        for (int64_t i = 0; i < alive; ++i) {
            const double* from = lane_of(tiles, columns, kept[i]);
            double* to = lane_of(tiles, columns, i);
            for (int64_t c = 0; c < columns * lanes_of_tile; c += lanes_of_tile) to[c] = from[c];
        }
    }
    static double height(double between) { return __builtin_sqrt(between); }
};

enum Linkage { complete, average, ward };

// Any criterion of Lance and Williams on the whole matrix of dissimilarities, which shrinks with the clusters.
template <class T>
struct Matrix {
    static constexpr double share = 0.5;
    T *sizes, *values;
    Found* found;
    int64_t method, width;  // of a row

    static constexpr int64_t slots_a_task = 2048;
    static int64_t cost(int64_t count) { return 2 * count; }

    Found nearest(int64_t slot, int64_t count) {
        const T* row = values + slot * width;
        using V = vec<T>;
        const int64_t tasks = (count + slots_a_task - 1) / slots_a_task;
        parallel_blocks(count, slots_a_task, [&](int64_t begin, int64_t end) {
            V best = V(T(__builtin_inf()));
            bits<T> at = bits<T>{} - 1, places;
            for (int i = 0; i < V::size; ++i) places[i] = i;
            for (int64_t i = begin; i < end; i += V::size) {
                const int64_t n = end - i < V::size ? end - i : V::size;
                const V here = load_partial(row + i, n), size = load_partial_or(sizes + i, n, T(__builtin_nan("")));
                const mask<T> better = (here < best) & (size == size);
                best = select(better, here, best);
                at = better.v ? places + typename V::integer(i - begin) : at;
            }
            Found first{__builtin_inf(), -1};
            for (int i = 0; i < V::size; ++i)
                if (at[i] >= 0 && (double(best.v[i]) < first.value ||
                                   (double(best.v[i]) == first.value && begin + at[i] < first.slot)))
                    first = {double(best.v[i]), begin + at[i]};
            found[begin / slots_a_task] = first;
        });
        Found first{__builtin_inf(), -1};
        for (int64_t i = 0; i < tasks; ++i)
            if (found[i].value < first.value) first = found[i];
        return first;
    }
    T between(int64_t a, int64_t b) const { return values[a * width + b]; }

    // Formulas and their order as in SciPy's cluster/_hierarchy_distance_update.pxi, so that ties fall alike.
    NERVE_INLINE vec<T> updated(vec<T> to_a, vec<T> to_b, vec<T> apart, vec<T> a, vec<T> b, vec<T> size) const {
        if (method == complete) return max(to_a, to_b);
        if (method == average) return (a * to_a + b * to_b) / (a + b);
        const vec<T> share_of_all = vec<T>(T(1)) / (a + b + size);
        return sqrt((size + a) * share_of_all * to_a * to_a + (size + b) * share_of_all * to_b * to_b -
                    size * share_of_all * apart * apart);
    }
    void merge(int64_t a, int64_t b, T apart, int64_t count) {
        using V = vec<T>;
        const T *row_a = values + a * width, size_a = sizes[a], size_b = sizes[b];
        T* const row_b = values + b * width;
        parallel_blocks(count, slots_a_task, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i += V::size) {
                const int64_t n = end - i < V::size ? end - i : V::size;
                const V size = load_partial(sizes + i, n);
                const V now = updated(load_partial(row_a + i, n), load_partial(row_b + i, n), V(apart), V(size_a),
                                      V(size_b), size);
                store_partial(row_b + i, now, n);
                for (int64_t j = 0; j < n; ++j)
                    if (size.v[j] == size.v[j]) values[(i + j) * width + b] = now.v[j];
            }
        });
    }
    void keep(const int64_t* kept, int64_t alive, int64_t) {
        for (int64_t i = 0; i < alive; ++i) {
            const T* from = values + kept[i] * width;
            T* to = values + i * alive;
            for (int64_t j = 0; j < alive; ++j) to[j] = from[kept[j]];
        }
        width = alive;
    }
    static T height(T between) { return between; }
};

}  // namespace nerve::NERVE_ISA
