// All pairs of rows of two matrices (rows, features), as a product of matrices is made, but that nothing is stored: a
// block has some rows of the left one in turn with every tile of rows of the right one, its columns, and does with the
// sums what it wants. Slices of both are copied into shared memory while those before are added up.
#pragma once
#include "cuda/distance.cuh"
#include "cuda/mma.cuh"
#include "cuda/values.cuh"

namespace nerve::cuda {

template <class T>
struct Points {
    const T* data;
    int64_t rows, features;
    bool wide;

    Points(const T* data, int64_t rows, int64_t features)
        : data(data), rows(rows), features(features), wide(is_aligned(data) && features % chunk<T> == 0) {}
    __device__ const T* row(int64_t i) const { return data + i * features; }
};

// The sums of a tile's pairs, `rows` x `columns` for each of 16 x 16 threads.
template <class T, class Tile>
struct PairSums {
    static constexpr int side = 16, rows = Tile::rows / side, columns = Tile::columns / side, size = chunk<T>;
    T sum[rows][columns] = {};

    // A warp is 4 x 8 threads: few chunks of either operand, which neighbours share.
    __device__ static int row(int i) {
        return int(threadIdx.x) / warp / 2 * 4 + int(threadIdx.x) % warp / 8 + i * side;
    }
    __device__ static int column(int j) { return int(threadIdx.x) / warp % 2 * 8 + int(threadIdx.x) % 8 + j * side; }

    // sum = term(x, y, sum) for each k of a slice.
    template <class Term>
    __device__ void add(const T* left, const T* right, const Term& term) {
        // Rows and columns are a multiple of 16 apart, so that their chunks have changed places alike.
        static_assert(place<T, true, 64>(side + 3, size) == side * slice + place<T, true, 64>(3, size),
                      "as slices are");
        const int x_turn = place<T, true, Tile::rows>(row(0), 0) - row(0) * slice;
        const int y_turn = place<T, true, Tile::columns>(column(0), 0) - column(0) * slice;
        left += row(0) * slice, right += column(0) * slice;
        T part[rows][columns] = {};  // of this slice: long sums lose less this way
#pragma unroll 1
        for (int k = 0; k < slice; k += size) {
            Values<T> y[columns];
            for (int j = 0; j < columns; ++j) y[j].read(right + j * side * slice + (k ^ y_turn));
            for (int i = 0; i < rows; ++i) {
                Values<T> x;
                x.read(left + i * side * slice + (k ^ x_turn));
                for (int e = 0; e < size; ++e)
                    for (int j = 0; j < columns; ++j) part[i][j] = term(x.of[e], y[j].of[e], part[i][j]);
            }
        }
        for (int i = 0; i < rows; ++i)
            for (int j = 0; j < columns; ++j) sum[i][j] += part[i][j];
    }
};

// A tile's sums in shared memory; its rows lie one bank apart.
template <class T, class Tile>
struct PairResults {
    T of[Tile::rows][Tile::columns + 1];

    __device__ void write(const PairSums<T, Tile>& sums) {
#pragma unroll
        for (int i = 0; i < sums.rows; ++i)
#pragma unroll
            for (int j = 0; j < sums.columns; ++j) of[sums.row(i)][sums.column(j)] = sums.sum[i][j];
    }
};

struct Products {
    template <class Sums, class T>
    __device__ void add(Sums& sums, const T* left, const T* right) const {
        sums.add(left, right, [](T x, T y, T sum) { return math::fma(x, y, sum); });
    }
};
// Products for cosines, else squares or magnitudes of differences, which lose no digits to what rows have in common.
struct TermsOf {
    Metric metric;
    template <class Sums, class T>
    __device__ void add(Sums& sums, const T* left, const T* right) const {
        if (metric == Metric::cosine)
            Products{}.add(sums, left, right);
        else if (metric == Metric::manhattan)
            sums.add(left, right, [](T x, T y, T sum) { return sum + math::abs(x - y); });
        else
            sums.add(left, right, [](T x, T y, T sum) { return math::fma(x - y, x - y, sum); });
    }
};

// 1 / |row|, by which products become cosines; NaN for rows too short or too long for products in T. A warp for each.
template <class T>
__global__ void factors_kernel(T* factors, Points<T> points) {
    constexpr double least = sizeof(T) == 4 ? 0x1p-80 : 0x1p-800, most = sizeof(T) == 4 ? 0x1p120 : 0x1p800;
    const int64_t row = row_index<warp>();
    if (row >= points.rows) return;
    double sum = 0;
    for (int64_t i = row_lane<warp>(); i < points.features; i += warp) {
        const double value = points.row(row)[i];
        sum += value * value;
    }
    sum = row_reduce<warp>(sum, Add{});
    if (row_lane<warp>() == 0) factors[row] = sum > least && sum < most ? T(1 / math::sqrt(sum)) : T(NAN);
}
// Those of x and then of y, if there is a use for them.
template <class T>
void find_factors(Stream stream, T* factors, const Points<T>& x, const Points<T>& y, Metric metric) {
    if (metric != Metric::cosine) return;
    launch(stream, factors_kernel<T>, row_blocks<warp>(x.rows), factors, x);
    launch(stream, factors_kernel<T>, row_blocks<warp>(y.rows), factors + x.rows, y);
}
template <class T>
int64_t factors_bytes(const DistanceShape& shape) {
    return Metric(shape.metric) == Metric::cosine ? (shape.rows + shape.columns) * int64_t(sizeof(T)) : 0;
}

template <class T, class Tile>
struct PairSlices {
    static constexpr int stages = sizeof(T) == 4 ? 3 : 2;
    static constexpr int left = Tile::rows * slice, stage = left + Tile::columns * slice;
    alignas(16) T of[stages * stage];

