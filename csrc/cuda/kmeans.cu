// k-means and its relatives: rows to their nearest centers (kmeans_assign.cuh), sums of clusters (kmeans_sums.cuh). In
// Elkan's way, among candidates and for memberships, a thread has a row and looks at one center after the other.
#include "cuda/kmeans_assign.cuh"
#include "cuda/kmeans_sums.cuh"

namespace nerve::cuda {
namespace {

template <class A, class T>
NERVE_NOINLINE __device__ A squared_distance(const T* a, const T* b, int64_t size) {
    A sum = 0;
    for (int64_t i = 0; i < size; ++i) {
        const A apart = A(a[i]) - A(b[i]);
        sum = math::fma(apart, apart, sum);
    }
    return sum;
}

// --- kernels

template <class T>
__global__ void candidates_kernel(T* distances, const T* x, const T* closest, const T* candidates, int64_t rows,
                                  int64_t features, int64_t count) {
    for (int64_t i = first_index(); i < count * rows; i += index_step()) {
        const int64_t candidate = i / rows, row = i % rows;
        const T here = T(squared_distance<double>(x + row * features, candidates + candidate * features, features));
        distances[i] = closest != nullptr && closest[row] < here ? closest[row] : here;
    }
}

template <class T>
struct ToPotentials {
    T* potentials;
    __device__ void operator()(int64_t candidate, double sum) const { potentials[candidate] = T(sum); }
};

// A block for a part of the rows, of one candidate.
template <class T>
__global__ void potentials_kernel(double* of_parts, const T* distances, const T* weights, int64_t rows,
                                  ColumnParts parts, ToPotentials<T> done) {
    const int64_t candidate = blockIdx.x / parts.splits, split = blockIdx.x % parts.splits;
    const T* own = distances + candidate * rows;
    double sum = 0;
    for (int64_t row = parts.begin(split) + threadIdx.x; row < parts.end(split, rows); row += threads)
        sum += double(own[row]) * weight_of(weights, row);
    sum = row_reduce<threads>(sum, Add{});
    if (threadIdx.x != 0) return;
    if (parts.splits == 1)
        done(candidate, sum);
    else
        of_parts[blockIdx.x] = sum;
}

ColumnParts potential_parts(int64_t rows, int64_t count) {
    return column_parts(count, rows, threads, 4 * threads, 4 * busy_blocks());
}

// See cpu/kmeans_elkan.h.
template <class T>
__global__ void elkan_kernel(int32_t* labels, T* upper, T* lower, T* distances, const T* x, const T* centers,
                             const T* half_distances, const T* shifts, const T* moved, int64_t rows, int64_t features,
                             int64_t clusters) {
    for (int64_t row = first_index(); row < rows; row += index_step()) {
        T* bounds = lower + row * clusters;
        auto distance = [=](int64_t j) {
            return math::sqrt(squared_distance<T>(x + row * features, centers + j * features, features));
        };
        int32_t label = labels[row];
        bool tight = label < 0;
        T bound;
        if (tight) {
            label = 0, bound = distance(0);
            for (int64_t j = 0; j < clusters; ++j) bounds[j] = moved[j];
            bounds[0] += bound;
        } else {
            bound = upper[row] + shifts[label];
        }
        for (int64_t j = 0; j < clusters; ++j) {
            auto ruled_out = [&] {
                return j == label || bound <= bounds[j] - moved[j] || bound <= half_distances[label * clusters + j];
            };
            if (ruled_out()) continue;
            if (!tight) {
                tight = true, bound = distance(label);
                bounds[label] = bound + moved[label];
                if (ruled_out()) continue;
            }
            const T here = distance(j);
            bounds[j] = here + moved[j];
            if (here < bound) label = int32_t(j), bound = here;
        }
        labels[row] = label, upper[row] = bound;
        if (distances != nullptr)
            distances[row] = squared_distance<T>(x + row * features, centers + label * features, features);
    }
}

// See cpu/kmeans_fuzzy.h.
template <class T>
__global__ void memberships_kernel(T* memberships, T* costs, const T* x, const T* weights, const T* centers,
                                   int64_t rows, int64_t features, int64_t clusters, T fuzzifier) {
    for (int64_t row = first_index(); row < rows; row += index_step()) {
        auto square = [=](int64_t j) {
            return squared_distance<T>(x + row * features, centers + j * features, features);
        };
        T nearest = square(0), sum = 0;
        for (int64_t j = 1; j < clusters; ++j) {
            const T here = square(j);
            if (here < nearest) nearest = here;
        }
        auto ratio = [=](int64_t j) {
            const T here = square(j);
            return here == nearest ? T(1) : math::pow(nearest / here, T(1) / (fuzzifier - T(1)));
        };
        for (int64_t j = 0; j < clusters; ++j) sum += ratio(j);
        costs[row] = weight_of(weights, row) * nearest * math::pow(sum, T(1) - fuzzifier);
        if (memberships != nullptr)
            for (int64_t j = 0; j < clusters; ++j) memberships[row * clusters + j] = ratio(j) / sum;
    }
}

// What row adds to the sums of a cluster, from its cost C, which is weight nearest sum(r)^(1 - m): u^m is
// (C / weight / square)^(m / (m - 1)), or, on a center, that of a row which belongs to such centers alone.
template <class T>
__device__ T power_of(const T* costs, const T* x, const T* weights, const T* centers, int64_t row, int64_t cluster,
                      int64_t features, int64_t clusters, T fuzzifier) {
    const T weight = weight_of(weights, row);
    if (weight == T(0)) return T(0);
    const T square = squared_distance<T>(x + row * features, centers + cluster * features, features);
    if (square != T(0)) return weight * math::pow(costs[row] / weight / square, fuzzifier / (fuzzifier - T(1)));
    T shared_by = 0;
    for (int64_t j = 0; j < clusters; ++j)
        shared_by += T(squared_distance<T>(x + row * features, centers + j * features, features) == T(0));
    return weight * math::pow(shared_by, -fuzzifier);
}

// A block for `threads` features of a cluster, the last of which is its total.
template <class T>
__global__ void fuzzy_sums_kernel(T* sums, T* totals, const T* costs, const T* x, const T* weights, const T* centers,
                                  int64_t rows, int64_t features, int64_t clusters, T fuzzifier) {
    struct Powers {
        T of[threads];
    };
    auto& powers = shared<Powers>();
    const int64_t parts = divide_up(features + 1, threads);
    const int64_t cluster = blockIdx.x / parts, feature = blockIdx.x % parts * threads + threadIdx.x;
    double sum = 0;
    for (int64_t first = 0; first < rows; first += threads) {
        const int64_t row = first + threadIdx.x, count = rows - first < threads ? rows - first : threads;
        if (row < rows)
            powers.of[threadIdx.x] = power_of(costs, x, weights, centers, row, cluster, features, clusters, fuzzifier);
        __syncthreads();
        if (feature <= features)
            for (int64_t r = 0; r < count; ++r)
                sum += double(powers.of[r]) * (feature < features ? double(x[(first + r) * features + feature]) : 1.0);
        __syncthreads();
    }
    if (feature < features) sums[cluster * features + feature] = T(sum);
    if (feature == features) totals[cluster] = T(sum);
}

}  // namespace

template <class T>
void kmeans_assign(Stream stream, int32_t* labels, T* distances, T* sums, T* totals, const T* x, const T* weights,
                   const T* centers, int64_t rows, int64_t features, int64_t clusters) {
    assign(stream, labels, distances, x, centers, rows, features, clusters);
    if (totals != nullptr)  // without features there are no sums
        add_up(stream, sums, totals, labels, x, weights, rows, features, clusters);
}
template <class T>
int64_t kmeans_assign_scratch(int32_t*, T*, T*, T* totals, const T*, const T*, const T*, int64_t rows, int64_t features,
                              int64_t clusters) {
    const int64_t sums = totals == nullptr ? 0 : add_up_scratch<T>(rows, features, clusters);
    const int64_t labels = assign_scratch<T>(rows, clusters);
    return sums > labels ? sums : labels;
}

template <class T>
void kmeans_plusplus_step(Stream stream, T* distances, T* potentials, const T* x, const T* closest, const T* weights,
                          const T* candidates, int64_t rows, int64_t features, int64_t count) {
    launch(stream, candidates_kernel<T>, loop_blocks(count * rows), distances, x, closest, candidates, rows, features,
           count);
    const ColumnParts parts = potential_parts(rows, count);
    auto* const of_parts = static_cast<double*>(stream.scratch);
    const ToPotentials<T> done{potentials};
    launch(stream, potentials_kernel<T>, count * parts.splits, of_parts, distances, weights, rows, parts, done);
    join_parts(stream, of_parts, count, parts.splits, done);
}
template <class T>
int64_t kmeans_plusplus_step_scratch(T*, T*, const T*, const T*, const T*, const T*, int64_t rows, int64_t,
                                     int64_t count) {
    const int64_t splits = potential_parts(rows, count).splits;
    return splits > 1 ? count * splits * int64_t(sizeof(double)) : 0;
}

template <class T>
void elkan_assign(Stream stream, int32_t* labels, T* upper, T* lower, T* distances, T* sums, T* totals, const T* x,
                  const T* weights, const T* centers, const T* half_distances, const T* shifts, const T* moved,
                  int64_t rows, int64_t features, int64_t clusters) {
    launch(stream, elkan_kernel<T>, loop_blocks(rows), labels, upper, lower, distances, x, centers, half_distances,
           shifts, moved, rows, features, clusters);
    if (totals != nullptr) add_up(stream, sums, totals, labels, x, weights, rows, features, clusters);
}
template <class T>
int64_t elkan_assign_scratch(int32_t*, T*, T*, T*, T*, T* totals, const T*, const T*, const T*, const T*, const T*,
                             const T*, int64_t rows, int64_t features, int64_t clusters) {
    return totals == nullptr ? 0 : add_up_scratch<T>(rows, features, clusters);
}

template <class T>
void fuzzy_assign(Stream stream, T* memberships, T* costs, T* sums, T* totals, const T* x, const T* weights,
                  const T* centers, int64_t rows, int64_t features, int64_t clusters, double fuzzifier) {
    launch(stream, memberships_kernel<T>, loop_blocks(rows), memberships, costs, x, weights, centers, rows, features,
           clusters, T(fuzzifier));
    if (totals != nullptr)
        launch(stream, fuzzy_sums_kernel<T>, clusters * divide_up(features + 1, threads), sums, totals, costs, x,
               weights, centers, rows, features, clusters, T(fuzzifier));
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/kmeans.inc"
#include "cuda/instantiate.cuh"
