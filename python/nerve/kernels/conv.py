"""Convolution of images, and its gradients."""

from __future__ import annotations

import functools
from typing import Any

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._numbers import integer, integers
from nerve.kernels._windows import (
    Padding,
    Pair,
    Shape,
    expect_bias,
    expect_grad,
    expect_rank,
    hashable_padding,
    out_size,
    pair,
)
from nerve.kernels.shapes import Conv2DShape, activation_code

__all__ = ["conv2d", "conv2d_backward_input", "conv2d_backward_kernel"]


def conv2d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    groups: int = 1,
    activation: str | None = None,
) -> Array:
    """Two-dimensional convolution, ``activation(x * kernel + bias)``.

    A cross-correlation, as everywhere in deep learning: the kernel is not turned round.

    Parameters
    ----------
    x : array_like (batch, height, width, channels), float32 or float64
    kernel : array_like (kernel_height, kernel_width, channels / groups, filters)
    bias : array_like (filters,), optional
    strides : int or (int, int)
        Rows and columns from window to window.
    padding : {"valid", "same"}, int or ((top, bottom), (left, right))
        Rows and columns of zeros around the image. ``"valid"``: none. ``"same"``: as many as give an output of
        ceil(size / strides) rows and columns, the odd one at the bottom or right (TensorFlow's rule).
    dilation_rate : int or (int, int)
        Rows and columns from one element of the kernel to the next.
    groups : int
        Channels and filters are cut into so many groups; each group of filters sees its own channels only.
    activation : {None, "linear", "relu", "sigmoid", "tanh"}
        Applied to the result as it is stored.

    Returns
    -------
    ndarray (batch, out_height, out_width, filters)

    Raises
    ------
    ShapeError
        If ranks, channels, filters or groups do not fit each other, or the window does not fit in the image.
    ValueError
        If strides, padding, dilation_rate, groups or activation are none of the above.
    """
    op = "conv2d"
    code = activation_code(op, activation)
    x, kernel, bias = as_floats(op, x, kernel, bias, optional=1)
    shape = _plan(op, x.shape, kernel.shape, *_options(op, strides, padding, dilation_rate, groups))
    expect_bias(op, bias, shape.filters)
    out = empty(shape.out_shape, x.dtype, x)
    pick(x, kernel, bias).conv2d(out, x, kernel, bias, shape, code)
    return out


def conv2d_backward_input(
    grad: ArrayLike,
    kernel: ArrayLike,
    *,
    input_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Gradient of :func:`conv2d` (without activation) with respect to x.

    Parameters
    ----------
    grad : array_like (batch, out_height, out_width, filters)
    kernel : array_like (kernel_height, kernel_width, channels / groups, filters)
    input_shape : (batch, height, width, channels)
        Shape of x.
    strides, padding, dilation_rate, groups
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``input_shape``

    Raises
    ------
    ShapeError
        If grad has not the shape of the output, or as :func:`conv2d`.
    """
    op = "conv2d_backward_input"
    grad, kernel = as_floats(op, grad, kernel)
    input_shape = integers(op, "input_shape", input_shape, 0)
    shape = _plan(op, input_shape, kernel.shape, *_options(op, strides, padding, dilation_rate, groups))
    expect_grad(op, grad, shape.out_shape)
    out = empty(input_shape, grad.dtype, grad)
    pick(grad, kernel).conv2d_backward_input(out, grad, kernel, shape)
    return out


def conv2d_backward_kernel(
    grad: ArrayLike,
    x: ArrayLike,
    *,
    kernel_shape: Shape,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Gradient of :func:`conv2d` (without activation) with respect to the kernel.

    Parameters
    ----------
    grad : array_like (batch, out_height, out_width, filters)
    x : array_like (batch, height, width, channels)
        The input of the forward pass.
    kernel_shape : (kernel_height, kernel_width, channels / groups, filters)
    strides, padding, dilation_rate, groups
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``kernel_shape``

    Raises
    ------
    ShapeError
        If grad has not the shape of the output, or as :func:`conv2d`.
    """
    op = "conv2d_backward_kernel"
    grad, x = as_floats(op, grad, x)
    kernel_shape = integers(op, "kernel_shape", kernel_shape, 0)
    shape = _plan(op, x.shape, kernel_shape, *_options(op, strides, padding, dilation_rate, groups))
    expect_grad(op, grad, shape.out_shape)
    out = empty(kernel_shape, grad.dtype, grad)
    pick(grad, x).conv2d_backward_kernel(out, grad, x, shape)
    return out


def _options(op: str, strides: Pair, padding: Padding, dilation_rate: Pair, groups: int) -> tuple[Any, Any, Any, int]:
    return (
        pair(op, "strides", strides),
        hashable_padding(op, padding),
        pair(op, "dilation_rate", dilation_rate),
        integer(op, "groups", groups, 1),
    )


@functools.lru_cache(maxsize=4096)
def _plan(
    op: str, x: Shape, kernel: Shape, strides: tuple[int, int], padding: Any, dilation: tuple[int, int], groups: int
) -> Conv2DShape:
    expect_rank(op, "x", x, 4, "(batch, height, width, channels)")
    expect_rank(op, "kernel", kernel, 4, "(height, width, channels / groups, filters)")
    if x[3] % groups or kernel[3] % groups:
        raise ShapeError(f"[{op}] groups={groups} does not divide {x[3]} channels and {kernel[3]} filters")
    if kernel[2] * groups != x[3]:
        raise ShapeError(
            f"[{op}] kernel of shape {kernel} expects {kernel[2]} input channels (x.shape[-1] / groups), "
            f"got x of shape {x} with groups={groups}"
        )
    if kernel[0] < 1 or kernel[1] < 1:
        raise ShapeError(f"[{op}] kernel expects a height and width of at least 1, got shape {kernel}")
    window = (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1
    out, before = out_size(op, x, window, strides, padding)
    return Conv2DShape._make((*x, *kernel[:2], kernel[3], groups, *out, *strides, *dilation, *before))
