"""Optimizer steps: one call steps every parameter in place, with Keras 3's formulas.

All of them take lists of arrays, an entry for each parameter; gradients have the shapes and dtype of the parameters.
Everything is checked before anything changes. ``weight_decay`` is decoupled (Loshchilov and Hutter, "Decoupled weight
decay regularization", ICLR 2019): ``parameter -= learning_rate * weight_decay * parameter`` comes before the step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve._cpu import Cell
from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import address, is_array, writable
from nerve.kernels._backend import pick
from nerve.kernels._numbers import integer, number
from nerve.kernels._traced import required

__all__ = [
    "adadelta_step", "adagrad_step", "adam_step", "adamax_step", "ftrl_step", "lion_step", "moving_average_step",
    "nadam_step", "rmsprop_step", "schedule_free_adamw_step", "sgd_step",
]  # fmt: skip

Arrays = Sequence[Array]


def sgd_step(
    parameters: Arrays,
    gradients: Arrays,
    momenta: Arrays | None = None,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> None:
    """Gradient descent, with momentum where ``momenta`` are given.

    ``m = momentum * m - learning_rate * g``, then ``p += m``, or with Nesterov's look ahead
    ``p += momentum * m - learning_rate * g`` (Sutskever et al., "On the importance of initialization and momentum in
    deep learning", ICML 2013).

    Parameters
    ----------
    parameters, momenta : sequence of ndarray
        Float32 or float64, the same for all; C-contiguous; updated in place.
    gradients : sequence of ndarray
    learning_rate : float
        Not negative.
    momentum : float
        In [0, 1].
    nesterov : bool
    weight_decay : float
        Not negative.

    Raises
    ------
    ShapeError, DTypeError, ValueError
        Naming the position of the parameter whose arrays do not fit, or the number that is out of range; nothing has
        changed then.
    """
    op = "sgd_step"
    _not_negative(op, learning_rate=learning_rate, weight_decay=weight_decay)
    _fractions(op, True, momentum=momentum)
    if momenta is None and (momentum or nesterov):
        raise ValueError(f"[{op}] momentum={momentum}, nesterov={nesterov} need momenta")
    lists, sizes = _checked(op, parameters, gradients, ("momenta",), momenta=momenta)
    pick(*parameters).sgd_step(
        *lists,
        sizes,
        len(sizes),
        _given(learning_rate),
        float(momentum),
        bool(nesterov),
        _given(weight_decay),
    )


def adagrad_step(
    parameters: Arrays,
    gradients: Arrays,
    accumulators: Arrays,
    *,
    learning_rate: float,
    epsilon: float,
    weight_decay: float = 0.0,
) -> None:
    """Steps that shrink with the squares seen so far (Duchi, Hazan and Singer, JMLR 12, 2011).

    ``a += g**2``, then ``p -= learning_rate * g / sqrt(a + epsilon)``. Arguments and errors as for :func:`sgd_step`.
    """
    op = "adagrad_step"
    _not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    lists, sizes = _checked(op, parameters, gradients, accumulators=accumulators)
    pick(*parameters).adagrad_step(
        *lists,
        sizes,
        len(sizes),
        _given(learning_rate),
        float(epsilon),
        _given(weight_decay),
    )


def rmsprop_step(
    parameters: Arrays,
    gradients: Arrays,
    velocities: Arrays,
    momenta: Arrays | None = None,
    averages: Arrays | None = None,
    *,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
    weight_decay: float = 0.0,
) -> None:
    """Gradients over the root of the running mean of their squares (Tieleman and Hinton, 2012).

    ``v = rho * v + (1 - rho) * g**2``; with ``averages``, ``a = rho * a + (1 - rho) * g`` and ``v - a**2`` counts in
    place of ``v`` (centered). The step is ``learning_rate * g / sqrt(v + epsilon)``, and goes through
    ``m = momentum * m + step`` where ``momenta`` are given. Arguments and errors as for :func:`sgd_step`; ``rho`` is in
    [0, 1].
    """
    op = "rmsprop_step"
    _not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    _fractions(op, True, rho=rho, momentum=momentum)
    if momenta is None and momentum:
        raise ValueError(f"[{op}] momentum={momentum} needs momenta")
    slots = {"velocities": velocities, "momenta": momenta, "averages": averages}
    lists, sizes = _checked(op, parameters, gradients, ("momenta", "averages"), **slots)
    pick(*parameters).rmsprop_step(
        *lists,
        sizes,
        len(sizes),
        _given(learning_rate),
        float(rho),
        float(momentum),
        float(epsilon),
        _given(weight_decay),
    )


def adadelta_step(
    parameters: Arrays,
    gradients: Arrays,
    accumulators: Arrays,
    deltas: Arrays,
    *,
    learning_rate: float,
    rho: float,
    epsilon: float,
    weight_decay: float = 0.0,
) -> None:
    """Steps of the size of past steps over past gradients (Zeiler, "ADADELTA", 2012).

    ``a = rho * a + (1 - rho) * g**2``; the step is ``s = sqrt(d + epsilon) * g / sqrt(a + epsilon)``;
    ``d = rho * d + (1 - rho) * s**2``; ``p -= learning_rate * s``. Arguments and errors as for :func:`sgd_step`.
    """
    op = "adadelta_step"
    _not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    _fractions(op, True, rho=rho)
    lists, sizes = _checked(op, parameters, gradients, accumulators=accumulators, deltas=deltas)
    pick(*parameters).adadelta_step(
        *lists,
        sizes,
        len(sizes),
        _given(learning_rate),
        float(rho),
        float(epsilon),
        _given(weight_decay),
    )


def adam_step(
    parameters: Arrays,
    gradients: Arrays,
    momenta: Arrays,
    velocities: Arrays,
    maxima: Arrays | None = None,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
    weight_decay: float = 0.0,
) -> None:
    """Adam (Kingma and Ba, ICLR 2015), and with ``weight_decay`` AdamW.

    ``m += (1 - beta_1) * (g - m)`` and ``v += (1 - beta_2) * (g**2 - v)``, then
    ``p -= a * m / (sqrt(v) + epsilon)`` with ``a = learning_rate * sqrt(1 - beta_2**step) / (1 - beta_1**step)``. With
    ``maxima`` the largest ``v`` so far takes its place (AMSGrad; Reddi, Kale and Kumar, ICLR 2018). ``step`` counts
    from 1; the betas are in [0, 1). Other arguments and errors as for :func:`sgd_step`.
    """
    op = "adam_step"
    _not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    _fractions(op, False, beta_1=beta_1, beta_2=beta_2)
    step = integer(op, "step", step, 1)
    lists, sizes = _checked(
        op, parameters, gradients, ("maxima",), momenta=momenta, velocities=velocities, maxima=maxima
    )
    pick(*parameters).adam_step(
        *lists, sizes, len(sizes), _given(learning_rate), float(beta_1), float(beta_2), _given(epsilon), step,
        _given(weight_decay),
    )  # fmt: skip


def adamax_step(
    parameters: Arrays,
    gradients: Arrays,
    momenta: Arrays,
    norms: Arrays,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
    weight_decay: float = 0.0,
) -> None:
    """Adam with the infinity norm (Kingma and Ba, section 7.1).

    ``m += (1 - beta_1) * (g - m)`` and ``u = max(beta_2 * u, abs(g))``, then
    ``p -= learning_rate / (1 - beta_1**step) * m / (u + epsilon)``. Arguments and errors as for :func:`adam_step`.
    """
    op = "adamax_step"
    _not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    _fractions(op, False, beta_1=beta_1, beta_2=beta_2)
    step = integer(op, "step", step, 1)
    lists, sizes = _checked(op, parameters, gradients, momenta=momenta, norms=norms)
    pick(*parameters).adamax_step(
        *lists, sizes, len(sizes), _given(learning_rate), float(beta_1), float(beta_2), float(epsilon), step,
        _given(weight_decay),
    )  # fmt: skip


def nadam_step(
    parameters: Arrays,
    gradients: Arrays,
    momenta: Arrays,
    velocities: Arrays,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
    momentum_now: float,
    momentum_next: float,
    product_now: float,
    weight_decay: float = 0.0,
) -> None:
    """Adam with Nesterov's momentum (Dozat, "Incorporating Nesterov momentum into Adam", 2016).

    Moments as in :func:`adam_step`; with the momentum schedule's values ``n`` now and ``n'`` next and its product ``P``
    up to now, ``p -= learning_rate * M / (sqrt(v / (1 - beta_2**step)) + epsilon)`` where
    ``M = n' * m / (1 - P * n') + (1 - n) * g / (1 - P)``. Arguments and errors as for :func:`adam_step`; the three are
    in [0, 1).
    """
    op = "nadam_step"
    _not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    _fractions(
        op, False, beta_1=beta_1, beta_2=beta_2, momentum_now=momentum_now, momentum_next=momentum_next,
        product_now=product_now,
    )  # fmt: skip
    step = integer(op, "step", step, 1)
    lists, sizes = _checked(op, parameters, gradients, momenta=momenta, velocities=velocities)
    pick(*parameters).nadam_step(
        *lists, sizes, len(sizes), _given(learning_rate), float(beta_1), float(beta_2), float(epsilon), step,
        _given(momentum_now), _given(momentum_next), _given(product_now), _given(weight_decay),
    )  # fmt: skip


def lion_step(
    parameters: Arrays,
    gradients: Arrays,
    momenta: Arrays,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    weight_decay: float = 0.0,
) -> None:
    """Steps of one size, in the direction of a momentum.

    Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023:
    ``p -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g)``, then ``m = beta_2 * m + (1 - beta_2) * g``. Arguments
    and errors as for :func:`sgd_step`; the betas are in [0, 1].
    """
    op = "lion_step"
    _not_negative(op, learning_rate=learning_rate, weight_decay=weight_decay)
    _fractions(op, True, beta_1=beta_1, beta_2=beta_2)
    lists, sizes = _checked(op, parameters, gradients, momenta=momenta)
    pick(*parameters).lion_step(
        *lists, sizes, len(sizes), _given(learning_rate), float(beta_1), float(beta_2), _given(weight_decay)
    )


def ftrl_step(
    parameters: Arrays,
    gradients: Arrays,
    accumulators: Arrays,
    linears: Arrays,
    *,
    learning_rate: float,
    learning_rate_power: float = -0.5,
    l1: float = 0.0,
    l2: float = 0.0,
    l2_shrinkage: float = 0.0,
    beta: float = 0.0,
    weight_decay: float = 0.0,
) -> None:
    """Follow the regularized leader (McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013).

    With ``q = -learning_rate_power``: ``z += g + 2 * l2_shrinkage * p - ((a + g**2)**q - a**q) / learning_rate * p``
    and ``a += g**2``, then ``p = (clip(z, -l1, l1) - z) / ((beta + a**q) / learning_rate + 2 * l2)``. Arguments and
    errors as for :func:`sgd_step`; ``learning_rate_power`` is at most 0, the others are not negative.
    """
    op = "ftrl_step"
    _not_negative(op, learning_rate=learning_rate, weight_decay=weight_decay, l1=l1, l2=l2, beta=beta)
    _not_negative(op, l2_shrinkage=l2_shrinkage)
    if not -math.inf < number(op, "learning_rate_power", learning_rate_power) <= 0:
        raise ValueError(f"[{op}] learning_rate_power must be at most 0, got {learning_rate_power}")
    lists, sizes = _checked(op, parameters, gradients, accumulators=accumulators, linears=linears)
    pick(*parameters).ftrl_step(
        *lists, sizes, len(sizes), _given(learning_rate), float(learning_rate_power), float(l1), float(l2),
        float(l2_shrinkage), float(beta), _given(weight_decay),
    )  # fmt: skip


def schedule_free_adamw_step(
    parameters: Arrays,
    gradients: Arrays,
    momenta: Arrays,
    velocities: Arrays,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
    weight_decay: float = 0.0,
) -> None:
    """AdamW without a schedule (Defazio et al., "The road less scheduled", NeurIPS 2024).

    ``x = (p - (1 - beta_1) * z) / beta_1`` is the mean so far and ``z`` where the steps have led, ``momenta``.
    ``v += (1 - beta_2) * (g**2 - v)``, ``z -= learning_rate * g / (sqrt(v / (1 - beta_2**step)) + epsilon)``,
    ``x += (z - x) / step``, ``p = (1 - beta_1) * z + beta_1 * x``. Arguments and errors as for :func:`adam_step`;
    ``beta_1`` is in (0, 1).
    """
    op = "schedule_free_adamw_step"
    _not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    _fractions(op, False, beta_1=beta_1, beta_2=beta_2)
    if beta_1 == 0:
        raise ValueError(f"[{op}] beta_1 must not be 0")
    step = integer(op, "step", step, 1)
    lists, sizes = _checked(op, parameters, gradients, momenta=momenta, velocities=velocities)
    pick(*parameters).schedule_free_adamw_step(
        *lists, sizes, len(sizes), _given(learning_rate), float(beta_1), float(beta_2), float(epsilon), step,
        _given(weight_decay),
    )  # fmt: skip


def moving_average_step(averages: Arrays, values: Arrays, *, momentum: float) -> None:
    """``averages = momentum * averages + (1 - momentum) * values``, for all arrays of two lists.

    Parameters
    ----------
    averages : sequence of ndarray
        Updated in place, as parameters are in :func:`sgd_step`.
    values : sequence of ndarray
    momentum : float
        In [0, 1].
    """
    op = "moving_average_step"
    _fractions(op, True, momentum=momentum)
    lists, sizes = _checked(op, averages, values)
    pick(*averages).moving_average_step(*lists, sizes, len(sizes), _given(momentum))


def _not_negative(op: str, **values: float) -> None:
    for name, value in values.items():
        if not 0 <= float(number(op, name, value)) < math.inf:
            raise ValueError(f"[{op}] {name} must be finite and not negative, got {value}")


def _given(value: Any) -> float:
    """A Python float, or the cell of a recording as it is."""
    return value if type(value) is Cell else float(value)  # type: ignore[return-value]


def _fractions(op: str, with_one: bool, **values: float) -> None:
    for name, value in values.items():
        if not (0 <= float(number(op, name, value)) < 1 or (with_one and value == 1)):
            raise ValueError(f"[{op}] {name} must be in [0, 1{']' if with_one else ')'}, got {value}")


def _checked(
    op: str, parameters: Arrays, gradients: Arrays, optional: Sequence[str] = (), **slots: Arrays | None
) -> tuple[list[list[Array] | None], Array]:
    """The lists a kernel takes, parameters and slots before gradients, and the sizes; or the error that fits."""
    lists = {"parameters": parameters, "gradients": gradients, **slots}
    for name, arrays in lists.items():
        if not (isinstance(arrays, list | tuple) or (arrays is None and name in optional)):
            raise DTypeError(f"[{op}] expects a list of arrays as {name}, got {type(arrays).__name__}")
    dtype = parameters[0].dtype if len(parameters) and is_array(parameters[0]) else None
    written: dict[int, list[tuple[Array, str]]] = {}  # by the array whose memory they use
    for name, arrays in lists.items():
        if arrays is None:
            continue
        if len(arrays) != len(parameters):
            raise ShapeError(f"[{op}] expects as many {name} as parameters, {len(parameters)}, got {len(arrays)}")
        for i, (array, parameter) in enumerate(zip(arrays, parameters, strict=True)):
            if not is_array(array):
                raise DTypeError(f"[{op}] expects arrays, got {type(array).__name__} at position {i} of {name}")
            if array.dtype != dtype or dtype not in (np.float32, np.float64):
                raise DTypeError(
                    f"[{op}] expects arrays of one dtype, float32 or float64, got {dtype} and, at position {i} of "
                    f"{name}, {array.dtype}"
                )
            if array.shape != parameter.shape:
                raise ShapeError(f"[{op}] parameter {i} has shape {parameter.shape}, but {name}[{i}] {array.shape}")
            if name == "gradients":
                continue
            if not writable(array):
                raise ValueError(f"[{op}] expects C-contiguous, writeable arrays, {name}[{i}] is not")
            owner = array.base if is_array(array.base) else array
            written.setdefault(id(owner), []).append((array, f"{name}[{i}]"))
    for views in written.values():
        if len(views) > 1:
            _expect_apart(op, views)
    kernel_lists = [None if arrays is None else list(arrays) for arrays in (parameters, *slots.values())]
    kernel_lists.append([required(gradient) for gradient in gradients])
    return kernel_lists, np.array([parameter.size for parameter in parameters], np.int64)


def _expect_apart(op: str, views: list[tuple[Array, str]]) -> None:
    """Refuse arrays, all contiguous, that share elements: the result would depend on which is stepped first."""
    spans = []
    for array, name in views:
        begin = address(array)
        spans.append((begin, begin + array.nbytes, name))
    spans.sort()
    for (_, end, name), (begin, _, other) in itertools.pairwise(spans):
        if begin < end:
            raise ValueError(f"[{op}] {name} and {other} share memory; an array can be stepped once")
