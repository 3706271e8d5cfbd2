// Distances between rows: a tile of pairs for each block (pairs.cuh), differences in T; a block for the silhouette of a
// row, in double.
#include "cuda/pairs.cuh"

namespace nerve::cuda {
namespace {

template <class T>
using PairTile = Tile<64, sizeof(T) == 4 ? 64 : 32>;

template <class T>
__global__ void __launch_bounds__(threads, 2)
    distances_kernel(T* out, Points<T> x, Points<T> y, const T* factors, Metric metric, bool rbf, T gamma) {
    using Tile = PairTile<T>;
    auto& slices = shared<PairSlices<T, Tile>>();
    auto& results = shared<PairResults<T, Tile>>();
    const int64_t tiles = divide_up(y.rows, Tile::columns);
    const int64_t first_row = blockIdx.x / tiles * Tile::rows, first_column = blockIdx.x % tiles * Tile::columns;
    slices.each(x, y, first_row, first_column, first_column + Tile::columns, TermsOf{metric},
                [&](int64_t, PairSums<T, Tile>& sums) { results.write(sums); });
    __syncthreads();
#pragma unroll 1
    for (int i = threadIdx.x; i < Tile::rows * Tile::columns; i += threads) {
        const int64_t row = first_row + i / Tile::columns, column = first_column + i % Tile::columns;
        if (row >= x.rows || column >= y.rows) continue;
        T sum = results.of[i / Tile::columns][i % Tile::columns];
        if (metric == Metric::euclidean) sum = math::sqrt(sum);
        if (rbf) sum = math::exp(-gamma * sum);
        if (metric == Metric::cosine) {
            const T factor = factors[row] * factors[x.rows + column];
            sum = factor == factor ? math::min(math::max(T(1) - sum * factor, T(0)), T(2))
                                   : T(distance_of(x.row(row), y.row(column), x.features, metric));
        }
        out[row * y.rows + column] = sum;
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

template <class T>
void measure(Stream stream, T* out, const T* x, const T* y, const DistanceShape& shape, Metric metric, bool rbf,
             double gamma) {
    const Points<T> rows(x, shape.rows, shape.features), columns(y, shape.columns, shape.features);
    T* const factors = static_cast<T*>(stream.scratch);
    find_factors(stream, factors, rows, columns, metric);
    const int64_t tiles = divide_up(shape.rows, PairTile<T>::rows) * divide_up(shape.columns, PairTile<T>::columns);
    launch(stream, distances_kernel<T>, tiles, out, rows, columns, factors, metric, rbf, T(gamma));
}

}  // namespace

template <class T>
void pairwise_distances(Stream stream, T* out, const T* x, const T* y, const DistanceShape& shape) {
    measure(stream, out, x, y, shape, Metric(shape.metric), false, 0.0);
}
template <class T>
int64_t pairwise_distances_scratch(T*, const T*, const T*, const DistanceShape& shape) {
    return factors_bytes<T>(shape);
}
template <class T>
void rbf_kernel(Stream stream, T* out, const T* x, const T* y, const DistanceShape& shape, double gamma) {
    measure(stream, out, x, y, shape, Metric::sqeuclidean, true, gamma);
}
template <class T>
void silhouette(Stream stream, T* out, const T* x, const int64_t* offsets, int64_t clusters,
                const DistanceShape& shape) {
    launch(stream, silhouette_kernel<T>, row_blocks<threads>(shape.rows), out, x, offsets, clusters, shape);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/distance.inc"
#include "cuda/instantiate.cuh"
