"""Optimizer steps: one call steps every parameter in place, with Keras 3's formulas.

All of them take lists of arrays, an entry for each parameter; gradients have the shapes and dtype of the parameters.
Everything is checked before anything changes. ``weight_decay`` is decoupled (Loshchilov and Hutter, "Decoupled weight
decay regularization", ICLR 2019): ``parameter -= learning_rate * weight_decay * parameter`` comes before the step.
"""

from __future__ import annotations

import math

from nerve.kernels._backend import pick
from nerve.kernels._numbers import number
from nerve.kernels._steps import Arrays, checked, fractions, given, not_negative

__all__ = [
    "adadelta_step",
    "adagrad_step",
    "ftrl_step",
    "lion_step",
    "moving_average_step",
    "rmsprop_step",
    "sgd_step",
]


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
    not_negative(op, learning_rate=learning_rate, weight_decay=weight_decay)
    fractions(op, True, momentum=momentum)
    if momenta is None and (momentum or nesterov):
        raise ValueError(f"[{op}] momentum={momentum}, nesterov={nesterov} need momenta")
    lists, sizes = checked(op, parameters, gradients, ("momenta",), momenta=momenta)
    pick(*parameters).sgd_step(
        *lists,
        sizes,
        len(sizes),
        given(learning_rate),
        float(momentum),
        bool(nesterov),
        given(weight_decay),
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
    not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    lists, sizes = checked(op, parameters, gradients, accumulators=accumulators)
    pick(*parameters).adagrad_step(
        *lists,
        sizes,
        len(sizes),
        given(learning_rate),
        float(epsilon),
        given(weight_decay),
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
    not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    fractions(op, True, rho=rho, momentum=momentum)
    if momenta is None and momentum:
        raise ValueError(f"[{op}] momentum={momentum} needs momenta")
    slots = {"velocities": velocities, "momenta": momenta, "averages": averages}
    lists, sizes = checked(op, parameters, gradients, ("momenta", "averages"), **slots)
    pick(*parameters).rmsprop_step(
        *lists,
        sizes,
        len(sizes),
        given(learning_rate),
        float(rho),
        float(momentum),
        float(epsilon),
        given(weight_decay),
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
    not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    fractions(op, True, rho=rho)
    lists, sizes = checked(op, parameters, gradients, accumulators=accumulators, deltas=deltas)
    pick(*parameters).adadelta_step(
        *lists,
        sizes,
        len(sizes),
        given(learning_rate),
        float(rho),
        float(epsilon),
        given(weight_decay),
    )


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
    not_negative(op, learning_rate=learning_rate, weight_decay=weight_decay)
    fractions(op, True, beta_1=beta_1, beta_2=beta_2)
    lists, sizes = checked(op, parameters, gradients, momenta=momenta)
    pick(*parameters).lion_step(
        *lists, sizes, len(sizes), given(learning_rate), float(beta_1), float(beta_2), given(weight_decay)
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
    not_negative(op, learning_rate=learning_rate, weight_decay=weight_decay, l1=l1, l2=l2, beta=beta)
    not_negative(op, l2_shrinkage=l2_shrinkage)
    if not -math.inf < number(op, "learning_rate_power", learning_rate_power) <= 0:
        raise ValueError(f"[{op}] learning_rate_power must be at most 0, got {learning_rate_power}")
    lists, sizes = checked(op, parameters, gradients, accumulators=accumulators, linears=linears)
    pick(*parameters).ftrl_step(
        *lists, sizes, len(sizes), given(learning_rate), float(learning_rate_power), float(l1), float(l2),
        float(l2_shrinkage), float(beta), given(weight_decay),
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
    fractions(op, True, momentum=momentum)
    lists, sizes = checked(op, averages, values)
    pick(*averages).moving_average_step(*lists, sizes, len(sizes), given(momentum))
