// Reductions across the rows of x (outer, reduced, inner) with inner > 1. Rows are walked as they lie in memory, some
// at a time into a strip of running values that stays in the first cache; narrow rows are joined into wider ones first,
// and tall arrays cut into fixed bands. The values of leaves of 32 rows are combined pairwise.
#pragma once
#include "cpu/parallel.h"
#include "cpu/reduction.h"
#include "cpu/rows.h"

namespace nerve::NERVE_ISA {

constexpr int64_t strip = 512;            // columns at a time
constexpr int64_t leaf_rows = 32;         // rows of a leaf
constexpr int64_t band_elements = 65536;  // of a strip, about
constexpr int64_t at_a_time = 8;          // rows read together

// to[0 .. columns) combined with the same of x.
template <class T, class Combine>
NERVE_INLINE void combine_strip(T* to, const T* x, int64_t columns, const Combine& combine) {
    each_register<T>(columns, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
        store_some(to + i, combine(load_some(x + i, n), load_some(to + i, n)), n);
    });
}

// Rows of lanes<T> columns, which fit the registers.
template <class T, class Combine>
NERVE_INLINE void narrow_leaf(T* out, const T* x, int64_t rows, int64_t stride, T neutral, const Combine& combine) {
    constexpr int n = vec<T>::size;
    Running<T> total;
    for (int j = 0; j < lane_vectors<T>; ++j) total.v[j] = vec<T>(neutral);
    for (int64_t r = 0; r < rows; ++r)
#pragma GCC unroll 16
        for (int j = 0; j < lane_vectors<T>; ++j) total.v[j] = combine(load(x + r * stride + j * n), total.v[j]);
    for (int j = 0; j < lane_vectors<T>; ++j) store(out + j * n, total.v[j]);
}

// The combination of `rows` rows, the last of `last` columns only. `spare` has room for a strip for every halving.
template <class T, class Combine>
NERVE_NOINLINE void reduce_band(T* out, T* spare, const T* x, int64_t rows, int64_t stride, int64_t columns,
                                int64_t last, T neutral, const Combine& combine) {
    if (rows > leaf_rows) {
        const int64_t half = (rows + leaf_rows - 1) / leaf_rows / 2 * leaf_rows;
        reduce_band(out, spare, x, half, stride, columns, columns, neutral, combine);
        reduce_band(spare, spare + columns, x + half * stride, rows - half, stride, columns, last, neutral, combine);
        return combine_strip(out, spare, columns, combine);
    }
    const int64_t whole = last == columns ? rows : rows - 1;
    int64_t r = 0;
    if (columns == lanes<T>) {
        r = whole > 0 ? whole : 0;
        narrow_leaf(out, x, r, stride, neutral, combine);
    } else {
        each_register<T>(columns,
                         [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { store_some(out + i, vec<T>(neutral), n); });
    }
    for (; r + at_a_time <= whole; r += at_a_time)
        each_register<T>(columns, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
            vec<T> total = load_some(out + i, n);
#pragma GCC unroll 8
            for (int64_t j = 0; j < at_a_time; ++j) total = combine(load_some(x + (r + j) * stride + i, n), total);
            store_some(out + i, total, n);
        });
    for (; r < whole; ++r) combine_strip(out, x + r * stride, columns, combine);
    if (whole < rows) combine_strip(out, x + whole * stride, last, combine);
}

template <class T, class Combine>
void reduce_columns(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, T neutral,
                    const Combine& combine, T scale) {
    if (outer * inner == 0) return;
    // `joined` rows, a power of two, make one; that they were several is undone at the end of each band.
    int64_t joined = 1;
    const int64_t most = lanes<T> % inner == 0 ? lanes<T> : strip;
    while (joined * inner * 2 <= most && joined < reduced) joined *= 2;
    const int64_t wide = joined * inner, rows = (reduced + joined - 1) / joined;
    const int64_t band_rows = (band_elements / (wide < strip ? wide : strip) + leaf_rows - 1) / leaf_rows * leaf_rows;
    const int64_t bands = rows > band_rows ? (rows + band_rows - 1) / band_rows : 1;
    const int64_t strips = (wide + strip - 1) / strip;
    T* parts = out;
    if (bands > 1)
        parts = static_cast<T*>(runtime::scratch(runtime::workspace, size_t(outer * bands * inner) * sizeof(T)));
    const T factor = bands > 1 ? T(1) : scale;
    auto body = [&](int64_t task) {
        const int64_t s = task % strips, b = task / strips % bands, o = task / strips / bands;
        const int64_t first = b * band_rows, count = rows - first < band_rows ? rows - first : band_rows;
        const int64_t begin = s * strip, columns = wide - begin < strip ? wide - begin : strip;
        const int64_t tail = reduced * inner - (rows - 1) * wide;  // of the last row, where rows are joined
        const int64_t last = first + count < rows || joined == 1 ? columns : tail;
        alignas(64) T values[4 * strip];  // and what the halvings need: fewer columns have more rows
        reduce_band(values, values + strip, x + (o * reduced + first * joined) * inner + begin, count, wide, columns,
                    last, neutral, combine);
        for (int64_t some = joined / 2; some > 0; some /= 2)
            combine_strip(values, values + some * inner, some * inner, combine);
        const int64_t width = columns < inner ? columns : inner;
        T* to = parts + (o * bands + b) * inner + begin;
        each_register<T>(width, [&](int64_t i, int64_t n)
                                    NERVE_LAMBDA_INLINE { store_some(to + i, load(values + i) * vec<T>(factor), n); });
    };
    const int64_t tasks = outer * bands * strips,
                  work = (rows < band_rows ? rows : band_rows) * (wide < strip ? wide : strip);
    parallel_blocks(tasks, 1 + elements_a_task / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) body(task);
    });
    if (bands == 1) return;
    // At most a few thousand bands: these are combined in turn, column by column.
    for (int64_t o = 0; o < outer; ++o) {
        T *to = out + o * inner, *from = parts + o * bands * inner;
        for (int64_t b = 1; b < bands; ++b) combine_strip(from, from + b * inner, inner, combine);
        each_register<T>(inner, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
            store_some(to + i, load_some(from + i, n) * vec<T>(scale), n);
        });
    }
}

}  // namespace nerve::NERVE_ISA
