// A recurrent layer's steps through time, over the cells of recurrent_cells.h; recurrent_backward.h has the way back.
//
// Weights are packed once. A step adds the product with the state to what the inputs gave (made for several steps at
// once), and goes on to the gates while the sums are in the cache. Groups of sequences go through all steps on their
// own, each on one thread; where there are few sequences, a step's tasks are slices of the units.
#pragma once
#include "cpu/gemm.h"
#include "cpu/pack.h"
#include "cpu/recurrent_cells.h"

namespace nerve::NERVE_ISA {

constexpr int64_t slice = 64;               // units of a task
constexpr int64_t group = 8;                // sequences that go together, and whose bias gradients are summed first
constexpr int64_t large_weights = 1 << 24;  // bytes
constexpr int64_t apart = 16;         // more elements from row to row, so that rows do not meet in one set of the cache
constexpr int64_t input_depth = 128;  // part of the inner size for which a panel stays in the first-level cache
constexpr int64_t input_rows = 112;   // of a task of the inputs' product
constexpr int64_t rows_at_once = 224;       // of the inputs' product
constexpr int64_t parallel_work = 1 << 17;  // multiplications from which on a step is worth waking others

// Row-major memory of its own rows, with room for the tile's reading beyond the last.
template <class T>
struct Rows {
    T* data;
    int64_t stride;
    static int64_t stride_of(int64_t columns) { return columns + apart; }
    static int64_t size(int64_t rows, int64_t columns) { return (rows + tile_rows) * stride_of(columns); }
    NERVE_INLINE T* operator[](int64_t row) const { return data + row * stride; }
};

// Takes pieces off a block of memory.
template <class T>
struct Carver {
    T* next;
    T* take(int64_t size) {
        T* piece = next;
        next += size;
        return piece;
    }
    Rows<T> rows(int64_t rows, int64_t columns) {
        return {take(Rows<T>::size(rows, columns)), Rows<T>::stride_of(columns)};
    }
};

// `blocks` matrices (inner, units) side by side, cut into slices of units and packed in panels for the tile.
template <class T>
struct PackedWeights {
    static constexpr int64_t width = tile_columns<T>;
    T* data;
    int64_t blocks, inner, units;

    int64_t panels() const { return (smaller(slice, units) + width - 1) / width; }  // of a slice in a block
    static int64_t slices(int64_t units) { return (units + slice - 1) / slice; }
    int64_t size() const { return slices(units) * blocks * panels() * inner * width; }
    T* at(int64_t slice_index, int64_t block) const {
        return data + (slice_index * blocks + block) * panels() * inner * width;
    }

