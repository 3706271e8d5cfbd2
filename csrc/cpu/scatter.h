// The gradient of gathering rows. Indices are sorted first, with their order kept among equal ones, so that every row
// is written once, by one task, as the sum of its gradients in the order of the indices.
#pragma once
#include "cpu/lines.h"
#include "cpu/parallel.h"
#include "cpu/reduction.h"

namespace nerve::NERVE_ISA {

struct Named {
    int64_t row, position;  // in the indices
};

// The indices in order, in one of two halves of the scratch memory. Least significant digits first.
inline Named* sorted(const int64_t* indices, int64_t count, int64_t axis) {
    constexpr int bits_of_digit = 8;
    constexpr int64_t digits = 1 << bits_of_digit;
    auto* from = static_cast<Named*>(runtime::scratch(runtime::workspace, size_t(2 * count) * sizeof(Named)));
    Named* to = from + count;
    for (int64_t i = 0; i < count; ++i) from[i] = {indices[i], i};
    for (int shift = 0; shift < 63 && (axis - 1) >> shift > 0; shift += bits_of_digit) {
        int64_t begins[digits] = {};
        for (int64_t i = 0; i < count; ++i) ++begins[from[i].row >> shift & (digits - 1)];
        int64_t begin = 0;
        for (int64_t& entry : begins) {
            const int64_t size = entry;
            entry = begin, begin += size;
        }
        for (int64_t i = 0; i < count; ++i) to[begins[from[i].row >> shift & (digits - 1)]++] = from[i];
        Named* swapped = from;
        from = to, to = swapped;
    }
    return from;
}

// The first of the sorted that names `row` or one above.
inline int64_t first_at(const Named* named, int64_t count, int64_t row) {
    int64_t low = 0;
    for (int64_t high = count; low < high;) {
        const int64_t middle = low + (high - low) / 2;
        if (named[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// to = the sum over named[begin .. end) of their rows of grad.
template <class T>
NERVE_INLINE void sum_rows(T* to, const T* grad, const Named* named, int64_t begin, int64_t end, int64_t inner,
                           int64_t first, int64_t columns) {
    constexpr int n = vec<T>::size;
    const T* row = grad + named[begin].position * inner + first;
    if (end - begin == 1) return copy_line<true>(to + first, row, columns);
    for (int64_t c = 0; c < columns; c += lanes<T>) {
        const int64_t width = min(columns - c, lanes<T>);
        Running<T> total;
        for (int j = 0; j < lane_vectors<T>; ++j) total.v[j] = vec<T>(T(0));
        for (int64_t i = begin; i < end; ++i) {
            const T* from = grad + named[i].position * inner + first + c;
#pragma GCC unroll 16
            for (int j = 0; j < lane_vectors<T>; ++j) {
                if (width >= (j + 1) * n)
                    total.v[j] += load(from + j * n);
                else if (width > j * n)
                    total.v[j] += load_partial(from + j * n, width - j * n);
            }
        }
        for (int j = 0; j < lane_vectors<T>; ++j) {
            if (width >= (j + 1) * n)
                store(to + first + c + j * n, total.v[j]);
            else if (width > j * n)
                store_partial(to + first + c + j * n, total.v[j], width - j * n);
        }
    }
}

template <class T>
NERVE_INLINE void fetch_ahead(const T* grad, const Named* named, int64_t i, int64_t count, int64_t inner) {
    if (i + ahead < count) prefetch_line(grad + named[i + ahead].position * inner, inner);
}

// grad_x (outer, axis, inner), zeros where no index points.
template <class T>
void scatter(T* grad_x, const T* grad, const int64_t* indices, int64_t outer, int64_t axis, int64_t inner,
             int64_t count) {
    if (outer * axis * inner == 0) return;
    const Named* named = sorted(indices, count, axis);
    // A task owns a range of the axis and, of long rows, some columns.
    constexpr int64_t columns = 4096;
    const int64_t stripes = ceil_div(inner, columns), width = min(inner, columns);
    const int64_t range = max(1, task_elements / width), ranges = ceil_div(axis, range);
    parallel(outer * stripes * ranges, [&](int64_t task) {
        const int64_t o = task / (stripes * ranges), first = task / ranges % stripes * columns;
        const int64_t begin = task % ranges * range, end = min(axis, begin + range);
        const int64_t some = min(inner - first, columns);
        const T* from = grad + o * count * inner;
        int64_t i = first_at(named, count, begin);
        for (int64_t row = begin; row < end; ++row) {
            T* to = grad_x + (o * axis + row) * inner;
            int64_t next = i;
            for (; next < count && named[next].row == row; ++next) fetch_ahead(from, named, next, count, inner);
            if (next == i)
                fill_line(to + first, T(0), some);
            else
                sum_rows(to, from, named, i, next, inner, first, some);
            i = next;
        }
    });
}

// rows: the different indices, ascending; sums (rows, inner). Gives how many there are.
template <class T>
int64_t gather_rows(int64_t* rows, T* sums, const T* grad, const int64_t* indices, int64_t axis, int64_t inner,
                    int64_t count) {
    if (count == 0) return 0;
    const Named* named = sorted(indices, count, axis);
    auto* begins = static_cast<int64_t*>(runtime::scratch(runtime::packed_a, size_t(count + 1) * sizeof(int64_t)));
    int64_t found = 0;
    for (int64_t i = 0; i < count; ++i)
        if (i == 0 || named[i].row != named[i - 1].row) begins[found] = i, rows[found++] = named[i].row;
    begins[found] = count;
    if (inner == 0) return found;
    parallel_blocks(found, max(1, task_elements / inner), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            for (int64_t i = begins[r]; i < begins[r + 1]; ++i) fetch_ahead(grad, named, i, count, inner);
            sum_rows(sums + r * inner, grad, named, begins[r], begins[r + 1], inner, 0, inner);
        }
    });
    return found;
}

}  // namespace nerve::NERVE_ISA
