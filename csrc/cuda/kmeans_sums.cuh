// The weighted sums of each cluster's rows: a block adds up a part of the rows, for some features of some clusters, in
// shared memory, where each warp has clusters of its own; then the parts are combined (moments.cuh).
#pragma once
#include "cuda/moments.cuh"

namespace nerve::cuda {
namespace {  // kmeans.cu alone includes this

constexpr int sum_clusters = 128, sum_rows = 32;  // of a block, and of what it has in shared memory at a time

template <class T>
__device__ T weight_of(const T* weights, int64_t row) {
    return weights == nullptr ? T(1) : weights[row];
}

// The last "feature" of a cluster is the sum of its weights.
template <class T>
struct ToSums {
    T *sums, *totals;
    int64_t features;
    __device__ void operator()(int64_t i, T sum) const {
        const int64_t cluster = i / (features + 1), feature = i % (features + 1);
        (feature < features ? sums[cluster * features + feature] : totals[cluster]) = sum;
    }
};

struct SumParts {
    int64_t strips, tiles, splits, share;  // of features, of clusters, of rows, and the rows of one
};

template <class T>
__global__ void sums_kernel(T* of_parts, const int32_t* labels, const T* x, const T* weights, int64_t rows,
                            int64_t features, int64_t clusters, SumParts parts, ToSums<T> done) {
    struct Memory {
        T sums[sum_clusters][warp], x[sum_rows][warp];
        int labels[sum_rows];
    };
    constexpr int warps = threads / warp;
    auto& memory = shared<Memory>();
    const int lane = threadIdx.x % warp, own = threadIdx.x / warp;  // own: the clusters own, own + warps, ...
    const int64_t feature = blockIdx.x % parts.strips * warp + lane;
    const int64_t first_cluster = blockIdx.x / parts.strips % parts.tiles * sum_clusters;
    const int64_t split = blockIdx.x / parts.strips / parts.tiles;
    const int64_t end = (split + 1) * parts.share < rows ? (split + 1) * parts.share : rows;
    for (int c = own; c < sum_clusters; c += warps) memory.sums[c][lane] = 0;
    for (int64_t first = split * parts.share; first < end; first += sum_rows) {
        __syncthreads();  // the rows before have been read
        for (int r = own; r < sum_rows; r += warps) {
            const int64_t row = first + r;
            if (row >= end || feature > features) continue;
            memory.x[r][lane] = weight_of(weights, row) * (feature < features ? x[row * features + feature] : T(1));
        }
        if (threadIdx.x < sum_rows)
            memory.labels[threadIdx.x] = first + threadIdx.x < end ? labels[first + threadIdx.x] : -1;
        __syncthreads();
#pragma unroll 4
        for (int r = 0; r < sum_rows; ++r) {
            const int64_t cluster = memory.labels[r] - first_cluster;
            if (cluster >= 0 && cluster < sum_clusters && cluster % warps == own)
                memory.sums[cluster][lane] += memory.x[r][lane];
        }
    }
    if (feature > features) return;
#pragma unroll 1
    for (int c = own; c < sum_clusters && first_cluster + c < clusters; c += warps) {
        const int64_t i = (first_cluster + c) * (features + 1) + feature;
        if (parts.splits == 1)
            done(i, memory.sums[c][lane]);
        else
            of_parts[i * parts.splits + split] = memory.sums[c][lane];
    }
}

// Parts of so many rows that all sums of theirs are no more than half of what there are rows.
inline SumParts sum_parts(int64_t rows, int64_t features, int64_t clusters) {
    SumParts parts{divide_up(features + 1, warp), divide_up(clusters, sum_clusters), 1, rows};
    const int64_t least = 2 * clusters > 8 * sum_rows ? 2 * clusters : 8 * sum_rows;
    const int64_t wanted = 4 * busy_blocks() / (parts.strips * parts.tiles);
    const int64_t splits = wanted < rows / least ? wanted : rows / least;
    if (splits < 2) return parts;
    parts.share = divide_up(divide_up(rows, splits), sum_rows) * sum_rows;
    parts.splits = divide_up(rows, parts.share);
    return parts;
}

template <class T>
void add_up(Stream stream, T* sums, T* totals, const int32_t* labels, const T* x, const T* weights, int64_t rows,
            int64_t features, int64_t clusters) {
    const SumParts parts = sum_parts(rows, features, clusters);
    auto* const of_parts = static_cast<T*>(stream.scratch);
    const ToSums<T> done{sums, totals, features};
    launch(stream, sums_kernel<T>, parts.strips * parts.tiles * parts.splits, of_parts, labels, x, weights, rows,
           features, clusters, parts, done);
    join_parts(stream, of_parts, clusters * (features + 1), parts.splits, done);
}
template <class T>
int64_t add_up_scratch(int64_t rows, int64_t features, int64_t clusters) {
    const int64_t splits = sum_parts(rows, features, clusters).splits;
    return splits > 1 ? splits * clusters * (features + 1) * int64_t(sizeof(T)) : 0;
}

}  // namespace
}  // namespace nerve::cuda
