"""LSTM, GRU and the simple recurrent layer over whole sequences, step by step, in NumPy.

Hochreiter & Schmidhuber, "Long short-term memory", 1997, with the forget gate of Gers et al., 2000; Cho et al.,
"Learning phrase representations using RNN encoder-decoder", 2014, with the reset gate after the product, as in cuDNN.
"""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels.reference.matmul import activate
from nerve.kernels.shapes import RecurrentShape

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "simple_rnn", "simple_rnn_backward"]


def _sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))


def _double(array: Array | None, *shape: int) -> Array:
    """``array`` in float64, zeros where there is none."""
    return np.zeros(shape) if array is None else array.astype(np.float64).reshape(shape)


def _inputs(x: Array, shape: RecurrentShape) -> Array:
    """x as (time, batch, features), in the order of the steps."""
    steps = x.astype(np.float64).swapaxes(0, 1)
    return steps[::-1] if shape.go_backwards else steps


def lstm(
    out: Array,
    state: Array,
    cell: Array,
    saved: Array | None,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    initial_state: Array | None,
    initial_cell: Array | None,
    shape: RecurrentShape,
) -> None:
    batch, units = shape.batch, shape.units
    w, u = _double(kernel, shape.features, 4 * units), _double(recurrent_kernel, units, 4 * units)
    b = _double(bias, 4 * units)
    h, c = _double(initial_state, batch, units), _double(initial_cell, batch, units)
    for t, x_t in enumerate(_inputs(x, shape)):
        z = (x_t @ w + h @ u + b).reshape(batch, 4, units)
        i, f, g, o = _sigmoid(z[:, 0]), _sigmoid(z[:, 1]), np.tanh(z[:, 2]), _sigmoid(z[:, 3])
        c = f * c + i * g
        h = o * np.tanh(c)
        out[:, t] = h
        if saved is not None:
            saved[t] = np.stack([i, f, g, o, c], axis=1)
    state[...], cell[...] = h, c


def lstm_backward(
    grad_gates: Array,
    grad_x: Array | None,
    grad_kernel: Array | None,
    grad_recurrent_kernel: Array | None,
    grad_bias: Array | None,
    grad_initial_state: Array,
    grad_initial_cell: Array,
    grad: Array | None,
    grad_state: Array | None,
    grad_cell: Array | None,
    x: Array,
    out: Array,
    saved: Array,
    kernel: Array,
    recurrent_kernel: Array,
    initial_state: Array | None,
    initial_cell: Array | None,
    shape: RecurrentShape,
) -> None:
    batch, time, units = shape.batch, shape.time, shape.units
    grads = _double(grad, batch, time, units)
    dh, dc = _double(grad_state, batch, units), _double(grad_cell, batch, units)
    gates = np.zeros((time, batch, 4, units))
    for t in reversed(range(time)):
        i, f, g, o, c = saved[t].astype(np.float64).swapaxes(0, 1)
        before = saved[t - 1, :, 4].astype(np.float64) if t else _double(initial_cell, batch, units)
        dh = dh + grads[:, t]
        squashed = np.tanh(c)
        dc = dc + dh * o * (1 - squashed**2)
        gates[t] = np.stack(
            [dc * g * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - g**2), dh * squashed * o * (1 - o)], axis=1
        )
        dc = dc * f
        dh = gates[t].reshape(batch, 4 * units) @ recurrent_kernel.astype(np.float64).T
    grad_gates[...], grad_initial_state[...], grad_initial_cell[...] = gates, dh, dc
    flat = gates.reshape(time * batch, 4 * units)
    _input_gradients(grad_x, grad_kernel, flat, x, kernel, shape)
    if grad_recurrent_kernel is not None:
        grad_recurrent_kernel[...] = _states_before(out, initial_state, shape).T @ flat
    if grad_bias is not None:
        grad_bias[...] = flat.sum(axis=0)


def gru(
    out: Array,
    state: Array,
    saved: Array | None,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    initial_state: Array | None,
    shape: RecurrentShape,
) -> None:
    batch, units = shape.batch, shape.units
    w, u = _double(kernel, shape.features, 3 * units), _double(recurrent_kernel, units, 3 * units)
    b = _double(bias, 2, 3 * units)
    h = _double(initial_state, batch, units)
    for t, x_t in enumerate(_inputs(x, shape)):
        from_x = (x_t @ w + b[0]).reshape(batch, 3, units)
        from_h = (h @ u + b[1]).reshape(batch, 3, units)
        z, r = _sigmoid(from_x[:, 0] + from_h[:, 0]), _sigmoid(from_x[:, 1] + from_h[:, 1])
        new = np.tanh(from_x[:, 2] + r * from_h[:, 2])
        h = z * h + (1 - z) * new
        out[:, t] = h
        if saved is not None:
            saved[t] = np.stack([z, r, new, from_h[:, 2]], axis=1)
    state[...] = h


