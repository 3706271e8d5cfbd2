// Layer normalization: each row by its own mean and variance, while it is in the first cache.
#pragma once
#include "cpu/norm_lines.h"
#include "cpu/rows.h"

namespace nerve::NERVE_ISA {
namespace {  // norm.cpp alone includes this

constexpr int64_t folded_columns = 256;  // rows up to here are reduced together: several must fit in the first cache
constexpr int64_t block_size = 1 << 15;  // elements of grad and of x that are looked at twice
constexpr int64_t most_partials = 64;    // of the sums over rows

// gamma and beta, ones and zeros where they are not given.
template <class T>
const T* given_or(const T* given, T* memory, T other, int64_t columns) {
    if (given != nullptr) return given;
    for (int64_t c = 0; c < columns; ++c) memory[c] = other;
    return memory;
}

template <class T>
void normalize_rows(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows, int64_t columns,
                    T epsilon) {
    auto formula = [=](const auto& over, T* y, const T* const(&in)[1], int64_t row) NERVE_LAMBDA_INLINE {
        const T* from = in[0];
        const vec<T> count{T(columns)};
        const vec<T> center = over.reduce(T(0), Add{}, [&](int64_t i, int64_t n, int64_t) NERVE_LAMBDA_INLINE {
            return load_some(from + i, n);
        }) / count;
        const auto middle = over.spread(center);
        const vec<T> squares = over.reduce(T(0), Add{}, [&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            const vec<T> m = middle(r), d = load_or(from + i, n, m.v[0]) - m;  // zero in idle lanes
            return d * d;
        });
        const vec<T> inverse = vec<T>(T(1)) / sqrt(squares / count + vec<T>(epsilon));
        if (mean != nullptr) store_partial(mean + row, center, over.rows);
        if (rstd != nullptr) store_partial(rstd + row, inverse, over.rows);
        const auto scale = over.spread(inverse);
        over.each([&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            const vec<T> normal = (load_some(from + i, n) - middle(r)) * scale(r);
            store_some(y + i, fma(normal, over.beside(gamma, i, n, r), over.beside(beta, i, n, r)), n);
        });
    };
    for_rows<T, 1, folded_columns>(out, {x}, rows, columns, formula);
}

// rstd (grad gamma - average(grad gamma) - normal average(grad gamma normal)), where normal = (x - mean) rstd
template <class T>
void normalize_rows_backward(T* grad_x, const T* grad, const T* x, const T* mean, const T* rstd, const T* gamma,
                             int64_t rows, int64_t columns) {
    auto formula = [=](const auto& over, T* out, const T* const(&in)[2], int64_t row) NERVE_LAMBDA_INLINE {
        const vec<T> count{T(columns)}, inverse = load_partial(rstd + row, over.rows);
        const auto middle = over.spread(load_partial(mean + row, over.rows)), scale = over.spread(inverse);
        const auto scaled = [&](int64_t i, int64_t n, int64_t r)
                                NERVE_LAMBDA_INLINE { return load_some(in[0] + i, n) * over.beside(gamma, i, n, r); };
        const vec<T> sum = over.reduce(T(0), Add{}, scaled);
        const vec<T> product = over.reduce(T(0), Add{}, [&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            return scaled(i, n, r) * (load_some(in[1] + i, n) - middle(r));
        });
        const auto average = over.spread(sum / count), slope = over.spread(-product * inverse * inverse / count);
        over.each([&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            const vec<T> centered = load_some(in[1] + i, n) - middle(r);
            store_some(out + i, scale(r) * fma(slope(r), centered, scaled(i, n, r) - average(r)), n);
        });
    };
    for_rows<T, 2, folded_columns>(grad_x, {grad, x}, rows, columns, formula);
}

// Adds, for each column, grad and grad * normal of `rows` rows to sums and products.
template <class T>
void add_columns(T* sums, T* products, const T* grad, const T* x, const T* mean, const T* rstd, int64_t rows,
                 int64_t columns) {
    each_strip<T>(columns, [&](int64_t i, auto at, auto count) NERVE_LAMBDA_INLINE {
        constexpr int n = decltype(count)::value, step = vec<T>::size;
        vec<T> sum[n], product[n];
        for (int k = 0; k < n; ++k) {
            sum[k] = at.read(sums + i + k * step);
            product[k] = at.read(products + i + k * step);
        }
        for (int64_t r = 0; r < rows; ++r) {
            const vec<T> middle(mean[r]), scale(rstd[r]);
            for (int k = 0; k < n; ++k) {
                const int64_t from = r * columns + i + k * step;
                const vec<T> g = at.read(grad + from);
                sum[k] += g;
                product[k] = fma(g, (at.read(x + from) - middle) * scale, product[k]);
            }
        }
        for (int k = 0; k < n; ++k) {
            at.write(sums + i + k * step, sum[k]);
            at.write(products + i + k * step, product[k]);
        }
    });
}

}  // namespace
}  // namespace nerve::NERVE_ISA
