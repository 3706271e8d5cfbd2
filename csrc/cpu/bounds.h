// Which pairs of rows may be near, from distances computed in T whose error is bounded. A similarity is what a strip
// (distances.h) holds of a pair, larger for nearer ones; whoever searches keeps the pairs whose similarity is not below
// a row's threshold, and looks at those in float64.
#pragma once
#include "cpu/distances.h"

namespace nerve::NERVE_ISA {

template <class T>
NERVE_INLINE uint32_t lane_bits(mask<T> m) {
#if defined(__AVX512DQ__)
    if constexpr (sizeof(T) == 4)
        return _mm512_movepi32_mask((__m512i)m.v);
    else
        return _mm512_movepi64_mask((__m512i)m.v);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return uint32_t(_mm256_movemask_ps((__m256)m.v));
    else
        return uint32_t(_mm256_movemask_pd((__m256d)m.v));
#elif defined(__SSE2__)
    if constexpr (sizeof(T) == 4)
        return uint32_t(_mm_movemask_ps((__m128)m.v));
    else
        return uint32_t(_mm_movemask_pd((__m128d)m.v));
#else
    uint32_t lanes = 0;
    for (int i = 0; i < vec<T>::size; ++i) lanes |= uint32_t(m.v[i] != 0) << i;
    return lanes;
#endif
}

// The lanes in which x is not below y, those with NaN among them.
template <class T>
NERVE_INLINE uint32_t lanes_not_below(vec<T> x, vec<T> y) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return _mm512_cmp_ps_mask((__m512)x.v, (__m512)y.v, _CMP_NLT_UQ);
    else
        return _mm512_cmp_pd_mask((__m512d)x.v, (__m512d)y.v, _CMP_NLT_UQ);
#else
    return lane_bits(~(x < y));
#endif
}

// Squared Euclidean distances. The similarity is s = x . y - (1 - e) |y|^2 / 2 of moved rows. With the error e relative
// to the squared norms (a chain of `features` fma makes features/2 of it for each norm; moving, norms and bias are a
// few roundings more) and t for underflow, the distance D in float64 obeys
//     (1 - e) |x|^2 - 2 s - t <= D <= (1 + e) |x|^2 - 2 (s - e |y|^2) + t.
template <class T>
struct SquareBound {
    const T *x, *y;
    const DistanceShape& shape;
    T *point, *squares, *halves, *errors;  // the common point, |x|^2, -(1 - e) |y|^2 / 2 and e |y|^2
    double e, t;

    static int64_t memory(const DistanceShape& shape) { return shape.features + shape.rows + 2 * shape.columns; }
    // of_products: what products are wrong by, relative to that of the norms, if more than a chain of fma makes.
    SquareBound(T* memory, const T* x_rows, const T* y_rows, const DistanceShape& sizes, double of_products = 0)
        : x(x_rows), y(y_rows), shape(sizes) {
        point = memory, squares = point + shape.features, halves = squares + shape.rows;
        errors = halves + shape.columns;
        e = relative_error<T>(shape.features) + of_products, t = absolute_error<T>(shape.features);
        common_point(point, y, shape.columns, shape.features);
        moved_squares(squares, x, point, shape.rows, shape.features);
        moved_squares(errors, y, point, shape.columns, shape.features);
        for (int64_t i = 0; i < shape.columns; ++i) {
            const double square = double(errors[i]);
            const bool known = square < __builtin_inf();  // else every pair with this row is kept
            halves[i] = known ? rounded_up<T>(-0.5 * (1 - e) * square) : T(__builtin_inf());
            errors[i] = known ? rounded_up<T>(e * square) : T(__builtin_inf());
        }
    }
    template <class Task>
    void run(int64_t groups, const Task& task) const {
        strips(shape.rows, shape.columns, shape.features, MovedRows<T>{{x, shape.features, false}, point},
               MovedColumns<T>{{y, shape.features, true}, point}, halves, groups, task);
    }
    // A row of y as it was given, and the distance to it, which decides.
    NERVE_INLINE const T* there(int64_t column) const { return y + column * shape.features; }
    NERVE_INLINE double distance(int64_t row, int64_t column) const {
        return exact_distance<false>(x + row * shape.features, there(column), shape.features);
    }
    // Whether anything is known of a row; if not, every pair is kept.
    bool known(int64_t row) const { return squares[row] < T(__builtin_inf()); }
    // The similarity the pair of row and column has at least; -infinity if unknown.
    NERVE_INLINE vec<T> least(vec<T> similarity, int64_t column, int64_t n) const {
        const vec<T> low = similarity - load_partial(errors + column, n), nothing(T(-__builtin_inf()));
        return select(low > nothing, low, nothing);
    }
    NERVE_INLINE T least(T similarity, int64_t column) const {
        const T low = similarity - errors[column];
        return low > T(-__builtin_inf()) ? low : T(-__builtin_inf());
    }
    // The similarity of pairs that may be as near as one of least similarity `other`, or as the distance D.
    T as_similar(int64_t row, T other) const { return rounded_down<T>(double(other) - e * double(squares[row]) - t); }
    T within(int64_t row, double distance) const {
        return rounded_down<T>(0.5 * ((1 - e) * double(squares[row]) - distance - t));
    }
    // That from which on a pair's least similarity proves that it is no farther than D.
    T proof(int64_t row, double distance) const {
        return rounded_up<T>(0.5 * ((1 + e) * double(squares[row]) - distance + t));
    }
    // A similarity for a pair whose distance is known.
    T exact(int64_t row, double distance) const { return within(row, distance); }
};

