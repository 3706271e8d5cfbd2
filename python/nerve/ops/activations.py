"""Activation functions that are made of other ops; those of one kernel each are in `elementwise`."""

from __future__ import annotations

from typing import Any

from nerve.errors import ShapeError
from nerve.ops._differentiable import composed
from nerve.ops.creation import shape
from nerve.ops.elementwise import (
    absolute,
    add,
    divide,
    expm1,
    greater,
    greater_equal,
    hard_sigmoid,
    less,
    less_equal,
    minimum,
    multiply,
    negative,
    relu,
    sigmoid,
    silu,
    softplus,
    sqrt,
    square,
    subtract,
    tanh,
    where,
)
from nerve.ops.shaping import split
from nerve.tensor import Tensor

__all__ = [
    "celu",
    "glu",
    "hard_shrink",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "log_sigmoid",
    "soft_shrink",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]


@composed
def swish(x: Any) -> Tensor:
    """`x` times its sigmoid; as :func:`silu`."""
    return silu(x)


@composed
def log_sigmoid(x: Any) -> Tensor:
    """The logarithm of the sigmoid, which does not overflow."""
    return negative(softplus(negative(x)))


@composed
def hard_silu(x: Any) -> Tensor:
    """`x * relu6(x + 3) / 6` (Howard et al., 2019)."""
    return multiply(x, hard_sigmoid(x))


hard_swish = hard_silu


@composed
def hard_tanh(x: Any) -> Tensor:
    """`x` cut off at -1 and 1."""
    return where(less(x, -1.0), -1.0, where(greater(x, 1.0), 1.0, x))


@composed
def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """`x` above zero, and `alpha * (exp(x / alpha) - 1)` below (Barron, 2017)."""
    return add(relu(x), multiply(alpha, expm1(divide(minimum(x, 0.0), alpha))))


@composed
def glu(x: Any, axis: int = -1) -> Tensor:
    """The first half along an axis times the sigmoid of the second (Dauphin et al., 2017)."""
    if shape(x)[axis] % 2:
        raise ShapeError(f"[glu] expects an even size along axis {axis}, got shape {shape(x)}")
    first, second = split(x, 2, axis)
    return multiply(first, sigmoid(second))


@composed
def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """`x` nearer to zero by `threshold`, and zero where that is past it."""
    below = where(less(x, -threshold), add(x, threshold), 0.0)
    return where(greater(x, threshold), subtract(x, threshold), below)


@composed
def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """`x`, but zero where |x| is at most `threshold`."""
    return where(greater(absolute(x), threshold), x, 0.0)


@composed
def tanh_shrink(x: Any) -> Tensor:
    """`x - tanh(x)`."""
    return subtract(x, tanh(x))


@composed
def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """`x` above `threshold`, and `default_value` elsewhere."""
    return where(greater(x, threshold), x, default_value)


@composed
def squareplus(x: Any, b: float = 4.0) -> Tensor:
    """`(x + sqrt(x^2 + b)) / 2` (Barron, 2021)."""
    return multiply(add(x, sqrt(add(square(x), b))), 0.5)


@composed
def sparse_plus(x: Any) -> Tensor:
    """0 up to -1, `x` from 1 on, and the parabola `(x + 1)**2 / 4` between them."""
    middle = multiply(square(add(x, 1.0)), 0.25)
    return where(less_equal(x, -1.0), 0.0, where(less(x, 1.0), middle, x))


@composed
def sparse_sigmoid(x: Any) -> Tensor:
    """0 up to -1, 1 from 1 on, and the line `(x + 1) / 2` between them: the slope of :func:`sparse_plus`."""
    middle = multiply(add(x, 1.0), 0.5)
    return where(less_equal(x, -1.0), 0.0, where(greater_equal(x, 1.0), 1.0, middle))
