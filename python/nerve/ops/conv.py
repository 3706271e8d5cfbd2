"""Convolutions and their transposes, differentiable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats
from nerve.kernels._numbers import integer
from nerve.kernels._windows import Padding, Padding3D, Pair, Triple, expect_bias, expect_rank, pair, transposed, triple
from nerve.ops._differentiable import Result, differentiable, once
from nerve.ops.matmul import activation_gradient

__all__ = ["conv1d", "conv1d_transpose", "conv2d", "conv2d_transpose", "conv3d", "conv3d_transpose"]


def _convolution(rank: int, x: Array, kernel: Array, bias: Array | None, activation: Any, **windows: Any) -> Result:
    """The convolution of two or three dimensions; the activation's derivative is had from the output."""
    forward, backward_input, backward_kernel = _kernels(rank)
    y = forward(x, kernel, bias, activation=activation, **windows)
    before = activation_gradient(activation, y)
    shared = once(lambda grad: (before(grad),))(0)
    return y, (
        lambda grad: backward_input(shared(grad), kernel, input_shape=x.shape, **windows),
        lambda grad: backward_kernel(shared(grad), x, kernel_shape=kernel.shape, **windows),
        lambda grad: kernels.sum(shared(grad), tuple(range(grad.ndim - 1))),
    )


def _kernels(rank: int) -> tuple[Callable[..., Array], Callable[..., Array], Callable[..., Array]]:
    if rank == 2:
        return kernels.conv2d, kernels.conv2d_backward_input, kernels.conv2d_backward_kernel
    return kernels.conv3d, kernels.conv3d_backward_input, kernels.conv3d_backward_kernel


@differentiable
def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    strides: Pair = (1, 1),
    padding: Padding = "valid",
    dilation_rate: Pair = (1, 1),
    groups: int = 1,
    activation: str | None = None,
) -> Result:
    """``activation(x * kernel + bias)`` on images (batch, height, width, channels): :func:`nerve.kernels.conv2d`."""
    return _convolution(
        2, x, kernel, bias, activation, strides=strides, padding=padding, dilation_rate=dilation_rate, groups=groups
    )


@differentiable
def conv3d(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    strides: Triple = (1, 1, 1),
    padding: Padding3D = "valid",
    dilation_rate: Triple = (1, 1, 1),
    groups: int = 1,
    activation: str | None = None,
) -> Result:
    """``activation(x * kernel + bias)`` on volumes, (batch, depth, height, width, channels).

    As :func:`nerve.kernels.conv3d`.
    """
    return _convolution(
        3, x, kernel, bias, activation, strides=strides, padding=padding, dilation_rate=dilation_rate, groups=groups
    )


@differentiable
def conv1d(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    strides: int = 1,
    padding: str | tuple[int, int] = "valid",
    dilation_rate: int = 1,
    groups: int = 1,
    activation: str | None = None,
) -> Result:
    """``activation(x * kernel + bias)`` on sequences: a convolution of images of one row.

    Parameters
    ----------
    x : array_like (batch, steps, channels)
    kernel : array_like (kernel_steps, channels / groups, filters)
    bias : array_like (filters,), optional
    strides, dilation_rate, groups, activation
        As for :func:`nerve.kernels.conv2d`.
    padding : {"valid", "same", "causal"} or (before, after)
        "causal": as many zeros before the first step as let no output see a later step than its own.

    Returns
    -------
    Tensor (batch, out_steps, filters)
    """
    op = "conv1d"
    x, kernel, bias = as_floats(op, x, kernel, bias, optional=1)
    expect_rank(op, "x", x.shape, 3, "(batch, steps, channels)")
    expect_rank(op, "kernel", kernel.shape, 3, "(steps, channels / groups, filters)")
    dilation_rate = integer(op, "dilation_rate", dilation_rate, 1)
    if padding == "causal":
        padding = (dilation_rate * (kernel.shape[0] - 1), 0)
    return _of_one_row(
        _convolution(
            2,
            x[:, None],
            kernel[None],
            bias,
            activation,
            strides=(1, integer(op, "strides", strides, 1)),
            padding=padding if isinstance(padding, str) else ((0, 0), padding),
            dilation_rate=(1, dilation_rate),
            groups=groups,
        )
    )


def _of_one_row(result: Result) -> Result:
    """What came of images of one row, and of kernels of one row, as sequences."""
    y, (grad_x, grad_kernel, grad_bias) = result
    assert grad_x is not None
    assert grad_kernel is not None
    assert grad_bias is not None
    # One array for all three: what they share is found by its identity.
    wide = once(lambda grad: (grad[:, None],))(0)
    return y[:, 0], (
        lambda grad: grad_x(wide(grad))[:, 0],
        lambda grad: grad_kernel(wide(grad))[0],
        lambda grad: grad_bias(wide(grad)),
    )


