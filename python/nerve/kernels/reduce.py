"""Reductions over axes: sum, mean, max, min, argmax, argmin; and what metrics sum up.

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
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import array_module, is_array, writable
from nerve.kernels._backend import as_array, as_floats, beside, converted, copied, empty, pick, repeated
from nerve.kernels._numbers import integer, integers

__all__ = ["accumulate_mean", "argmax", "argmax_is", "argmin", "max", "mean", "min", "sum"]

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
        return copied(array)
    kernel = getattr(pick(array), op)
    for outer, reduced, inner in calls:
        out = empty((outer, inner), array.dtype, array)
        if op == "mean" and not reduced:
            out = repeated(array_module(array).full((), np.nan, array.dtype), (outer, inner))
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
    out = empty((outer, inner), np.int64, array)
    getattr(pick(array), op)(out, array.reshape(outer, reduced, inner), outer, reduced, inner)
    return out.reshape(shape[:at] + shape[at + 1 :])


def argmax_is(x: ArrayLike, labels: ArrayLike) -> Array:
    """1 where the largest element of a row is the one that its label names, else 0: what accuracy is the mean of.

    Parameters
    ----------
    x : array_like, (..., n)
        Scores. Of equal ones the first is the largest, and NaN is larger than any number, as for :func:`argmax`.
    labels : array_like of int, (...)
        A number outside of 0..n-1 is no element's.

    Returns
    -------
    ndarray, (...)
        Of the dtype of ``x``.

    Raises
    ------
    ShapeError
        If there is not a label for each row.
    DTypeError
        If the labels are not integers.
    """
    array = as_array("argmax_is", x)
    names = beside("argmax_is", array_module(array, labels), labels)
    if names.dtype.kind not in "iu":
        raise DTypeError(f"[argmax_is] expects labels of int64, got dtype {names.dtype}")
    if not array.ndim or names.shape != array.shape[:-1]:
        raise ShapeError(f"[argmax_is] expects a label for each row of {array.shape}, got shape {names.shape}")
    names = converted(names, np.int64)
    out = empty(names.shape, array.dtype, array)
    pick(array).argmax_is(out, array, names, names.size, array.shape[-1])
    return out


def accumulate_mean(totals: Array, values: ArrayLike, weights: ArrayLike | None = None) -> None:
    """Add a batch to the sums that a weighted mean over all batches is made of, in place.

    Parameters
    ----------
    totals : ndarray of float64, (2,)
        Sums: of the rows' means of ``values * weights``, and of the rows' means of ``weights``. The first over the
        second is the mean so far, in which a row counts as one however many values it has.
    values : array_like, (batch, ...) or ()
    weights : array_like, optional
        Of the first axes of ``values``, which are averaged over the others; one if left out.

    Raises
    ------
    ShapeError, DTypeError
        If ``totals`` is something else, or the weights do not fit; nothing has changed then.
    """
    sums = is_array(totals) and totals.dtype == np.float64 and totals.shape == (2,)
    if not sums or not writable(totals):
        raise DTypeError(f"[accumulate_mean] expects totals of float64 and shape (2,), got {totals!r}")
    array, factors = as_floats("accumulate_mean", values, weights, optional=1)
    if factors is not None and factors.shape != array.shape[: factors.ndim]:
        raise ShapeError(f"[accumulate_mean] weights of shape {factors.shape} do not fit values of {array.shape}")
    rows = array.shape[0] if array.ndim and (factors is None or factors.ndim) else 1
    weighted = 1 if factors is None else math.prod(factors.shape[1:])
    if not array.size:
        return
    pick(array).accumulate_mean(totals, array, factors, rows, weighted, array.size // (rows * weighted))
