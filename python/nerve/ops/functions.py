"""Functions of elements under Keras's names, made of others, so that gradients and recordings are theirs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nerve import kernels
from nerve.ops._differentiable import composed
from nerve.ops.creation import convert_to_tensor
from nerve.ops.elementwise import (
    absolute,
    divide,
    equal,
    exp,
    floor,
    greater,
    less,
    less_equal,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    power,
    sign,
    sqrt,
    square,
    subtract,
    where,
)
from nerve.ops.logic import all, isnan, logical_and, logical_or
from nerve.tensor import Tensor

__all__ = [
    "allclose",
    "cbrt",
    "deg2rad",
    "divide_no_nan",
    "exp2",
    "floor_divide",
    "heaviside",
    "hypot",
    "isclose",
    "log2",
    "log10",
    "logaddexp",
    "logical_xor",
    "mod",
    "nan_to_num",
    "rad2deg",
    "true_divide",
    "trunc",
]


@composed
def floor_divide(x1: Any, x2: Any) -> Tensor:
    """The whole part of the quotient, rounded down; integers stay integers."""
    found = floor(divide(x1, x2))
    return _whole(found, x1, x2)


@composed
def mod(x1: Any, x2: Any) -> Tensor:
    """What `floor_divide` leaves, of the sign of `x2`; integers stay integers."""
    found = subtract(x1, multiply(floor(divide(x1, x2)), x2))
    return _whole(found, x1, x2)


def _whole(found: Tensor, *given: Any) -> Tensor:
    whole = not any(isinstance(x, float) or getattr(getattr(x, "dtype", None), "kind", "") == "f" for x in given)
    return Tensor(kernels.cast(found.array, "int64"), tracked=False) if whole else found


@composed
def true_divide(x1: Any, x2: Any) -> Tensor:
    """The quotient; as :func:`divide`."""
    return divide(x1, x2)


@composed
def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """The quotient, and 0 where `x2` is 0, with no gradient."""
    zero = equal(x2, 0.0)
    return where(zero, 0.0, divide(x1, where(zero, 1.0, x2)))


@composed
def log2(x: Any) -> Tensor:
    """The logarithm to base 2."""
    return multiply(log(x), 1 / math.log(2))


@composed
def log10(x: Any) -> Tensor:
    """The logarithm to base 10."""
    return multiply(log(x), 1 / math.log(10))


@composed
def exp2(x: Any) -> Tensor:
    """2 to the power of `x`."""
    return exp(multiply(x, math.log(2)))


@composed
def logaddexp(x1: Any, x2: Any) -> Tensor:
    """`log(exp(x1) + exp(x2))`, which does not overflow."""
    return maximum(x1, x2) + log1p(exp(negative(absolute(subtract(x1, x2)))))


@composed
def cbrt(x: Any) -> Tensor:
    """The third root, of the sign of `x`."""
    return multiply(sign(x), power(absolute(x), 1 / 3))


@composed
def hypot(x1: Any, x2: Any) -> Tensor:
    """The length of the vector (x1, x2), which does not overflow."""
    a, b = absolute(x1), absolute(x2)
    larger = maximum(a, b)
    ratio = divide(minimum(a, b), where(equal(larger, 0.0), 1.0, larger))
    return larger * sqrt(square(ratio) + 1.0)


@composed
def trunc(x: Any) -> Tensor:
    """Without what is after the point."""
    return multiply(sign(x), floor(absolute(x)))


@composed
def deg2rad(x: Any) -> Tensor:
    """Degrees as radians."""
    return multiply(x, math.pi / 180)


@composed
def rad2deg(x: Any) -> Tensor:
    """Radians as degrees."""
    return multiply(x, 180 / math.pi)


@composed
def heaviside(x1: Any, x2: Any) -> Tensor:
    """0 below zero, 1 above, and `x2` at it."""
    return where(equal(x1, 0.0), x2, where(greater(x1, 0.0), 1.0, 0.0))


# Comparisons


@composed
def logical_xor(x1: Any, x2: Any) -> Tensor:
    """Where exactly one holds."""
    return not_equal(where(logical_or(x1, x2), 1.0, 0.0), where(logical_and(x1, x2), 1.0, 0.0))


@composed
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where |x1 - x2| <= atol + rtol |x2|, or both are the same infinity, or, if `equal_nan`, no numbers."""
    near = less_equal(absolute(subtract(x1, x2)), absolute(x2) * rtol + atol)
    near = logical_or(logical_and(near, less(absolute(x2), math.inf)), equal(x1, x2))
    return logical_or(near, logical_and(isnan(x1), isnan(x2))) if equal_nan else near


@composed
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether :func:`isclose` holds everywhere."""
    return all(isclose(x1, x2, rtol, atol, equal_nan))


@composed
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Numbers in place of what is none; the largest there are in place of infinities."""
    tensor = convert_to_tensor(x)
    largest = float(np.finfo(tensor.dtype if tensor.dtype.kind == "f" else np.float32).max)
    found = where(isnan(tensor), nan, tensor)
    found = where(equal(found, math.inf), largest if posinf is None else posinf, found)
    return where(equal(found, -math.inf), -largest if neginf is None else neginf, found)
