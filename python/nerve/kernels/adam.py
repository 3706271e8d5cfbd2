"""Optimizer steps by running means of gradients and their squares: Adam and its kin. What `optim` says holds here."""

from __future__ import annotations

from nerve.kernels._backend import pick
from nerve.kernels._numbers import integer
from nerve.kernels._steps import Arrays, checked, fractions, given, not_negative

__all__ = ["adam_step", "adamax_step", "nadam_step", "schedule_free_adamw_step"]


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
    not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    fractions(op, False, beta_1=beta_1, beta_2=beta_2)
    step = integer(op, "step", step, 1)
    lists, sizes = checked(
        op, parameters, gradients, ("maxima",), momenta=momenta, velocities=velocities, maxima=maxima
    )
    pick(*parameters).adam_step(
        *lists, sizes, len(sizes), given(learning_rate), float(beta_1), float(beta_2), given(epsilon), step,
        given(weight_decay),
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
    not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    fractions(op, False, beta_1=beta_1, beta_2=beta_2)
    step = integer(op, "step", step, 1)
    lists, sizes = checked(op, parameters, gradients, momenta=momenta, norms=norms)
    pick(*parameters).adamax_step(
        *lists, sizes, len(sizes), given(learning_rate), float(beta_1), float(beta_2), float(epsilon), step,
        given(weight_decay),
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
    not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    fractions(
        op, False, beta_1=beta_1, beta_2=beta_2, momentum_now=momentum_now, momentum_next=momentum_next,
        product_now=product_now,
    )  # fmt: skip
    step = integer(op, "step", step, 1)
    lists, sizes = checked(op, parameters, gradients, momenta=momenta, velocities=velocities)
    pick(*parameters).nadam_step(
        *lists, sizes, len(sizes), given(learning_rate), float(beta_1), float(beta_2), float(epsilon), step,
        given(momentum_now), given(momentum_next), given(product_now), given(weight_decay),
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
    not_negative(op, learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
    fractions(op, False, beta_1=beta_1, beta_2=beta_2)
    if beta_1 == 0:
        raise ValueError(f"[{op}] beta_1 must not be 0")
    step = integer(op, "step", step, 1)
    lists, sizes = checked(op, parameters, gradients, momenta=momenta, velocities=velocities)
    pick(*parameters).schedule_free_adamw_step(
        *lists, sizes, len(sizes), given(learning_rate), float(beta_1), float(beta_2), float(epsilon), step,
        given(weight_decay),
    )  # fmt: skip
