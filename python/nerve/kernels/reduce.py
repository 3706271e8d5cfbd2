"""Reductions over axes: sum, mean, max, min, argmax, argmin.

The order of a sum depends on the shape alone, so results are the same for any number of threads, and its error grows
with the logarithm of the length (pairwise summation; Higham, "The accuracy of floating point summation", 1993).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_array, empty, pick
from nerve.kernels._numbers import integer, integers

__all__ = ["argmax", "argmin", "max", "mean", "min", "sum"]

Axes = int | Sequence[int] | None


def sum(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """Sum over axes.

    Parameters
    ----------
    x : array_like, float32 or float64
    axis : int or sequence of int, optional
        The axes to sum over; all of them by default.
    keepdims : bool
        Leave the summed axes in place with size one.

    Returns
    -------
    ndarray
        Of x's dtype. The sum of nothing is zero.

    Raises
    ------
    ShapeError
        If an axis does not exist or is named twice.
    """
    return _reduce("sum", x, axis, keepdims)


def mean(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """Arithmetic mean over axes; arguments as for :func:`sum`. The mean of nothing is NaN."""
    return _reduce("mean", x, axis, keepdims)


def max(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """Maximum over axes; arguments as for :func:`sum`. NaN wins.

    Raises
    ------
    ShapeError
        If an axis does not exist, or the maximum of no elements is asked for.
    """
    return _reduce("max", x, axis, keepdims)


def min(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """Minimum over axes; as :func:`max`."""
    return _reduce("min", x, axis, keepdims)


def argmax(x: ArrayLike, axis: int | None = None) -> Array:
    """Position of the first maximum along an axis.

    Parameters
    ----------
    x : array_like, float32 or float64
    axis : int, optional
        By default the position in the flattened array.

    Returns
    -------
    ndarray of int64

    Raises
    ------
    ShapeError
        If the axis does not exist or has no elements.
    """
    return _find("argmax", x, axis)


def argmin(x: ArrayLike, axis: int | None = None) -> Array:
    """Position of the first minimum along an axis; as :func:`argmax`."""
    return _find("argmin", x, axis)


def reduced_axes(op: str, axis: Axes, ndim: int) -> tuple[int, ...]:
    """The axes meant, ascending and not negative."""
    return _ascending(op, axis if axis is None else integers(op, "axis", axis), ndim)


def single_axis(op: str, axis: int, ndim: int) -> int:
    """The axis meant, not negative."""
    return _ascending(op, integer(op, "axis", axis), ndim)[0]


@functools.lru_cache(maxsize=4096)
def _ascending(op: str, axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    for a in axes:
        if not -ndim <= a < ndim:
            raise ShapeError(f"[{op}] axis {a} does not exist in an array of {ndim} dimensions")
    positive = sorted(a % ndim for a in axes)
    if len(set(positive)) < len(positive):
        raise ShapeError(f"[{op}] an axis is named twice in axis={axis}")
    return tuple(positive)


@functools.lru_cache(maxsize=4096)
def _plan(
    op: str, axes: tuple[int, ...], shape: tuple[int, ...], keepdims: bool
) -> tuple[list[tuple[int, int, int]], tuple[int, ...]]:
    """The (outer, reduced, inner) sizes of each call, and the shape in the end.

    Axes that stand side by side, or have only axes of size one between them, are reduced together; the last ones, which
    stand closest in memory, first.
    """
    if op in ("max", "min") and any(shape[a] == 0 for a in axes):
        raise ShapeError(f"[{op}] of no elements: axis {axes} of shape {shape}")
    runs: list[list[int]] = []
    for a in axes:
        if runs and all(shape[b] == 1 for b in range(runs[-1][1], a)):
            runs[-1][1] = a + 1
        else:
            runs.append([a, a + 1])
    calls, left = [], list(shape)
    for first, stop in reversed(runs):
        calls.append((math.prod(left[:first]), math.prod(left[first:stop]), math.prod(left[stop:])))
        left[first:stop] = [1] * (stop - first)
    return calls, tuple(size for i, size in enumerate(left) if keepdims or i not in axes)


def _reduce(op: str, x: ArrayLike, axis: Axes, keepdims: bool) -> Array:
    array = as_array(op, x)
    calls, final = _plan(op, reduced_axes(op, axis, array.ndim), array.shape, bool(keepdims))
    if not calls:
        return array.copy()
    kernel = getattr(pick(array), op)
    for outer, reduced, inner in calls:
        out = empty((outer, inner), array.dtype)
        if op == "mean" and not reduced:
            out.fill(np.nan)
        else:
            kernel(out, array.reshape(outer, reduced, inner), outer, reduced, inner)
        array = out
    return array.reshape(final)


def _find(op: str, x: ArrayLike, axis: int | None) -> Array:
    array = as_array(op, x)
    if axis is None:
        array, axis = array.reshape(-1), 0
    at = single_axis(op, axis, array.ndim)
    shape = array.shape
    if shape[at] == 0:
        raise ShapeError(f"[{op}] of no elements: axis {axis} of shape {shape}")
    outer, reduced, inner = math.prod(shape[:at]), shape[at], math.prod(shape[at + 1 :])
    out = empty((outer, inner), np.int64)
    getattr(pick(array), op)(out, array.reshape(outer, reduced, inner), outer, reduced, inner)
    return out.reshape(shape[:at] + shape[at + 1 :])
