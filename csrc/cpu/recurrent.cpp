// LSTM, GRU and the simple recurrent layer over whole sequences: their steps, and the products over all steps at once
// that give the gradients of inputs and weights.
#include "cpu/recurrent_backward.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

template <class T>
void copy_or_zero(T* to, const T* from, int64_t size) {
    if (from != nullptr)
        std::memcpy(to, from, size_t(size) * sizeof(T));
    else
        std::memset(to, 0, size_t(size) * sizeof(T));
}

// grad_x = gates @ kernel^T, with the rows of all steps.
template <class T>
void input_gradients(const BackwardCall<T>& call, int64_t sums, int64_t columns) {
    const auto& s = call.s;
    gemm<T>(
        s.batch * s.time, s.features, columns,
        [&](T* panel, int64_t row, int64_t rows, int64_t k, int64_t count) {
            const T* from[tile_rows];
            for (int64_t r = 0; r < tile_rows; ++r) {
                const int64_t b = (row + r) / s.time, at = (row + r) % s.time;
                const int64_t t = s.go_backwards ? s.time - 1 - at : at;
                from[r] = r < rows ? call.grad_gates + (t * s.batch + b) * sums + k : zeros<T>;
            }
            pack_pointers<tile_rows>(panel, from, count);
        },
        [&](T* panel, int64_t column, int64_t used, int64_t k, int64_t count) {
            pack_across<tile_columns<T>>(panel, call.kernel, columns, column, used, k, count);
        },
        {call.grad_x, s.features, static_cast<const T*>(nullptr), Activation::linear});
}

// Rows from `first` on of (x, h)^T in weight_gradient, (features + units, steps * batch): inputs above the states
// before each step.
template <class T>
struct InputsAndStates {
    const BackwardCall<T>& call;
    int64_t first;

    // What a sequence had at a step.
    struct Column {
        const T *x, *h;
    };
    Column column(int64_t k) const {
        const auto& s = call.s;
        const int64_t b = k % s.batch, t = k / s.batch;
        return {call.x + input_row(s, b, t) * s.features, t > 0 ? call.out + (b * s.time + t - 1) * s.units
                                                          : call.initial_state ? call.initial_state + b * s.units
                                                                               : nullptr};
    }
    NERVE_INLINE void put(T* to, int64_t row, int64_t used, const Column& from) const {
        const int64_t features = call.s.features;
        if (used == tile_rows && row + used <= features)
            std::memcpy(to, from.x + row, tile_rows * sizeof(T));
        else if (used == tile_rows && row >= features && from.h != nullptr)
            std::memcpy(to, from.h + (row - features), tile_rows * sizeof(T));
        else
            for (int64_t r = 0; r < tile_rows; ++r) {
                const int64_t at = row + r;
                to[r] = r >= used ? T(0) : at < features ? from.x[at] : from.h ? from.h[at - features] : T(0);
            }
    }

    void operator()(T* panel, int64_t row, int64_t used, int64_t k, int64_t count) const {
        for (int64_t i = 0; i < count; ++i) put(panel + i * tile_rows, first + row, used, column(k + i));
    }
    // Some columns at a time: sequences are so far apart that few of their lines stay in a cache.
    int64_t several(T* panels, int64_t row, int64_t row_end, int64_t k, int64_t count) const {
        constexpr int64_t most = 8;
        const int64_t whole = (row_end - row) / tile_rows;
        for (int64_t i = 0; i < count; i += most) {
            const int64_t together = smaller(count - i, most);
            Column columns[most];
            for (int64_t c = 0; c < together; ++c) columns[c] = column(k + i + c);
            for (int64_t p = 0; p < whole; ++p)
                for (int64_t c = 0; c < together; ++c)
                    put(panels + (p * count + i + c) * tile_rows, first + row + p * tile_rows, tile_rows, columns[c]);
        }
        return whole;
    }
};

// Rows [row, row_end) of (x, h)^T @ gates[.., first .. first + columns), where `gates` are what both products add to.
template <class T>
void weight_gradient(const BackwardCall<T>& call, T* out, int64_t stride, int64_t row, int64_t row_end, int64_t sums,
                     int64_t first, int64_t columns) {
    gemm<T>(row_end - row, columns, call.s.time * call.s.batch, InputsAndStates<T>{call, row},
            [&](T* panel, int64_t column, int64_t used, int64_t k, int64_t count) {
                pack_along<tile_columns<T>>(panel, call.grad_gates, sums, first + column, used, k, count);
            },
            {out, stride, static_cast<const T*>(nullptr), Activation::linear});
}

// The gates that both products see are packed once for both.
template <class T, class Cell>
void weight_gradients(const BackwardCall<T>& call, T* both) {
    const auto& s = call.s;
    const int64_t units = s.units, sums = Cell::sums * units, columns = Cell::gates * units;
    const int64_t shared = same_sums<Cell> ? columns : 2 * units, rows = s.features + units;
    weight_gradient(call, both, shared, 0, rows, sums, 0, shared);
    auto copy = [&](T* to, int64_t row, int64_t count) {
        if (to != nullptr)
            for (int64_t r = 0; r < count; ++r)
                std::memcpy(to + r * columns, both + (row + r) * shared, size_t(shared) * sizeof(T));
    };
    copy(call.grad_kernel, 0, s.features), copy(call.grad_recurrent_kernel, s.features, units);
    if (shared == columns) return;
    if (call.grad_kernel != nullptr)
        weight_gradient(call, call.grad_kernel + shared, columns, 0, s.features, sums, shared, units);
    if (call.grad_recurrent_kernel != nullptr)
        weight_gradient(call, call.grad_recurrent_kernel + shared, columns, s.features, rows, sums, columns, units);
}

