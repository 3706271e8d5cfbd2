// Formulas along the rows of matrices, written once for four ways of walking, of which the shape decides: short rows
// side by side, lanes being rows; several rows of middle length, whose sums are folded together; a row alone; and one
// long row on several threads.
//
// A formula sees arrays of `over.rows` rows and `over`, which has
//   over.each(body)                      body(i, n, r) for registers of n elements at i, which belong to row r
//   over.reduce(neutral, combine, value) the combination of all value(i, n, r), whose idle lanes must be neutral: lane
//   r
//                                        is row r's
//   over.spread(x)                       a function of r: lane r of x beside each element of row r
//   over.place(r, c)                     where column c of row r stands
//   over.beside(p, i, n, r)              of an array p with a number for each column, those beside n elements at i
#pragma once
#include "cpu/parallel.h"
#include "cpu/reduction.h"
#include "cpu/shuffle.h"
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

constexpr int64_t short_columns = 16;    // up to here rows are laid side by side
constexpr int64_t middle_columns = 512;  // up to here several rows are folded together: they stay in the first cache
constexpr int64_t long_columns = 65536;  // from here on a row alone is worth several threads
constexpr int64_t few_rows = 8;          // where there are fewer of them than this
constexpr int64_t elements_a_task = 16384;

template <class T>
NERVE_INLINE vec<T> load_some(const T* p, int64_t n) {
    return n >= vec<T>::size ? load(p) : load_partial(p, n);
}
template <class T>
NERVE_INLINE void store_some(T* p, vec<T> x, int64_t n) {
    n >= vec<T>::size ? store(p, x) : store_partial(p, x, n);
}

// One number for all elements.
template <class T>
struct Uniform {
    vec<T> x;
    NERVE_INLINE vec<T> operator()(int64_t) const { return x; }
};
// One for each row.
template <class T>
struct PerRow {
    alignas(64) T lane[vec<T>::size];
    NERVE_INLINE explicit PerRow(vec<T> x) { store(lane, x); }
    NERVE_INLINE vec<T> operator()(int64_t row) const { return vec<T>(lane[row]); }
};

template <class T, class Body>
NERVE_INLINE void each_register(int64_t size, const Body& body) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i + n <= size; i += n) body(i, n);
    if (i < size) body(i, size - i);
}

template <class T>
struct Row {
    int64_t columns;
    static constexpr int64_t rows = 1;

    static int64_t place(int64_t, int64_t column) { return column; }
    NERVE_INLINE static Uniform<T> spread(vec<T> x) { return {vec<T>(x.v[0])}; }
    NERVE_INLINE static vec<T> beside(const T* p, int64_t i, int64_t n, int64_t) { return load_some(p + i, n); }
    template <class Body>
    NERVE_INLINE void each(const Body& body) const {
        each_register<T>(columns, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { body(i, n, 0); });
    }
    template <class Combine, class Value>
    NERVE_INLINE vec<T> reduce(T neutral, const Combine& combine, const Value& value) const {
        return vec<T>(reduce_row<T>(0, columns, neutral, combine,
                                    [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { return value(i, n, 0); }));
    }
};

// Up to vec::size rows, one after another in memory.
template <class T>
struct Rows {
    int64_t columns, rows;

    int64_t place(int64_t row, int64_t column) const { return row * columns + column; }
    NERVE_INLINE static PerRow<T> spread(vec<T> x) { return PerRow<T>(x); }
    NERVE_INLINE vec<T> beside(const T* p, int64_t i, int64_t n, int64_t r) const {
        return load_some(p + i - r * columns, n);
    }
    template <class Body>
    NERVE_INLINE void each(const Body& body) const {
        for (int64_t r = 0; r < rows; ++r)
            each_register<T>(columns, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { body(r * columns + i, n, r); });
    }
    template <class Combine, class Value>
    NERVE_INLINE vec<T> reduce(T neutral, const Combine& combine, const Value& value) const {
        vec<T> lanes[vec<T>::size];
        for (int64_t r = 0; r < rows; ++r)
            lanes[r] = fold_registers(
                run_leaf<T>(columns, neutral, combine,
                            [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { return value(r * columns + i, n, r); }),
                combine);
        for (int64_t r = rows; r < vec<T>::size; ++r) lanes[r] = vec<T>(neutral);
        return fold_rows<vec<T>::size / 2, T>(lanes, combine);
    }
};

template <class T>
struct LongRow {
    int64_t columns;
    static constexpr int64_t rows = 1, piece = 16 * leaf;

    static int64_t place(int64_t, int64_t column) { return column; }
    NERVE_INLINE static Uniform<T> spread(vec<T> x) { return {vec<T>(x.v[0])}; }
    NERVE_INLINE static vec<T> beside(const T* p, int64_t i, int64_t n, int64_t) { return load_some(p + i, n); }
    template <class Body>
    NERVE_INLINE void each(const Body& body) const {
        parallel_blocks(columns, piece, [&](int64_t begin, int64_t end) {
            each_register<T>(end - begin, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { body(begin + i, n, 0); });
        });
    }
    template <class Combine, class Value>
    NERVE_INLINE vec<T> reduce(T neutral, const Combine& combine, const Value& value) const {
        const int64_t pieces = (columns + piece - 1) / piece;
        T* parts = static_cast<T*>(runtime::scratch(runtime::workspace, size_t(pieces) * sizeof(T)));
        parallel_blocks(columns, piece, [&](int64_t begin, int64_t end) {
            parts[begin / piece] = reduce_row<T>(
                begin, end, neutral, combine, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { return value(i, n, 0); });
        });
        return vec<T>(reduce_row<T>(0, pieces, neutral, combine, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
            return load_or(parts + i, n, neutral);
        }));
    }
};

// Element c of all rows stands at c * size.
template <class T>
struct Tile {
    int64_t columns, rows;

