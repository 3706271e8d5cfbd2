// The nearest rows and those within a radius, by looking at all pairs: similarities in T come from strips.h, a bound of
// their error (bounds.h) says which pairs matter, and those are decided in float64 (exact.h). Results are therefore the
// same bits on every instruction set.
#include "cpu/bounds.h"
#include "cpu/nearest.h"
#include "cpu/rounded_bound.h"
#include "cpu/rows.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// What a task has found for a row: pairs that may be among the nearest, without order.
template <class T, class Bound>
struct Candidates {
    const Bound* bound;
    int64_t row, neighbors, most;  // more than `most` are thinned out; there is room for a strip beyond that
    T* similarities;
    int64_t* columns;
    T* spare;         // as many
    Neighbor* exact;  // room for the nearest
    int64_t count;
    T threshold;

    // The threshold rises to what `neighbors` of the candidates have at least.
    void raise(T similarity) {
        if (bound->known(row) && similarity > threshold) threshold = similarity;
    }
    void raise_to_rank(int64_t size) {
        select_rank(spare, size, neighbors - 1, [](T a, T b) NERVE_LAMBDA_INLINE { return a > b; });
        raise(bound->as_similar(row, spare[neighbors - 1]));
    }

    // The best of the first strip say what is worth keeping; few neighbors are looked for among the best of each of 64
    // parts of it, which is nearly as good and quicker.
    void first_threshold(const T* strip, int64_t column, int64_t n) {
        using V = vec<T>;
        constexpr int64_t parts = 64;
        if (neighbors > parts / 2 || n % parts != 0) {
            each_register<T>(n, [&](int64_t i, int64_t some) NERVE_LAMBDA_INLINE {
                store_some(spare + i, bound->least(load_some(strip + i, some), column + i, some), some);
            });
            return raise_to_rank(n);
        }
        for (int64_t part = 0; part < parts; part += V::size) {
            V best = bound->least(load(strip + part), column + part, V::size);
            for (int64_t i = part + parts; i < n; i += parts) {
                const V other = bound->least(load(strip + i), column + i, V::size);
                best = select(other > best, other, best);
            }
            store(spare + part, best);
        }
        raise_to_rank(parts);
    }

    void add(const T* strip, int64_t column, int64_t n) {
        using V = vec<T>;
        if (threshold == T(-__builtin_inf()) && n >= neighbors) first_threshold(strip, column, n);
        const V needed(threshold);
        auto keep = [&](int64_t i, uint32_t lanes) NERVE_LAMBDA_INLINE {
            for (; lanes != 0; lanes &= lanes - 1) {
                const int64_t at = i + __builtin_ctz(lanes);
                similarities[count] = strip[at], columns[count++] = column + at;
            }
        };
        int64_t i = 0;
        for (; i + 4 * V::size <= n; i += 4 * V::size) {
            uint32_t lanes[4];  // NaN is no reason to leave a pair out
#pragma GCC unroll 4
            for (int j = 0; j < 4; ++j) lanes[j] = lanes_not_below(load(strip + i + j * V::size), needed);
            if (((lanes[0] | lanes[1]) | (lanes[2] | lanes[3])) == 0) continue;
            for (int j = 0; j < 4; ++j) keep(i + j * V::size, lanes[j]);
        }
        for (; i < n; i += V::size) {
            const int64_t some = smaller(n - i, V::size);
            keep(i, lanes_not_below(load_partial(strip + i, some), needed) & uint32_t((uint64_t(1) << some) - 1));
        }
        if (count > most) thin_out();
    }

    void thin_out() {
        if (count >= neighbors) {
            for (int64_t i = 0; i < count; ++i) spare[i] = bound->least(similarities[i], columns[i]);
            raise_to_rank(count);
            int64_t kept = 0;
            for (int64_t i = 0; i < count; ++i) {
                similarities[kept] = similarities[i], columns[kept] = columns[i];
                kept += !(similarities[i] < threshold);
            }
            count = kept;
        }
        if (count > most) settle();
    }

    // The nearest of the candidates by their exact distances; others are dropped.
    Nearest nearest() const {
        Nearest found{exact, neighbors};
        for (int64_t i = 0; i < count; ++i) __builtin_prefetch(bound->there(columns[i]));
        for (int64_t i = 0; i < count; ++i) found.add({far_if_nan(bound->distance(row, columns[i])), columns[i]});
        return found;
    }
    void settle() {
        const Nearest found = nearest();
        raise(bound->within(row, found.limit()));
        count = found.count;
        for (int64_t i = 0; i < count; ++i) {
            similarities[i] = bound->exact(row, found.heap[i].distance);
            columns[i] = found.heap[i].index;
        }
    }
};

