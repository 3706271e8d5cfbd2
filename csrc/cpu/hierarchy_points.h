// One point against many, in float64: points stand in tiles of eight, side by side along each column, so that a
// register holds one column of several points. A distance is summed from the first column to the last with nothing
// fused, and the smallest is the first of the smallest: the same bits on every instruction set, and those of SciPy's
// pdist.
#pragma once
#include "cpu/parallel.h"
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

constexpr int64_t lanes_of_tile = 8;
constexpr int registers_of_tile = int(lanes_of_tile) / vec<double>::size;
constexpr int64_t values_a_task = 32768;

enum Dissimilarity { euclidean, manhattan, precomputed };

inline int64_t padded(int64_t points) { return (points + lanes_of_tile - 1) / lanes_of_tile * lanes_of_tile; }
inline double* lane_of(double* tiles, int64_t columns, int64_t slot) {
    return tiles + slot / lanes_of_tile * lanes_of_tile * columns + slot % lanes_of_tile;
}

template <class T>
void fill_tiles(double* tiles, const T* x, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < padded(rows); ++i)
        for (int64_t c = 0; c < columns; ++c)
            lane_of(tiles, columns, i)[c * lanes_of_tile] = i < rows ? double(x[i * columns + c]) : 0.0;
}
inline void read_point(double* point, const double* tiles, int64_t columns, int64_t slot) {
    const double* lane = lane_of(const_cast<double*>(tiles), columns, slot);
    for (int64_t c = 0; c < columns; ++c) point[c] = lane[c * lanes_of_tile];
}

template <int metric>
NERVE_INLINE vec<double> add_term(vec<double> sum, vec<double> difference) {
    if constexpr (metric == manhattan)
        return sum + abs(difference);
    else
        return sum + difference * difference;
}

// Distances, squared ones if euclidean, from `point` to the points in tiles.
template <int metric>
struct Points {
    const double *tiles, *point;
    int64_t columns;

    // body(slot, distances) for registers of slots begin <= slot < end, both multiples of eight.
    template <class Body>
    NERVE_INLINE void each(int64_t begin, int64_t end, const Body& body) const {
        using V = vec<double>;
        constexpr int at_once = 4 / registers_of_tile > 0 ? 4 / registers_of_tile : 1;
        auto some = [&](int64_t slot, auto tiles_at_once) NERVE_LAMBDA_INLINE {
            constexpr int many = decltype(tiles_at_once)::value;
            V sums[many][registers_of_tile];
#pragma GCC unroll 4
            for (auto& tile : sums)
#pragma GCC unroll 4
                for (V& sum : tile) sum = V(0.0);
            const double* first = tiles + slot * columns;
            for (int64_t c = 0; c < columns; ++c) {
                const V here(point[c]);
#pragma GCC unroll 4
                for (int t = 0; t < many; ++t)
#pragma GCC unroll 4
                    for (int r = 0; r < registers_of_tile; ++r)
                        sums[t][r] = add_term<metric>(
                            sums[t][r], load(first + (t * columns + c) * lanes_of_tile + r * V::size) - here);
            }
#pragma GCC unroll 4
            for (int t = 0; t < many; ++t)
#pragma GCC unroll 4
                for (int r = 0; r < registers_of_tile; ++r) body(slot + t * lanes_of_tile + r * V::size, sums[t][r]);
        };
        int64_t slot = begin;
        for (; slot + at_once * lanes_of_tile <= end; slot += at_once * lanes_of_tile)
            some(slot, std::integral_constant<int, at_once>{});
        for (; slot < end; slot += lanes_of_tile) some(slot, std::integral_constant<int, 1>{});
    }
    int64_t slots_a_task() const {
        const int64_t slots = values_a_task / (columns + 4);
        return slots > lanes_of_tile ? padded(slots) : lanes_of_tile;
    }
};

// The same from a row of a matrix of distances, of which slots[i] is point i's column.
template <class T>
struct MatrixRow {
    const T* row;
    const int64_t* slots;
    int64_t count;

    template <class Body>
    NERVE_INLINE void each(int64_t begin, int64_t end, const Body& body) const {
        constexpr int n = vec<double>::size;
        for (int64_t slot = begin; slot < end; slot += n) {
            double values[n];
            for (int i = 0; i < n; ++i) values[i] = slot + i < count ? double(row[slots[slot + i]]) : 0.0;
            body(slot, load(values));
        }
    }
    int64_t slots_a_task() const { return values_a_task / 8; }
};

struct Found {
    double value;
    int64_t slot;  // -1: no value is less than infinity
};

// The smallest value(slot, distances) of `count` slots and the first slot that has it; NaN never is. Values of slots
// from `count` to the end of the tile must be NaN. `found` has room for a result of each task.
template <class Source, class Value>
NERVE_INLINE Found smallest(Found* found, const Source& source, int64_t count, const Value& value) {
    using V = vec<double>;
    const int64_t block = source.slots_a_task(), all = padded(count), tasks = (all + block - 1) / block;
    parallel_blocks(all, block, [&](int64_t begin, int64_t end) {
        double numbers[V::size];
        for (int i = 0; i < V::size; ++i) numbers[i] = i;
        const V places = load(numbers);
        V best(__builtin_inf()), at(-1.0);
        source.each(begin, end, [&](int64_t slot, V distances) NERVE_LAMBDA_INLINE {
            const V here = value(slot, distances);
            const mask<double> better = here < best;
            best = select(better, here, best);
            at = select(better, places + V(double(slot)), at);
        });
        Found first{__builtin_inf(), -1};
        for (int i = 0; i < V::size; ++i) {
            const int64_t slot = int64_t(at.v[i]);
            if (best.v[i] < first.value || (slot >= 0 && best.v[i] == first.value && slot < first.slot))
                first = {best.v[i], slot};
        }
        found[begin / block] = first;
    });
    Found first{__builtin_inf(), -1};
    for (int64_t i = 0; i < tasks; ++i)
        if (found[i].value < first.value) first = found[i];
    return first;
}

template <class A>
A* take_room(char*& room, int64_t count) {
    A* const taken = reinterpret_cast<A*>(room);
    room += (size_t(count) * sizeof(A) + 63) / 64 * 64;
    return taken;
}
// Room for a point, the results of as many tasks as `count` slots can be cut into, and a list of slots.
inline char* small_room(int64_t count, int64_t columns) {
    const size_t bytes = size_t(columns) * sizeof(double) + size_t(count / lanes_of_tile + 1) * sizeof(Found) +
                         size_t(count) * sizeof(int64_t) + 3 * 64;
    return static_cast<char*>(runtime::scratch(runtime::workspace, bytes));
}
inline int64_t most_tasks(int64_t count) { return count / lanes_of_tile + 1; }

// body(metric) with a metric known when compiled.
template <class Body>
void with_metric(int64_t metric, const Body& body) {
    if (metric == euclidean)
        body(std::integral_constant<int, euclidean>{});
    else
        body(std::integral_constant<int, manhattan>{});
}

}  // namespace nerve::NERVE_ISA