// Cosine distances c, by SquareBound of the rows at length 1, whose squared distance is 2 c. Making them so moves that
// by less than t has room for: a row by a few roundings to T and those of its length, and c, in float64, by those of
// its sums. Of a row without a direction nothing is known.
template <class T>
struct CosineBound : SquareBound<T> {
    using Base = SquareBound<T>;
    const T *given_x, *given_y;
    const double *x_squares, *y_squares;  // of the rows given

    static int64_t memory(const DistanceShape& shape) {
        constexpr int64_t number = sizeof(double) / sizeof(T);
        return (shape.rows + shape.columns) * (number + shape.features) + Base::memory(shape);
    }
    CosineBound(T* memory, const T* x_rows, const T* y_rows, const DistanceShape& sizes)
        : CosineBound(reinterpret_cast<double*>(memory),
                      reinterpret_cast<T*>(reinterpret_cast<double*>(memory) + sizes.rows + sizes.columns), x_rows,
                      y_rows, sizes) {}
    NERVE_INLINE const T* there(int64_t column) const { return given_y + column * Base::shape.features; }
    NERVE_INLINE double distance(int64_t row, int64_t column) const {
        const int64_t features = Base::shape.features;
        return cosine_distance(exact_dot(given_x + row * features, there(column), features), x_squares[row],
                               y_squares[column]);
    }
    T within(int64_t row, double distance) const { return Base::within(row, 2 * distance); }
    T proof(int64_t row, double distance) const { return Base::proof(row, 2 * distance); }
    T exact(int64_t row, double distance) const { return within(row, distance); }

  private:
    CosineBound(double* of_rows, T* units, const T* x_rows, const T* y_rows, const DistanceShape& sizes)
        : Base(units + (sizes.rows + sizes.columns) * sizes.features,
               at_length_one(units, of_rows, x_rows, sizes.rows, sizes.features),
               at_length_one(units + sizes.rows * sizes.features, of_rows + sizes.rows, y_rows, sizes.columns,
                             sizes.features),
               sizes),
          given_x(x_rows),
          given_y(y_rows),
          x_squares(of_rows),
          y_squares(of_rows + sizes.rows) {
        Base::t += 16 * (unit_roundoff<T> + double(sizes.features + 8) * 0x1p-53);
        for (int64_t i = 0; i < sizes.rows; ++i)
            if (!has_direction(x_squares[i])) Base::squares[i] = T(__builtin_inf());
        for (int64_t i = 0; i < sizes.columns; ++i)
            if (!has_direction(y_squares[i])) Base::halves[i] = Base::errors[i] = T(__builtin_inf());
    }
    static bool has_direction(double square) { return square > 0x1p-900 && square < __builtin_inf(); }
    static const T* at_length_one(T* out, double* squares, const T* rows, int64_t count, int64_t features) {
        parallel_blocks(count, 1 + serial_work / (features + 1), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                const T* row = rows + i * features;
                squares[i] = exact_dot(row, row, features);
                const double factor = has_direction(squares[i]) ? 1 / __builtin_sqrt(squares[i]) : 0;
                for (int64_t k = 0; k < features; ++k)
                    out[i * features + k] = factor == 0 ? T(0) : T(factor * double(row[k]));
            }
        });
        return out;
    }
};

// Sums of magnitudes d, which a strip holds: (1 - e) d - t <= D <= (1 + e) d + t. The similarity is -d.
template <class T>
struct DifferenceBound {
    const T *x, *y;
    const DistanceShape& shape;
    double e, t;

    static int64_t memory(const DistanceShape&) { return 0; }
    DifferenceBound(T*, const T* x_rows, const T* y_rows, const DistanceShape& sizes)
        : x(x_rows), y(y_rows), shape(sizes) {
        e = relative_error<T>(shape.features), t = absolute_error<T>(shape.features);
    }
    template <class Task>
    void run(int64_t groups, const Task& task) const {
        difference_strips<T, true>(shape.rows, shape.columns, shape.features, x, y, groups, task);
    }
    NERVE_INLINE const T* there(int64_t column) const { return y + column * shape.features; }
    NERVE_INLINE double distance(int64_t row, int64_t column) const {
        return exact_distance<true>(x + row * shape.features, there(column), shape.features);
    }
    bool known(int64_t) const { return true; }
    NERVE_INLINE vec<T> least(vec<T> similarity, int64_t, int64_t) const {
        const vec<T> nothing(T(-__builtin_inf()));
        return select(similarity > nothing, similarity, nothing);
    }
    NERVE_INLINE T least(T similarity, int64_t) const {
        return similarity > T(-__builtin_inf()) ? similarity : T(-__builtin_inf());
    }
    T as_similar(int64_t, T other) const { return rounded_down<T>((1 + 4 * e) * double(other) - 4 * t); }
    T within(int64_t, double distance) const { return rounded_down<T>(-(1 + 2 * e) * distance - 2 * t); }
    T proof(int64_t, double distance) const { return rounded_up<T>(-(1 - 2 * e) * distance + 2 * t); }
    T exact(int64_t, double distance) const { return rounded_down<T>(-distance); }
};

}  // namespace nerve::NERVE_ISA
