"""Optimizer steps, in NumPy: the formulas of ``keras/src/optimizers`` (Keras 3), one parameter at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nerve._typing import Array

__all__ = [
    "adadelta_step", "adagrad_step", "adam_step", "adamax_step", "ftrl_step", "lion_step", "moving_average_step",
    "nadam_step", "rmsprop_step", "schedule_free_adamw_step", "sgd_step",
]  # fmt: skip

Arrays = list[Array]


def _each(decay: float, gradients: Arrays, parameters: Arrays, *slots: Arrays) -> Iterator[tuple[Array, ...]]:
    """Gradient, parameter and slots in turn, computed on in float64 and written back after each turn."""
    for gradient, *arrays in zip(gradients, parameters, *slots, strict=True):
        exact = [array.astype(np.float64) for array in arrays]
        exact[0] -= decay * exact[0]
        yield gradient.astype(np.float64), *exact
        for array, values in zip(arrays, exact, strict=True):
            array[...] = values


def sgd_step(
    parameters: Arrays, momenta: Arrays | None, gradients: Arrays, sizes: Array, count: int, learning_rate: float,
    momentum: float, nesterov: bool, weight_decay: float,
) -> None:  # fmt: skip
    decay = learning_rate * weight_decay
    if momenta is None:
        for g, p in _each(decay, gradients, parameters):
            p -= learning_rate * g
        return
    for g, p, m in _each(decay, gradients, parameters, momenta):
        m[...] = momentum * m - learning_rate * g
        p += momentum * m - learning_rate * g if nesterov else m


def adagrad_step(
    parameters: Arrays, accumulators: Arrays, gradients: Arrays, sizes: Array, count: int, learning_rate: float,
    epsilon: float, weight_decay: float,
) -> None:  # fmt: skip
    for g, p, a in _each(learning_rate * weight_decay, gradients, parameters, accumulators):
        a += g**2
        p -= learning_rate * g / np.sqrt(a + epsilon)


def rmsprop_step(
    parameters: Arrays, velocities: Arrays, momenta: Arrays | None, averages: Arrays | None, gradients: Arrays,
    sizes: Array, count: int, learning_rate: float, rho: float, momentum: float, epsilon: float, weight_decay: float,
) -> None:  # fmt: skip
    m_list = [np.zeros_like(p) for p in parameters] if momenta is None else momenta
    a_list = [np.zeros_like(p) for p in parameters] if averages is None else averages
    for g, p, v, m, a in _each(learning_rate * weight_decay, gradients, parameters, velocities, m_list, a_list):
        v[...] = rho * v + (1 - rho) * g**2
        if averages is not None:
            a[...] = rho * a + (1 - rho) * g
        m[...] = momentum * m + learning_rate * g / np.sqrt(v - a**2 + epsilon)
        p -= m


def adadelta_step(
    parameters: Arrays, accumulators: Arrays, deltas: Arrays, gradients: Arrays, sizes: Array, count: int,
    learning_rate: float, rho: float, epsilon: float, weight_decay: float,
) -> None:  # fmt: skip
    for g, p, a, d in _each(learning_rate * weight_decay, gradients, parameters, accumulators, deltas):
        a[...] = rho * a + (1 - rho) * g**2
        delta = -np.sqrt(d + epsilon) * g / np.sqrt(a + epsilon)
        d[...] = rho * d + (1 - rho) * delta**2
        p += learning_rate * delta


def adam_step(
    parameters: Arrays, momenta: Arrays, velocities: Arrays, maxima: Arrays | None, gradients: Arrays, sizes: Array,
    count: int, learning_rate: float, beta_1: float, beta_2: float, epsilon: float, step: int, weight_decay: float,
) -> None:  # fmt: skip
    alpha = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    highest = [np.zeros_like(p) for p in parameters] if maxima is None else maxima
    for g, p, m, v, h in _each(learning_rate * weight_decay, gradients, parameters, momenta, velocities, highest):
        m += (g - m) * (1 - beta_1)
        v += (g**2 - v) * (1 - beta_2)
        h[...] = np.maximum(h, v)
        p -= alpha * m / (np.sqrt(v if maxima is None else h) + epsilon)


def adamax_step(
    parameters: Arrays, momenta: Arrays, norms: Arrays, gradients: Arrays, sizes: Array, count: int,
    learning_rate: float, beta_1: float, beta_2: float, epsilon: float, step: int, weight_decay: float,
) -> None:  # fmt: skip
    for g, p, m, u in _each(learning_rate * weight_decay, gradients, parameters, momenta, norms):
        m += (g - m) * (1 - beta_1)
        u[...] = np.maximum(beta_2 * u, np.abs(g))
        p -= learning_rate * m / ((1 - beta_1**step) * (u + epsilon))


def nadam_step(
    parameters: Arrays, momenta: Arrays, velocities: Arrays, gradients: Arrays, sizes: Array, count: int,
    learning_rate: float, beta_1: float, beta_2: float, epsilon: float, step: int, momentum_now: float,
    momentum_next: float, product_now: float, weight_decay: float,
) -> None:  # fmt: skip
    product_next = product_now * momentum_next
    for g, p, m, v in _each(learning_rate * weight_decay, gradients, parameters, momenta, velocities):
        m += (g - m) * (1 - beta_1)
        v += (g**2 - v) * (1 - beta_2)
        m_hat = momentum_next * m / (1 - product_next) + (1 - momentum_now) * g / (1 - product_now)
        v_hat = v / (1 - beta_2**step)
        p -= learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)


def lion_step(
    parameters: Arrays, momenta: Arrays, gradients: Arrays, sizes: Array, count: int, learning_rate: float,
    beta_1: float, beta_2: float, weight_decay: float,
) -> None:  # fmt: skip
    for g, p, m in _each(learning_rate * weight_decay, gradients, parameters, momenta):
        p -= learning_rate * np.sign(beta_1 * m + (1 - beta_1) * g)
        m[...] = beta_2 * m + (1 - beta_2) * g


def ftrl_step(
    parameters: Arrays, accumulators: Arrays, linears: Arrays, gradients: Arrays, sizes: Array, count: int,
    learning_rate: float, learning_rate_power: float, l1: float, l2: float, l2_shrinkage: float, beta: float,
    weight_decay: float,
) -> None:  # fmt: skip
    l2 += beta / (2 * learning_rate)
    for g, p, a, z in _each(learning_rate * weight_decay, gradients, parameters, accumulators, linears):
        before, after = a**-learning_rate_power, (a + g**2) ** -learning_rate_power
        z += g + 2 * l2_shrinkage * p - (after - before) / learning_rate * p
        a += g**2
        p[...] = (np.clip(z, -l1, l1) - z) / (after / learning_rate + 2 * l2)


def schedule_free_adamw_step(
    parameters: Arrays, momenta: Arrays, velocities: Arrays, gradients: Arrays, sizes: Array, count: int,
    learning_rate: float, beta_1: float, beta_2: float, epsilon: float, step: int, weight_decay: float,
) -> None:  # fmt: skip
    for g, p, z, v in _each(learning_rate * weight_decay, gradients, parameters, momenta, velocities):
        mean = (p - (1 - beta_1) * z) / beta_1
        v += (g**2 - v) * (1 - beta_2)
        z -= learning_rate * g / (np.sqrt(v / (1 - beta_2**step)) + epsilon)
        mean += (z - mean) / step
        p[...] = (1 - beta_1) * z + beta_1 * mean


def moving_average_step(averages: Arrays, values: Arrays, sizes: Array, count: int, momentum: float) -> None:
    for value, average in _each(0.0, values, averages):
        average[...] = momentum * average + (1 - momentum) * value
