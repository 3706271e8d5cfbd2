// The nearest center of every row: a block has some rows in turn with tiles of centers (pairs.cuh), whose products are
// compared while they are in registers.
#pragma once
#include "cuda/moments.cuh"
#include "cuda/pairs.cuh"

namespace nerve::cuda {
namespace {  // kmeans.cu alone includes this

// -|c|^2 / 2 of every center.
template <class T>
__global__ void bias_kernel(T* bias, const T* centers, int64_t features, int64_t clusters) {
    const int64_t cluster = row_index<warp>();
    if (cluster >= clusters) return;
    double sum = 0;
    for (int64_t i = row_lane<warp>(); i < features; i += warp) {
        const double value = centers[cluster * features + i];
        sum += value * value;
    }
    sum = row_reduce<warp>(sum, Add{});
    if (row_lane<warp>() == 0) bias[cluster] = T(-0.5 * sum);
}

// The largest of x . c - |c|^2 / 2, of equal ones the first; the first center if there is none.
template <class T>
struct Nearest {
    T value = -T(HUGE_VAL);
    int32_t label = 0;
    __device__ Nearest operator+(const Nearest& other) const {
        const bool better = other.value > value || (other.value == value && other.label < label);
        return better ? other : *this;
    }
};

template <class T>
struct ToLabels {
    int32_t* labels;
    __device__ void operator()(int64_t row, const Nearest<T>& found) const { labels[row] = found.label; }
};

// A block for some rows and a part of the centers.
template <class T, class Tile>
__global__ void __launch_bounds__(threads, 2) assign_kernel(Nearest<T>* of_parts, Points<T> x, Points<T> centers,
                                                            const T* bias, ColumnParts parts, ToLabels<T> done) {
    using Sums = PairSums<T, Tile>;
    struct Halves {
        Nearest<T> of[Tile::rows];
    };
    auto& slices = shared<PairSlices<T, Tile>>();
    auto& halves = shared<Halves>();
    const int64_t first = blockIdx.x / parts.splits * Tile::rows, split = blockIdx.x % parts.splits;
    Nearest<T> best[Sums::rows];
    slices.each(x, centers, first, parts.begin(split), parts.end(split, centers.rows), Products{},
                [&](int64_t column, const Sums& sums) {
                    for (int j = 0; j < Sums::columns; ++j) {
                        const int64_t center = column + Sums::column(j);
                        if (center >= centers.rows) break;
                        for (int i = 0; i < Sums::rows; ++i) {
                            const T value = sums.sum[i][j] + bias[center];
                            if (value > best[i].value) best[i] = {value, int32_t(center)};
                        }
                    }
                });
    // Eight threads of a warp have the same rows, and so have those of the next warp.
    for (Nearest<T>& found : best)
        for (int lanes = 1; lanes < 8; lanes *= 2) found = found + shuffle_xor(found, lanes);
    const bool second = threadIdx.x / warp % 2 == 1, writes = threadIdx.x % 8 == 0;
    if (second && writes)
        for (int i = 0; i < Sums::rows; ++i) halves.of[Sums::row(i)] = best[i];
    __syncthreads();
    if (second || !writes) return;
    for (int i = 0; i < Sums::rows; ++i) {
        const int64_t row = first + Sums::row(i);
        if (row >= x.rows) break;
        const Nearest<T> found = best[i] + halves.of[Sums::row(i)];
        if (parts.splits == 1)
            done(row, found);
        else
            of_parts[row * parts.splits + split] = found;
    }
}

// A row's squared distance to its center, `lanes` threads for each.
template <class T>
__global__ void own_distances_kernel(T* distances, const int32_t* labels, const T* x, const T* centers, int64_t rows,
                                     int64_t features, int lanes) {
    const int64_t row = (int64_t(blockIdx.x) * threads + threadIdx.x) / lanes;
    T sum = 0;
    if (row < rows)
        for (int64_t i = threadIdx.x % lanes; i < features; i += lanes) {
            const T apart = x[row * features + i] - centers[labels[row] * features + i];
            sum = math::fma(apart, apart, sum);
        }
    for (int other = lanes / 2; other > 0; other /= 2) sum += shuffle_xor(sum, other);
    if (row < rows && threadIdx.x % lanes == 0) distances[row] = sum;
}

// --- launching

template <class T>
constexpr int tile_rows = sizeof(T) == 4 ? 128 : 64;
template <class T>
using Wide = Tile<tile_rows<T>, sizeof(T) == 4 ? 64 : 32>;
template <class T>
using Narrow = Tile<tile_rows<T>, sizeof(T) == 4 ? 16 : 32>;  // for few centers: a wide one would be nearly empty

template <class T>
ColumnParts center_parts(int64_t rows, int64_t clusters) {
    return column_parts(divide_up(rows, tile_rows<T>), clusters, Wide<T>::columns, 2 * Wide<T>::columns, busy_blocks());
}
// What assigning needs: the biases, and the nearest of each part.
template <class T>
int64_t assign_scratch(int64_t rows, int64_t clusters) {
    const int64_t splits = center_parts<T>(rows, clusters).splits;
    return (splits > 1 ? rows * splits * int64_t(sizeof(Nearest<T>)) : 0) + clusters * int64_t(sizeof(T));
}

template <class T>
void assign(Stream stream, int32_t* labels, T* distances, const T* x, const T* centers, int64_t rows, int64_t features,
            int64_t clusters) {
    const ColumnParts parts = center_parts<T>(rows, clusters);
    auto* const of_parts = static_cast<Nearest<T>*>(stream.scratch);
    T* const bias = reinterpret_cast<T*>(of_parts + (parts.splits > 1 ? rows * parts.splits : 0));
    const ToLabels<T> done{labels};
    const int64_t blocks = divide_up(rows, tile_rows<T>) * parts.splits;
    if (rows == 0) return;
    launch(stream, bias_kernel<T>, row_blocks<warp>(clusters), bias, centers, features, clusters);
    const Points<T> points(x, rows, features), of_centers(centers, clusters, features);
    if (clusters > Narrow<T>::columns)
        launch(stream, assign_kernel<T, Wide<T>>, blocks, of_parts, points, of_centers, bias, parts, done);
    else
        launch(stream, assign_kernel<T, Narrow<T>>, blocks, of_parts, points, of_centers, bias, parts, done);
    join_parts(stream, of_parts, rows, parts.splits, done);
    if (distances == nullptr) return;
    int lanes = 1;
    while (lanes < warp && lanes < features) lanes *= 2;
    launch(stream, own_distances_kernel<T>, divide_up(rows * lanes, threads), distances, labels, x, centers, rows,
           features, lanes);
}

}  // namespace
}  // namespace nerve::cuda
