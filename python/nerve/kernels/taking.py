"""Gathering slices by their indices: take, its gradients, and one_hot."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_array, empty, float_dtype, pick
from nerve.kernels._integers import checked_indices, checked_labels
from nerve.kernels._numbers import integer, integers
from nerve.kernels._strided import Shape
from nerve.kernels.indexing import movable
from nerve.kernels.reduce import single_axis

__all__ = ["one_hot", "take", "take_backward", "take_backward_rows"]


def take(x: ArrayLike, indices: ArrayLike, *, axis: int = 0) -> Array:
    """Gather slices along an axis, as rows of an embedding are.

    Parameters
    ----------
    x : array_like
    indices : array_like of int
        Negative ones count from the end.
    axis : int

    Returns
    -------
    ndarray
        Of shape ``x.shape[:axis] + indices.shape + x.shape[axis + 1:]``.

    Raises
    ------
    IndexError
        If an index is out of range.
    DTypeError
        If the indices are not integers.
    """
    array = movable("take", x)
    at = single_axis("take", axis, array.ndim)
    rows = checked_indices("take", indices, at, array.shape[at], array)
    shape = array.shape[:at] + rows.shape + array.shape[at + 1 :]
    if array.dtype.kind != "f":
        return array_module(array).take(array, rows, axis=at)  # type: ignore[no-any-return]
    out = empty(shape, array.dtype, array)
    pick(array).take(out, array, rows, *_split(array.shape, at), rows.size)
    return out


def take_backward(grad: ArrayLike, indices: ArrayLike, *, input_shape: Sequence[int], axis: int = 0) -> Array:
    """The gradient of :func:`take`: each slice of ``grad`` is added to the place it was taken from.

    Sums are taken in the order of the indices, so the result does not depend on the number of threads.

    Parameters
    ----------
    grad : array_like
        Of the shape ``take`` returned.
    indices : array_like of int
    input_shape : sequence of int
        The shape of ``take``'s ``x``.
    axis : int

    Returns
    -------
    ndarray
        Of ``input_shape``.

    Raises
    ------
    IndexError
        If an index is out of range.
    ShapeError
        If ``grad`` does not have the shape that ``take`` gives.
    """
    array, rows, shape, at = _gathered("take_backward", grad, indices, input_shape, axis)
    out = empty(shape, array.dtype, array)
    pick(array).take_backward(out, array, rows, *_split(shape, at), rows.size)
    return out


def take_backward_rows(grad: ArrayLike, indices: ArrayLike, *, input_shape: Sequence[int]) -> tuple[Array, Array]:
    """The gradient of :func:`take` along axis 0 as the rows that are not zero: :func:`take_backward` without the rest.

    Parameters
    ----------
    grad : array_like
        Of the shape ``take`` returned.
    indices : array_like of int
    input_shape : sequence of int
        The shape of ``take``'s ``x``.

    Returns
    -------
    rows : ndarray of int64, (n,)
        The different indices, ascending.
    sums : ndarray, (n, *input_shape[1:])
        For each of them the sum of its slices of ``grad``, in the order of the indices.

    Raises
    ------
    IndexError, ShapeError
        As :func:`take_backward`.
    """
    array, taken, shape, _ = _gathered("take_backward_rows", grad, indices, input_shape, 0)
    inner = math.prod(shape[1:])
    module = array_module(array)
    rows, found = module.zeros(taken.size, np.int64), module.zeros(1, np.int64)
    sums = empty((taken.size, *shape[1:]), array.dtype, array)
    pick(array).take_backward_rows(rows, sums, found, array, taken, shape[0], inner, taken.size)
    count = int(found[0])
    return rows[:count], sums[:count]


def one_hot(labels: ArrayLike, n_classes: int, dtype: DTypeLike = "float32") -> Array:
    """Ones at the labels, zeros elsewhere.

    Parameters
    ----------
    labels : array_like of int
        Each in 0..n_classes-1.
    n_classes : int
    dtype : {"float32", "float64"}

    Returns
    -------
    ndarray
        Of shape ``labels.shape + (n_classes,)``.

    Raises
    ------
    ValueError
        If a label is out of range, or ``n_classes`` is not positive.
    DTypeError
        If the labels are not integers.
    """
    n_classes = integer("one_hot", "n_classes", n_classes, 1)
    values = checked_labels("one_hot", labels, n_classes)
    out = empty((*values.shape, n_classes), float_dtype("one_hot", dtype), values)
    pick(out).one_hot(out, values, values.size, n_classes)
    return out


def _gathered(
    op: str, grad: ArrayLike, indices: ArrayLike, input_shape: Sequence[int], axis: int
) -> tuple[Array, Array, Shape, int]:
    """What the gradients of take are given, checked: gradient, indices, shape and axis."""
    array = as_array(op, grad)
    shape = integers(op, "input_shape", input_shape, 0)
    at = single_axis(op, axis, len(shape))
    rows = checked_indices(op, indices, at, shape[at], array)
    expected = shape[:at] + rows.shape + shape[at + 1 :]
    if array.shape != expected:
        raise ShapeError(f"[{op}] expects a gradient of shape {expected}, got {array.shape}")
    return array, rows, shape, at


def _split(shape: Shape, axis: int) -> Shape:
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
