// One tiled product under matmul and the three directions of conv2d. Operands are functors a(batch, row, k) and
// b(batch, k, column), so a convolution needs no matrix in memory; store(batch, row, column, value) ends it.
//
// A block makes a tile of 64 x 64, a thread 4 x 4 of it, from slices of 16 along k in shared memory. Sums run along k
// in order, so results depend on nothing else.
#pragma once
#include "cuda/common.cuh"

namespace nerve::cuda {

constexpr int tile = 64, slice = 16, side = 16, each = tile / side;  // side x side threads make each x each elements
static_assert(side * side == threads, "a thread for every part of the tile");

template <class T>
struct Slices {
    T a[slice][tile + 1], b[slice][tile + 1];  // + 1: neighbours along k fall into different banks
};

// Operand::along_inner: whether neighbours in memory are neighbours along k.
template <class T, class A, class B, class Store>
__global__ void __launch_bounds__(threads)
    gemm_kernel(int64_t rows, int64_t columns, int64_t inner, A a, B b, Store store) {
    auto& slices = shared<Slices<T>>();
    const int64_t row_tiles = divide_up(rows, tile), column_tiles = divide_up(columns, tile);
    const int64_t batch = blockIdx.x / (row_tiles * column_tiles);
    const int64_t first_row = blockIdx.x / column_tiles % row_tiles * tile,
                  first_column = blockIdx.x % column_tiles * tile;
    const int y = threadIdx.x / side, x = threadIdx.x % side;

    T sum[each][each] = {};
    for (int64_t first = 0; first < inner; first += slice) {
        for (int i = threadIdx.x; i < tile * slice; i += threads) {
            const int row = a.along_inner ? i / slice : i % tile, a_k = a.along_inner ? i % slice : i / tile;
            slices.a[a_k][row] =
                first_row + row < rows && first + a_k < inner ? a(batch, first_row + row, first + a_k) : T(0);
            const int column = b.along_inner ? i / slice : i % tile, b_k = b.along_inner ? i % slice : i / tile;
            slices.b[b_k][column] = first_column + column < columns && first + b_k < inner
                                        ? b(batch, first + b_k, first_column + column)
                                        : T(0);
        }
        __syncthreads();
        T part[each][each] = {};  // of this slice: long sums lose less this way
        for (int k = 0; k < slice; ++k) {
            T a_part[each], b_part[each];
            for (int i = 0; i < each; ++i) a_part[i] = slices.a[k][y + i * side];
            for (int j = 0; j < each; ++j) b_part[j] = slices.b[k][x + j * side];
            for (int i = 0; i < each; ++i)
                for (int j = 0; j < each; ++j) part[i][j] = math::fma(a_part[i], b_part[j], part[i][j]);
        }
        for (int i = 0; i < each; ++i)
            for (int j = 0; j < each; ++j) sum[i][j] += part[i][j];
        __syncthreads();
    }
    for (int i = 0; i < each; ++i)
        for (int j = 0; j < each; ++j) {
            const int64_t row = first_row + y + i * side, column = first_column + x + j * side;
            if (row < rows && column < columns) store(batch, row, column, sum[i][j]);
        }
}

template <class T, class A, class B, class Store>
void gemm(Stream stream, int64_t batch, int64_t rows, int64_t columns, int64_t inner, A a, B b, Store store) {
    launch(stream, gemm_kernel<T, A, B, Store>, batch * divide_up(rows, tile) * divide_up(columns, tile), rows, columns,
           inner, a, b, store);
}

// bias (may be null) and activation, as a result is stored
template <class T>
struct Epilogue {
    const T* bias;
    Activation activation;

    __device__ T operator()(T value, int64_t column) const {
        if (bias != nullptr) value += bias[column];
        switch (activation) {
            case Activation::relu:
                return value < T(0) ? T(0) : value;
            case Activation::sigmoid:
                return math::sigmoid(value);
            case Activation::tanh:
                return math::tanh(value);
            default:
                return value;
        }
    }
};

}  // namespace nerve::cuda