    static int64_t place(int64_t row, int64_t column) { return column * vec<T>::size + row; }
    NERVE_INLINE static Uniform<T> spread(vec<T> x) { return {x}; }
    NERVE_INLINE static vec<T> beside(const T* p, int64_t i, int64_t, int64_t) { return vec<T>(p[i / vec<T>::size]); }
    template <class Body>
    NERVE_INLINE void each(const Body& body) const {
        for (int64_t c = 0; c < columns; ++c) body(c * vec<T>::size, vec<T>::size, 0);
    }
    template <class Combine, class Value>
    NERVE_INLINE vec<T> reduce(T neutral, const Combine& combine, const Value& value) const {
        vec<T> total(neutral);
        for (int64_t c = 0; c < columns; ++c) total = combine(value(c * vec<T>::size, vec<T>::size, 0), total);
        return total;
    }
};

template <int columns, class T>
NERVE_INLINE void transpose_whole(T* tile, const T* x) {
    constexpr int n = vec<T>::size;
    vec<T> r[columns];
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) r[c] = load(x + c * n);
    transpose_narrow<columns>(r);
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) store(tile + c * n, r[c]);
}

// rows <= vec::size rows of x into a tile and back; lanes beyond are zero, and are not written.
template <class T>
NERVE_NOINLINE void load_tile(T* tile, const T* x, int64_t rows, int64_t columns) {
    constexpr int n = vec<T>::size;
    if (rows == n) {
        if (columns == 2) return transpose_whole<2>(tile, x);
        if constexpr (n > 4)
            if (columns == 4) return transpose_whole<4>(tile, x);
        if constexpr (n > 8)
            if (columns == 8) return transpose_whole<8>(tile, x);
    }
    for (int64_t c = 0; c < columns; c += n) {
        const int64_t width = columns - c < n ? columns - c : n;
        vec<T> r[n];
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) r[i] = i < rows ? load_some(x + i * columns + c, width) : vec<T>(T(0));
        transpose(r);
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i)
            if (i < width) store(tile + (c + i) * n, r[i]);
    }
}
template <class T>
NERVE_NOINLINE void store_tile(T* x, const T* tile, int64_t rows, int64_t columns) {
    constexpr int n = vec<T>::size;
    for (int64_t c = 0; c < columns; c += n) {
        const int64_t width = columns - c < n ? columns - c : n;
        vec<T> r[n];
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) r[i] = i < width ? load(tile + (c + i) * n) : vec<T>(T(0));
        transpose(r);
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i)
            if (i < rows) store_some(x + i * columns + c, r[i], width);
    }
}

// formula(over, out, in, row): for every row, or for up to vec::size rows from `row` on, reading the arrays `in` of
// them and writing `out`, which may be one of those.
template <class T, int count, int64_t most_middle = middle_columns, class Formula>
NERVE_INLINE void for_rows(T* out, const T* const (&in)[count], int64_t rows, int64_t columns, const Formula& formula) {
    constexpr int n = vec<T>::size;
    if (columns == 0) return;
    if (columns <= short_columns) {
        const int64_t at_once = elements_a_task / columns / n * n;
        return parallel_blocks(rows, at_once, [&](int64_t begin, int64_t end) {
            alignas(64) T tiles[count + 1][short_columns * n];
            const T* inputs[count];
            for (int j = 0; j < count; ++j) inputs[j] = tiles[j];
            for (int64_t row = begin; row < end; row += n) {
                const int64_t some = end - row < n ? end - row : n;
                for (int j = 0; j < count; ++j) load_tile(tiles[j], in[j] + row * columns, some, columns);
                formula(Tile<T>{columns, some}, out == nullptr ? nullptr : tiles[count], inputs, row);
                if (out != nullptr) store_tile(out + row * columns, tiles[count], some, columns);
            }
        });
    }
    auto at = [&](int64_t row, const auto& over) NERVE_LAMBDA_INLINE {
        const T* inputs[count];
        for (int j = 0; j < count; ++j) inputs[j] = in[j] + row * columns;
        formula(over, out == nullptr ? nullptr : out + row * columns, inputs, row);
    };
    if (columns <= most_middle) {
        const int64_t at_once = (elements_a_task / columns + n - 1) / n * n;
        return parallel_blocks(rows, at_once, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; row += n) at(row, Rows<T>{columns, end - row < n ? end - row : n});
        });
    }
    if (columns >= long_columns && rows < few_rows) {
        for (int64_t row = 0; row < rows; ++row) at(row, LongRow<T>{columns});
        return;
    }
    parallel_blocks(rows, columns < elements_a_task ? elements_a_task / columns : 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) at(row, Row<T>{columns});
    });
}

}  // namespace nerve::NERVE_ISA
