// Gradients of the normalizations in norm_rows.h.
#pragma once
#include "cpu/norm_rows.h"

namespace nerve::NERVE_ISA {
namespace {  // norm.cpp alone includes this

// rstd (grad gamma - average(grad gamma) - normal average(grad gamma normal)), where normal = (x - mean) rstd
template <bool centered, class T>
void normalize_rows_backward(T* grad_x, const T* grad, const T* x, const T* mean, const T* rstd, const T* gamma,
                             int64_t rows, int64_t columns) {
    auto formula = [=](const auto& over, T* out, const T* const(&in)[2], int64_t row) NERVE_LAMBDA_INLINE {
        const vec<T> count{T(columns)}, inverse = load_partial(rstd + row, over.rows);
        const auto middle = over.spread(centered ? load_partial(mean + row, over.rows) : vec<T>(T(0)));
        const auto scale = over.spread(inverse);
        const auto scaled = [&](int64_t i, int64_t n, int64_t r)
                                NERVE_LAMBDA_INLINE { return load_some(in[0] + i, n) * over.beside(gamma, i, n, r); };
        vec<T> sum(T(0));
        if constexpr (centered) sum = over.reduce(T(0), Add{}, scaled);
        const vec<T> product = over.reduce(T(0), Add{}, [&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            return scaled(i, n, r) * deviation<centered>(load_some(in[1] + i, n), middle(r));
        });
        const auto average = over.spread(sum / count), slope = over.spread(-product * inverse * inverse / count);
        over.each([&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            const vec<T> d = deviation<centered>(load_some(in[1] + i, n), middle(r));
            store_some(out + i, scale(r) * fma(slope(r), d, deviation<centered>(scaled(i, n, r), average(r))), n);
        });
    };
    for_rows<T, 2, folded_columns>(grad_x, {grad, x}, rows, columns, formula);
}

// The same for some rows, and for each column what they add to the sums of grad and grad * normal.
template <bool centered, int rows, bool far, class T>
NERVE_NOINLINE void normalize_group_backward(T* grad_x, T* sums, T* products, const T* grad, const T* x, const T* mean,
                                             const T* rstd, const T* gamma, int64_t columns) {
    vec<T> total[2], average[rows], slope[rows];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
        const T *g = grad + r * columns, *from = x + r * columns;
        const vec<T> middle(centered ? mean[r] : T(0));
        sum_row(total, columns, [=](int64_t i, int64_t n, vec<T>(&sum)[2]) NERVE_LAMBDA_INLINE {
            if constexpr (far) __builtin_prefetch(grad_x + r * columns + i, 1, 2);
            const vec<T> scaled = load_some(g + i, n) * load_some(gamma + i, n);
            if constexpr (centered) sum[0] += scaled;
            sum[1] = fma(scaled, deviation<centered>(load_some(from + i, n), middle), sum[1]);
        });
        average[r] = vec<T>(fold_lanes(total[0], Add{}) / T(columns));
        slope[r] = vec<T>(-fold_lanes(total[1], Add{}) * rstd[r] * rstd[r] / T(columns));
    }
    each_register<T>(columns, [=](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
        const vec<T> factor = load_some(gamma + i, n);
        vec<T> sum(T(0)), product = load_some(products + i, n);
        if constexpr (centered) sum = load_some(sums + i, n);
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r) {
            const T *g_at = grad + r * columns + i, *x_at = x + r * columns + i;
            if constexpr (far) {
                prefetch_later(g_at, 2 * rows * columns);
                prefetch_later(x_at, 2 * rows * columns);
            }
            const vec<T> g = load_some(g_at, n), scale(rstd[r]);
            const vec<T> d = deviation<centered>(load_some(x_at, n), vec<T>(centered ? mean[r] : T(0)));
            sum += g;
            product = fma(g, d * scale, product);
            const vec<T> result = scale * fma(slope[r], d, fma(g, factor, -average[r]));
            store_some(grad_x + r * columns + i, result, n);
        }
        if constexpr (centered) store_some(sums + i, sum, n);
        store_some(products + i, product, n);
    });
}

