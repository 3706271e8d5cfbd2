// What a search among all pairs knows of a tile: distances in T, and the bounds between which double has to decide.
#pragma once
#include "cuda/pairs.cuh"

namespace nerve::cuda {
namespace {  // neighbors.cu alone includes this

template <class T>
using SearchTile = Tile<64, sizeof(T) == 4 ? 64 : 32>;
constexpr int quarters = 4;
static_assert(64 * quarters == threads, "four threads for each row of a tile");

// What distances are compared by: a Euclidean one by its square.
__device__ inline Metric compared(const DistanceShape& shape) {
    return Metric(shape.metric) == Metric::euclidean ? Metric::sqeuclidean : Metric(shape.metric);
}
template <class T>
__device__ T reported(double distance, const DistanceShape& shape) {
    return T(Metric(shape.metric) == Metric::euclidean ? math::sqrt(distance) : distance);
}
template <class T>
__device__ double exact(const Points<T>& x, const Points<T>& y, int64_t row, int64_t column,
                        const DistanceShape& shape) {
    return distance_of(x.row(row), y.row(column), shape.features, compared(shape));
}

// Differences, their squares or magnitudes and the sums of these are rounded features + 3 times at most: a distance
// computed in T is within that many units of roundoff of the one in double, and, for underflow, as many of the smallest
// numbers. A cosine is that near for numbers about 1, whatever its distance is; so is what double makes of it. `above`:
// no pair within the limit has more in T. `below`: each pair that has no more in T is within it.
template <class T>
struct Limits {
    T above, below;

    __device__ Limits(double limit, const DistanceShape& shape) {
        constexpr double roundoff = sizeof(T) == 4 ? 0x1p-24 : 0x1p-53,
                         smallest = sizeof(T) == 4 ? 0x1p-126 : 0x1p-1022;
        constexpr T largest = sizeof(T) == 4 ? T(0x1.fffffep127) : T(0x1.fffffffffffffp1023);
        const double e = double(4 * shape.features + 64) * roundoff;
        const double error =
            Metric(shape.metric) == Metric::cosine ? e : limit * e + double(shape.features + 32) * smallest;
        above = T(limit + error);
        below = limit < HUGE_VAL ? T(limit - error) : T(limit);
        if (below > largest && limit < HUGE_VAL) below = largest;  // infinity is overflow, and says nothing
    }
};

// A tile's distances, and where in it a thread looks. Products become cosines by factors, which are NaN for rows of
// which T can say nothing.
template <class T>
struct Distances : PairResults<T, SearchTile<T>> {
    static constexpr int columns = SearchTile<T>::columns / quarters;
    __device__ static int row() { return threadIdx.x / quarters; }
    __device__ static int column() { return threadIdx.x % quarters * columns; }

    __device__ void write(PairSums<T, SearchTile<T>>& sums, const T* factors, const Points<T>& x, const Points<T>& y,
                          int64_t first_row, int64_t first_column) {
        if (factors != nullptr) {
            T of_rows[sums.rows], of_columns[sums.columns];
            for (int i = 0; i < sums.rows; ++i) {
                const int64_t row = first_row + sums.row(i);
                of_rows[i] = row < x.rows ? factors[row] : T(0);
            }
            for (int j = 0; j < sums.columns; ++j) {
                const int64_t column = first_column + sums.column(j);
                of_columns[j] = column < y.rows ? factors[x.rows + column] : T(0);
            }
            for (int i = 0; i < sums.rows; ++i)
                for (int j = 0; j < sums.columns; ++j)
                    sums.sum[i][j] = T(1) - sums.sum[i][j] * (of_rows[i] * of_columns[j]);
        }
        PairResults<T, SearchTile<T>>::write(sums);
    }
};

}  // namespace
}  // namespace nerve::cuda
