// LSTM, GRU and the simple recurrent layer over whole sequences: a launch for each step, whose products are made in
// tiles (recurrent_step.cuh) and finished by a thread for each unit of a sequence, and products over all steps at once
// for the gradients of weights and inputs.
#include "cuda/recurrent_step.cuh"

namespace nerve::cuda {
namespace {

// --- kernels

template <class T>
__global__ void copy_state_kernel(T* to, const T* from, int64_t size) {
    for (int64_t i = first_index(); i < size; i += index_step()) to[i] = from ? from[i] : T(0);
}

template <class T>
__global__ void lstm_kernel(T* out, T* state, T* cell, T* saved, const T* x, const T* kernel, const T* recurrent_kernel,
                            const T* bias, const T* initial_state, RecurrentShape s, int64_t t) {
    using Sums = StepSums<T, 4, false>;
    Sums step(shared<typename Sums::Memory>().of, s);
    step.add(step_inputs(s, x, kernel, t), step_state(s, out, initial_state, recurrent_kernel, t));
    T sums[4];
    step.finish(sums);
    if (!step.inside()) return;
    const int64_t b = step.sequence(), unit = step.unit(), i = b * s.units + unit;
    for (int g = 0; g < 4; ++g) sums[g] += bias ? bias[g * s.units + unit] : T(0);
    const T input = math::sigmoid(sums[0]), forget = math::sigmoid(sums[1]), candidate = math::tanh(sums[2]),
            output = math::sigmoid(sums[3]);
    const T c = math::fma(forget, cell[i], input * candidate), h = output * math::tanh(c);
    out[(b * s.time + t) * s.units + unit] = h;
    cell[i] = c;
    if (t == s.time - 1) state[i] = h;
    if (saved == nullptr) return;
    const T kept[5] = {input, forget, candidate, output, c};
    for (int part = 0; part < 5; ++part) saved[((t * s.batch + b) * 5 + part) * s.units + unit] = kept[part];
}

template <class T>
__global__ void gru_kernel(T* out, T* state, T* saved, const T* x, const T* kernel, const T* recurrent_kernel,
                           const T* bias, const T* initial_state, RecurrentShape s, int64_t t) {
    using Sums = StepSums<T, 3, false>;
    Sums step(shared<typename Sums::Memory>().of, s);
    step.add(step_inputs(s, x, kernel, t), step_state(s, out, initial_state, recurrent_kernel, t));
    T sums[4];  // of the last gate, with the state and then with the input
    step.finish(sums);
    if (!step.inside()) return;
    const int64_t b = step.sequence(), unit = step.unit(), i = b * s.units + unit;
    if (bias) {
        const T* const own = bias + unit;
        sums[0] += own[0] + own[3 * s.units], sums[1] += own[s.units] + own[4 * s.units];
        sums[2] += own[5 * s.units], sums[3] += own[2 * s.units];
    }
    const T* before = state_before(s, out, initial_state, b, t);
    const T update = math::sigmoid(sums[0]), reset = math::sigmoid(sums[1]);
    const T candidate = math::tanh(math::fma(reset, sums[2], sums[3]));
    const T h = math::fma(update, (before ? before[unit] : T(0)) - candidate, candidate);
    out[(b * s.time + t) * s.units + unit] = h;
    if (t == s.time - 1) state[i] = h;
    if (saved == nullptr) return;
    const T kept[4] = {update, reset, candidate, sums[2]};
    for (int part = 0; part < 4; ++part) saved[((t * s.batch + b) * 4 + part) * s.units + unit] = kept[part];
}

template <class T>
__global__ void simple_rnn_kernel(T* out, T* state, const T* x, const T* kernel, const T* recurrent_kernel,
                                  const T* bias, const T* initial_state, RecurrentShape s, Activation activation,
                                  int64_t t) {
    using Sums = StepSums<T, 1, false>;
    Sums step(shared<typename Sums::Memory>().of, s);
    step.add(step_inputs(s, x, kernel, t), step_state(s, out, initial_state, recurrent_kernel, t));
    T sum[1];
    step.finish(sum);
    if (!step.inside()) return;
    const int64_t b = step.sequence(), unit = step.unit(), i = b * s.units + unit;
    const T h = Epilogue<T>{bias, activation}(sum[0], unit);
    out[(b * s.time + t) * s.units + unit] = h;
    if (t == s.time - 1) state[i] = h;
}

// What step t + 1 hands back to the state before it: grad_gates . recurrent_kernel[unit, :].
template <class T>
using BackSums = StepSums<T, 1, true>;

// grad_cell is the gradient of the cell after step t, and becomes that of the cell before it. t == -1: only the state.
template <class T>
__global__ void lstm_backward_kernel(T* grad_gates, T* grad_initial_state, T* grad_cell, const T* grad,
                                     const T* grad_state, const T* saved, const T* recurrent_kernel,
                                     const T* initial_cell, RecurrentShape s, int64_t t) {
    BackSums<T> step(shared<typename BackSums<T>::Memory>().of, s);
    if (t < s.time - 1) step.add(step_gradients(s, grad_gates, recurrent_kernel, 4, t));
    T from_next[1];
    step.finish(from_next);
    if (!step.inside()) return;
    const int64_t b = step.sequence(), unit = step.unit(), i = b * s.units + unit;
    T dh = t < s.time - 1 ? from_next[0] : grad_state ? grad_state[i] : T(0);
    if (t < 0) {
        grad_initial_state[i] = dh;
        return;
    }
    if (grad) dh += grad[(b * s.time + t) * s.units + unit];
    const T* kept = saved + (t * s.batch + b) * 5 * s.units + unit;
    const T input = kept[0], forget = kept[s.units], candidate = kept[2 * s.units], output = kept[3 * s.units];
    const T squashed = math::tanh(kept[4 * s.units]);
    const T before = t > 0 ? kept[(4 - 5 * s.batch) * s.units] : initial_cell ? initial_cell[i] : T(0);
    const T dc = grad_cell[i] + dh * output * (T(1) - squashed * squashed);
    T* gates = grad_gates + (t * s.batch + b) * 4 * s.units + unit;
    gates[0] = dc * candidate * input * (T(1) - input);
    gates[s.units] = dc * before * forget * (T(1) - forget);
    gates[2 * s.units] = dc * input * (T(1) - candidate * candidate);
    gates[3 * s.units] = dh * squashed * output * (T(1) - output);
    grad_cell[i] = dc * forget;
}

// grad_state is what the state after step t has from beyond the gates, and becomes that of the state before it.
template <class T>
__global__ void gru_backward_kernel(T* grad_gates, T* grad_state, const T* grad, const T* out, const T* saved,
                                    const T* recurrent_kernel, const T* initial_state, RecurrentShape s, int64_t t) {
    BackSums<T> step(shared<typename BackSums<T>::Memory>().of, s);
    if (t < s.time - 1) step.add(step_gradients(s, grad_gates, recurrent_kernel, 3, t));
    T from_next[1];
    step.finish(from_next);
    if (!step.inside()) return;
    const int64_t b = step.sequence(), unit = step.unit(), i = b * s.units + unit;
    T dh = grad_state[i] + from_next[0];
    if (t < 0) {
        grad_state[i] = dh;
        return;
    }
    if (grad) dh += grad[(b * s.time + t) * s.units + unit];
    const T* kept = saved + (t * s.batch + b) * 4 * s.units + unit;
    const T update = kept[0], reset = kept[s.units], candidate = kept[2 * s.units], inner = kept[3 * s.units];
    const T* before = state_before(s, out, initial_state, b, t);
    const T d_candidate = dh * (T(1) - update) * (T(1) - candidate * candidate);
    T* gates = grad_gates + (t * s.batch + b) * 4 * s.units + unit;
    gates[0] = dh * ((before ? before[unit] : T(0)) - candidate) * update * (T(1) - update);
    gates[s.units] = d_candidate * inner * reset * (T(1) - reset);
    gates[2 * s.units] = d_candidate;
    gates[3 * s.units] = d_candidate * reset;
    grad_state[i] = dh * update;
}

template <class T>
__global__ void simple_rnn_backward_kernel(T* grad_gates, T* grad_initial_state, const T* grad, const T* grad_state,
                                           const T* out, const T* recurrent_kernel, RecurrentShape s,
                                           Activation activation, int64_t t) {
    BackSums<T> step(shared<typename BackSums<T>::Memory>().of, s);
    if (t < s.time - 1) step.add(step_gradients(s, grad_gates, recurrent_kernel, 1, t));
    T from_next[1];
    step.finish(from_next);
    if (!step.inside()) return;
    const int64_t b = step.sequence(), unit = step.unit(), i = b * s.units + unit;
    T dh = t < s.time - 1 ? from_next[0] : grad_state ? grad_state[i] : T(0);
    if (t < 0) {
        grad_initial_state[i] = dh;
        return;
    }
    if (grad) dh += grad[(b * s.time + t) * s.units + unit];
    const T y = out[(b * s.time + t) * s.units + unit];
    T slope(1);
    if (activation == Activation::relu) slope = y > T(0) ? T(1) : T(0);
    if (activation == Activation::sigmoid) slope = y * (T(1) - y);
    if (activation == Activation::tanh) slope = T(1) - y * y;
    grad_gates[(t * s.batch + b) * s.units + unit] = dh * slope;
}

}  // namespace

template <class T>
void lstm(Stream stream, T* out, T* state, T* cell, T* saved, const T* x, const T* kernel, const T* recurrent_kernel,
          const T* bias, const T* initial_state, const T* initial_cell, const RecurrentShape& s) {
    const int64_t size = s.batch * s.units;
    launch(stream, copy_state_kernel<T>, loop_blocks(size), state, initial_state, size);
    launch(stream, copy_state_kernel<T>, loop_blocks(size), cell, initial_cell, size);
    for (int64_t t = 0; t < s.time; ++t)
        launch(stream, lstm_kernel<T>, StepSums<T, 4, false>::blocks(s), out, state, cell, saved, x, kernel,
               recurrent_kernel, bias, initial_state, s, t);
}

template <class T>
void lstm_backward(Stream stream, T* grad_gates, T* grad_x, T* grad_kernel, T* grad_recurrent_kernel, T* grad_bias,
                   T* grad_initial_state, T* grad_initial_cell, const T* grad, const T* grad_state, const T* grad_cell,
                   const T* x, const T* out, const T* saved, const T* kernel, const T* recurrent_kernel,
                   const T* initial_state, const T* initial_cell, const RecurrentShape& s) {
    const int64_t size = s.batch * s.units;
    launch(stream, copy_state_kernel<T>, loop_blocks(size), grad_initial_cell, grad_cell, size);
    for (int64_t t = s.time - 1; t >= -1; --t)
        launch(stream, lstm_backward_kernel<T>, BackSums<T>::blocks(s), grad_gates, grad_initial_state,
               grad_initial_cell, grad, grad_state, saved, recurrent_kernel, initial_cell, s, t);
    products<T>(stream, 4, grad_gates, grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, x, out, kernel,
                initial_state, s);
}
template <class T>
int64_t lstm_backward_scratch(T*, T*, T*, T*, T*, T*, T*, const T*, const T*, const T*, const T*, const T*, const T*,
                              const T*, const T*, const T*, const T*, const RecurrentShape& s) {
    return products_scratch<T>(4, s);
}

template <class T>
void gru(Stream stream, T* out, T* state, T* saved, const T* x, const T* kernel, const T* recurrent_kernel,
         const T* bias, const T* initial_state, const RecurrentShape& s) {
    const int64_t size = s.batch * s.units;
    launch(stream, copy_state_kernel<T>, loop_blocks(size), state, initial_state, size);
    for (int64_t t = 0; t < s.time; ++t)
        launch(stream, gru_kernel<T>, StepSums<T, 3, false>::blocks(s), out, state, saved, x, kernel, recurrent_kernel,
               bias, initial_state, s, t);
}

template <class T>
void gru_backward(Stream stream, T* grad_gates, T* grad_x, T* grad_kernel, T* grad_recurrent_kernel, T* grad_bias,
                  T* grad_initial_state, const T* grad, const T* grad_state, const T* x, const T* out, const T* saved,
                  const T* kernel, const T* recurrent_kernel, const T* initial_state, const RecurrentShape& s) {
    const int64_t size = s.batch * s.units;
    launch(stream, copy_state_kernel<T>, loop_blocks(size), grad_initial_state, grad_state, size);
    for (int64_t t = s.time - 1; t >= -1; --t)
        launch(stream, gru_backward_kernel<T>, BackSums<T>::blocks(s), grad_gates, grad_initial_state, grad, out, saved,
               recurrent_kernel, initial_state, s, t);
    products<T>(stream, 3, grad_gates, grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, x, out, kernel,
                initial_state, s);
}
template <class T>
int64_t gru_backward_scratch(T*, T*, T*, T*, T*, T*, const T*, const T*, const T*, const T*, const T*, const T*,
                             const T*, const T*, const RecurrentShape& s) {
    return products_scratch<T>(3, s);
}

template <class T>
void simple_rnn(Stream stream, T* out, T* state, const T* x, const T* kernel, const T* recurrent_kernel, const T* bias,
                const T* initial_state, const RecurrentShape& s, int64_t activation) {
    const int64_t size = s.batch * s.units;
    launch(stream, copy_state_kernel<T>, loop_blocks(size), state, initial_state, size);
    for (int64_t t = 0; t < s.time; ++t)
        launch(stream, simple_rnn_kernel<T>, StepSums<T, 1, false>::blocks(s), out, state, x, kernel, recurrent_kernel,
               bias, initial_state, s, static_cast<Activation>(activation), t);
}

template <class T>
void simple_rnn_backward(Stream stream, T* grad_gates, T* grad_x, T* grad_kernel, T* grad_recurrent_kernel,
                         T* grad_bias, T* grad_initial_state, const T* grad, const T* grad_state, const T* x,
                         const T* out, const T* kernel, const T* recurrent_kernel, const T* initial_state,
                         const RecurrentShape& s, int64_t activation) {
    for (int64_t t = s.time - 1; t >= -1; --t)
        launch(stream, simple_rnn_backward_kernel<T>, BackSums<T>::blocks(s), grad_gates, grad_initial_state, grad,
               grad_state, out, recurrent_kernel, s, static_cast<Activation>(activation), t);
    products<T>(stream, 1, grad_gates, grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, x, out, kernel,
                initial_state, s);
}
template <class T>
int64_t simple_rnn_backward_scratch(T*, T*, T*, T*, T*, T*, const T*, const T*, const T*, const T*, const T*, const T*,
                                    const T*, const RecurrentShape& s, int64_t) {
    return products_scratch<T>(1, s);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/recurrent.inc"
#include "cuda/instantiate.cuh"
