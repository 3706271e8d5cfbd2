// A recurrent layer's steps back through time: those of recurrent_steps.h in reverse.
#pragma once
#include "cpu/recurrent_steps.h"

namespace nerve::NERVE_ISA {

template <class T>
struct BackwardCall {
    T *grad_gates, *grad_x, *grad_kernel, *grad_recurrent_kernel, *grad_bias, *grad_state, *grad_cell;
    const T *grad, *x, *out, *saved, *kernel, *recurrent_kernel, *initial_state, *initial_cell;
    RecurrentShape s;
};

// Gradients of the gates' sums of step t, sequence b: to grad_gates, and, as the products with the weights of the state
// and of the inputs want them, to of_h and of_x (the same for some cells). dh is the gradient of the state on its way
// back. What the step before will read is asked for, in the second-level cache.
template <class T, class Cell>
void backward_gates(const BackwardCall<T>& call, const Cell& layer, int64_t t, int64_t b, T* dh, T* of_h, T* of_x,
                    T* bias, int64_t unit, int64_t end) {
    const auto& s = call.s;
    const int64_t units = s.units;
    T* kept = Cell::saved > 0 ? const_cast<T*>(call.saved) + (t * s.batch + b) * Cell::saved * units
                              : const_cast<T*>(call.out) + (b * s.time + t) * units;
    T* gates = call.grad_gates + (t * s.batch + b) * Cell::sums * units;
    const int64_t step = s.batch * Cell::saved * units;
    const T* grad = call.grad ? call.grad + (b * s.time + t) * units : nullptr;
    const T* cell_before = !Cell::has_cell     ? nullptr
                           : t > 0             ? kept + (Cell::saved - 1) * units - step
                           : call.initial_cell ? call.initial_cell + b * units
                                               : nullptr;
    const T* before = t > 0 ? call.out + (b * s.time + t - 1) * units
                            : (call.initial_state ? call.initial_state + b * units : nullptr);
    auto read = [&](const T* from, int64_t n) NERVE_LAMBDA_INLINE {
        return from ? Parts<T>{const_cast<T*>(from) + unit, 0, n}.get(0) : vec<T>(T(0));
    };
    for (; unit < end; unit += vec<T>::size) {
        const int64_t n = smaller(end - unit, vec<T>::size);
        const Parts<T> cell{call.grad_cell + b * units + unit, 0, n}, state{dh + unit, 0, n};
        const Parts<T> to{gates + unit, units, n}, total{bias + unit, units, n};
        if (t > 0) {
            constexpr int parts = Cell::saved - Cell::has_cell;
#pragma GCC unroll 5
            for (int part = 0; part < parts; ++part) __builtin_prefetch(kept + unit + part * units - step, 0, 2);
            if (grad != nullptr) __builtin_prefetch(grad + unit - units, 0, 2);
        }
        if (t > 1 && Cell::has_cell) __builtin_prefetch(cell_before + unit - step, 0, 2);
        if (t > 1 && Cell::hands_on) __builtin_prefetch(before + unit - units, 0, 2);
        vec<T> carried(T(0)), d[4];
        if (Cell::has_cell) carried = cell.get(0);
        const vec<T> rest = layer.step_back(d, state.get(0) + read(grad, n), carried, {kept + unit, units, n},
                                            Cell::hands_on ? read(before, n) : vec<T>(T(0)),
                                            Cell::has_cell ? read(cell_before, n) : vec<T>(T(0)));
        if (Cell::has_cell) cell.set(0, carried);
        state.set(0, rest);
#pragma GCC unroll 4
        for (int part = 0; part < Cell::sums; ++part) {
            to.set(part, d[part]);
            total.set(part, total.get(part) + d[part]);
        }
#pragma GCC unroll 4
        for (int gate = 0; gate < Cell::gates; ++gate) {
            Parts<T>{of_h + unit, units, n}.set(gate, d[Cell::place(gate)]);
            if (of_x != of_h) Parts<T>{of_x + unit, units, n}.set(gate, d[gate]);
        }
    }
}

// Whether the products with inputs and state add to the same sums.
template <class Cell>
constexpr bool same_sums = Cell::place(Cell::gates - 1) == Cell::gates - 1;

// Whether the steps give the gradient of their inputs too, while those of the gates are in the cache: where they have
// enough rows for a product of their own.
template <class T, class Cell>
bool makes_grad_x(const BackwardCall<T>& call) {
    return call.grad_x != nullptr && call.s.units > 0 && together<T>(call.s, Cell::gates) < call.s.batch;
}

// All steps from the last to the first; what is left in grad_state and grad_cell is the gradient of the initial ones.
// `totals` (groups, sums) are the sums of the gates' gradients over the steps of each group of sequences.
template <class T, class Cell>
void backward(const BackwardCall<T>& call, const Cell& layer, T* totals) {
    const auto& s = call.s;
    const int64_t units = s.units, inner = Cell::gates * units;
    const bool own_inputs = makes_grad_x<T, Cell>(call);
    Carver<T> packed{nullptr};
    PackedWeights<T> of_h{nullptr, 1, inner, units}, of_x{nullptr, 1, inner, own_inputs ? s.features : 0};
    packed.next = scratch<T>(runtime::packed_b, of_h.size() + of_x.size());
    of_h.data = packed.take(of_h.size()), of_x.data = packed.take(of_x.size());
    auto pack = [&](const PackedWeights<T>& turned, const T* from) {
        turned.fill([&](T* panel, int64_t, int64_t unit, int64_t used) {
            for (int64_t k = 0; k < inner; k += inner_block)
                pack_across<tile_columns<T>>(panel + k * tile_columns<T>, from, inner, unit, used, k,
                                             smaller(inner - k, inner_block));
        });
    };
    pack(of_h, call.recurrent_kernel), pack(of_x, call.kernel);
    for_sequences(s, together<T>(s, Cell::gates), [&](int64_t first, int64_t rows) {
        Carver<T> memory{scratch<T>(runtime::packed_a, 3 * Rows<T>::size(rows, inner))};
        const Rows<T> sums[2]{memory.rows(rows, inner), memory.rows(rows, inner)};
        const Rows<T> further = memory.rows(rows, inner);
        for (int64_t t = s.time - 1; t >= -1; --t) {
            auto add = [&](int64_t row, int64_t count, int64_t part) {
                if (t == s.time - 1) return;
                product<inner_block>(sums[(t + 1) % 2], row, count, of_h.at(part, 0), inner,
                                     {call.grad_state + (first + row) * units, units, static_cast<const T*>(nullptr),
                                      Activation::linear},
                                     part * slice, smaller(units - part * slice, slice), !Cell::hands_on);
            };
            step(s, rows, inner, add, [&](int64_t row, int64_t count, int64_t unit, int64_t end) {
                if (t < 0) return;
                const Rows<T>& for_x = same_sums<Cell> || !own_inputs ? sums[t % 2] : further;
                for (int64_t r = row; r < row + count; ++r)
                    backward_gates<T, Cell>(call, layer, t, first + r, call.grad_state + (first + r) * units,
                                            sums[t % 2][r], for_x[r], totals + (first + r) / group * Cell::sums * units,
                                            unit, end);
                for (int64_t part = 0; own_inputs && part < PackedWeights<T>::slices(s.features); ++part)
                    product<inner_block>(for_x, row, count, of_x.at(part, 0), inner,
                                         {call.grad_x + input_row(s, first, t) * s.features, s.time * s.features,
                                          static_cast<const T*>(nullptr), Activation::linear},
                                         part * slice, smaller(s.features - part * slice, slice), true);
            });
        }
    });
}

}  // namespace nerve::NERVE_ISA
