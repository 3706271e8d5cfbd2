// k-means: rows to their nearest centers, the sums of each cluster's rows, candidates of k-means++, Elkan's bounds,
// fuzzy memberships. A pass over the rows is one call, and no matrix of rows by clusters comes to be.
#include "cpu/kmeans_elkan.h"
#include "cpu/kmeans_few.h"
#include "cpu/kmeans_fuzzy.h"
#include "cpu/kmeans_plusplus.h"
#include "cpu/kmeans_rounded.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {

template <class T>
void kmeans_assign(int32_t* labels, T* distances, T* sums, T* totals, const T* x, const T* weights, const T* centers,
                   int64_t rows, int64_t features, int64_t clusters) {
    const RowGroups groups(rows, features, clusters);
    const bool rounded = sizeof(T) == sizeof(float) && RoundedNearest::pays(features, clusters);
    const bool few = FewNearest<T>::pays(features, clusters);
    const int64_t room = clusters + (rounded ? RoundedNearest::room(features, clusters) : 0) +
                         (few ? FewNearest<T>::room(features, clusters) : 0);
    const GroupedSums<T> all(sums, totals, features, clusters, groups.count, room);
    const Nearest<T> nearest(centers, features, clusters, all.beside);
    const auto run = [&](const auto& labelling) {
        groups.each([&](int64_t group, int64_t row, int64_t row_end) {
            all.clear(group);
            labelling.each(labels, x, row, row_end, [&](int64_t begin, int64_t end) {
                add_rows(distances, all, group, labels, x, weights, centers, features, begin, end);
            });
        });
        all.combine();
    };
    if constexpr (sizeof(T) == sizeof(float)) {
        if (rounded) {
            const RoundedNearest integers(nearest, reinterpret_cast<int32_t*>(all.beside + clusters));
            if (integers.fits()) return run(integers);
        }
    }
    if (few) return run(FewNearest<T>(nearest, all.beside + clusters));
    run(nearest);
}

template <class T>
void kmeans_plusplus_step(T* distances, T* potentials, const T* x, const T* closest, const T* weights,
                          const T* candidates, int64_t rows, int64_t features, int64_t count) {
    plusplus::step(distances, potentials, x, closest, weights, candidates, rows, features, count);
}

template <class T>
void elkan_assign(int32_t* labels, T* upper, T* lower, T* distances, T* sums, T* totals, const T* x, const T* weights,
                  const T* centers, const T* half_distances, const T* shifts, const T* moved, int64_t rows,
                  int64_t features, int64_t clusters) {
    const RowGroups groups(rows, features, clusters);
    const GroupedSums<T> all(sums, totals, features, clusters, groups.count, clusters);
    const Bounds<T> bounds(all.beside, upper, lower, x, centers, half_distances, shifts, moved, features, clusters);
    groups.each([&](int64_t group, int64_t row, int64_t row_end) {
        all.clear(group);
        for (int64_t r = row; r < row_end; ++r) labels[r] = bounds.label(labels[r], r);
        add_rows(distances, all, group, labels, x, weights, centers, features, row, row_end);
    });
    all.combine();
}

template <class T>
void fuzzy_assign(T* memberships, T* costs, T* sums, T* totals, const T* x, const T* weights, const T* centers,
                  int64_t rows, int64_t features, int64_t clusters, double fuzzifier) {
    const RowGroups groups(rows, features, clusters);
    const GroupedSums<T> all(sums, totals, features, clusters, groups.count, 0);
    groups.each([&](int64_t group, int64_t row, int64_t row_end) {
        all.clear(group);
        Fuzzy<T> block(all, group, centers, fuzzifier);
        for (; row < row_end; row += block.width) {
            block.distances(x, row, smaller(row_end - row, block.width));
            block.assign(memberships, costs, weights);
            block.add(x);
        }
        block.finish();
    });
    all.combine();
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/kmeans.inc"
#include "cpu/instantiate.h"
