"""Pooling of images: maxima and averages over windows, with their gradients."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_array, as_floats, beside, empty, pick
from nerve.kernels._numbers import integers
from nerve.kernels._traced import required
from nerve.kernels._windows import (
    Padding,
    Pair,
    Shape,
    expect_grad,
    expect_index,
    expect_narrow,
    expect_rank,
    hashable_padding,
    out_size,
    pair,
)
from nerve.kernels.shapes import Pool2DShape

__all__ = [
    "average_pool2d",
    "average_pool2d_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool2d_with_index",
]


def max_pool2d(
    x: ArrayLike, *, pool_size: Pair = (2, 2), strides: Pair | None = None, padding: Padding = "valid"
) -> Array:
    """Maximum over windows of an image.

    Parameters
    ----------
    x : array_like (batch, height, width, channels), float32 or float64
    pool_size : int or (int, int)
        Height and width of the windows.
    strides : int or (int, int), optional
        Steps from window to window; by default ``pool_size``, so that windows touch.
    padding : {"valid", "same"}, int or ((top, bottom), (left, right))
        ``"valid"``: windows lie inside the image. ``"same"``: the output has ceil(size / strides) rows and columns, and
        windows may reach over the edge. A number, or numbers by side: so far over the edge, less than ``pool_size``.

    Returns
    -------
    ndarray (batch, out_height, out_width, channels)
        Positions outside the image never win; NaN does.

    Raises
    ------
    ShapeError
        If x has not four dimensions, or no window fits in the image.
    ValueError
        If a size, stride or padding is not a positive number, or the padding is as wide as the windows.
    """
    (x,) = as_floats("max_pool2d", x)
    shape = _plan("max_pool2d", x.shape, *_options("max_pool2d", pool_size, strides, padding))
    out = empty(shape.out_shape, x.dtype, x)
    pick(x).max_pool2d(out, None, None, x, shape)
    return out


def max_pool2d_with_index(
    x: ArrayLike, *, pool_size: Pair = (2, 2), strides: Pair | None = None, padding: Padding = "valid"
) -> tuple[Array, Array]:
    """:func:`max_pool2d`, and where each maximum is, for :func:`max_pool2d_backward`.

    Arguments and errors as for :func:`max_pool2d`.

    Returns
    -------
    y : ndarray (batch, out_height, out_width, channels)
    index : ndarray of the shape of y, uint8, or int64 where a window has more than 256 positions
        The position of the first maximum (or the first NaN) in its window, ``row * pool_width + column``, both counted
        from the window's corner, which may lie outside the image.
    """
    op = "max_pool2d_with_index"
    (x,) = as_floats(op, x)
    shape = _plan(op, x.shape, *_options(op, pool_size, strides, padding))
    out, index = empty(shape.out_shape, x.dtype, x), empty(shape.out_shape, _index_dtype(shape), x)
    pick(x).max_pool2d(out, *_narrow_and_wide(index), x, shape)
    return out, index


def max_pool2d_backward(
    grad: ArrayLike,
    index: Array,
    *,
    input_shape: Shape,
    pool_size: Pair = (2, 2),
    strides: Pair | None = None,
    padding: Padding = "valid",
) -> Array:
    """Gradient of :func:`max_pool2d` with respect to x: all of a window's goes to its first maximum.

    Parameters
    ----------
    grad : array_like (batch, out_height, out_width, channels)
    index : ndarray (batch, out_height, out_width, channels), uint8 or int64
        What :func:`max_pool2d_with_index` returned.
    input_shape : (batch, height, width, channels)
        Shape of the input of the forward pass.
    pool_size, strides, padding
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``input_shape``

    Raises
    ------
    ShapeError
        If grad or index has not the shape of the output.
    DTypeError
        If index has not the dtype of these windows' indices.
    """
    op = "max_pool2d_backward"
    grad = as_array(op, grad)
    input_shape = integers(op, "input_shape", input_shape, 0)
    shape = _plan(op, input_shape, *_options(op, pool_size, strides, padding))
    expect_grad(op, grad, shape.out_shape)
    index = beside(op, array_module(grad), index)
    expect_index(op, index, grad, _index_dtype(shape))
    out = empty(input_shape, grad.dtype, grad)
    pick(grad).max_pool2d_backward(out, grad, *_narrow_and_wide(required(index)), shape)
    return out


def average_pool2d(
    x: ArrayLike, *, pool_size: Pair = (2, 2), strides: Pair | None = None, padding: Padding = "valid"
) -> Array:
    """Average over windows of an image, counting only the positions inside it.

    Arguments, result and errors as for :func:`max_pool2d`.
    """
    (x,) = as_floats("average_pool2d", x)
    shape = _plan("average_pool2d", x.shape, *_options("average_pool2d", pool_size, strides, padding))
    out = empty(shape.out_shape, x.dtype, x)
    pick(x).average_pool2d(out, x, shape)
    return out


def average_pool2d_backward(
    grad: ArrayLike,
    *,
    input_shape: Shape,
    pool_size: Pair = (2, 2),
    strides: Pair | None = None,
    padding: Padding = "valid",
) -> Array:
    """Gradient of :func:`average_pool2d` with respect to its input.

    Parameters
    ----------
    grad : array_like (batch, out_height, out_width, channels)
    input_shape : (batch, height, width, channels)
        Shape of the input of the forward pass.
    pool_size, strides, padding
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``input_shape``

    Raises
    ------
    ShapeError
        If grad has not the shape of the output.
    """
    op = "average_pool2d_backward"
    grad = as_array(op, grad)
    input_shape = integers(op, "input_shape", input_shape, 0)
    shape = _plan(op, input_shape, *_options(op, pool_size, strides, padding))
    expect_grad(op, grad, shape.out_shape)
    out = empty(input_shape, grad.dtype, grad)
    pick(grad).average_pool2d_backward(out, grad, shape)
    return out


def _options(op: str, pool_size: Pair, strides: Pair | None, padding: Padding) -> tuple[Any, Any, Any]:
    window = pair(op, "pool_size", pool_size)
    return window, window if strides is None else pair(op, "strides", strides), hashable_padding(op, padding)


@functools.lru_cache(maxsize=4096)
def _plan(op: str, x: Shape, window: tuple[int, int], strides: tuple[int, int], padding: Any) -> Pool2DShape:
    expect_rank(op, "x", x, 4, "(batch, height, width, channels)")
    expect_narrow(op, padding, window)
    out, before = out_size(op, x, window, strides, padding)
    return Pool2DShape._make((*x, *window, *out, *strides, *before))


def _index_dtype(shape: Pool2DShape) -> np.dtype[Any]:
    return np.dtype(np.uint8 if shape.pool_height * shape.pool_width <= 256 else np.int64)


def _narrow_and_wide(index: Array) -> tuple[Array | None, Array | None]:
    """The two places a kernel has for an index, of which one is used."""
    return (index, None) if index.dtype == np.uint8 else (None, index)
