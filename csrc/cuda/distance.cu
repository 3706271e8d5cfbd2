// Distances between rows: a thread makes those of its pairs, a block the silhouette of a row.
#include "cuda/distance.cuh"

namespace nerve::cuda {
namespace {

template <class T>
__global__ void distances_kernel(T* out, const T* x, const T* y, DistanceShape shape) {
    for (int64_t i = first_index(); i < shape.rows * shape.columns; i += index_step()) {
        const int64_t row = i / shape.columns, column = i % shape.columns;
        out[i] =
            T(distance_of(x + row * shape.features, y + column * shape.features, shape.features, Metric(shape.metric)));
    }
}

template <class T>
__global__ void rbf_kernel_kernel(T* out, const T* x, const T* y, DistanceShape shape, double gamma) {
    for (int64_t i = first_index(); i < shape.rows * shape.columns; i += index_step()) {
        const int64_t row = i / shape.columns, column = i % shape.columns;
        out[i] = T(math::exp(-gamma * distance_of(x + row * shape.features, y + column * shape.features, shape.features,
                                                  Metric::sqeuclidean)));
    }
}

template <class T>
__global__ void silhouette_kernel(T* out, const T* x, const int64_t* offsets, int64_t clusters, DistanceShape shape) {
    const int64_t row = row_index<threads>();
    double inside = 0, outside = HUGE_VAL;
    for (int64_t cluster = 0; cluster < clusters; ++cluster) {
        double sum = 0;
        for (int64_t i = offsets[cluster] + row_lane<threads>(); i < offsets[cluster + 1]; i += threads)
            sum += distance_of(x + row * shape.features, x + i * shape.features, shape.features, Metric(shape.metric));
        sum = row_reduce<threads>(sum, Add{});
        const int64_t size = offsets[cluster + 1] - offsets[cluster];
        if (offsets[cluster] <= row && row < offsets[cluster + 1])
            inside = size > 1 ? sum / double(size - 1) : -1.0;
        else
            outside = math::min(outside, sum / double(size));
    }
    if (row_lane<threads>() != 0) return;
    const double longer = math::max(inside, outside);
    out[row] = inside < 0 || longer <= 0 ? T(0) : T((outside - inside) / longer);
}

}  // namespace

template <class T>
void pairwise_distances(Stream stream, T* out, const T* x, const T* y, const DistanceShape& shape) {
    launch(stream, distances_kernel<T>, loop_blocks(shape.rows * shape.columns), out, x, y, shape);
}
template <class T>
void rbf_kernel(Stream stream, T* out, const T* x, const T* y, const DistanceShape& shape, double gamma) {
    launch(stream, rbf_kernel_kernel<T>, loop_blocks(shape.rows * shape.columns), out, x, y, shape, gamma);
}
template <class T>
void silhouette(Stream stream, T* out, const T* x, const int64_t* offsets, int64_t clusters,
                const DistanceShape& shape) {
    launch(stream, silhouette_kernel<T>, row_blocks<threads>(shape.rows), out, x, offsets, clusters, shape);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/distance.inc"
#include "cuda/instantiate.cuh"
