// Matrix products, batched, either operand transposed, with bias and activation applied as the result is stored.
#include "cuda/gemm.cuh"

namespace nerve::cuda {
namespace {

// Element (row, column) of the matrices of a batch.
template <class T>
struct Matrix {
    const T* data;
    int64_t batch_stride, row_stride, column_stride;
    bool along_inner;
    __device__ T operator()(int64_t batch, int64_t row, int64_t column) const {
        return data[batch * batch_stride + row * row_stride + column * column_stride];
    }
};

template <class T>
struct StoreMatrix {
    T* out;
    int64_t rows, columns;
    Epilogue<T> epilogue;
    __device__ void operator()(int64_t batch, int64_t row, int64_t column, T value) const {
        out[(batch * rows + row) * columns + column] = epilogue(value, column);
    }
};

template <class T>
__global__ void pack_kernel(T* packed, const T* b, int64_t inner, int64_t columns, bool transposed) {
    for (int64_t i = first_index(); i < inner * columns; i += index_step())
        packed[i] = transposed ? b[i % columns * inner + i / columns] : b[i];
}

}  // namespace

template <class T>
void matmul(Stream stream, T* out, const T* a, const T* b, const T* bias, const MatmulShape& shape,
            int64_t activation) {
    const auto& s = shape;
    const Matrix<T> left = s.transpose_a ? Matrix<T>{a, s.a_batch_stride, 1, s.rows, false}
                                         : Matrix<T>{a, s.a_batch_stride, s.inner, 1, true};
    const Matrix<T> right = s.transpose_b ? Matrix<T>{b, s.b_batch_stride, 1, s.inner, true}
                                          : Matrix<T>{b, s.b_batch_stride, s.columns, 1, false};
    gemm<T>(stream, s.batch, s.rows, s.columns, s.inner, left, right,
            StoreMatrix<T>{out, s.rows, s.columns, {bias, static_cast<Activation>(activation)}});
}

// Nothing is gained by another order here: packed is b, row-major.
template <class T>
void pack(Stream stream, T* packed, const T* b, int64_t inner, int64_t columns, bool transposed) {
    launch(stream, pack_kernel<T>, loop_blocks(inner * columns), packed, b, inner, columns, transposed);
}

template <class T>
void matmul_packed(Stream stream, T* out, const T* a, const T* packed, const T* bias, const MatmulShape& shape,
                   int64_t activation) {
    MatmulShape plain = shape;
    plain.transpose_b = 0;
    matmul(stream, out, a, packed, bias, plain, activation);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/matmul.inc"
#include "cuda/instantiate.cuh"
