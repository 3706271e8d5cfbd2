"""Arithmetic of elements under Keras's names, made of other ops, so that gradients and recordings are theirs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nerve import kernels
from nerve.errors import DTypeError
from nerve.kernels._backend import as_floats, rectangular
from nerve.ops._differentiable import composed
from nerve.ops.creation import convert_to_tensor
from nerve.ops.elementwise import (
    absolute,
    cast,
    divide,
    equal,
    erf,
    exp,
    floor,
    greater,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    reciprocal,
    round,
    sign,
    sqrt,
    square,
    subtract,
    where,
)
from nerve.ops.logic import clip, isnan
from nerve.tensor import Tensor

__all__ = [
    "cbrt",
    "divide_no_nan",
    "erfc",
    "exp2",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "heaviside",
    "hypot",
    "ldexp",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "mod",
    "nan_to_num",
    "saturate_cast",
    "select",
    "signbit",
    "true_divide",
    "trunc",
]


def of_integers(compute: Callable[..., Tensor], *given: Any) -> Tensor:
    """What is computed of arrays; of integers alone in float64, where they are exact up to 2**53, and then int64."""
    dtypes = [(x if isinstance(x, Tensor) else rectangular("cast", x)).dtype for x in given]
    if any(dtype.kind not in "iub" for dtype in dtypes):
        return compute(*given)
    found = compute(*(cast(x, "float64") for x in given))
    return Tensor(kernels.cast(found.array, "int64"), tracked=False)


def _in_float64(compute: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """The same of float64, as the type of number that the arguments have together."""

    def precise(a: Any, b: Any) -> Tensor:
        dtype = as_floats("cast", *(x.array if isinstance(x, Tensor) else x for x in (a, b)))[0].dtype
        found = compute(*(x if isinstance(x, int | float) else cast(x, "float64") for x in (a, b)))
        return cast(found, dtype)

    return precise


def _remainder(rounded: Callable[[Any], Tensor], a: Any, b: Any) -> Tensor:
    times = rounded(divide(a, b))
    return subtract(a, where(equal(times, 0.0), 0.0, multiply(times, b)))  # not 0 times infinity


@composed
def floor_divide(x1: Any, x2: Any) -> Tensor:
    """The whole part of the quotient, rounded down; integers stay integers. Of float32 in float64, as for `mod`."""
    return of_integers(_in_float64(lambda a, b: floor(divide(a, b))), x1, x2)


@composed
def mod(x1: Any, x2: Any) -> Tensor:
    """What `floor_divide` leaves, of the sign of `x2`; integers stay integers.

    Of float32 in float64, where quotients up to 2**29 are exact.
    """
    return of_integers(_in_float64(lambda a, b: _remainder(floor, a, b)), x1, x2)


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
def heaviside(x1: Any, x2: Any) -> Tensor:
    """0 below zero, 1 above, and `x2` at it."""
    return where(equal(x1, 0.0), x2, where(greater(x1, 0.0), 1.0, 0.0))


@composed
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Numbers in place of what is none; the largest there are in place of infinities."""
    tensor = convert_to_tensor(x)
    largest = float(np.finfo(tensor.dtype if tensor.dtype.kind == "f" else np.float32).max)
    found = where(isnan(tensor), nan, tensor)
    found = where(equal(found, math.inf), largest if posinf is None else posinf, found)
    return where(equal(found, -math.inf), -largest if neginf is None else neginf, found)


@composed
def fmax(x1: Any, x2: Any) -> Tensor:
    """The larger of two; the other one where one is no number."""
    return maximum(where(isnan(x1), x2, x1), where(isnan(x2), x1, x2))


@composed
def fmin(x1: Any, x2: Any) -> Tensor:
    """The smaller of two; the other one where one is no number."""
    return minimum(where(isnan(x1), x2, x1), where(isnan(x2), x1, x2))


@composed
def erfc(x: Any) -> Tensor:
    """`1 - erf(x)`."""
    return subtract(1.0, erf(x))


@composed
def logaddexp2(x1: Any, x2: Any) -> Tensor:
    """`log2(2**x1 + 2**x2)`, which does not overflow."""
    return maximum(x1, x2) + log1p(exp2(negative(absolute(subtract(x1, x2))))) * (1 / math.log(2))


@composed
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """The choice of the first condition that holds; `default` where none does."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"[select] expects a choice for each condition, got {len(condlist)} and {len(choicelist)}")
    found: Any = float(default) if isinstance(default, int) else default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        found = where(condition, choice, found)
    return convert_to_tensor(found)


@composed
def fmod(x1: Any, x2: Any) -> Tensor:
    """What division leaves if its result loses what is after the point, of the sign of `x1`; else as :func:`mod`."""
    return of_integers(_in_float64(lambda a, b: _remainder(trunc, a, b)), x1, x2)


@composed
def signbit(x: Any) -> Tensor:
    """Where a number is below zero, or is minus zero; False of what is no number."""
    zero = equal(x, 0.0)
    return where(zero, reciprocal(where(zero, x, 1.0)), x) < 0.0


@composed
def ldexp(x1: Any, x2: Any) -> Tensor:
    """`x1 * 2**x2`, which does not overflow before its time.

    Parameters
    ----------
    x1 : tensor
    x2 : tensor of integers

    Raises
    ------
    DTypeError
        If `x2` has other numbers.
    """
    tensor, exponent = convert_to_tensor(x1), convert_to_tensor(x2)
    if exponent.dtype.kind not in "iu":
        raise DTypeError(f"[ldexp] x2 expects integers, got dtype {exponent.dtype}")
    found = tensor if tensor.dtype.kind == "f" else multiply(tensor, 1.0)
    dtype = found.dtype.name
    numbers = np.finfo(found.dtype)
    most = float(numbers.maxexp - numbers.minexp + numbers.nmant + 2)  # from the least number to beyond the last
    rest = clip(cast(exponent, "float64"), -most, most)
    for parts in (3, 2, 1):  # powers that there are in this dtype
        part = round(rest * (1 / parts))
        rest = rest - part
        found = multiply(found, power(2.0, cast(part, dtype)))
    return found


@composed
def saturate_cast(x: Any, dtype: Any) -> Tensor:
    """As :func:`cast`, but what is beyond the numbers of `dtype` becomes the last of these.

    Parameters
    ----------
    x : tensor
    dtype : str
        The result is int64 of every type of integers, as of :func:`cast`, but within the range of this one. Only what
        is above 0 becomes True.
    """
    wanted = np.dtype(dtype)
    if wanted.kind == "b":
        return cast(maximum(x, 0.0), dtype)
    limits = np.iinfo(wanted) if wanted.kind in "iu" else np.finfo(wanted)
    tensor = convert_to_tensor(x)
    least, most = limits.min, limits.max
    if tensor.dtype.kind == "f":
        own = np.finfo(tensor.dtype)
        least, most = max(float(least), float(own.min)), min(most, own.max)
        if wanted.kind in "iu" and int(tensor.dtype.type(most)) > limits.max:
            most = np.nextafter(tensor.dtype.type(most), tensor.dtype.type(0))  # the last float that is not above it
    return cast(of_integers(lambda y: clip(y, float(least), float(most)), tensor), dtype)