def _transposed(
    op: str,
    x: Array,
    kernel: Array,
    bias: Array | None,
    strides: Sequence[int],
    padding: str,
    output_padding: int | Sequence[int] | None,
    dilation_rate: Sequence[int],
) -> Result:
    """The gradient of a convolution with respect to its input, as an op of its own."""
    rank = len(strides)
    x, kernel, bias = as_floats(op, x, kernel, bias, optional=1)
    expect_rank(op, "x", x.shape, rank + 2, "(batch, ..., channels)")
    expect_rank(op, "kernel", kernel.shape, rank + 2, "(..., filters, channels)")
    if kernel.shape[-1] != x.shape[-1]:
        raise ShapeError(f"[{op}] kernel of shape {kernel.shape} expects {kernel.shape[-1]} channels, got {x.shape}")
    expect_bias(op, bias, kernel.shape[-2])
    if padding not in ("valid", "same"):
        raise ValueError(f'[{op}] padding expects "valid" or "same", got {padding!r}')
    extra = output_padding if isinstance(output_padding, (tuple, list)) else (output_padding,) * rank
    sizes, borders = [], []
    for size, taps, stride, rate, more in zip(x.shape[1:-1], kernel.shape, strides, dilation_rate, extra, strict=False):
        if more is not None and integer(op, "output_padding", more, 0) >= stride:
            raise ValueError(f"[{op}] output_padding expects less than strides={tuple(strides)}, got {output_padding}")
        found, border = transposed(size, (taps - 1) * rate + 1, stride, padding, more)
        if found < 1:
            raise ShapeError(f"[{op}] an input of shape {x.shape} gives an empty output")
        sizes.append(found)
        borders.append(border)
    forward, backward_input, backward_kernel = _kernels(rank)
    windows = {"strides": tuple(strides), "padding": tuple(borders), "dilation_rate": tuple(dilation_rate)}
    y = backward_input(x, kernel, input_shape=(x.shape[0], *sizes, kernel.shape[-2]), **windows)
    if bias is not None:
        kernels.add(y, bias, out=y)
    return y, (
        lambda grad: forward(grad, kernel, **windows),
        lambda grad: backward_kernel(x, grad, kernel_shape=kernel.shape, **windows),
        lambda grad: kernels.sum(grad, tuple(range(grad.ndim - 1))),
    )


@differentiable
def conv2d_transpose(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    strides: Pair = (1, 1),
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilation_rate: Pair = (1, 1),
) -> Result:
    """A convolution the other way round: from what has the shape of its output to what has that of its input.

    Parameters
    ----------
    x : array_like (batch, height, width, channels)
    kernel : array_like (kernel_height, kernel_width, filters, channels)
    bias : array_like (filters,), optional
    strides : int or (int, int)
        Rows and columns of the result for each of x.
    padding : {"valid", "same"}
        "same": the result is `strides` times as large as x.
    output_padding : int or (int, int), optional
        Further rows and columns at the end, less than `strides`. Without it, "valid" gives
        ``(size - 1) * stride + max(window, stride)``; with it, "same" gives
        ``(size - 1) * stride + window % 2 + output_padding``.
    dilation_rate : int or (int, int)

    Returns
    -------
    Tensor (batch, out_height, out_width, filters)

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4.
    """
    op = "conv2d_transpose"
    strides, dilation_rate = pair(op, "strides", strides), pair(op, "dilation_rate", dilation_rate)
    return _transposed(op, x, kernel, bias, strides, padding, output_padding, dilation_rate)


@differentiable
def conv1d_transpose(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    strides: int = 1,
    padding: str = "valid",
    output_padding: int | None = None,
    dilation_rate: int = 1,
) -> Result:
    """:func:`conv2d_transpose` on sequences (batch, steps, channels), with kernels (steps, filters, channels)."""
    op = "conv1d_transpose"
    x, kernel, bias = as_floats(op, x, kernel, bias, optional=1)
    expect_rank(op, "x", x.shape, 3, "(batch, steps, channels)")
    expect_rank(op, "kernel", kernel.shape, 3, "(steps, filters, channels)")
    strides, dilation_rate = integer(op, "strides", strides, 1), integer(op, "dilation_rate", dilation_rate, 1)
    extra = None if output_padding is None else (0, output_padding)
    return _of_one_row(
        _transposed(op, x[:, None], kernel[None], bias, (1, strides), padding, extra, (1, dilation_rate))
    )


@differentiable
def conv3d_transpose(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    strides: Triple = (1, 1, 1),
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilation_rate: Triple = (1, 1, 1),
) -> Result:
    """:func:`conv2d_transpose` on volumes, with kernels (depth, height, width, filters, channels)."""
    op = "conv3d_transpose"
    strides, dilation_rate = triple(op, "strides", strides), triple(op, "dilation_rate", dilation_rate)
    return _transposed(op, x, kernel, bias, strides, padding, output_padding, dilation_rate)
