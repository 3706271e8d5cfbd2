"""Pooling of volumes, over windows of one size or as many as the result is to have, with their gradients."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_array, as_floats, beside, empty, pick
from nerve.kernels._numbers import integers
from nerve.kernels._traced import required
from nerve.kernels._windows import (
    Padding3D,
    Shape,
    Triple,
    expect_grad,
    expect_index,
    expect_narrow,
    expect_rank,
    out_size,
    sides,
    triple,
)
from nerve.kernels.shapes import Pool3DShape

__all__ = [
    "average_pool3d",
    "average_pool3d_backward",
    "max_pool3d",
    "max_pool3d_backward",
    "max_pool3d_with_index",
]

_POSITIONS = 2**30 - 1  # in a volume, of which an index is one


def max_pool3d(
    x: ArrayLike,
    *,
    pool_size: Triple | None = None,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    output_size: Triple | None = None,
) -> Array:
    """Maximum over windows of a volume.

    Parameters
    ----------
    x : array_like (batch, depth, height, width, channels), float32 or float64
    pool_size : int or (int, int, int), optional
        Depth, height and width of the windows; by default 2 each.
    strides : int or (int, int, int), optional
        Steps from window to window; by default ``pool_size``, so that windows touch.
    padding : {"valid", "same"} or three pairs (before, after)
        As for :func:`max_pool2d`; less than ``pool_size``.
    output_size : int or (int, int, int), optional
        Instead of the other three: so many adaptive windows along each axis, of which number i of n begins at
        floor(i size / n) and ends before ceil((i + 1) size / n), as in PyTorch.

    Returns
    -------
    ndarray (batch, out_depth, out_height, out_width, channels)
        Positions outside the volume never win; NaN does.

    Raises
    ------
    ShapeError
        If x has not five dimensions, no window fits, or volumes have 2**30 positions or more.
    ValueError
        If a size, stride or padding is not a positive number, the padding is as wide as the windows, or there are both
        an ``output_size`` and another option.
    """
    (x,) = as_floats("max_pool3d", x)
    shape = _shape("max_pool3d", x.shape, pool_size, strides, padding, output_size)
    out = empty(shape.out_shape, x.dtype, x)
    pick(x).max_pool3d(out, None, x, shape)
    return out


def max_pool3d_with_index(
    x: ArrayLike,
    *,
    pool_size: Triple | None = None,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    output_size: Triple | None = None,
) -> tuple[Array, Array]:
    """:func:`max_pool3d`, and where each maximum is, for :func:`max_pool3d_backward`.

    Arguments and errors as for :func:`max_pool3d`.

    Returns
    -------
    y : ndarray (batch, out_depth, out_height, out_width, channels)
    index : ndarray of the shape of y, int32
        The position of the first maximum (or the first NaN) in its volume, ``(d * height + h) * width + w``.
    """
    op = "max_pool3d_with_index"
    (x,) = as_floats(op, x)
    shape = _shape(op, x.shape, pool_size, strides, padding, output_size)
    out, index = empty(shape.out_shape, x.dtype, x), empty(shape.out_shape, np.int32, x)
    pick(x).max_pool3d(out, index, x, shape)
    return out, index


def max_pool3d_backward(
    grad: ArrayLike,
    index: Array,
    *,
    input_shape: Shape,
    pool_size: Triple | None = None,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    output_size: Triple | None = None,
) -> Array:
    """Gradient of :func:`max_pool3d` with respect to x: all of a window's goes to its first maximum.

    Parameters
    ----------
    grad : array_like (batch, out_depth, out_height, out_width, channels)
    index : ndarray of the shape of grad, int32
        What :func:`max_pool3d_with_index` returned.
    input_shape : (batch, depth, height, width, channels)
        Shape of the input of the forward pass.
    pool_size, strides, padding, output_size
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``input_shape``

    Raises
    ------
    ShapeError
        If grad or index has not the shape of the output.
    DTypeError
        If index is not of int32.
    """
    op = "max_pool3d_backward"
    grad = as_array(op, grad)
    input_shape = integers(op, "input_shape", input_shape, 0)
    shape = _shape(op, input_shape, pool_size, strides, padding, output_size)
    expect_grad(op, grad, shape.out_shape)
    index = beside(op, array_module(grad), index)
    expect_index(op, index, grad, np.dtype(np.int32))
    out = empty(input_shape, grad.dtype, grad)
    pick(grad).max_pool3d_backward(out, grad, required(index), shape)
    return out


def average_pool3d(
    x: ArrayLike,
    *,
    pool_size: Triple | None = None,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    output_size: Triple | None = None,
) -> Array:
    """Average over windows of a volume, counting only the positions inside it.

    Arguments, result and errors as for :func:`max_pool3d`.
    """
    (x,) = as_floats("average_pool3d", x)
    shape = _shape("average_pool3d", x.shape, pool_size, strides, padding, output_size)
    out = empty(shape.out_shape, x.dtype, x)
    pick(x).average_pool3d(out, x, shape)
    return out


def average_pool3d_backward(
    grad: ArrayLike,
    *,
    input_shape: Shape,
    pool_size: Triple | None = None,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    output_size: Triple | None = None,
) -> Array:
    """Gradient of :func:`average_pool3d` with respect to its input.

    Parameters
    ----------
    grad : array_like (batch, out_depth, out_height, out_width, channels)
    input_shape : (batch, depth, height, width, channels)
        Shape of the input of the forward pass.
    pool_size, strides, padding, output_size
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``input_shape``

    Raises
    ------
    ShapeError
        If grad has not the shape of the output.
    """
    op = "average_pool3d_backward"
    grad = as_array(op, grad)
    input_shape = integers(op, "input_shape", input_shape, 0)
    shape = _shape(op, input_shape, pool_size, strides, padding, output_size)
    expect_grad(op, grad, shape.out_shape)
    out = empty(input_shape, grad.dtype, grad)
    pick(grad).average_pool3d_backward(out, grad, shape)
    return out


def _shape(
    op: str, x: Shape, pool_size: Triple | None, strides: Triple | None, padding: Padding3D, output_size: Triple | None
) -> Pool3DShape:
    if output_size is not None:
        if pool_size is not None or strides is not None or padding != "valid":
            raise ValueError(f"[{op}] output_size goes without pool_size, strides and padding")
        return _adaptive(op, x, triple(op, "output_size", output_size))
    window = triple(op, "pool_size", 2 if pool_size is None else pool_size)
    steps = window if strides is None else triple(op, "strides", strides)
    return _plan(op, x, window, steps, sides(op, padding, 3))


@functools.lru_cache(maxsize=4096)
def _plan(op: str, x: Shape, window: tuple[int, int, int], strides: tuple[int, int, int], padding: Any) -> Pool3DShape:
    _expect_volumes(op, x)
    expect_narrow(op, padding, window)
    out, before = out_size(op, x, window, strides, padding)
    return Pool3DShape._make((*x, *window, *out, *strides, *before))


@functools.lru_cache(maxsize=4096)
def _adaptive(op: str, x: Shape, counts: tuple[int, int, int]) -> Pool3DShape:
    _expect_volumes(op, x)
    if min(x[1:4]) < 1:
        raise ShapeError(f"[{op}] cannot cut volumes of {' x '.join(map(str, x[1:4]))} into windows")
    batch, depth, height, width, channels = x
    return Pool3DShape(batch, depth, height, width, channels, 0, 0, 0, *counts, 0, 0, 0, 0, 0, 0)


def _expect_volumes(op: str, x: Shape) -> None:
    expect_rank(op, "x", x, 5, "(batch, depth, height, width, channels)")
    if x[1] * x[2] * x[3] > _POSITIONS:
        raise ShapeError(f"[{op}] x expects volumes of fewer than 2**30 positions, got shape {x}")
