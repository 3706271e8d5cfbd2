// X^T X, or the same of X less its columns' means, which are found first: a block sums 32 columns, a warp's threads
// side by side; then a block makes a tile of 16 x 16 of the lower triangle, a thread an element, and mirrors it.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

constexpr int side = 16, group = threads / warp;
static_assert(side * side == threads, "a thread for every element of a tile");

// Element (row, column) of X, stored row after row or, transposed, column after column.
template <class T>
struct Matrix {
    const T* x;
    int64_t rows, columns;
    bool transposed;
    __device__ T operator()(int64_t row, int64_t column) const {
        return transposed ? x[column * rows + row] : x[row * columns + column];
    }
};

template <class T>
__global__ void column_means_kernel(T* mean, Matrix<T> x) {
    struct Sums {
        double of[group][warp];
    };
    auto& sums = shared<Sums>();
    const int64_t column = int64_t(blockIdx.x) * warp + threadIdx.x % warp;
    const int first = threadIdx.x / warp;
    double sum = 0;
    if (column < x.columns)
        for (int64_t row = first; row < x.rows; row += group) sum += double(x(row, column));
    sums.of[first][threadIdx.x % warp] = sum;
    __syncthreads();
    if (first != 0 || column >= x.columns) return;
    for (int i = 1; i < group; ++i) sum += sums.of[i][threadIdx.x % warp];
    sum /= double(x.rows);
    mean[column] = T(sum - sum == 0 ? sum : double(NAN));
}

template <class T>
__global__ void gram_kernel(T* out, const T* mean, Matrix<T> x, double divisor) {
    struct Slices {
        T left[side][side + 1], right[side][side + 1];
    };
    auto& slices = shared<Slices>();
    const int64_t tiles = divide_up(x.columns, side);
    const int64_t row_tile = blockIdx.x / tiles, column_tile = blockIdx.x % tiles;
    if (column_tile > row_tile) return;
    const int i = threadIdx.x / side, j = threadIdx.x % side;
    const int64_t left = row_tile * side + j, right = column_tile * side + j;  // columns of X this thread fetches
    const T left_mean = mean != nullptr && left < x.columns ? mean[left] : T(0);
    const T right_mean = mean != nullptr && right < x.columns ? mean[right] : T(0);
    double sum = 0;
    for (int64_t first = 0; first < x.rows; first += side) {
        const int64_t row = first + i;
        slices.left[i][j] = row < x.rows && left < x.columns ? x(row, left) - left_mean : T(0);
        slices.right[i][j] = row < x.rows && right < x.columns ? x(row, right) - right_mean : T(0);
        __syncthreads();
        T part = 0;
        for (int k = 0; k < side; ++k) part = math::fma(slices.left[k][i], slices.right[k][j], part);
        sum += double(part);
        __syncthreads();
    }
    const int64_t row = row_tile * side + i, column = column_tile * side + j;
    if (row >= x.columns || column > row) return;
    out[row * x.columns + column] = out[column * x.columns + row] = T(sum / divisor);
}

}  // namespace

template <class T>
void gram(Stream stream, T* out, T* mean, const T* x, int64_t rows, int64_t columns, bool transposed, double divisor) {
    const Matrix<T> matrix{x, rows, columns, transposed};
    if (mean != nullptr) launch(stream, column_means_kernel<T>, divide_up(columns, warp), mean, matrix);
    const int64_t tiles = divide_up(columns, side);
    launch(stream, gram_kernel<T>, tiles * tiles, out, mean, matrix, divisor);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/gram.inc"
#include "cuda/instantiate.cuh"
