// Similarities (bounds.h) from products of rows rounded to 16 bits (dots16.h), in the strips of strips.h: twice as fast
// as those in float32, and wrong by more, which the bound says. Whoever decides by it gets the same results.
#pragma once
#include "cpu/bounds.h"
#include "cpu/dots16.h"

namespace nerve::NERVE_ISA {

struct RoundedBound : SquareBound<float> {
    using V = vec<float>;
    static constexpr int64_t width = dots16::lanes;
    float* scales;  // of y's rows
    int64_t pairs;

    static int64_t memory(const DistanceShape& shape) { return SquareBound<float>::memory(shape) + shape.columns; }
    // Few products, or few with each row, do not pay for the rounding.
    static bool pays(const DistanceShape& shape) {
        return dots16::usable() && shape.features >= 32 && shape.features <= dots16::most_features &&
               shape.rows >= 256 && shape.rows * shape.columns >= (int64_t(1) << 28) / shape.features;
    }

    RoundedBound(float* room, const float* x_rows, const float* y_rows, const DistanceShape& sizes)
        : SquareBound<float>(room, x_rows, y_rows, sizes, dots16::relative_error(sizes.features)) {
        scales = room + SquareBound<float>::memory(sizes), pairs = dots16::pairs_of(sizes.features);
        for (int64_t i = 0; i < shape.columns; ++i) scales[i] = dots16::scale_of(errors[i] / float(e));
    }

    // Whether all rows can be rounded, and pairs that are near differ by more than what that costs. Where most of y
    // lies close together, but far from the common point, it would leave too many pairs to look at.
    bool fits(int64_t neighbors) const {
        for (int64_t i = 0; i < shape.rows; ++i)
            if (dots16::scale_of(squares[i]) < 0) return false;
        for (int64_t i = 0; i < shape.columns; ++i)
            if (scales[i] < 0) return false;
        constexpr int64_t some_rows = 16, some_columns = 256;
        double near[some_columns], sorted[some_columns];
        int64_t needless = 0;
        const int64_t rank = smaller(neighbors * some_columns / shape.columns, some_columns - 1);
        for (int64_t r = 0; r < some_rows; ++r) {
            const int64_t row = r * shape.rows / some_rows;
            auto at = [&](int64_t c) { return c * shape.columns / some_columns; };
            for (int64_t c = 0; c < some_columns; ++c)
                sorted[c] = near[c] =
                    exact_distance<false>(x + row * shape.features, y + at(c) * shape.features, shape.features);
            select_rank(sorted, some_columns, rank, [](double a, double b) NERVE_LAMBDA_INLINE { return a < b; });
            for (int64_t c = 0; c < some_columns; ++c)
                needless += near[c] <= sorted[rank] + 2 * e * double(squares[row]) + 2 * double(errors[at(c)]);
            needless -= rank + 1;
        }
        return needless <= some_rows * some_columns / 64;
    }

    // The panels of columns [column, column_end).
    void pack(int32_t* panels, int32_t* room, int64_t column, int64_t column_end) const {
        for (; column < column_end; column += width, panels += width * pairs)
            dots16::pack(panels, room, smaller(width, column_end - column), pairs, [&](int32_t* to, int64_t c) {
                dots16::round(to, y + (column + c) * shape.features, point, scales[column + c], shape.features);
            });
    }

    // As strips().
    template <class Task>
    void run(int64_t groups, const Task& task) const {
        const int64_t rows = shape.rows, columns = shape.columns, features = shape.features;
        if (rows <= 0 || columns <= 0) return;
        constexpr int64_t most_bytes = 256 << 10, shared_bytes = 8 << 20;
        const int64_t chunk = smaller(strip_columns, larger(1, most_bytes / (4 * pairs) / width) * width);
        const int64_t chunks = pieces(columns, chunk), group_chunks = pieces(chunks, groups);
        const int64_t task_rows = strip_task_rows(rows, features), tasks = pieces(rows, task_rows);
        const bool shared = tasks > 1 && pieces(columns, width) * width * pairs * 4 <= shared_bytes;
        const int64_t room = width * pairs + 16;
        int32_t* packed = nullptr;
        if (shared) {
            packed = scratch<int32_t>(runtime::packed_b, pieces(columns, width) * width * pairs + 16);
            parallel(chunks, [&](int64_t c) {
                pack(packed + c * chunk * pairs, scratch<int32_t>(runtime::packed_a, room), c * chunk,
                     smaller((c + 1) * chunk, columns));
            });
        }
        parallel(tasks * groups, [&](int64_t index) {
            const int64_t row = index / groups * task_rows, row_end = smaller(row + task_rows, rows);
            const int64_t group = index % groups;
            int32_t* of_rows = scratch<int32_t>(runtime::packed_a, task_rows * (pairs + 1) + room);
            auto* row_scales = reinterpret_cast<float*>(of_rows + task_rows * pairs);
            int32_t* spare = of_rows + task_rows * (pairs + 1);
            for (int64_t r = row; r < row_end; ++r) {
                row_scales[r - row] = dots16::scale_of(squares[r]);
                dots16::round(of_rows + (r - row) * pairs, x + r * features, point, row_scales[r - row], features);
            }
            task(row, row_end, group, [&](const auto& visit) {
                alignas(64) float strip[dots16::most * strip_columns];
                for (int64_t c = group * group_chunks; c < smaller((group + 1) * group_chunks, chunks); ++c) {
                    const int64_t column = c * chunk, column_end = smaller(column + chunk, columns);
                    const int32_t* panels = packed + column * pairs;
                    if (!shared) {
                        int32_t* own = scratch<int32_t>(runtime::packed_b, chunk * pairs + 16);
                        pack(own, spare, column, column_end);
                        panels = own;
                    }
                    for (int64_t r = row; r < row_end; r += dots16::most) {
                        const int used = int(smaller(dots16::most, row_end - r));
                        for (int64_t first = column; first < column_end; first += width)
                            products(strip + (first - column), panels + (first - column) * pairs,
                                     of_rows + (r - row) * pairs, row_scales + (r - row), used, first, column_end);
                        visit(Strip<float>{strip, r, used, column, column_end - column});
                    }
                }
            });
        });
    }

    // Similarities of some rows and a panel of columns, in a strip.
    void products(float* strip, const int32_t* panel, const int32_t* of_rows, const float* row_scales, int used,
                  int64_t column, int64_t column_end) const {
        alignas(64) int32_t sums[dots16::most * width];
        dots16::dots(sums, panel, of_rows, used, pairs);
        for (int64_t v = 0; v < width; v += V::size) {
            const int64_t n = smaller(column_end - column - v, V::size);
            if (n <= 0) break;
            const V scale = load_partial(scales + column + v, n), half = load_partial(halves + column + v, n);
            for (int r = 0; r < used; ++r)
                store(strip + r * strip_columns + v,
                      fma(dots16::floats(sums + r * width + v), scale * V(row_scales[r]), half));
        }
    }
};

}  // namespace nerve::NERVE_ISA