    // pack(panel, block, first unit, units) fills a panel.
    template <class Pack>
    void fill(const Pack& pack) const {
        parallel(slices(units) * blocks, [&](int64_t task) {
            const int64_t block = task % blocks, first = task / blocks * slice;
            const int64_t used = smaller(units - first, slice);
            for (int64_t p = 0; p * width < used; ++p)
                pack(at(task / blocks, block) + p * inner * width, block, first + p * width,
                     smaller(used - p * width, width));
        });
    }
};

// out[.., column ..) = or += a @ panels, for `rows` rows.
template <int64_t depth, class T>
void product(const Rows<T>& a, int64_t row, int64_t rows, const T* panels, int64_t inner, const Epilogue<T>& out,
             int64_t column, int64_t columns, bool first) {
    constexpr int64_t width = tile_columns<T>;
    const int64_t at_once = rows > 4 ? width : columns;
    for (int64_t k = 0; k == 0 || k < inner; k += depth) {
        const int64_t count = smaller(inner - k, depth);
        for (int64_t c = 0; c < columns; c += at_once)
            for (int64_t r = 0; r < rows;) {
                const int64_t left = rows - r,
                              height = left == 8 && tile_rows < 8 ? 4 : smaller(tile_height(left), left);
                tiles<T>(count, {a[row + r] + k, a.stride, true},
                         {panels + c * inner + k * width, width, inner * width}, out, r, height, column + c,
                         smaller(columns - c, at_once), first && k == 0, k + depth >= inner);
                r += height;
            }
    }
}

// Where sequence b has its input of step t.
NERVE_INLINE int64_t input_row(const RecurrentShape& s, int64_t b, int64_t t) {
    return b * s.time + (s.go_backwards ? s.time - 1 - t : t);
}

// How many sequences go through all steps on their own, without waiting for others: few, so that there are tasks for
// all threads; but all where the batch is small, or the weights come from memory every time.
template <class T>
int64_t together(const RecurrentShape& s, int64_t gates) {
    const bool large = gates * s.units * s.units * int64_t(sizeof(T)) > large_weights;
    return s.batch < 2 * group || large ? s.batch : group;
}

// body(first, rows): groups of `size` sequences.
template <class Body>
void for_sequences(const RecurrentShape& s, int64_t size, const Body& body) {
    parallel_blocks(s.batch, size, [&](int64_t begin, int64_t end) { body(begin, end - begin); });
}

// body(row, rows, slice) for each task of a step over `rows` sequences whose product has `inner` terms for each unit.
template <class Body>
void for_tasks(int64_t rows, int64_t at_once, int64_t units, int64_t inner, const Body& body) {
    const int64_t groups = (rows + at_once - 1) / at_once, tasks = groups * PackedWeights<float>::slices(units);
    parallel_blocks(tasks, rows * units * inner < parallel_work ? tasks : 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const int64_t row = task % groups * at_once;
            body(row, smaller(rows - row, at_once), task / groups);
        }
    });
}

// A step: sums(row, rows, slice), the products of some sequences and a slice of units, and gates(row, rows, unit, end).
template <class Sums, class Gates>
void step(const RecurrentShape& s, int64_t rows, int64_t inner, const Sums& sums, const Gates& gates) {
    if (rows < s.batch) {  // whole rows of gates are easier to foresee for the processor
        for (int64_t part = 0; part < PackedWeights<float>::slices(s.units); ++part) sums(int64_t(0), rows, part);
        gates(int64_t(0), rows, int64_t(0), s.units);
    } else {
        for_tasks(rows, rows, s.units, inner, [&](int64_t row, int64_t count, int64_t part) {
            sums(row, count, part);
            gates(row, count, part * slice, smaller(s.units, (part + 1) * slice));
        });
    }
}

template <class T>
struct ForwardCall {
    T *out, *state, *cell, *saved;  // the last two may be null
    const T *x, *kernel, *recurrent_kernel, *bias, *recurrent_bias, *initial_state;
    RecurrentShape s;
};

template <class T, class Cell>
void forward_gates(const ForwardCall<T>& call, const Cell& layer, int64_t t, int64_t b, const T* z, const T* before,
                   T* after, int64_t unit, int64_t end) {
    const auto& s = call.s;
    T* kept = call.saved ? call.saved + (t * s.batch + b) * Cell::saved * s.units : nullptr;
    T* out = call.out + (b * s.time + t) * s.units;
    for (; unit < end; unit += vec<T>::size) {
        const int64_t n = smaller(end - unit, vec<T>::size);
        const Parts<T> sums{const_cast<T*>(z) + unit, s.units, n}, old{const_cast<T*>(before) + unit, 0, n};
        const Parts<T> keep{kept + unit, s.units, n}, cell{call.cell + b * s.units + unit, 0, n};
        vec<T> carried(T(0));
        if (Cell::has_cell) carried = cell.get(0);
        const vec<T> h = layer.step(sums, old.get(0), carried, kept ? &keep : nullptr);
        if (Cell::has_cell) cell.set(0, carried);
        Parts<T>{out + unit, 0, n}.set(0, h);
        Parts<T>{after + unit, 0, n}.set(0, h);
    }
}

