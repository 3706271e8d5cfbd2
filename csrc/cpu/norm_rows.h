// Layer normalization: each row by its own mean and variance, while it is in the first cache; and the same without the
// mean (`centered` is false), the root mean square normalization of Zhang & Sennrich, 2019.
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

// x - mean and, after it, x * gamma + beta; without a mean there is no beta either.
template <bool centered, class T>
NERVE_INLINE vec<T> deviation(vec<T> x, vec<T> mean) {
    if constexpr (centered) return x - mean;
    return x;
}
template <bool centered, class T>
NERVE_INLINE vec<T> scaled_by(vec<T> x, vec<T> gamma, const T* beta, int64_t n) {
    if constexpr (centered) return fma(x, gamma, load_some(beta, n));
    return x * gamma;
}

template <bool centered, int rows, bool far, class T>
NERVE_NOINLINE void normalize_group(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta,
                                    int64_t columns, T epsilon) {
    const T count = T(columns);
    vec<T> total[1], middle[rows], scale[rows];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
        middle[r] = vec<T>(T(0));
        if constexpr (centered) {
            sum_row(total, columns, [=](int64_t i, int64_t n, vec<T>(&sum)[1]) NERVE_LAMBDA_INLINE {
                sum[0] += load_some(x + r * columns + i, n);
            });
            middle[r] = vec<T>(fold_lanes(total[0], Add{}) / count);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
        sum_row(total, columns, [=](int64_t i, int64_t n, vec<T>(&sum)[1]) NERVE_LAMBDA_INLINE {
            if constexpr (far) __builtin_prefetch(out + r * columns + i, 1, 2);
            // zero in idle lanes
            const vec<T> d = deviation<centered>(load_or(x + r * columns + i, n, middle[r].v[0]), middle[r]);
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
            const vec<T> normal = deviation<centered>(load_some(from + i, n), center) * factor;
            store_some(to + i, scaled_by<centered>(normal, load_some(gamma + i, n), beta + i, n), n);
        });
    }
}

template <bool centered, class T>
void normalize_rows(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows, int64_t columns,
                    T epsilon) {
    if (columns > folded_columns && (columns < long_columns || rows >= few_rows))
        return parallel_blocks(rows, rows_in_a_task(columns), [=](int64_t begin, int64_t end) {
            const auto moved = [](T* p, int64_t by) { return p == nullptr ? p : p + by; };
            each_group(columns, begin, end, [=](int64_t row, auto count, auto far) {
                normalize_group<centered, count.value, far.value>(out + row * columns, moved(mean, row),
                                                                  moved(rstd, row), x + row * columns, gamma, beta,
                                                                  columns, epsilon);
            });
        });
    auto formula = [=](const auto& over, T* y, const T* const(&in)[1], int64_t row) NERVE_LAMBDA_INLINE {
        const T* from = in[0];
        const vec<T> count{T(columns)};
        vec<T> center(T(0));
        if constexpr (centered)
            center = over.reduce(T(0), Add{}, [&](int64_t i, int64_t n, int64_t) NERVE_LAMBDA_INLINE {
                return load_some(from + i, n);
            }) / count;
        const auto middle = over.spread(center);
        const vec<T> squares = over.reduce(T(0), Add{}, [&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            const vec<T> m = middle(r), d = deviation<centered>(load_or(from + i, n, m.v[0]), m);  // zero in idle lanes
            return d * d;
        });
        const vec<T> inverse = vec<T>(T(1)) / sqrt(squares / count + vec<T>(epsilon));
        if (mean != nullptr) store_partial(mean + row, center, over.rows);
        if (rstd != nullptr) store_partial(rstd + row, inverse, over.rows);
        const auto scale = over.spread(inverse);
        over.each([&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            const vec<T> normal = deviation<centered>(load_some(from + i, n), middle(r)) * scale(r);
            vec<T> result = normal * over.beside(gamma, i, n, r);
            if constexpr (centered) result = fma(normal, over.beside(gamma, i, n, r), over.beside(beta, i, n, r));
            store_some(y + i, result, n);
        });
    };
    for_rows<T, 1, folded_columns>(out, {x}, rows, columns, formula);
}

}  // namespace
}  // namespace nerve::NERVE_ISA
