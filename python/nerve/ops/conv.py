"""Convolution, differentiable."""

from __future__ import annotations

from typing import Any

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._windows import Padding, Pair
from nerve.ops._differentiable import Result, differentiable, once
from nerve.ops.matmul import activation_gradient

__all__ = ["conv2d"]


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
    windows: dict[str, Any] = {
        "strides": strides, "padding": padding, "dilation_rate": dilation_rate, "groups": groups
    }  # fmt: skip
    y = kernels.conv2d(x, kernel, bias, activation=activation, **windows)
    before = activation_gradient(activation, y)
    shared = once(lambda grad: (before(grad),))(0)
    return y, (
        lambda grad: kernels.conv2d_backward_input(shared(grad), kernel, input_shape=x.shape, **windows),
        lambda grad: kernels.conv2d_backward_kernel(shared(grad), x, kernel_shape=kernel.shape, **windows),
        lambda grad: kernels.sum(shared(grad), (0, 1, 2)),
    )
