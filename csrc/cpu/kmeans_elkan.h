// Elkan's bounds ("Using the triangle inequality to accelerate k-means", ICML 2003). A lower bound is kept with what
// its center had moved in all when it was made, so that a row none of whose bounds are looked at is not touched.
#pragma once
#include "cpu/kmeans_sums.h"

namespace nerve::NERVE_ISA {

template <class T>
struct Bounds {
    T* to_next;  // half the distance from each center to the one nearest to it
    T* upper;
    T* lower;
    const T *x, *centers, *half_distances, *shifts, *moved;
    int64_t features, clusters;

    Bounds(T* room, T* upper, T* lower, const T* x, const T* centers, const T* half_distances, const T* shifts,
           const T* moved, int64_t features, int64_t clusters)
        : to_next(room),
          upper(upper),
          lower(lower),
          x(x),
          centers(centers),
          half_distances(half_distances),
          shifts(shifts),
          moved(moved),
          features(features),
          clusters(clusters) {
        parallel_blocks(clusters, 1 + 16384 / clusters, [&](int64_t begin, int64_t end) {
            for (int64_t j = begin; j < end; ++j) {
                T least = T(__builtin_inf());
                for (int64_t i = 0; i < clusters; ++i) {
                    const T half = half_distances[j * clusters + i];
                    if (i != j && half < least) least = half;
                }
                room[j] = least;
            }
        });
    }

    NERVE_INLINE T distance(int64_t row, int64_t j) const {
        return __builtin_sqrt(squared_distance(x + row * features, centers + j * features, features));
    }

    // The label of a row, which had `label`, or -1.
    int32_t label(int32_t label, int64_t row) const {
        using V = vec<T>;
        T* bounds = lower + row * clusters;
        bool tight = label < 0;
        T bound;
        if (tight) {
            label = 0;
            bound = distance(row, 0);
            for (int64_t j = 0; j < clusters; ++j) bounds[j] = moved[j];
            bounds[0] += bound;
        } else {
            bound = upper[row] + shifts[label];
            if (bound <= to_next[label]) return upper[row] = bound, label;
        }
        for (int64_t first = 0; first < clusters; first += V::size) {
            const int64_t n = smaller(clusters - first, V::size);
            const T* half = half_distances + label * clusters;
            const V least = load_partial(bounds + first, n) - load_partial(moved + first, n);
            if (!any((V(bound) > least) & (V(bound) > load_partial(half + first, n)))) continue;
            for (int64_t j = first; j < first + n; ++j) {
                if (j == label || bound <= bounds[j] - moved[j] || bound <= half[j]) continue;
                if (!tight) {
                    tight = true;
                    bound = distance(row, label);
                    bounds[label] = bound + moved[label];
                    if (bound <= bounds[j] - moved[j] || bound <= half[j]) continue;
                }
                const T here = distance(row, j);
                bounds[j] = here + moved[j];
                if (here < bound) label = int32_t(j), bound = here, half = half_distances + label * clusters;
            }
        }
        upper[row] = bound;
        return label;
    }
};

}  // namespace nerve::NERVE_ISA