def gru_backward(
    grad_gates: Array,
    grad_x: Array | None,
    grad_kernel: Array | None,
    grad_recurrent_kernel: Array | None,
    grad_bias: Array | None,
    grad_initial_state: Array,
    grad: Array | None,
    grad_state: Array | None,
    x: Array,
    out: Array,
    saved: Array,
    kernel: Array,
    recurrent_kernel: Array,
    initial_state: Array | None,
    shape: RecurrentShape,
) -> None:
    batch, time, units = shape.batch, shape.time, shape.units
    grads = _double(grad, batch, time, units)
    states = _states_before(out, initial_state, shape).reshape(time, batch, units)
    dh = _double(grad_state, batch, units)
    gates = np.zeros((time, batch, 4, units))
    of_h = (0, 1, 3)  # the gates as the products with the state see them; those with x see 0, 1, 2
    for t in reversed(range(time)):
        z, r, new, inner = saved[t].astype(np.float64).swapaxes(0, 1)
        dh = dh + grads[:, t]
        d_new = dh * (1 - z) * (1 - new**2)
        d_z, d_r = dh * (states[t] - new) * z * (1 - z), d_new * inner * r * (1 - r)
        gates[t] = np.stack([d_z, d_r, d_new, d_new * r], axis=1)
        dh = dh * z + gates[t][:, of_h].reshape(batch, 3 * units) @ recurrent_kernel.astype(np.float64).T
    grad_gates[...], grad_initial_state[...] = gates, dh
    from_x = gates[:, :, :3].reshape(time * batch, 3 * units)
    from_h = gates[:, :, of_h].reshape(time * batch, 3 * units)
    _input_gradients(grad_x, grad_kernel, from_x, x, kernel, shape)
    if grad_recurrent_kernel is not None:
        grad_recurrent_kernel[...] = states.reshape(time * batch, units).T @ from_h
    if grad_bias is not None:
        grad_bias[...] = np.stack([from_x.sum(axis=0), from_h.sum(axis=0)])


def simple_rnn(
    out: Array,
    state: Array,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    initial_state: Array | None,
    shape: RecurrentShape,
    activation: int,
) -> None:
    batch, units = shape.batch, shape.units
    w, u = _double(kernel, shape.features, units), _double(recurrent_kernel, units, units)
    b, h = _double(bias, units), _double(initial_state, batch, units)
    for t, x_t in enumerate(_inputs(x, shape)):
        h = activate(x_t @ w + h @ u + b, activation)
        out[:, t] = h
    state[...] = h


def simple_rnn_backward(
    grad_gates: Array,
    grad_x: Array | None,
    grad_kernel: Array | None,
    grad_recurrent_kernel: Array | None,
    grad_bias: Array | None,
    grad_initial_state: Array,
    grad: Array | None,
    grad_state: Array | None,
    x: Array,
    out: Array,
    kernel: Array,
    recurrent_kernel: Array,
    initial_state: Array | None,
    shape: RecurrentShape,
    activation: int,
) -> None:
    batch, time, units = shape.batch, shape.time, shape.units
    grads, y = _double(grad, batch, time, units), out.astype(np.float64)
    slope = (np.ones_like(y), (y > 0).astype(np.float64), y * (1 - y), 1 - y**2)[activation]
    dh, gates = _double(grad_state, batch, units), np.zeros((time, batch, units))
    for t in reversed(range(time)):
        gates[t] = (dh + grads[:, t]) * slope[:, t]
        dh = gates[t] @ recurrent_kernel.astype(np.float64).T
    grad_gates[...], grad_initial_state[...] = gates, dh
    flat = gates.reshape(time * batch, units)
    _input_gradients(grad_x, grad_kernel, flat, x, kernel, shape)
    if grad_recurrent_kernel is not None:
        grad_recurrent_kernel[...] = _states_before(out, initial_state, shape).T @ flat
    if grad_bias is not None:
        grad_bias[...] = flat.sum(axis=0)


def _input_gradients(
    grad_x: Array | None, grad_kernel: Array | None, gates: Array, x: Array, kernel: Array, shape: RecurrentShape
) -> None:
    if grad_kernel is not None:
        grad_kernel[...] = _inputs(x, shape).reshape(shape.time * shape.batch, shape.features).T @ gates
    if grad_x is not None:
        steps = (gates @ kernel.astype(np.float64).T).reshape(shape.time, shape.batch, shape.features)
        grad_x[...] = (steps[::-1] if shape.go_backwards else steps).swapaxes(0, 1)


def _states_before(out: Array, initial_state: Array | None, shape: RecurrentShape) -> Array:
    """The state each step starts from, (time * batch, units)."""
    first = _double(initial_state, 1, shape.batch, shape.units)
    steps = out.astype(np.float64).swapaxes(0, 1)
    return np.concatenate([first, steps])[: shape.time].reshape(shape.time * shape.batch, shape.units)
