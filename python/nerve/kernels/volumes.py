"""Convolution of volumes, and its gradients."""

from __future__ import annotations

import functools
from typing import Any

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._numbers import integer, integers
from nerve.kernels._windows import (
    Padding3D,
    Shape,
    Triple,
    expect_bias,
    expect_grad,
    expect_rank,
    out_size,
    sides,
    triple,
)
from nerve.kernels.shapes import Conv3DShape, activation_code

__all__ = ["conv3d", "conv3d_backward_input", "conv3d_backward_kernel"]

_AXES = "(batch, depth, height, width, channels)"
_KERNEL_AXES = "(depth, height, width, channels / groups, filters)"


def conv3d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    strides: Triple = (1, 1, 1),
    padding: Padding3D = "valid",
    dilation_rate: Triple = (1, 1, 1),
    groups: int = 1,
    activation: str | None = None,
) -> Array:
    """Three-dimensional convolution, ``activation(x * kernel + bias)``; a cross-correlation, as :func:`conv2d`.

    Parameters
    ----------
    x : array_like (batch, depth, height, width, channels), float32 or float64
    kernel : array_like (kernel_depth, kernel_height, kernel_width, channels / groups, filters)
    bias : array_like (filters,), optional
    strides, dilation_rate : int or (int, int, int)
        Planes, rows and columns, as for :func:`conv2d`.
    padding : {"valid", "same"} or ((front, back), (top, bottom), (left, right))
        As for :func:`conv2d`.
    groups, activation
        As for :func:`conv2d`.

    Returns
    -------
    ndarray (batch, out_depth, out_height, out_width, filters)

    Raises
    ------
    ShapeError
        If ranks, channels, filters or groups do not fit each other, or the window does not fit in the volume.
    ValueError
        If strides, padding, dilation_rate, groups or activation are none of the above.
    """
    op = "conv3d"
    code = activation_code(op, activation)
    x, kernel, bias = as_floats(op, x, kernel, bias, optional=1)
    shape = _plan(op, x.shape, kernel.shape, *_options(op, strides, padding, dilation_rate, groups))
    expect_bias(op, bias, shape.filters)
    out = empty(shape.out_shape, x.dtype, x)
    pick(x, kernel, bias).conv3d(out, x, kernel, bias, shape, code)
    return out


def conv3d_backward_input(
    grad: ArrayLike,
    kernel: ArrayLike,
    *,
    input_shape: Shape,
    strides: Triple = (1, 1, 1),
    padding: Padding3D = "valid",
    dilation_rate: Triple = (1, 1, 1),
    groups: int = 1,
) -> Array:
    """Gradient of :func:`conv3d` (without activation) with respect to x.

    Parameters
    ----------
    grad : array_like (batch, out_depth, out_height, out_width, filters)
    kernel : array_like (kernel_depth, kernel_height, kernel_width, channels / groups, filters)
    input_shape : (batch, depth, height, width, channels)
        Shape of x.
    strides, padding, dilation_rate, groups
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``input_shape``

    Raises
    ------
    ShapeError
        If grad has not the shape of the output, or as :func:`conv3d`.
    """
    op = "conv3d_backward_input"
    grad, kernel = as_floats(op, grad, kernel)
    input_shape = integers(op, "input_shape", input_shape, 0)
    shape = _plan(op, input_shape, kernel.shape, *_options(op, strides, padding, dilation_rate, groups))
    expect_grad(op, grad, shape.out_shape)
    out = empty(input_shape, grad.dtype, grad)
    pick(grad, kernel).conv3d_backward_input(out, grad, kernel, shape)
    return out


def conv3d_backward_kernel(
    grad: ArrayLike,
    x: ArrayLike,
    *,
    kernel_shape: Shape,
    strides: Triple = (1, 1, 1),
    padding: Padding3D = "valid",
    dilation_rate: Triple = (1, 1, 1),
    groups: int = 1,
) -> Array:
    """Gradient of :func:`conv3d` (without activation) with respect to the kernel.

    Parameters
    ----------
    grad : array_like (batch, out_depth, out_height, out_width, filters)
    x : array_like (batch, depth, height, width, channels)
        The input of the forward pass.
    kernel_shape : (kernel_depth, kernel_height, kernel_width, channels / groups, filters)
    strides, padding, dilation_rate, groups
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``kernel_shape``

    Raises
    ------
    ShapeError
        If grad has not the shape of the output, or as :func:`conv3d`.
    """
    op = "conv3d_backward_kernel"
    grad, x = as_floats(op, grad, x)
    kernel_shape = integers(op, "kernel_shape", kernel_shape, 0)
    shape = _plan(op, x.shape, kernel_shape, *_options(op, strides, padding, dilation_rate, groups))
    expect_grad(op, grad, shape.out_shape)
    out = empty(kernel_shape, grad.dtype, grad)
    pick(grad, x).conv3d_backward_kernel(out, grad, x, shape)
    return out


def _options(op: str, strides: Triple, padding: Padding3D, dilation_rate: Triple, groups: int) -> tuple[Any, ...]:
    return (
        triple(op, "strides", strides),
        sides(op, padding, 3),
        triple(op, "dilation_rate", dilation_rate),
        integer(op, "groups", groups, 1),
    )


@functools.lru_cache(maxsize=4096)
def _plan(op: str, x: Shape, kernel: Shape, strides: Shape, padding: Any, dilation: Shape, groups: int) -> Conv3DShape:
    expect_rank(op, "x", x, 5, _AXES)
    expect_rank(op, "kernel", kernel, 5, _KERNEL_AXES)
    if x[4] != kernel[3] * groups or kernel[4] % groups:
        raise ShapeError(
            f"[{op}] kernel of shape {kernel} expects {kernel[3]} input channels (x.shape[-1] / groups) and filters "
            f"that groups divides, got x of shape {x} with groups={groups}"
        )
    if min(kernel[:3]) < 1:
        raise ShapeError(f"[{op}] kernel expects a depth, height and width of at least 1, got shape {kernel}")
    window = tuple((taps - 1) * rate + 1 for taps, rate in zip(kernel, dilation, strict=False))
    out, before = out_size(op, x, window, strides, padding)
    return Conv3DShape._make((*x, *kernel[:3], kernel[4], groups, *out, *strides, *dilation, *before))
