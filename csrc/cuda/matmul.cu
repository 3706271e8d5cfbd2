// Matrix products, batched, either operand transposed, with bias and activation applied as the result is stored.
#include "cuda/gemm.cuh"
#include "cuda/operands.cuh"
#include "cuda/wgmma.h"

namespace nerve::cuda {
namespace {

template <class T, bool a_along_k, bool b_along_k>
struct MatrixProduct {
    using A = Matrix<T, a_along_k>;
    using B = Matrix<T, b_along_k>;
    A a;
    B b;
    T* result;
    Epilogue<T> finish;
    int64_t batch, rows, columns, depth;
    bool wide_out;

    MatrixProduct(const A& a, const B& b, T* result, const Epilogue<T>& finish, const MatmulShape& s)
        : a(a),
          b(b),
          result(result),
          finish(finish),
          batch(s.batch),
          rows(s.rows),
          columns(s.columns),
          depth(s.inner),
          wide_out(A::is_wide(result, columns, 0, columns)) {}

    bool may_split() const { return true; }
    __host__ __device__ int64_t inner(int64_t) const { return depth; }
    __device__ A left(int64_t batch) const { return a.of_batch(batch); }
    __device__ B right(int64_t batch) const { return b.of_batch(batch); }
    __device__ T epilogue(int64_t, int64_t column, T value) const { return finish(value, column); }
    __device__ T* out(int64_t b, int64_t row, int64_t column) const {
        return result + (b * rows + row) * columns + column;
    }
};

// body(product) with the type that fits the layouts. Where both operands are transposed, the right one is read element
// by element: the one layout that nothing calls often has no kernel of its own.
template <class T, class Body>
void with_product(T* out, const T* a, const T* b, const T* bias, const MatmulShape& s, int64_t activation,
                  const Body& body) {
    const Epilogue<T> finish{bias, static_cast<Activation>(activation)};
    const auto make = [&](auto left, auto right) {
        body(MatrixProduct<T, decltype(left)::along_k, decltype(right)::along_k>(left, right, out, finish, s));
    };
    if (s.transpose_a) {
        const Matrix<T, false> left(a, s.inner, s.rows, s.a_batch_stride, s.rows);
        if (s.transpose_b)
            make(left, Matrix<T, false>(b, s.inner, s.columns, s.b_batch_stride, 1, s.inner));
        else
            make(left, Matrix<T, false>(b, s.inner, s.columns, s.b_batch_stride, s.columns));
    } else {
        const Matrix<T, true> left(a, s.rows, s.inner, s.a_batch_stride, s.inner);
        if (s.transpose_b)
            make(left, Matrix<T, true>(b, s.columns, s.inner, s.b_batch_stride, s.inner));
        else
            make(left, Matrix<T, false>(b, s.inner, s.columns, s.b_batch_stride, s.columns));
    }
}

template <class T>
__global__ void pack_kernel(T* packed, const T* b, int64_t inner, int64_t columns, bool transposed) {
    for (int64_t i = first_index(); i < inner * columns; i += index_step())
        packed[i] = transposed ? b[i % columns * inner + i / columns] : b[i];
}

MatmulShape packed_shape(MatmulShape shape) {
    shape.transpose_b = 0;
    return shape;
}

}  // namespace

template <class T>
void matmul(Stream stream, T* out, const T* a, const T* b, const T* bias, const MatmulShape& shape,
            int64_t activation) {
#ifdef NERVE_WGMMA  // the build has machine code for sm_90a
    if constexpr (sizeof(T) == 4)
        if (matmul_wgmma(stream, out, a, b, bias, shape, activation)) return;
#endif
    with_product(out, a, b, bias, shape, activation, [=](const auto& product) { multiply<T>(stream, product); });
}
template <class T>
int64_t matmul_scratch(T* out, const T* a, const T* b, const T* bias, const MatmulShape& shape, int64_t activation) {
    int64_t bytes = 0;
    with_product(out, a, b, bias, shape, activation, [&](const auto& product) { bytes = product_scratch<T>(product); });
    return bytes;
}

// Nothing is gained by another order here: packed is b, row-major.
template <class T>
void pack(Stream stream, T* packed, const T* b, int64_t inner, int64_t columns, bool transposed) {
    launch(stream, pack_kernel<T>, loop_blocks(inner * columns), packed, b, inner, columns, transposed);
}

template <class T>
void matmul_packed(Stream stream, T* out, const T* a, const T* packed, const T* bias, const MatmulShape& shape,
                   int64_t activation) {
    matmul(stream, out, a, packed, bias, packed_shape(shape), activation);
}
template <class T>
int64_t matmul_packed_scratch(T* out, const T* a, const T* packed, const T* bias, const MatmulShape& shape,
                              int64_t activation) {
    return matmul_scratch(out, a, packed, bias, packed_shape(shape), activation);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/matmul.inc"
#include "cuda/instantiate.cuh"
