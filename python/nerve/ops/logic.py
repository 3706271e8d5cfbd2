"""Elements that hold or do not hold, and limits to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._traced import as_array
from nerve.ops._differentiable import composed
from nerve.ops.elementwise import absolute, equal, less, less_equal, maximum, minimum, not_equal, subtract, where
from nerve.ops.reduce import max
from nerve.tensor import Tensor

__all__ = [
    "abs",
    "all",
    "allclose",
    "any",
    "clip",
    "fabs",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
]


@composed
def abs(x: Any) -> Tensor:
    """The distance from zero; as :func:`absolute`."""
    return absolute(x)


@composed
def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """No less than `x_min` and no more than `x_max`."""
    return minimum(maximum(x, x_min), x_max)


def _truth(x: Any) -> Array:
    values = x.array if isinstance(x, Tensor) else as_array(x)
    return values if values.dtype == np.bool_ else kernels.not_equal(values, 0.0)


@composed
def logical_and(x1: Any, x2: Any) -> Tensor:
    """Where both hold."""
    both = kernels.where(_truth(x1), kernels.where(_truth(x2), 1.0, 0.0), 0.0)
    return Tensor(kernels.not_equal(both, 0.0), tracked=False)


@composed
def logical_or(x1: Any, x2: Any) -> Tensor:
    """Where at least one holds."""
    either = kernels.where(_truth(x1), 1.0, kernels.where(_truth(x2), 1.0, 0.0))
    return Tensor(kernels.not_equal(either, 0.0), tracked=False)


@composed
def logical_not(x: Any) -> Tensor:
    """Where it does not hold."""
    return Tensor(kernels.equal(kernels.where(_truth(x), 1.0, 0.0), 0.0), tracked=False)


@composed
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether it holds anywhere along the axes."""
    return not_equal(max(Tensor(kernels.where(_truth(x), 1.0, 0.0)), axis=axis, keepdims=keepdims), 0.0)


@composed
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether it holds everywhere along the axes."""
    return logical_not(any(logical_not(x), axis=axis, keepdims=keepdims))


@composed
def isnan(x: Any) -> Tensor:
    """Where there is no number."""
    return not_equal(x, x)


@composed
def isinf(x: Any) -> Tensor:
    """Where there is infinity, of either sign."""
    return _equal(absolute(x), math.inf)


@composed
def isfinite(x: Any) -> Tensor:
    """Where there is a number, and not infinity."""
    return _equal(subtract(x, x), 0.0)


def _equal(a: Any, b: float) -> Tensor:
    return Tensor(kernels.equal(a.array, b), tracked=False)


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
def fabs(x: Any) -> Tensor:
    """The distance from zero; as :func:`absolute`."""
    return absolute(x)


@composed
def isposinf(x: Any) -> Tensor:
    """Where there is infinity."""
    return equal(x, math.inf)


@composed
def isneginf(x: Any) -> Tensor:
    """Where there is minus infinity."""
    return equal(x, -math.inf)
