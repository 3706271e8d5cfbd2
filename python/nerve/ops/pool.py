"""Pooling, differentiable."""

from __future__ import annotations

from typing import Any

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._backend import as_floats
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


# Sequences are images of one row: what makes them so are views, and no ops of their own.


@differentiable
def max_pool1d(x: Array, *, pool_size: int, strides: int, padding: str) -> Result:
    """Maximum over windows of sequences (batch, steps, channels)."""
    options: dict[str, Any] = {"pool_size": (1, pool_size), "strides": (1, strides), "padding": padding}
    (x,) = as_floats("max_pool", x)
    images = x[:, None]
    if not recording():
        return kernels.max_pool2d(images, **options)[:, 0], (None,)
    y, index = kernels.max_pool2d_with_index(images, **options)

    def gradient(grad: Array) -> Array:
        return kernels.max_pool2d_backward(grad[:, None], index, input_shape=images.shape, **options)[:, 0]

    return y[:, 0], (gradient,)


@differentiable
def average_pool1d(x: Array, *, pool_size: int, strides: int, padding: str) -> Result:
    """Average over windows of sequences (batch, steps, channels)."""
    options: dict[str, Any] = {"pool_size": (1, pool_size), "strides": (1, strides), "padding": padding}
    (x,) = as_floats("average_pool", x)
    images = x[:, None]

    def gradient(grad: Array) -> Array:
        return kernels.average_pool2d_backward(grad[:, None], input_shape=images.shape, **options)[:, 0]

    return kernels.average_pool2d(images, **options)[:, 0], (gradient,)