// In the memory of a task: candidates of its rows, one row's exact ones, and a spare array.
template <class T>
struct TaskMemory {
    int64_t most, room, rows;

    TaskMemory(int64_t neighbors, const DistanceShape& shape)
        : most(2 * neighbors + 32), room(most + strip_columns), rows(strip_task_rows(shape.rows, shape.features)) {}
    template <class Bound, class Use>
    void use(const Bound& bound, int64_t neighbors, int64_t first, int64_t end, const Use& use) const {
        const int64_t bytes = rows * room * int64_t(sizeof(T) + sizeof(int64_t)) + room * int64_t(sizeof(T)) +
                              rows * int64_t(sizeof(Candidates<T, Bound>)) + neighbors * int64_t(sizeof(Neighbor)) + 64;
        char* memory = scratch<char>(runtime::candidates, bytes);
        auto* of_rows = reinterpret_cast<Candidates<T, Bound>*>(memory);
        auto* exact = reinterpret_cast<Neighbor*>(of_rows + rows);
        auto* columns = reinterpret_cast<int64_t*>(exact + neighbors);
        auto* spare = reinterpret_cast<T*>(columns + rows * room);
        T* similarities = spare + room;
        for (int64_t r = 0; r < end - first; ++r)
            of_rows[r] = {
                &bound, first + r, neighbors,          most, similarities + r * room, columns + r * room, spare,
                exact,  0,         T(-__builtin_inf())};
        use(of_rows);
    }
};

template <class T>
NERVE_INLINE T reported(double distance, int64_t metric) {
    return T(Metric(metric) == Metric::euclidean ? __builtin_sqrt(distance) : distance);
}

template <class T>
void write(T* distances, int64_t* indices, Nearest& found, int64_t row, int64_t metric) {
    found.sort();
    for (int64_t i = 0; i < found.most; ++i) {
        indices[row * found.most + i] = found.heap[i].index;
        if (distances != nullptr) distances[row * found.most + i] = reported<T>(found.heap[i].distance, metric);
    }
}

template <class T, class Bound>
void nearest_of(T* distances, int64_t* indices, const T* x, const T* y, const DistanceShape& shape, int64_t neighbors) {
    const int64_t groups = strip_groups(shape.rows, shape.columns, shape.features);
    // Each group of columns has nearest ones of its own; they are put together at the end.
    const int64_t apart = groups > 1 ? groups * shape.rows * neighbors : 0;
    char* memory = scratch<char>(runtime::workspace, (apart + 1) * int64_t(sizeof(Neighbor)) +
                                                         Bound::memory(shape) * int64_t(sizeof(T)) +
                                                         groups * shape.rows * int64_t(sizeof(int64_t)));
    auto* of_groups = reinterpret_cast<Neighbor*>(memory);
    auto* counts = reinterpret_cast<int64_t*>(of_groups + apart);
    const Bound bound(reinterpret_cast<T*>(counts + groups * shape.rows), x, y, shape);
    if constexpr (requires { bound.fits(neighbors); })
        if (!bound.fits(neighbors)) return nearest_of<T, SquareBound<T>>(distances, indices, x, y, shape, neighbors);
    const TaskMemory<T> tasks(neighbors, shape);

    bound.run(groups, [&](int64_t first, int64_t end, int64_t group, const auto& each) {
        tasks.use(bound, neighbors, first, end, [&](Candidates<T, Bound>* of_rows) {
            each([&](const Strip<T>& strip) {
                for (int64_t r = 0; r < strip.rows; ++r)
                    of_rows[strip.row + r - first].add(strip.data + r * strip.stride, strip.column, strip.columns);
            });
            for (int64_t row = first; row < end; ++row) {
                auto& candidates = of_rows[row - first];
                candidates.thin_out();
                Nearest found = candidates.nearest();
                if (groups == 1) {
                    write(distances, indices, found, row, shape.metric);
                } else {
                    counts[group * shape.rows + row] = found.count;
                    std::memcpy(of_groups + (group * shape.rows + row) * neighbors, found.heap,
                                size_t(found.count) * sizeof(Neighbor));
                }
            }
        });
    });
    if (groups == 1) return;
    for (int64_t row = 0; row < shape.rows; ++row) {
        Nearest found{of_groups + row * neighbors, neighbors, counts[row]};
        for (int64_t group = 1; group < groups; ++group) {
            const int64_t place = group * shape.rows + row;
            for (int64_t i = 0; i < counts[place]; ++i) found.add(of_groups[place * neighbors + i]);
        }
        write(distances, indices, found, row, shape.metric);
    }
}

