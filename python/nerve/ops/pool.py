"""Pooling, differentiable."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._windows import Padding, Pair
from nerve.ops._differentiable import Result, differentiable
from nerve.tensor import recording

__all__ = ["average_pool2d", "max_pool2d"]


@differentiable
def max_pool2d(
    x: Array, *, pool_size: Pair = (2, 2), strides: Pair | None = None, padding: Padding = "valid"
) -> Result:
    """Maximum over windows of images (batch, height, width, channels); as :func:`nerve.kernels.max_pool2d`."""
    if not recording():
        return kernels.max_pool2d(x, pool_size=pool_size, strides=strides, padding=padding), (None,)
    y, index = kernels.max_pool2d_with_index(x, pool_size=pool_size, strides=strides, padding=padding)

    def gradient(grad: Array) -> Array:
        return kernels.max_pool2d_backward(
            grad, index, input_shape=x.shape, pool_size=pool_size, strides=strides, padding=padding
        )

    return y, (gradient,)


@differentiable
def average_pool2d(
    x: Array, *, pool_size: Pair = (2, 2), strides: Pair | None = None, padding: Padding = "valid"
) -> Result:
    """Average over windows of images (batch, height, width, channels); as :func:`nerve.kernels.average_pool2d`."""
    y = kernels.average_pool2d(x, pool_size=pool_size, strides=strides, padding=padding)

    def gradient(grad: Array) -> Array:
        return kernels.average_pool2d_backward(
            grad, input_shape=x.shape, pool_size=pool_size, strides=strides, padding=padding
        )

    return y, (gradient,)
