// Matrix products, batched, either operand transposed, with bias and activation applied as the tile is stored.
#include "cpu/gemm.h"
#include "cpu/pack.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

template <class T>
void product(T* out, const T* a, const T* b, const T* bias, const MatmulShape& shape, Activation activation) {
    const int64_t a_stride = shape.transpose_a ? shape.rows : shape.inner;
    const int64_t b_stride = shape.transpose_b ? shape.inner : shape.columns;
    auto pack_a = [&](T* panel, int64_t row, int64_t rows, int64_t k, int64_t count) {
        if (shape.transpose_a)
            pack_along<tile_rows>(panel, a, a_stride, row, rows, k, count);
        else
            pack_across<tile_rows>(panel, a, a_stride, row, rows, k, count);
    };
    auto pack_b = [&](T* panel, int64_t column, int64_t columns, int64_t k, int64_t count) {
        if (shape.transpose_b)
            pack_across<tile_columns<T>>(panel, b, b_stride, column, columns, k, count);
        else
            pack_along<tile_columns<T>>(panel, b, b_stride, column, columns, k, count);
    };
    gemm<T>(shape.rows, shape.columns, shape.inner, pack_a, pack_b, {out, shape.columns, bias, activation});
}

}  // namespace

template <class T>
void matmul(T* out, const T* a, const T* b, const T* bias, const MatmulShape& shape, int64_t activation) {
    const int64_t work = shape.rows * shape.columns * shape.inner;
    auto one = [&](int64_t i) {
        product(out + i * shape.rows * shape.columns, a + i * shape.a_batch_stride, b + i * shape.b_batch_stride, bias,
                shape, static_cast<Activation>(activation));
    };
    if (shape.batch > 1 && work < (1 << 20))  // small products: whole ones go to the threads
        parallel_blocks(shape.batch, 1 + (1 << 17) / (work + 1), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) one(i);
        });
    else
        for (int64_t i = 0; i < shape.batch; ++i) one(i);
}

}  // namespace nerve::NERVE_ISA

#define FAMILY_matmul FAMILY_HERE
#include "cpu/instantiate.h"