// Calls hit(row, column, distance) for all pairs within the limit, columns ascending in a row; the distance is NaN
// where it was not needed to tell, unless it is `wanted`.
template <class T, class Bound, class Hit>
void within(const T* x, const T* y, const DistanceShape& shape, double limit, bool wanted, const Hit& hit) {
    using V = vec<T>;
    const Bound bound(scratch<T>(runtime::workspace, Bound::memory(shape)), x, y, shape);
    bound.run(1, [&](int64_t, int64_t, int64_t, const auto& each) {
        each([&](const Strip<T>& strip) {
            for (int64_t r = 0; r < strip.rows; ++r) {
                const int64_t row = strip.row + r;
                const bool known = bound.known(row);
                const V possible(known ? bound.within(row, limit) : T(-__builtin_inf()));
                const V proof(known ? bound.proof(row, limit) : T(__builtin_inf()));
                each_register<T>(strip.columns, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
                    const V similarity = load_some(strip.data + r * strip.stride + i, n);
                    uint32_t lanes = lanes_not_below(similarity, possible) & uint32_t((uint64_t(1) << n) - 1);
                    if (lanes == 0) return;
                    const uint32_t proved = lane_bits(bound.least(similarity, strip.column + i, n) >= proof);
                    for (; lanes != 0; lanes &= lanes - 1) {
                        const int lane = __builtin_ctz(lanes);
                        const int64_t column = strip.column + i + lane;
                        if (!wanted && (proved >> lane & 1) != 0) {
                            hit(row, column, __builtin_nan(""));
                            continue;
                        }
                        const double distance = bound.distance(row, column);
                        if (distance <= limit) hit(row, column, distance);
                    }
                });
            }
        });
    });
}

template <class T, class Hit>
void within_radius(const T* x, const T* y, const DistanceShape& shape, double radius, bool wanted, const Hit& hit) {
    switch (Metric(shape.metric)) {
        case Metric::manhattan:
            return within<T, DifferenceBound<T>>(x, y, shape, radius, wanted, hit);
        case Metric::cosine:
            return within<T, CosineBound<T>>(x, y, shape, radius, wanted, hit);
        case Metric::euclidean:
            return within<T, SquareBound<T>>(x, y, shape, radius * radius, wanted, hit);
        default:
            return within<T, SquareBound<T>>(x, y, shape, radius, wanted, hit);
    }
}

}  // namespace

template <class T>
void nearest_neighbors(T* distances, int64_t* indices, const T* x, const T* y, const DistanceShape& shape,
                       int64_t neighbors) {
    if (neighbors == 0) return;
    if (Metric(shape.metric) == Metric::manhattan)
        return nearest_of<T, DifferenceBound<T>>(distances, indices, x, y, shape, neighbors);
    if (Metric(shape.metric) == Metric::cosine)
        return nearest_of<T, CosineBound<T>>(distances, indices, x, y, shape, neighbors);
    if constexpr (sizeof(T) == sizeof(float))
        if (RoundedBound::pays(shape)) return nearest_of<T, RoundedBound>(distances, indices, x, y, shape, neighbors);
    nearest_of<T, SquareBound<T>>(distances, indices, x, y, shape, neighbors);
}

template <class T>
void radius_counts(int64_t* counts, const T* x, const T* y, const DistanceShape& shape, double radius) {
    for (int64_t row = 0; row < shape.rows; ++row) counts[row] = 0;
    within_radius(x, y, shape, radius, false, [=](int64_t row, int64_t, double) { ++counts[row]; });
}

template <class T>
void radius_neighbors(T* distances, int64_t* indices, const int64_t* offsets, const T* x, const T* y,
                      const DistanceShape& shape, double radius) {
    auto* next = scratch<int64_t>(runtime::candidates, shape.rows);
    for (int64_t row = 0; row < shape.rows; ++row) next[row] = offsets[row];
    within_radius(x, y, shape, radius, distances != nullptr, [=](int64_t row, int64_t column, double distance) {
        const int64_t at = next[row]++;
        indices[at] = column;
        if (distances != nullptr) distances[at] = reported<T>(distance, shape.metric);
    });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/neighbors.inc"
#include "cpu/instantiate.h"