    // The slice from k on of `indices` points, zeros where there are none.
    template <int indices>
    __device__ static void copy(T* to, const Points<T>& points, int64_t first, int64_t k) {
        constexpr int chunks = slice / chunk<T>;
        for (int i = threadIdx.x; i < indices * chunks; i += threads) {
            const int index = i / chunks, at = i % chunks * chunk<T>;
            T* const there = to + place<T, true, indices>(index, at);
            const T* const from = points.row(first + index) + k + at;
            const bool inside = first + index < points.rows;
            if (points.wide) {
                const bool valid = inside && k + at < points.features;
                copy_async<16>(there, valid ? from : points.data, valid);
            } else {
#pragma unroll 1
                for (int e = 0; e < chunk<T>; ++e) {
                    const bool valid = inside && k + at + e < points.features;
                    copy_async<sizeof(T)>(there + e, valid ? from + e : points.data, valid);
                }
            }
        }
    }

    // done(column, sums) for each tile of the columns from `begin` up to `end`, in order. All threads call it together.
    template <class Terms, class Done>
    __device__ void each(const Points<T>& x, const Points<T>& y, int64_t first_row, int64_t begin, int64_t end,
                         const Terms& terms, const Done& done) {
        const int64_t slices = x.features > slice ? divide_up(x.features, slice) : 1;
        const int64_t all = divide_up(end - begin, Tile::columns) * slices;
        int64_t copy_column = begin, copy_slice = 0, column = begin, added = 0;
        int written = 0, read = 0;  // stages
        const auto after = [](int stage) { return stage + 1 == stages ? 0 : stage + 1; };
        PairSums<T, Tile> sums;
#pragma unroll 1
        for (int64_t i = 1 - stages; i < all; ++i) {
            if (i >= 0) {
                copy_wait<stages - 2>();
                __syncthreads();  // slice i has arrived, and all have read the one before
            }
            if (copy_column < end) {
                T* const to = of + written * stage;
                copy<Tile::rows>(to, x, first_row, copy_slice * slice);
                copy<Tile::columns>(to + left, y, copy_column, copy_slice * slice);
                if (++copy_slice == slices) copy_slice = 0, copy_column += Tile::columns;
            }
            copy_commit();
            written = after(written);
            if (i < 0) continue;
            terms.add(sums, of + read * stage, of + read * stage + left);
            read = after(read);
            if (++added < slices) continue;
            done(column, sums);
            sums = {};
            added = 0, column += Tile::columns;
        }
        copy_wait<0>();
    }
};

// Columns in parts of `share`, a whole number of tiles, for about `wanted` blocks; a part has `least` columns or more.
struct ColumnParts {
    int64_t splits, share;
    __device__ int64_t begin(int64_t split) const { return split * share; }
    __device__ int64_t end(int64_t split, int64_t columns) const {
        return (split + 1) * share < columns ? (split + 1) * share : columns;
    }
};
inline ColumnParts column_parts(int64_t blocks, int64_t columns, int64_t tile, int64_t least, int64_t wanted) {
    const int64_t most = columns / least, splits = blocks > 0 && wanted / blocks < most ? wanted / blocks : most;
    if (splits < 2) return {1, columns};
    const int64_t share = divide_up(divide_up(columns, splits), tile) * tile;
    return {divide_up(columns, share), share};
}

}  // namespace nerve::cuda
