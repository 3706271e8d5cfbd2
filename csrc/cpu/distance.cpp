// Distances between rows, and what is made of them while they are in L1: |x - y|^2 = |x|^2 + |y|^2 - 2 x . y, where the
// product and -|y|^2 / 2 come from strips.h. What is left of small distances are the errors of large norms; those are
// computed again, by differences.
#include "cpu/distances.h"
#include "cpu/math.h"
#include "cpu/rows.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// Beside |x|^2 + |y|^2, how small a squared distance is when it is computed again.
constexpr double small_part = 1.0 / 16;

// A measure gives strips to run(groups, task), and makes n of their values at `row`, `column` into distances.
template <class T>
struct Squares {
    const T *x, *y;
    const DistanceShape& shape;
    T *point, *squares, *halves;  // the common point, |x|^2 and -|y|^2 / 2 of moved rows

    Squares(const T* x_rows, const T* y_rows, const DistanceShape& sizes) : x(x_rows), y(y_rows), shape(sizes) {
        point = scratch<T>(runtime::workspace, shape.features + shape.rows + shape.columns);
        squares = point + shape.features, halves = squares + shape.rows;
        common_point(point, y, shape.columns, shape.features);
        moved_squares(squares, x, point, shape.rows, shape.features);
        moved_squares(halves, y, point, shape.columns, shape.features);
        for (int64_t i = 0; i < shape.columns; ++i) halves[i] *= T(-0.5);
    }
    template <class Task>
    void run(int64_t groups, const Task& task) const {
        strips(shape.rows, shape.columns, shape.features, MovedRows<T>{{x, shape.features, false}, point},
               MovedColumns<T>{{y, shape.features, true}, point}, halves, groups, task);
    }
    NERVE_INLINE vec<T> value(vec<T> strip, int64_t row, int64_t column, int64_t n) const {
        const vec<T> square(squares[row]), minus_two(T(-2)), part{T(small_part)};
        const vec<T> distance = fma(minus_two, strip, square);
        const vec<T> norms = fma(minus_two, load_some(halves + column, n), square);
        if (any(~(distance >= norms * part))) return again(distance, norms * part, row, column, n);
        return distance;
    }
    NERVE_NOINLINE vec<T> again(vec<T> distance, vec<T> limit, int64_t row, int64_t column, int64_t n) const {
        T lane[vec<T>::size], limits[vec<T>::size];
        store(lane, distance), store(limits, limit);
        for (int64_t i = 0; i < n; ++i)
            if (!(lane[i] >= limits[i]))
                lane[i] = T(
                    exact_distance<false>(x + row * shape.features, y + (column + i) * shape.features, shape.features));
        return load(lane);
    }
};

template <class T>
struct Differences {
    const T *x, *y;
    const DistanceShape& shape;

    template <class Task>
    void run(int64_t groups, const Task& task) const {
        difference_strips<T, false>(shape.rows, shape.columns, shape.features, x, y, groups, task);
    }
    NERVE_INLINE vec<T> value(vec<T> strip, int64_t, int64_t, int64_t) const { return strip; }
};

// 1 - x . y / (|x| |y|), where a row of zeros is at a distance of 1.
template <class T>
struct Angles {
    const T *x, *y;
    const DistanceShape& shape;
    T *x_factors, *y_factors;  // 1 / |x|

    Angles(const T* x_rows, const T* y_rows, const DistanceShape& sizes) : x(x_rows), y(y_rows), shape(sizes) {
        T* origin = scratch<T>(runtime::workspace, shape.features + shape.rows + shape.columns);
        x_factors = origin + shape.features, y_factors = x_factors + shape.rows;
        for (int64_t k = 0; k < shape.features; ++k) origin[k] = T(0);
        moved_squares(x_factors, x, origin, shape.rows, shape.features);
        moved_squares(y_factors, y, origin, shape.columns, shape.features);
        for (int64_t i = 0; i < shape.rows + shape.columns; ++i)
            x_factors[i] = x_factors[i] == T(0) ? T(0) : T(1) / __builtin_sqrt(x_factors[i]);
    }
    template <class Task>
    void run(int64_t groups, const Task& task) const {
        strips<T>(shape.rows, shape.columns, shape.features, MatrixRows<T>{x, shape.features, false},
                  MatrixColumns<T>{y, shape.features, true}, nullptr, groups, task);
    }
    NERVE_INLINE vec<T> value(vec<T> strip, int64_t row, int64_t column, int64_t n) const {
        const vec<T> cosine = strip * vec<T>(x_factors[row]) * load_some(y_factors + column, n);
        const vec<T> distance = vec<T>(T(1)) - cosine;
        return min(max(distance, vec<T>(T(0))), vec<T>(T(2)));
    }
};

