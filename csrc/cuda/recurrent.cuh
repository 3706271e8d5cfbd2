// The gradients that recurrent layers make of all steps at once: products, and sums for the biases. Row t * batch + b
// is step t of sequence b.
#pragma once
#include "cuda/gemm.cuh"
#include "cuda/operands.cuh"

namespace nerve::cuda {

// Where sequence b has its input of step t.
__device__ inline int64_t input_row(const RecurrentShape& s, int64_t b, int64_t t) {
    return b * s.time + (s.go_backwards ? s.time - 1 - t : t);
}

// The state before step t, null where it is zero; `row` is its stride from sequence to sequence.
template <class T>
__device__ const T* state_before(const RecurrentShape& s, const T* out, const T* initial, int64_t b, int64_t t) {
    if (t > 0) return out + (b * s.time + t - 1) * s.units;
    return initial ? initial + b * s.units : nullptr;
}

template <class T>
struct GateGradients {
    const T* data;
    int64_t width, units;  // width: of a row
    bool of_gru_state;
    __device__ const T* at(int64_t row, int64_t column) const {
        return data + row * width + (of_gru_state && column >= 2 * units ? column + units : column);
    }
};
template <class T>
struct GateRows : GateGradients<T> {
    __device__ const T* operator()(int64_t row, int64_t k) const { return this->at(row, k); }
};
template <class T>
struct GateColumns : GateGradients<T> {
    __device__ const T* operator()(int64_t column, int64_t k) const { return this->at(k, column); }
};
template <class T>
struct Transposed {  // the kernel
    const T* data;
    int64_t columns;
    __device__ const T* operator()(int64_t column, int64_t k) const { return data + column * columns + k; }
};
template <class T>
struct Inputs {
    const T* x;
    RecurrentShape s;
    __device__ const T* operator()(int64_t feature, int64_t k) const {
        return x + input_row(s, k % s.batch, k / s.batch) * s.features + feature;
    }
};
template <class T>
struct States {  // before each step
    const T *out, *initial_state;
    RecurrentShape s;
    __device__ const T* operator()(int64_t unit, int64_t k) const {
        const T* before = state_before(s, out, initial_state, k % s.batch, k / s.batch);
        return before ? before + unit : nullptr;
    }
};
template <class T>
struct ToInputs {
    T* grad_x;
    RecurrentShape s;
    __device__ T* operator()(int64_t row, int64_t column) const {
        return grad_x + input_row(s, row % s.batch, row / s.batch) * s.features + column;
    }
};
template <class T>
struct ToRows {
    T* out;
    int64_t columns;
    __device__ T* operator()(int64_t row, int64_t column) const { return out + row * columns + column; }
};

// The three products; data may be null where only sizes matter.
template <class T>
struct RecurrentProducts {
    int64_t gates;
    RecurrentShape s;
    int64_t columns = gates * s.units, rows = s.time * s.batch, width = gates == 3 ? 4 * s.units : columns;

    auto inputs(T* grad_x, const T* grad_gates, const T* kernel) const {
        using A = Lookup<T, true, GateRows<T>>;
        using B = Lookup<T, true, Transposed<T>>;
        return LookupProduct<T, A, B, ToInputs<T>>(A{grad_gates, rows, columns, {{grad_gates, width, s.units, false}}},
                                                   B{kernel, s.features, columns, {kernel, columns}}, {grad_x, s});
    }
    auto kernel(T* grad_kernel, const T* grad_gates, const T* x) const {
        using A = Lookup<T, false, Inputs<T>>;
        using B = Lookup<T, false, GateColumns<T>>;
        return LookupProduct<T, A, B, ToRows<T>>(A{x, s.features, rows, {x, s}},
                                                 B{grad_gates, columns, rows, {{grad_gates, width, s.units, false}}},
                                                 {grad_kernel, columns});
    }
    auto recurrent_kernel(T* grad_kernel, const T* grad_gates, const T* out, const T* initial_state) const {
        using A = Lookup<T, false, States<T>>;
        using B = Lookup<T, false, GateColumns<T>>;
        return LookupProduct<T, A, B, ToRows<T>>(
            A{out, s.units, rows, {out, initial_state, s}},
            B{grad_gates, columns, rows, {{grad_gates, width, s.units, gates == 3}}}, {grad_kernel, columns});
    }
};

// A gradient of a bias: sums over all steps. A thread has a column.
template <class T>
__global__ void bias_kernel(T* grad_bias, GateRows<T> gates, int64_t rows, int64_t columns) {
    for (int64_t i = first_index(); i < columns; i += index_step()) {
        double sum = 0;
        for (int64_t row = 0; row < rows; ++row) sum += double(*gates(row, i));
        grad_bias[i] = T(sum);
    }
}

template <class T>
void products(Stream stream, int64_t gates, const T* grad_gates, T* grad_x, T* grad_kernel, T* grad_recurrent_kernel,
              T* grad_bias, const T* x, const T* out, const T* kernel, const T* initial_state,
              const RecurrentShape& s) {
    const RecurrentProducts<T> made{gates, s};
    if (grad_x) multiply<T>(stream, made.inputs(grad_x, grad_gates, kernel));
    if (grad_kernel) multiply<T>(stream, made.kernel(grad_kernel, grad_gates, x));
    if (grad_recurrent_kernel)
        multiply<T>(stream, made.recurrent_kernel(grad_recurrent_kernel, grad_gates, out, initial_state));
    if (!grad_bias) return;
    const auto sum_up = [&](T* to, bool of_gru_state) {
        launch(stream, bias_kernel<T>, loop_blocks(made.columns), to,
               GateRows<T>{{grad_gates, made.width, s.units, of_gru_state}}, made.rows, made.columns);
    };
    sum_up(grad_bias, false);
    if (gates == 3) sum_up(grad_bias + made.columns, true);
}

template <class T>
int64_t products_scratch(int64_t gates, const RecurrentShape& s) {
    const RecurrentProducts<T> made{gates, s};
    const int64_t sizes[] = {product_scratch<T>(made.inputs(nullptr, nullptr, nullptr)),
                             product_scratch<T>(made.kernel(nullptr, nullptr, nullptr)),
                             product_scratch<T>(made.recurrent_kernel(nullptr, nullptr, nullptr, nullptr))};
    int64_t largest = 0;  // one after the other
    for (const int64_t size : sizes)
        if (size > largest) largest = size;
    return largest;
}

}  // namespace nerve::cuda