// Adds, for each column, grad and grad * normal of `rows` rows to sums and products.
template <bool centered, class T>
void add_columns(T* sums, T* products, const T* grad, const T* x, const T* mean, const T* rstd, int64_t rows,
                 int64_t columns) {
    each_strip<T>(columns, [&](int64_t i, auto at, auto count) NERVE_LAMBDA_INLINE {
        constexpr int n = decltype(count)::value, step = vec<T>::size;
        vec<T> sum[n], product[n];
        for (int k = 0; k < n; ++k) {
            sum[k] = centered ? at.read(sums + i + k * step) : vec<T>(T(0));
            product[k] = at.read(products + i + k * step);
        }
        for (int64_t r = 0; r < rows; ++r) {
            const vec<T> middle(centered ? mean[r] : T(0)), scale(rstd[r]);
            for (int k = 0; k < n; ++k) {
                const int64_t from = r * columns + i + k * step;
                const vec<T> g = at.read(grad + from);
                sum[k] += g;
                product[k] = fma(g, deviation<centered>(at.read(x + from), middle) * scale, product[k]);
            }
        }
        for (int k = 0; k < n; ++k) {
            if constexpr (centered) at.write(sums + i + k * step, sum[k]);
            at.write(products + i + k * step, product[k]);
        }
    });
}

// All gradients; of gamma and beta by the sums of tasks, joined in double.
template <bool centered, class T>
void rows_backward(T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean, const T* rstd,
                   const T* gamma, int64_t rows, int64_t columns) {
    if (columns == 0) return;
    const int64_t share = (rows + most_partials - 1) / most_partials, at_once = rows_in_a_task(columns);
    const int64_t task = share > at_once ? (share + at_once - 1) / at_once * at_once : at_once;
    const int64_t tasks = (rows + task - 1) / task;
    Scratch scratch((2 * tasks + 1) * columns * sizeof(T));
    T *sums = scratch.take<T>(tasks * columns), *products = scratch.take<T>(tasks * columns);
    gamma = given_or(gamma, scratch.take<T>(columns), T(1), columns);
    parallel_blocks(rows, task, [&](int64_t begin, int64_t end) {
        T *sum = sums + begin / task * columns, *product = products + begin / task * columns;
        for (int64_t c = 0; c < columns; ++c) sum[c] = product[c] = 0;
        if (columns <= short_columns) {
            for (int64_t row = begin; row < end; row += at_once) {
                const int64_t left = end - row < at_once ? end - row : at_once, from = row * columns;
                const T* middle = centered ? mean + row : nullptr;
                normalize_rows_backward<centered>(grad_x + from, grad + from, x + from, middle, rstd + row, gamma, left,
                                                  columns);
                add_columns<centered>(sum, product, grad + from, x + from, middle, rstd + row, left, columns);
            }
            return;
        }
        each_group(columns, begin, end, [&](int64_t row, auto count, auto far) {
            const int64_t from = row * columns;
            normalize_group_backward<centered, count.value, far.value>(grad_x + from, sum, product, grad + from,
                                                                       x + from, centered ? mean + row : nullptr,
                                                                       rstd + row, gamma, columns);
        });
    });
    parallel_blocks(columns, tile_columns, [&](int64_t begin, int64_t end) {
        double sum[tile_columns] = {}, product[tile_columns] = {};
        for (int64_t i = begin; i < tasks * columns; i += columns)
            for (int64_t c = 0; c < end - begin; ++c) {
                sum[c] += double(sums[i + c]);
                product[c] += double(products[i + c]);
            }
        for (int64_t c = 0; c < end - begin; ++c) {
            if constexpr (centered) grad_beta[begin + c] = T(sum[c]);
            grad_gamma[begin + c] = T(product[c]);
        }
    });
}

}  // namespace
}  // namespace nerve::NERVE_ISA
