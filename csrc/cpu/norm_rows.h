// Layer normalization: each row by its own mean and variance, while it is in the first cache.
#pragma once
#include "cpu/norm_lines.h"
#include "cpu/rows.h"

namespace nerve::NERVE_ISA {
namespace {  // norm.cpp alone includes this

constexpr int64_t folded_columns = 256;  // rows up to here are reduced together: several must fit in the first cache
constexpr int64_t task_size = 1 << 15;   // elements of a task, about
constexpr int64_t most_partials = 64;    // of the sums over rows
constexpr int64_t near_columns = 512;    // rows up to here are at hand in groups of four, longer ones in pairs

inline int64_t rows_in_a_task(int64_t columns) {
    const int64_t rows = task_size / columns;
    return rows < 4 ? 1 : rows / 4 * 4;
}

// body(row, count, far) for groups of `count` rows: what one of them waits for is computed for the others meanwhile.
// The next group of long rows is asked for while one is at work (`far`); for short ones the processor sees to that.
template <class Body>
NERVE_INLINE void each_group(int64_t columns, int64_t begin, int64_t end, const Body& body) {
    int64_t row = begin;
    if (columns <= near_columns) {
        for (; row + 4 <= end; row += 4) body(row, Count<4>{}, std::false_type{});
        for (; row < end; ++row) body(row, Count<1>{}, std::false_type{});
    } else {
        for (; row + 2 <= end; row += 2) body(row, Count<2>{}, std::true_type{});
        for (; row < end; ++row) body(row, Count<1>{}, std::true_type{});
    }
}

// gamma and beta, ones and zeros where they are not given.
template <class T>
const T* given_or(const T* given, T* memory, T other, int64_t columns) {
    if (given != nullptr) return given;
    for (int64_t c = 0; c < columns; ++c) memory[c] = other;
    return memory;
}

// Asks for what is `by` elements beyond p, inside the array or not, while there is something else to do.
template <class T>
NERVE_INLINE void prefetch_later(const T* p, int64_t by) {
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) + uintptr_t(by) * sizeof(T)), 0, 2);
}

// value(i, n, sums) adds elements i .. i + n - 1, of those from begin to end, to chains of `count` sums.
template <int chains, int count, class T, class Value>
NERVE_INLINE void sum_chains(vec<T> (&sums)[chains][count], int64_t begin, int64_t end, const Value& value) {
    constexpr int size = vec<T>::size;
    for (int j = 0; j < chains; ++j)
        for (int k = 0; k < count; ++k) sums[j][k] = vec<T>(T(0));
    int64_t i = begin;
    for (; i + chains * size <= end; i += chains * size)
#pragma GCC unroll 16
        for (int j = 0; j < chains; ++j) value(i + j * size, size, sums[j]);
#pragma GCC unroll 16
    for (int j = 0; j < chains; ++j) {
        const int64_t n = end - i - j * size;
        if (n > 0) value(i + j * size, n < size ? n : size, sums[j]);
    }
}

// The same for a whole row; what is left to do with the totals is to fold their lanes. The order depends on the length
// alone: as many running lanes on every instruction set, those of long rows added leaf by leaf and folded in the end.
template <int count, class T, class Value>
NERVE_INLINE void sum_row(vec<T> (&totals)[count], int64_t columns, const Value& value) {
    constexpr int chains = lane_vectors<T> / count;
    vec<T> sums[chains][count];
    sum_chains(sums, 0, columns < leaf ? columns : leaf, value);
    for (int64_t begin = leaf; begin < columns; begin += leaf) {
        vec<T> more[chains][count];
        sum_chains(more, begin, columns - begin > leaf ? begin + leaf : columns, value);
        for (int j = 0; j < chains; ++j)
            for (int k = 0; k < count; ++k) sums[j][k] += more[j][k];
    }
#pragma GCC unroll 4
    for (int width = chains / 2; width > 0; width /= 2)
#pragma GCC unroll 16
        for (int j = 0; j < width; ++j)
            for (int k = 0; k < count; ++k) sums[j][k] += sums[j + width][k];
    for (int k = 0; k < count; ++k) totals[k] = sums[0][k];
}

