// Distances of rows in strips (strips.h), from a product or by differences.
#pragma once
#include "cpu/exact.h"
#include "cpu/strips.h"

namespace nerve::NERVE_ISA {

// Rows are moved by a common point before they are multiplied: what they have in common would cost digits.
template <class T>
void common_point(T* point, const T* y, int64_t rows, int64_t features) {
    const int64_t step = pieces(rows, 256);
    for (int64_t k = 0; k < features; ++k) {
        double sum = 0;
        int64_t count = 0;
        for (int64_t i = 0; i < rows; i += step, ++count) sum += double(y[i * features + k]);
        const T mean = T(sum / double(count > 0 ? count : 1));
        point[k] = mean - mean == T(0) ? mean : T(0);  // infinities and NaN move nothing
    }
}

template <class T>
struct MovedRows {
    MatrixRows<T> rows;
    const T* point;

    void operator()(T* panel, int64_t row, int64_t count, int64_t k, int64_t inner) const {
        rows(panel, row, count, k, inner);
        for (int64_t i = 0; i < inner; ++i)
            for (int64_t r = 0; r < count; ++r) panel[i * tile_rows + r] -= point[k + i];
    }
};
template <class T>
struct MovedColumns {
    MatrixColumns<T> columns;
    const T* point;

    void operator()(T* panel, int64_t column, int64_t count, int64_t k, int64_t inner) const {
        columns(panel, column, count, k, inner);
        for (int64_t i = 0; i < inner; ++i)
            for (int64_t c = 0; c < tile_columns<T>; ++c) panel[i * tile_columns<T> + c] -= point[k + i];
    }
};

// The squared norm of a moved row: 64 bytes of running lanes, folded in halves.
template <class T>
NERVE_INLINE T moved_square(const T* x, const T* point, int64_t features) {
    using V = vec<T>;
    constexpr int n = 64 / vector_bytes, lanes = n * V::size;
    V sum[n];
    for (int j = 0; j < n; ++j) sum[j] = V(T(0));
    int64_t k = 0;
    for (; k + lanes <= features; k += lanes)
#pragma GCC unroll 4
        for (int j = 0; j < n; ++j) {
            const V moved = load(x + k + j * V::size) - load(point + k + j * V::size);
            sum[j] = fma(moved, moved, sum[j]);
        }
#pragma GCC unroll 4
    for (int j = 0; j < n; ++j) {
        const int64_t left = features - k - j * V::size;
        if (left <= 0) break;
        const int64_t some = smaller(left, V::size);
        const V moved = load_partial(x + k + j * V::size, some) - load_partial(point + k + j * V::size, some);
        sum[j] = fma(moved, moved, sum[j]);
    }
    T lane[lanes];
    for (int j = 0; j < n; ++j) store(lane + j * V::size, sum[j]);
    for (int half = lanes / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
}
template <class T>
void moved_squares(T* squares, const T* x, const T* point, int64_t rows, int64_t features) {
    parallel_blocks(rows, 1 + serial_work / (features + 1), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) squares[i] = moved_square(x + i * features, point, features);
    });
}

// Sums of |x - y| in strips, or less than nothing, by differences: the interface of strips(). Each is a chain of sums
// in the order of k.
template <class T, bool negative, class Task>
void difference_strips(int64_t rows, int64_t columns, int64_t features, const T* x, const T* y, int64_t groups,
                       const Task& task) {
    using V = vec<T>;
    if (rows <= 0 || columns <= 0) return;
    constexpr int64_t width = tile_columns<T>, height = 4;
    const int64_t chunks = pieces(columns, strip_columns), group_chunks = pieces(chunks, groups);
    const MatrixColumns<T> pack{y, features, true};
    parallel(pieces(rows, strip_rows) * groups, [&](int64_t index) {
        const int64_t row = index / groups * strip_rows, row_end = smaller(row + strip_rows, rows);
        const int64_t group = index % groups;
        auto each = [&](const auto& visit) {
            alignas(64) T strip[height * strip_columns];
            for (int64_t c = group * group_chunks; c < smaller((group + 1) * group_chunks, chunks); ++c) {
                const int64_t column = c * strip_columns, column_end = smaller(column + strip_columns, columns);
                const int64_t panels = pieces(column_end - column, width);
                T* packed = scratch<T>(runtime::packed_b, panels * width * features + width);
                for (int64_t p = 0; p < panels; ++p)
                    for (int64_t k = 0; k < features; k += inner_block)
                        pack(packed + (p * features + k) * width, column + p * width,
                             smaller(column_end - column - p * width, width), k, smaller(features - k, inner_block));
                for (int64_t r = row; r < row_end; r += height) {
                    const int64_t used = smaller(height, row_end - r);
                    const T* of[height];  // the last rows stand in for those that are missing
                    for (int64_t i = 0; i < height; ++i) of[i] = x + (r + smaller(i, used - 1)) * features;
                    for (int64_t p = 0; p < panels; ++p) {
                        V sum[height][tile_vectors];
                        for (auto& sums : sum)
                            for (V& each_sum : sums) each_sum = V(T(0));
                        const T* from = packed + p * width * features;
                        for (int64_t k = 0; k < features; ++k, from += width)
#pragma GCC unroll 4
                            for (int j = 0; j < tile_vectors; ++j) {
                                const V there = load(from + j * V::size);
#pragma GCC unroll 4
                                for (int i = 0; i < height; ++i) sum[i][j] += abs(V(of[i][k]) - there);
                            }
                        for (int64_t i = 0; i < height; ++i)
                            for (int j = 0; j < tile_vectors; ++j) {
                                const int64_t at = p * width + j * V::size;
                                if (at < strip_columns)
                                    store(strip + i * strip_columns + at, negative ? -sum[i][j] : sum[i][j]);
                            }
                    }
                    visit(Strip<T>{strip, r, used, column, column_end - column});
                }
            }
        };
        task(row, row_end, group, each);
    });
}

}  // namespace nerve::NERVE_ISA
