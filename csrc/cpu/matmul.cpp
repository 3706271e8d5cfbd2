// Matrix products, batched, either operand transposed, with bias and activation applied as the tile is stored.
#include "cpu/dots.h"
#include "cpu/gemm.h"
#include "cpu/pack.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

template <class T>
void product(T* out, const T* a, const T* b, const T* bias, const MatmulShape& shape, Activation activation) {
    const Epilogue<T> epilogue{out, shape.columns, bias, activation};
    const bool along_inner = (!shape.transpose_a || shape.rows == 1) && (shape.transpose_b || shape.columns == 1);
    if (along_inner && shape.inner >= 64 && shape.rows <= 8)
        return dots(shape.rows, shape.columns, shape.inner, a, b, false, epilogue);
    if (along_inner && shape.inner >= 64 && shape.columns <= 4)
        return dots(shape.columns, shape.rows, shape.inner, b, a, true, epilogue);
    const MatrixRows<T> rows{a, shape.transpose_a ? shape.rows : shape.inner, shape.transpose_a != 0};
    const MatrixColumns<T> columns{b, shape.transpose_b ? shape.inner : shape.columns, shape.transpose_b != 0};
    gemm<T>(shape.rows, shape.columns, shape.inner, rows, columns, epilogue);
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

template <class T>
void pack(T* packed, const T* b, int64_t inner, int64_t columns, bool transposed) {
    constexpr int64_t width = tile_columns<T>;
    const MatrixColumns<T> matrix{b, transposed ? inner : columns, transposed};
    const int64_t panels = pieces(columns, width);
    for (int64_t k = 0; k < inner; k += inner_block) {
        const int64_t count = smaller(inner - k, inner_block);
        T* to = packed + PackedColumns<T>::block(columns, k);
        parallel_blocks(panels, 1 + 16384 / (width * count), [&](int64_t begin, int64_t end) {
            int64_t p = begin + matrix.several(to + begin * width * count, begin * width, smaller(end * width, columns),
                                               k, count);
            for (; p < end; ++p)
                matrix(to + p * width * count, p * width, smaller(columns - p * width, width), k, count);
        });
    }
}

template <class T>
void matmul_packed(T* out, const T* a, const T* packed, const T* bias, const MatmulShape& shape, int64_t activation) {
    const MatrixRows<T> rows{a, shape.transpose_a ? shape.rows : shape.inner, shape.transpose_a != 0};
    gemm<T>(shape.rows, shape.columns, shape.inner, rows, PackedColumns<T>{packed, shape.inner, shape.columns},
            {out, shape.columns, bias, static_cast<Activation>(activation)});
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/matmul.inc"
#include "cpu/instantiate.h"
