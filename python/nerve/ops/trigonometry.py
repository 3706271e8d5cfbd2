"""Angles and hyperbolic functions under Keras's names, made of kernels, so that recordings hold them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._backend import as_floats
from nerve.ops._differentiable import Result, composed, differentiable
from nerve.ops.elementwise import (
    absolute,
    add,
    cos,
    divide,
    equal,
    exp,
    expm1,
    log1p,
    multiply,
    sign,
    sin,
    sqrt,
    square,
    subtract,
    where,
)
from nerve.tensor import Tensor

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cosh",
    "deg2rad",
    "rad2deg",
    "sinc",
    "sinh",
    "tan",
]


@differentiable
def arctan(x: Array) -> Result:
    """The angle whose tangent is `x`, within pi / 2 of 0.

    Of 1 / x where that is smaller; then tan(a / 2) = tan(a) / (1 + sqrt(1 + tan(a)^2)), twice, leaves a short
    series for 1e-15.
    """
    (x,) = as_floats("arctan", x)
    size = kernels.absolute(x)
    large = kernels.greater(size, 1.0)
    tangent = kernels.where(large, kernels.reciprocal(size), size)
    for _ in range(2):
        tangent = kernels.divide(tangent, kernels.add(kernels.sqrt(kernels.add(kernels.square(tangent), 1.0)), 1.0))
    squared = kernels.square(tangent)
    series: Any = np.asarray(1 / 21, x.dtype)
    for power in range(19, 0, -2):
        series = kernels.subtract(1 / power, kernels.multiply(squared, series))
    angle = kernels.multiply(kernels.multiply(tangent, 4.0), series)
    angle = kernels.where(large, kernels.subtract(math.pi / 2, angle), angle)
    # Times the sign, but for a zero, which keeps its own.
    y = kernels.where(kernels.less(x, 0.0), kernels.negative(angle), kernels.where(kernels.equal(x, 0.0), x, angle))
    return y, (lambda grad: kernels.divide(grad, kernels.add(kernels.square(x), 1.0)),)


@differentiable
def arctan2(x1: Array, x2: Array) -> Result:
    """The angle of the point (x2, x1), from -pi to pi; that of the origin is 0, and so is the gradient there."""
    y, x = as_floats("arctan2", x1, x2)
    high, wide = kernels.absolute(y), kernels.absolute(x)
    steep = kernels.greater(high, wide)
    smaller, larger = kernels.minimum(high, wide), kernels.maximum(high, wide)
    ratio = kernels.divide(smaller, kernels.where(kernels.equal(larger, 0.0), 1.0, larger))
    angle = arctan(ratio).array
    angle = kernels.where(steep, kernels.subtract(math.pi / 2, angle), angle)
    angle = kernels.where(kernels.less(x, 0.0), kernels.subtract(math.pi, angle), angle)
    angle = kernels.where(kernels.less(y, 0.0), kernels.negative(angle), angle)
    squares = kernels.add(kernels.square(y), kernels.square(x))
    squares = kernels.where(kernels.equal(squares, 0.0), 1.0, squares)
    return angle, (
        lambda grad: kernels.divide(kernels.multiply(grad, x), squares),
        lambda grad: kernels.negative(kernels.divide(kernels.multiply(grad, y), squares)),
    )


def _other_leg(x: Any) -> Any:
    """The sine of the angle whose cosine is `x`, and the other way round."""
    return sqrt(multiply(subtract(1.0, x), add(1.0, x)))


@composed
def arcsin(x: Any) -> Tensor:
    """The angle whose sine is `x`, within pi / 2 of 0."""
    return arctan2(x, _other_leg(x))


@composed
def arccos(x: Any) -> Tensor:
    """The angle whose cosine is `x`, from 0 to pi."""
    return arctan2(_other_leg(x), x)


@composed
def tan(x: Any) -> Tensor:
    """The tangent."""
    return divide(sin(x), cos(x))


@composed
def sinh(x: Any) -> Tensor:
    """The hyperbolic sine, precise near 0."""
    return (expm1(x) - expm1(multiply(x, -1.0))) * 0.5


@composed
def cosh(x: Any) -> Tensor:
    """The hyperbolic cosine."""
    return (exp(x) + exp(multiply(x, -1.0))) * 0.5


@composed
def arcsinh(x: Any) -> Tensor:
    """The inverse of `sinh`."""
    size = absolute(x)
    root = sqrt(square(size) + 1.0)
    return sign(x) * log1p(size + square(size) / (root + 1.0))


@composed
def arccosh(x: Any) -> Tensor:
    """The inverse of `cosh`: not negative; not a number below 1."""
    above = multiply(x, 1.0) - 1.0
    return log1p(above + sqrt(above * (above + 2.0)))


@composed
def arctanh(x: Any) -> Tensor:
    """The inverse of `tanh`: not a number beyond 1."""
    return (log1p(x) - log1p(multiply(x, -1.0))) * 0.5


@composed
def deg2rad(x: Any) -> Tensor:
    """Degrees as radians."""
    return multiply(x, math.pi / 180)


@composed
def rad2deg(x: Any) -> Tensor:
    """Radians as degrees."""
    return multiply(x, 180 / math.pi)


@composed
def sinc(x: Any) -> Tensor:
    """`sin(pi x) / (pi x)`, and 1 at 0."""
    turned = multiply(x, math.pi)
    zero = equal(turned, 0.0)
    return where(zero, 1.0, divide(sin(turned), where(zero, 1.0, turned)))
