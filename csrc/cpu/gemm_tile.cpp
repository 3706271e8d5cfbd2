#include "cpu/gemm_tile.h"

#include "cpu/activation.h"

namespace nerve::NERVE_ISA {
namespace {

// One tile of R rows and J vectors of columns, the first `rows` x `columns` of which are stored.
template <class T, int R, int J, bool in_rows>
NERVE_NOINLINE void micro_kernel(int64_t inner, const T* a, int64_t a_step, const ColumnPanels<T>& b,
                                 const Epilogue<T>& epilogue, int64_t row, int64_t column, int rows, int columns,
                                 bool first, bool last) {
    using V = vec<T>;
    constexpr int panels = (J + tile_vectors - 1) / tile_vectors;
    T* out = epilogue.out + row * epilogue.stride + column;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) __builtin_prefetch(out + (r < rows ? r : 0) * epilogue.stride, 1);
    V sum[R][J];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
    // Pointers to every fourth row: the others are at addresses the processor can add by itself.
    const T* quad[(R + 3) / 4];
    for (int q = 0; q < (R + 3) / 4; ++q) quad[q] = in_rows ? a + 4 * q * a_step : a + 4 * q;
    const int64_t thrice = 3 * a_step;
    const T* panel[panels];
    for (int p = 0; p < panels; ++p) panel[p] = b.data + p * b.next;
    for (int64_t k = 0; k < inner; ++k) {
        V bk[J];
#pragma GCC unroll 8
        for (int j = 0; j < J; ++j) bk[j] = load(panel[j / tile_vectors] + j % tile_vectors * V::size);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            const int64_t apart = !in_rows ? r % 4 : r % 4 == 3 ? thrice : r % 4 * a_step;
            const V ak(quad[r / 4][apart]);
#pragma GCC unroll 8
            for (int j = 0; j < J; ++j) sum[r][j] = fma(ak, bk[j], sum[r][j]);
        }
#pragma GCC unroll 4
        for (int p = 0; p < panels; ++p) panel[p] += b.step;
#pragma GCC unroll 4
        for (int q = 0; q < (R + 3) / 4; ++q) quad[q] += in_rows ? 1 : a_step;
    }
    const bool relu = last && epilogue.activation == Activation::relu;
#pragma GCC unroll 8
    for (int j = 0; j < J; ++j) {
        const int64_t width = columns - j * V::size;
        if (width <= 0) break;
        const T* bias = last && epilogue.bias != nullptr ? epilogue.bias + column + j * V::size : nullptr;
        T* to = out + j * V::size;
        if (width >= V::size) {
            const V added = bias != nullptr ? load(bias) : V(T(0));
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                if (r >= rows) break;
                V value = sum[r][j];
                if (!first) value = load(to) + value;
                if (last) value = value + added;
                if (relu) value = max(value, V(T(0)));
                store(to, value);
                to += epilogue.stride;
            }
        } else {
            const V added = bias != nullptr ? load_partial(bias, width) : V(T(0));
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                if (r >= rows) break;
                V value = sum[r][j];
                if (!first) value = load_partial(to, width) + value;
                if (last) value = value + added;
                if (relu) value = max(value, V(T(0)));
                store_partial(to, value, width);
                to += epilogue.stride;
            }
        }
    }
    if (last && !relu && epilogue.activation != Activation::linear)
        finish(Epilogue<T>{epilogue.out, epilogue.stride, nullptr, epilogue.activation}, row, column, rows, columns);
}

// Few rows take more columns at a time, so that as many sums are under way.
template <int R>
constexpr int panels_at_once = R > 4                         ? 1
                               : R == 4                      ? (vector_bytes == 64 ? 2 : 1)
                               : R == 2 || tile_vectors == 3 ? (vector_bytes == 64 ? 4 : 2)
                                                             : 4;

template <class T, int R, bool in_rows>
void tiles_of(int64_t inner, const RowPanel<T>& a, const ColumnPanels<T>& b, const Epilogue<T>& epilogue, int64_t row,
              int64_t rows, int64_t column, int64_t columns, bool first, bool last) {
    constexpr int wide = panels_at_once<R>;
    constexpr int64_t width = tile_columns<T>;
    ColumnPanels<T> left = b;
    for (const int64_t end = column + columns; column < end;) {
        const int64_t n = end - column;
        const int used = int(n < wide * width ? n : wide * width);
        if (wide > 1 && n >= wide * width) {
            micro_kernel<T, R, wide * tile_vectors, in_rows>(inner, a.data, a.step, left, epilogue, row, column,
                                                             int(rows), used, first, last);
            column += wide * width, left.data += wide * left.next;
        } else if (n > vec<T>::size) {
            micro_kernel<T, R, tile_vectors, in_rows>(inner, a.data, a.step, left, epilogue, row, column, int(rows),
                                                      used < width ? used : int(width), first, last);
            column += width, left.data += left.next;
        } else {
            micro_kernel<T, R, 1, in_rows>(inner, a.data, a.step, left, epilogue, row, column, int(rows), used, first,
                                           last);
            column += width;
        }
    }
}

}  // namespace

template <class T>
void finish(const Epilogue<T>& epilogue, int64_t row, int64_t column, int64_t rows, int64_t columns) {
    using V = vec<T>;
    if (epilogue.bias == nullptr && epilogue.activation == Activation::linear) return;
    for (int64_t r = row; r < row + rows; ++r)
        for (int64_t c = column; c < column + columns; c += V::size) {
            const int64_t n = column + columns - c < V::size ? column + columns - c : V::size;
            T* out = epilogue.out + r * epilogue.stride + c;
            V value = load_partial(out, n);
            if (epilogue.bias != nullptr) value = value + load_partial(epilogue.bias + c, n);
            store_partial(out, activate(epilogue.activation, value), n);
        }
}

template <class T>
void tiles(int64_t inner, const RowPanel<T>& a, const ColumnPanels<T>& b, const Epilogue<T>& epilogue, int64_t row,
           int64_t rows, int64_t column, int64_t columns, bool first, bool last) {
    auto run = [&](auto height) NERVE_LAMBDA_INLINE {
        constexpr int R = decltype(height)::value;
        if (a.in_rows)
            tiles_of<T, R, true>(inner, a, b, epilogue, row, rows, column, columns, first, last);
        else
            tiles_of<T, R, false>(inner, a, b, epilogue, row, rows, column, columns, first, last);
    };
    switch (tile_height(rows)) {
        case 1:
            return run(std::integral_constant<int, 1>());
        case 2:
            return run(std::integral_constant<int, 2>());
        case 4:
            return run(std::integral_constant<int, 4>());
        case tile_rows:
            return run(std::integral_constant<int, tile_rows>());
        default:
            if constexpr (tile_rows > 8) return run(std::integral_constant<int, 8>());
    }
}

template void finish(const Epilogue<float>&, int64_t, int64_t, int64_t, int64_t);
template void finish(const Epilogue<double>&, int64_t, int64_t, int64_t, int64_t);
template void tiles(int64_t, const RowPanel<float>&, const ColumnPanels<float>&, const Epilogue<float>&, int64_t,
                    int64_t, int64_t, int64_t, bool, bool);
template void tiles(int64_t, const RowPanel<double>&, const ColumnPanels<double>&, const Epilogue<double>&, int64_t,
                    int64_t, int64_t, int64_t, bool, bool);

}  // namespace nerve::NERVE_ISA
