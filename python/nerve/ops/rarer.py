"""Functions of `keras.ops` that few programs need, made of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nerve.errors import ShapeError
from nerve.ops._differentiable import composed
from nerve.ops.creation import convert_to_tensor, ndim, shape
from nerve.ops.elementwise import (
    absolute,
    divide,
    equal,
    erf,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    sin,
    subtract,
    where,
)
from nerve.ops.functions import exp2
from nerve.ops.indexing import getitem, reshape, take
from nerve.ops.logic import isnan
from nerve.ops.reduce import sum
from nerve.ops.shaping import ravel
from nerve.ops.statistics import diag, tensordot
from nerve.tensor import Tensor

__all__ = [
    "cross",
    "diagflat",
    "erfc",
    "fabs",
    "fmax",
    "fmin",
    "geomspace",
    "get_item",
    "inner",
    "isneginf",
    "isposinf",
    "kron",
    "logaddexp2",
    "select",
    "sinc",
    "vdot",
]


@composed
def fabs(x: Any) -> Tensor:
    """The distance from zero; as :func:`absolute`."""
    return absolute(x)


@composed
def fmax(x1: Any, x2: Any) -> Tensor:
    """The larger of two; the other one where one is no number."""
    return maximum(where(isnan(x1), x2, x1), where(isnan(x2), x1, x2))


@composed
def fmin(x1: Any, x2: Any) -> Tensor:
    """The smaller of two; the other one where one is no number."""
    return minimum(where(isnan(x1), x2, x1), where(isnan(x2), x1, x2))


@composed
def isposinf(x: Any) -> Tensor:
    """Where there is infinity."""
    return equal(x, math.inf)


@composed
def isneginf(x: Any) -> Tensor:
    """Where there is minus infinity."""
    return equal(x, -math.inf)


@composed
def erfc(x: Any) -> Tensor:
    """`1 - erf(x)`."""
    return subtract(1.0, erf(x))


@composed
def logaddexp2(x1: Any, x2: Any) -> Tensor:
    """`log2(2**x1 + 2**x2)`, which does not overflow."""
    return maximum(x1, x2) + log1p(exp2(negative(absolute(subtract(x1, x2))))) * (1 / math.log(2))


@composed
def sinc(x: Any) -> Tensor:
    """`sin(pi x) / (pi x)`, and 1 at 0."""
    turned = multiply(x, math.pi)
    zero = equal(turned, 0.0)
    return where(zero, 1.0, divide(sin(turned), where(zero, 1.0, turned)))


@composed
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """The choice of the first condition that holds; `default` where none does."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"[select] expects a choice for each condition, got {len(condlist)} and {len(choicelist)}")
    found: Any = float(default) if isinstance(default, int) else default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        found = where(condition, choice, found)
    return convert_to_tensor(found)


# Products


@composed
def inner(x1: Any, x2: Any) -> Tensor:
    """Over the last axes of both."""
    if not ndim(x1) or not ndim(x2):
        return multiply(x1, x2)
    return tensordot(x1, x2, ([ndim(x1) - 1], [ndim(x2) - 1]))


@composed
def vdot(x1: Any, x2: Any) -> Tensor:
    """Of all elements of both."""
    return sum(multiply(ravel(x1), ravel(x2)))


@composed
def kron(x1: Any, x2: Any) -> Tensor:
    """Every element of one times the whole other, side by side as in the one."""
    rank = max(ndim(x1), ndim(x2))
    a, b = ([1] * (rank - ndim(x)) + list(shape(x)) for x in (x1, x2))
    wide = multiply(
        reshape(x1, [n for size in a for n in (size, 1)]), reshape(x2, [n for size in b for n in (1, size)])
    )
    return reshape(wide, [n * m for n, m in zip(a, b, strict=True)])


@composed
def cross(x1: Any, x2: Any, axis: int = -1) -> Tensor:
    """Of vectors of three along an axis: at a right angle to both."""
    sizes = shape(x1)[axis], shape(x2)[axis]
    if sizes != (3, 3):
        raise ShapeError(f"[cross] expects vectors of 3 along axis {axis}, got {sizes[0]} and {sizes[1]}")
    one, two, three = (np.array(order) for order in ([1, 2, 0], [2, 0, 1], [0, 1, 2]))
    turned = [take(x, order, axis=axis) for x, order in ((x1, one), (x2, two), (x1, two), (x2, one))]
    return take(multiply(turned[0], turned[1]) - multiply(turned[2], turned[3]), three, axis=axis)


# Arrays


@composed
def diagflat(x: Any, k: int = 0) -> Tensor:
    """A matrix with all elements on its `k`-th diagonal."""
    return diag(ravel(x), k)


@composed
def get_item(x: Any, key: Any) -> Tensor:
    """`x[key]`."""
    return getitem(x, key)


def geomspace(start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: DTypeLike = "float32") -> Tensor:
    """`num` numbers from `start` to `stop`, each the same multiple of the one before."""
    return Tensor(np.geomspace(start, stop, num, endpoint, dtype=dtype), tracked=False)