template <int rows, bool far, class T>
NERVE_NOINLINE void normalize_group(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta,
                                    int64_t columns, T epsilon) {
    const T count = T(columns);
    vec<T> total[1], middle[rows], scale[rows];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
        sum_row(total, columns, [=](int64_t i, int64_t n, vec<T>(&sum)[1]) NERVE_LAMBDA_INLINE {
            sum[0] += load_some(x + r * columns + i, n);
        });
        middle[r] = vec<T>(fold_lanes(total[0], Add{}) / count);
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
        sum_row(total, columns, [=](int64_t i, int64_t n, vec<T>(&sum)[1]) NERVE_LAMBDA_INLINE {
            if constexpr (far) __builtin_prefetch(out + r * columns + i, 1, 2);
            const vec<T> d = load_or(x + r * columns + i, n, middle[r].v[0]) - middle[r];  // zero in idle lanes
            sum[0] = fma(d, d, sum[0]);
        });
        scale[r] = vec<T>(T(1)) / sqrt(vec<T>(fold_lanes(total[0], Add{}) / count) + vec<T>(epsilon));
    }
    for (int r = 0; r < rows; ++r) {
        if (mean != nullptr) mean[r] = middle[r].v[0];
        if (rstd != nullptr) rstd[r] = scale[r].v[0];
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
        const T* from = x + r * columns;
        T* to = out + r * columns;
        const vec<T> center = middle[r], factor = scale[r];
        each_register<T>(columns, [=](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
            if constexpr (far) prefetch_later(from + i, rows * columns);
            const vec<T> normal = (load_some(from + i, n) - center) * factor;
            store_some(to + i, fma(normal, load_some(gamma + i, n), load_some(beta + i, n)), n);
        });
    }
}

template <class T>
void normalize_rows(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows, int64_t columns,
                    T epsilon) {
    if (columns > folded_columns && (columns < long_columns || rows >= few_rows))
        return parallel_blocks(rows, rows_in_a_task(columns), [=](int64_t begin, int64_t end) {
            const auto moved = [](T* p, int64_t by) { return p == nullptr ? p : p + by; };
            each_group(columns, begin, end, [=](int64_t row, auto count, auto far) {
                normalize_group<count.value, far.value>(out + row * columns, moved(mean, row), moved(rstd, row),
                                                        x + row * columns, gamma, beta, columns, epsilon);
            });
        });
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

// The same for some rows, and for each column what they add to the sums of grad and grad * normal.
template <int rows, bool far, class T>
NERVE_NOINLINE void normalize_group_backward(T* grad_x, T* sums, T* products, const T* grad, const T* x, const T* mean,
                                             const T* rstd, const T* gamma, int64_t columns) {
    vec<T> total[2], average[rows], slope[rows];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
        const T *g = grad + r * columns, *from = x + r * columns;
        const vec<T> middle(mean[r]);
        sum_row(total, columns, [=](int64_t i, int64_t n, vec<T>(&sum)[2]) NERVE_LAMBDA_INLINE {
            if constexpr (far) __builtin_prefetch(grad_x + r * columns + i, 1, 2);
            const vec<T> scaled = load_some(g + i, n) * load_some(gamma + i, n);
            sum[0] += scaled;
            sum[1] = fma(scaled, load_some(from + i, n) - middle, sum[1]);
        });
        average[r] = vec<T>(fold_lanes(total[0], Add{}) / T(columns));
        slope[r] = vec<T>(-fold_lanes(total[1], Add{}) * rstd[r] * rstd[r] / T(columns));
    }
    each_register<T>(columns, [=](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
        const vec<T> factor = load_some(gamma + i, n);
        vec<T> sum = load_some(sums + i, n), product = load_some(products + i, n);
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r) {
            const T *g_at = grad + r * columns + i, *x_at = x + r * columns + i;
            if constexpr (far) {
                prefetch_later(g_at, rows * columns);
                prefetch_later(x_at, rows * columns);
            }
            const vec<T> g = load_some(g_at, n), centered = load_some(x_at, n) - vec<T>(mean[r]), scale(rstd[r]);
            sum += g;
            product = fma(g, centered * scale, product);
            const vec<T> result = scale * fma(slope[r], centered, fma(g, factor, -average[r]));
            store_some(grad_x + r * columns + i, result, n);
        }
        store_some(sums + i, sum, n);
        store_some(products + i, product, n);
    });
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
