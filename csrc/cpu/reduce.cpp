// Reductions over the middle axis of x (outer, reduced, inner), in an order fixed by the shape.
#include "cpu/columns.h"
#include "cpu/find.h"
#include "cpu/rows.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// inner == 1: rows of memory without gaps.
template <class T, class Combine>
void reduce_rows(T* out, const T* x, int64_t outer, int64_t reduced, T neutral, const Combine& combine, T scale) {
    if (reduced == 0) {
        for (int64_t o = 0; o < outer; ++o) out[o] = neutral * scale;
        return;
    }
    for_rows<T, 1, leaf>(
        nullptr, {x}, outer, reduced,
        [=](const auto& over, T*, const T* const(&in)[1], int64_t row) NERVE_LAMBDA_INLINE {
            const vec<T> total = over.reduce(neutral, combine, [&](int64_t i, int64_t n, int64_t) NERVE_LAMBDA_INLINE {
                return n == vec<T>::size ? load_streamed(in[0] + i) : load_partial_or(in[0] + i, n, neutral);
            });
            store_some(out + row, total * vec<T>(scale), over.rows);
        });
}

template <class T, class Combine>
void reduce(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, T neutral, const Combine& combine,
            T scale) {
    if (inner == 1)
        reduce_rows(out, x, outer, reduced, neutral, combine, scale);
    else
        reduce_columns(out, x, outer, reduced, inner, neutral, combine, scale);
}

}  // namespace

template <class T>
void sum(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, T(0), Add{}, T(1));
}
template <class T>
void mean(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, T(0), Add{}, T(1) / T(reduced));
}
template <class T>
void max(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, -T(__builtin_inf()), Max{}, T(1));
}
template <class T>
void min(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, T(__builtin_inf()), Min{}, T(1));
}
template <class T>
void argmax(int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    find(out, x, outer, reduced, inner, -T(__builtin_inf()), Max{});
}
template <class T>
void argmin(int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    find(out, x, outer, reduced, inner, T(__builtin_inf()), Min{});
}

// One thread: what metrics see of a batch is small, and the sums have one order.
template <class T>
void argmax_is(T* out, const T* x, const int64_t* labels, int64_t rows, int64_t columns) {
    for (int64_t row = 0; row < rows; ++row) {
        const T* const values = x + row * columns;
        // The label's own value must be the first of the largest; NaN is larger than any number.
        const int64_t label = labels[row];
        bool first = label >= 0 && label < columns;
        if (first) {
            const T own = values[label];
            const bool nan = own != own;
            for (int64_t i = 0; i < label; ++i) first &= values[i] < own || (nan && values[i] == values[i]);
            for (int64_t i = label + 1; i < columns; ++i) first &= values[i] <= own || nan;
        }
        out[row] = T(first);
    }
}

template <class T>
void accumulate_mean(double* totals, const T* values, const T* weights, int64_t rows, int64_t weighted, int64_t inner) {
    double sum = 0, count = 0;
    for (int64_t row = 0; row < rows; ++row) {
        double row_sum = 0, row_count = 0;
        for (int64_t i = row * weighted; i < (row + 1) * weighted; ++i) {
            double part = 0;
            for (int64_t j = 0; j < inner; ++j) part += double(values[i * inner + j]);
            const double weight = weights == nullptr ? 1.0 : double(weights[i]);
            row_sum += weight * (part / double(inner));
            row_count += weight;
        }
        sum += row_sum / double(weighted);
        count += row_count / double(weighted);
    }
    totals[0] += sum;
    totals[1] += count;
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/reduce.inc"
#include "cpu/instantiate.h"
