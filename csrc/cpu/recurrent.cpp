// LSTM and GRU over whole sequences: the steps of recurrent_steps.h, and the products over all steps at once that give
// the gradients of inputs and weights.
#include "cpu/recurrent_steps.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

template <class T>
void copy_or_zero(T* to, const T* from, int64_t size) {
    if (from != nullptr)
        std::memcpy(to, from, size_t(size) * sizeof(T));
    else
        std::memset(to, 0, size_t(size) * sizeof(T));
}

// grad_x = gates @ kernel^T, grad_kernel = x^T @ gates, with the rows of all steps.
template <class T>
void input_gradients(const BackwardCall<T>& call, int64_t sums, int64_t columns) {
    const auto& s = call.s;
    if (call.grad_x != nullptr)
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

// out (rows, columns) = A^T @ gates[.., first ..), where from(k) is row k = t * batch + b of A.
template <class T, class From>
void weight_gradient(const BackwardCall<T>& call, T* out, int64_t stride, int64_t rows, int64_t sums, int64_t first,
                     int64_t columns, const From& from) {
    const auto& s = call.s;
    gemm<T>(
        rows, columns, s.time * s.batch,
        [&](T* panel, int64_t row, int64_t used, int64_t k, int64_t count) {
            for (int64_t i = 0; i < count; ++i, panel += tile_rows) {
                const T* values = from(k + i);
                for (int64_t r = 0; r < tile_rows; ++r) panel[r] = r < used && values ? values[row + r] : T(0);
            }
        },
        [&](T* panel, int64_t column, int64_t used, int64_t k, int64_t count) {
            pack_along<tile_columns<T>>(panel, call.grad_gates, sums, first + column, used, k, count);
        },
        {out, stride, static_cast<const T*>(nullptr), Activation::linear});
}

template <class T, class Cell>
void backward_all(const BackwardCall<T>& call) {
    const auto& s = call.s;
    const int64_t units = s.units, sums = Cell::sums * units, columns = Cell::gates * units;
    const int64_t groups = (s.batch + group - 1) / group;
    T* totals = scratch<T>(runtime::workspace, groups * sums + 1);
    std::memset(totals, 0, size_t(groups * sums) * sizeof(T));
    if (units > 0 && s.batch > 0) backward<T, Cell>(call, totals);
    if (call.grad_bias != nullptr)
        for (int64_t i = 0; i < sums; ++i) {
            T total(0);
            for (int64_t g = 0; g < groups; ++g) total += totals[g * sums + i];
            if (Cell::has_cell) {
                call.grad_bias[i] = total;
            } else {  // of the product with x, with the state, or of both
                if (i < 3 * units) call.grad_bias[i] = total;
                if (i < 2 * units) call.grad_bias[3 * units + i] = total;
                if (i >= 3 * units) call.grad_bias[2 * units + i] = total;
            }
        }
    input_gradients(call, sums, columns);
    if (call.grad_kernel != nullptr)
        weight_gradient(call, call.grad_kernel, columns, s.features, sums, 0, columns,
                        [&](int64_t k) { return call.x + input_row(s, k % s.batch, k / s.batch) * s.features; });
    if (call.grad_recurrent_kernel == nullptr) return;
    auto before = [&](int64_t k) -> const T* {
        const int64_t b = k % s.batch, t = k / s.batch;
        if (t > 0) return call.out + (b * s.time + t - 1) * units;
        return call.initial_state ? call.initial_state + b * units : nullptr;
    };
    const int64_t together = Cell::has_cell ? columns : 2 * units;
    weight_gradient(call, call.grad_recurrent_kernel, columns, units, sums, 0, together, before);
    if (together < columns)
        weight_gradient(call, call.grad_recurrent_kernel + together, columns, units, sums, 3 * units, units, before);
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

}  // namespace nerve::NERVE_ISA

#define FAMILY_recurrent FAMILY_HERE
#include "cpu/instantiate.h"