template <class T, class Cell>
void forward(const ForwardCall<T>& call, const Cell& layer = Cell()) {
    const auto& s = call.s;
    const int64_t units = s.units;
    if (s.batch * units == 0) return;
    Carver<T> packed{nullptr};
    PackedWeights<T> of_x{nullptr, Cell::gates, s.features, units}, of_h{nullptr, Cell::gates, units, units};
    packed.next = scratch<T>(runtime::packed_b, of_x.size() + of_h.size());
    of_x.data = packed.take(of_x.size()), of_h.data = packed.take(of_h.size());
    auto pack = [&](const PackedWeights<T>& weights, const T* from) {
        weights.fill([&](T* panel, int64_t gate, int64_t unit, int64_t used) {
            pack_along<tile_columns<T>>(panel, from, Cell::gates * units, gate * units + unit, used, 0, weights.inner);
        });
    };
    pack(of_x, call.kernel), pack(of_h, call.recurrent_kernel);

    for_sequences(s, together<T>(s, Cell::gates), [&](int64_t first, int64_t rows) {
        const int64_t steps = smaller(s.time, 1 + (rows_at_once - 1) / rows), sums = Cell::sums * units;
        const int64_t size = 2 * Rows<T>::size(rows, units) + Rows<T>::size(steps * rows, sums) +
                             Rows<T>::size(steps * rows, s.features);
        Carver<T> memory{scratch<T>(runtime::packed_a, size)};
        const Rows<T> states[2]{memory.rows(rows, units), memory.rows(rows, units)};
        const Rows<T> z = memory.rows(steps * rows, sums), inputs = memory.rows(steps * rows, s.features);
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t u = 0; u < units; ++u)
                states[0][r][u] = call.initial_state ? call.initial_state[(first + r) * units + u] : T(0);

        for (int64_t t0 = 0; t0 < s.time; t0 += steps) {
            const int64_t now = smaller(s.time - t0, steps);
            for (int64_t t = 0; t < now; ++t)
                for (int64_t r = 0; r < rows; ++r)
                    std::memcpy(inputs[t * rows + r], call.x + input_row(s, first + r, t0 + t) * s.features,
                                size_t(s.features) * sizeof(T));
            for_tasks(
                now * rows, input_rows, units, Cell::gates * s.features, [&](int64_t row, int64_t count, int64_t part) {
                    for (int gate = 0; gate < Cell::gates; ++gate)
                        product<input_depth>(inputs, row, count, of_x.at(part, gate), s.features,
                                             {z[row], z.stride, call.bias, Activation::linear},
                                             gate * units + part * slice, smaller(units - part * slice, slice), true);
                });
            for (int64_t t = t0; t < t0 + now; ++t) {
                const Rows<T>&before = states[t % 2], &after = states[(t + 1) % 2];
                auto add = [&](int64_t row, int64_t count, int64_t part) {
                    const int64_t begin = part * slice, end = smaller(units, begin + slice);
                    T* sums_here = z[(t - t0) * rows + row];
                    for (int gate = 0; gate < Cell::gates; ++gate) {
                        const int place = Cell::place(gate);
                        product<inner_block>(
                            before, row, count, of_h.at(part, gate), units,
                            {sums_here + (place - gate) * units, z.stride, call.recurrent_bias, Activation::linear},
                            gate * units + begin, end - begin, place != gate);
                    }
                };
                step(s, rows, Cell::gates * units, add, [&](int64_t row, int64_t count, int64_t unit, int64_t end) {
                    for (int64_t r = row; r < row + count; ++r)
                        forward_gates<T, Cell>(call, layer, t, first + r, z[(t - t0) * rows + r], before[r], after[r],
                                               unit, end);
                });
            }
        }
        for (int64_t r = 0; r < rows; ++r)
            std::memcpy(call.state + (first + r) * units, states[s.time % 2][r], size_t(units) * sizeof(T));
    });
}

}  // namespace nerve::NERVE_ISA
