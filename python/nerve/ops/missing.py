"""Statistics in which what is no number does not count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nerve import kernels
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.cumulative import cumprod, cumsum
from nerve.ops.elementwise import cast, sqrt, square, subtract, where
from nerve.ops.logic import all, isnan
from nerve.ops.reduce import argmax, argmin, max, min, sum
from nerve.ops.sorting import quantiles
from nerve.ops.statistics import prod
from nerve.tensor import Tensor

__all__ = [
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
]


@composed
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum of what is a number."""
    return sum(where(isnan(x), 0.0, x), axis=axis, keepdims=keepdims)


@composed
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean of what is a number."""
    counts = sum(where(isnan(x), 0.0, 1.0), axis=axis, keepdims=keepdims)
    return nansum(x, axis=axis, keepdims=keepdims) / counts


@composed
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest of what is a number."""
    return max(where(isnan(x), -math.inf, x), axis=axis, keepdims=keepdims)


@composed
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest of what is a number."""
    return min(where(isnan(x), math.inf, x), axis=axis, keepdims=keepdims)


@composed
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The product of what is a number."""
    return prod(where(isnan(x), 1.0, x), axis=axis, keepdims=keepdims)


@composed
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The variance of what is a number."""
    missing = isnan(x)
    apart = where(missing, 0.0, subtract(where(missing, 0.0, x), nanmean(x, axis=axis, keepdims=True)))
    return sum(square(apart), axis=axis, keepdims=keepdims) / sum(
        where(missing, 0.0, 1.0), axis=axis, keepdims=keepdims
    )


@composed
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The root of the variance of what is a number."""
    return sqrt(nanvar(x, axis=axis, keepdims=keepdims))


@composed
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """As :func:`cumsum`, of what is a number."""
    return cumsum(_numbers(x, 0.0), axis, dtype)


@composed
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """As :func:`cumprod`, of what is a number."""
    return cumprod(_numbers(x, 1.0), axis, dtype)


def _numbers(x: Any, otherwise: float) -> Any:
    """Floats with something else where there is no number; integers as they are."""
    return where(isnan(x), otherwise, x) if as_plain_array(x).dtype.kind == "f" else x


@composed
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the largest of what is a number is, along an axis or of all; -1 where there is none."""
    return _place(argmax, -math.inf, x, axis, keepdims)


@composed
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the smallest of what is a number is, along an axis or of all; -1 where there is none."""
    return _place(argmin, math.inf, x, axis, keepdims)


def _place(find: Any, beyond: float, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    found: Tensor = find(_numbers(x, beyond), axis, keepdims)
    if as_plain_array(x).dtype.kind != "f":
        return found
    nothing = all(isnan(x), axis=axis, keepdims=keepdims)
    return Tensor(kernels.cast(where(nothing, -1.0, cast(found, "float64")).array, "int64"), tracked=False)


@composed
def nanquantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The value that a fraction `q` of what is a number lies below, along axes or of all; NaN where there is none.

    Parameters
    ----------
    x : tensor
    q : float or array (m,)
        In [0, 1]; several give a new first axis.
    axis : int or tuple of int, optional
    method : {"linear", "lower", "higher", "nearest", "midpoint"}
        What is taken between two elements.
    keepdims : bool

    Raises
    ------
    ValueError
        If `q` or `method` are none of the above.
    """
    return quantiles("nanquantile", x, q, axis, method, keepdims, numbers_alone=True)


@composed
def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """As :func:`nanquantile`, of fractions in hundredths."""
    return nanquantile(x, np.asarray(q, np.float64) / 100, axis, method, keepdims)


@composed
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The middle one of what is a number, along axes or of all; the mean of two where there is none."""
    return nanquantile(x, 0.5, axis, keepdims=keepdims)
