"""Pooling of images: maxima and averages over windows, with their gradients."""

from __future__ import annotations

import functools
from typing import Any

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_array, as_floats, empty, pick
from nerve.kernels._numbers import integers
from nerve.kernels._windows import Padding, Pair, Shape, expect_rank, hashable_padding, out_size, pair
from nerve.kernels.shapes import Pool2DShape

__all__ = ["average_pool2d", "average_pool2d_backward", "max_pool2d", "max_pool2d_backward"]


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
    out = empty(_out_shape(shape), x.dtype)
    pick(x).max_pool2d(out, x, shape)
    return out


def max_pool2d_backward(
    grad: ArrayLike,
    x: ArrayLike,
    *,
    pool_size: Pair = (2, 2),
    strides: Pair | None = None,
    padding: Padding = "valid",
) -> Array:
    """Gradient of :func:`max_pool2d` with respect to x: all of a window's goes to its first maximum.

    Parameters
    ----------
    grad : array_like (batch, out_height, out_width, channels)
    x : array_like (batch, height, width, channels)
        The input of the forward pass.
    pool_size, strides, padding
        As in the forward pass.

    Returns
    -------
    ndarray of the shape of x

    Raises
    ------
    ShapeError
        If grad has not the shape of the output.
    """
    grad, x = as_floats("max_pool2d_backward", grad, x)
    shape = _plan("max_pool2d_backward", x.shape, *_options("max_pool2d_backward", pool_size, strides, padding))
    _expect_grad("max_pool2d_backward", grad, shape)
    out = empty(x.shape, x.dtype)
    pick(grad, x).max_pool2d_backward(out, grad, x, shape)
    return out


def average_pool2d(
    x: ArrayLike, *, pool_size: Pair = (2, 2), strides: Pair | None = None, padding: Padding = "valid"
) -> Array:
    """Average over windows of an image, counting only the positions inside it.

    Arguments, result and errors as for :func:`max_pool2d`.
    """
    (x,) = as_floats("average_pool2d", x)
    shape = _plan("average_pool2d", x.shape, *_options("average_pool2d", pool_size, strides, padding))
    out = empty(_out_shape(shape), x.dtype)
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
    _expect_grad(op, grad, shape)
    out = empty(input_shape, grad.dtype)
    pick(grad).average_pool2d_backward(out, grad, shape)
    return out


def _options(op: str, pool_size: Pair, strides: Pair | None, padding: Padding) -> tuple[Any, Any, Any]:
    window = pair(op, "pool_size", pool_size)
    return window, window if strides is None else pair(op, "strides", strides), hashable_padding(op, padding)


@functools.lru_cache(maxsize=4096)
def _plan(op: str, x: Shape, window: tuple[int, int], strides: tuple[int, int], padding: Any) -> Pool2DShape:
    expect_rank(op, "x", x, 4, "(batch, height, width, channels)")
    if not isinstance(padding, str):
        for sides, size in zip(padding, window, strict=True):
            if max(sides) >= size:
                raise ValueError(f"[{op}] padding expects fewer than pool_size={window}, got {padding!r}")
    out, before = out_size(op, x, window, strides, padding)
    batch, height, width, channels = x
    return Pool2DShape(batch, height, width, channels, *window, *out, *strides, *before)


def _out_shape(shape: Pool2DShape) -> Shape:
    return shape.batch, shape.out_height, shape.out_width, shape.channels


def _expect_grad(op: str, grad: Array, shape: Pool2DShape) -> None:
    if grad.shape != _out_shape(shape):
        raise ShapeError(f"[{op}] grad expects the output's shape {_out_shape(shape)}, got {grad.shape}")