// The distances of a strip, a row at a time: to(row, column) says where they go, done(row, column, n) that they are
// there.
template <class T, class Measure, class Finish, class Each, class To, class Done>
NERVE_INLINE void distances_of(const Measure& measure, const Finish& finish, const Each& each, const To& to,
                               const Done& done) {
    each([&](const Strip<T>& strip) {
        for (int64_t r = 0; r < strip.rows; ++r) {
            const T* values = strip.data + r * strip.stride;
            const int64_t row = strip.row + r;
            T* out = to(row, strip.column);
            each_register<T>(strip.columns, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
                store_some(out + i, finish(measure.value(load_some(values + i, n), row, strip.column + i, n)), n);
            });
            done(row, strip.column, strip.columns);
        }
    });
}

template <class T, class Measure, class Finish>
void to_matrix(T* out, const Measure& measure, const Finish& finish) {
    const DistanceShape& shape = measure.shape;
    measure.run(
        strip_groups(shape.rows, shape.columns, shape.features), [&](int64_t, int64_t, int64_t, const auto& each) {
            distances_of<T>(
                measure, finish, each, [&](int64_t row, int64_t column) { return out + row * shape.columns + column; },
                [](int64_t, int64_t, int64_t) {});
        });
}

// Rows are sorted by cluster, so that the distances of a row to one cluster come one after the other.
template <class T, class Measure, class Finish>
void to_silhouette(T* out, const int64_t* offsets, const Measure& measure, const Finish& finish) {
    measure.run(1, [&](int64_t first_row, int64_t row_end, int64_t, const auto& each) {
        struct State {
            int64_t own, cluster;  // the row's cluster, and that whose sum is under way
            double sum, inside, outside;
        };
        State states[2 * strip_rows];
        for (int64_t row = first_row, own = 0; row < row_end; ++row) {
            while (offsets[own + 1] <= row) ++own;
            states[row - first_row] = {own, 0, 0.0, 0.0, __builtin_inf()};
        }
        alignas(64) T distances[strip_columns];
        distances_of<T>(
            measure, finish, each, [&](int64_t, int64_t) { return distances; },
            [&](int64_t row, int64_t column, int64_t n) {
                State& state = states[row - first_row];
                for (int64_t i = 0; i < n;) {
                    const int64_t end = smaller(offsets[state.cluster + 1] - column, n);
                    double sums[4] = {};  // in a fixed order
                    for (; i + 4 <= end; i += 4)
                        for (int j = 0; j < 4; ++j) sums[j] += double(distances[i + j]);
                    for (; i < end; ++i) sums[0] += double(distances[i]);
                    state.sum += (sums[0] + sums[1]) + (sums[2] + sums[3]);
                    if (column + end < offsets[state.cluster + 1]) break;
                    const int64_t size = offsets[state.cluster + 1] - offsets[state.cluster];
                    if (state.cluster == state.own)
                        state.inside = size > 1 ? state.sum / double(size - 1) : -1.0;
                    else if (state.sum / double(size) < state.outside)
                        state.outside = state.sum / double(size);
                    state.sum = 0.0, ++state.cluster;
                }
            });
        for (int64_t row = first_row; row < row_end; ++row) {
            const auto [own, cluster, sum, inside, outside] = states[row - first_row];
            const double longer = inside > outside ? inside : outside;
            out[row] = inside < 0 || longer <= 0 ? T(0) : T((outside - inside) / longer);
        }
    });
}

template <class T>
struct Itself {
    NERVE_INLINE vec<T> operator()(vec<T> x) const { return x; }
};
template <class T>
struct Root {
    NERVE_INLINE vec<T> operator()(vec<T> x) const { return sqrt(x); }
};

template <class T, class Use>
void measured(const T* x, const T* y, const DistanceShape& shape, const Use& use) {
    switch (Metric(shape.metric)) {
        case Metric::sqeuclidean:
            return use(Squares<T>(x, y, shape), Itself<T>());
        case Metric::euclidean:
            return use(Squares<T>(x, y, shape), Root<T>());
        case Metric::manhattan:
            return use(Differences<T>{x, y, shape}, Itself<T>());
        case Metric::cosine:
            return use(Angles<T>(x, y, shape), Itself<T>());
    }
}

}  // namespace

template <class T>
void pairwise_distances(T* out, const T* x, const T* y, const DistanceShape& shape) {
    measured(x, y, shape, [&](const auto& measure, const auto& finish) { to_matrix(out, measure, finish); });
}

template <class T>
void rbf_kernel(T* out, const T* x, const T* y, const DistanceShape& shape, double gamma) {
    const vec<T> factor(T(-gamma));
    to_matrix(out, Squares<T>(x, y, shape),
              [=](vec<T> square) NERVE_LAMBDA_INLINE { return math::exp(square * factor); });
}

template <class T>
void silhouette(T* out, const T* x, const int64_t* offsets, int64_t, const DistanceShape& shape) {
    measured(x, x, shape,
             [&](const auto& measure, const auto& finish) { to_silhouette(out, offsets, measure, finish); });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/distance.inc"
#include "cpu/instantiate.h"