template <class T, class Cell>
void backward_all(const BackwardCall<T>& call, const Cell& layer = Cell()) {
    const auto& s = call.s;
    const int64_t units = s.units, sums = Cell::sums * units, columns = Cell::gates * units;
    const int64_t groups = (s.batch + group - 1) / group;
    T* totals = scratch<T>(runtime::workspace, groups * sums + (s.features + units) * columns + 1);
    std::memset(totals, 0, size_t(groups * sums) * sizeof(T));
    if (units > 0 && s.batch > 0) backward<T, Cell>(call, layer, totals);
    if (call.grad_bias != nullptr)
        for (int64_t i = 0; i < sums; ++i) {
            T total(0);
            for (int64_t g = 0; g < groups; ++g) total += totals[g * sums + i];
            if (same_sums<Cell>) {
                call.grad_bias[i] = total;
            } else {  // of the product with x, with the state, or of both
                if (i < 3 * units) call.grad_bias[i] = total;
                if (i < 2 * units) call.grad_bias[3 * units + i] = total;
                if (i >= 3 * units) call.grad_bias[2 * units + i] = total;
            }
        }
    if (call.grad_x != nullptr && !makes_grad_x<T, Cell>(call)) input_gradients(call, sums, columns);
    if (call.grad_kernel != nullptr || call.grad_recurrent_kernel != nullptr)
        weight_gradients<T, Cell>(call, totals + groups * sums);
}

}  // namespace

template <class T>
void lstm(T* out, T* state, T* cell, T* saved, const T* x, const T* kernel, const T* recurrent_kernel, const T* bias,
          const T* initial_state, const T* initial_cell, const RecurrentShape& s) {
    copy_or_zero(cell, initial_cell, s.batch * s.units);
    forward<T, Lstm>({out, state, cell, saved, x, kernel, recurrent_kernel, bias, nullptr, initial_state, s});
}

template <class T>
void gru(T* out, T* state, T* saved, const T* x, const T* kernel, const T* recurrent_kernel, const T* bias,
         const T* initial_state, const RecurrentShape& s) {
    const T* recurrent_bias = bias != nullptr ? bias + 3 * s.units : nullptr;
    forward<T, Gru>({out, state, nullptr, saved, x, kernel, recurrent_kernel, bias, recurrent_bias, initial_state, s});
}

template <class T>
void lstm_backward(T* grad_gates, T* grad_x, T* grad_kernel, T* grad_recurrent_kernel, T* grad_bias,
                   T* grad_initial_state, T* grad_initial_cell, const T* grad, const T* grad_state, const T* grad_cell,
                   const T* x, const T* out, const T* saved, const T* kernel, const T* recurrent_kernel,
                   const T* initial_state, const T* initial_cell, const RecurrentShape& s) {
    copy_or_zero(grad_initial_state, grad_state, s.batch * s.units);
    copy_or_zero(grad_initial_cell, grad_cell, s.batch * s.units);
    backward_all<T, Lstm>({grad_gates, grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, grad_initial_state,
                           grad_initial_cell, grad, x, out, saved, kernel, recurrent_kernel, initial_state,
                           initial_cell, s});
}

template <class T>
void gru_backward(T* grad_gates, T* grad_x, T* grad_kernel, T* grad_recurrent_kernel, T* grad_bias,
                  T* grad_initial_state, const T* grad, const T* grad_state, const T* x, const T* out, const T* saved,
                  const T* kernel, const T* recurrent_kernel, const T* initial_state, const RecurrentShape& s) {
    copy_or_zero(grad_initial_state, grad_state, s.batch * s.units);
    backward_all<T, Gru>({grad_gates, grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, grad_initial_state,
                          nullptr, grad, x, out, saved, kernel, recurrent_kernel, initial_state, nullptr, s});
}

template <class T>
void simple_rnn(T* out, T* state, const T* x, const T* kernel, const T* recurrent_kernel, const T* bias,
                const T* initial_state, const RecurrentShape& s, int64_t activation) {
    forward<T, SimpleRnn>({out, state, nullptr, nullptr, x, kernel, recurrent_kernel, bias, nullptr, initial_state, s},
                          {Activation(activation)});
}

template <class T>
void simple_rnn_backward(T* grad_gates, T* grad_x, T* grad_kernel, T* grad_recurrent_kernel, T* grad_bias,
                         T* grad_initial_state, const T* grad, const T* grad_state, const T* x, const T* out,
                         const T* kernel, const T* recurrent_kernel, const T* initial_state, const RecurrentShape& s,
                         int64_t activation) {
    copy_or_zero(grad_initial_state, grad_state, s.batch * s.units);
    backward_all<T, SimpleRnn>({grad_gates, grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, grad_initial_state,
                                nullptr, grad, x, out, nullptr, kernel, recurrent_kernel, initial_state, nullptr, s},
                               {Activation(activation)});
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/recurrent.inc"
#include "cpu/instantiate.h"
