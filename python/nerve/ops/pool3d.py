"""Pooling of volumes and adaptive windows, differentiable."""

from __future__ import annotations

from typing import Any

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._windows import Padding3D, Triple
from nerve.ops._differentiable import Result, differentiable
from nerve.tensor import recording

__all__ = ["average_pool3d", "max_pool3d"]


@differentiable
def max_pool3d(
    x: Array,
    *,
    pool_size: Triple | None = None,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    output_size: Triple | None = None,
) -> Result:
    """Maximum over windows of volumes, or over adaptive ones; as :func:`nerve.kernels.max_pool3d`."""
    options: dict[str, Any] = {
        "pool_size": pool_size, "strides": strides, "padding": padding, "output_size": output_size,
    }  # fmt: skip
    if not recording():
        return kernels.max_pool3d(x, **options), (None,)
    y, index = kernels.max_pool3d_with_index(x, **options)
    return y, (lambda grad: kernels.max_pool3d_backward(grad, index, input_shape=x.shape, **options),)


@differentiable
def average_pool3d(
    x: Array,
    *,
    pool_size: Triple | None = None,
    strides: Triple | None = None,
    padding: Padding3D = "valid",
    output_size: Triple | None = None,
) -> Result:
    """Average over windows of volumes, or over adaptive ones; as :func:`nerve.kernels.average_pool3d`."""
    options: dict[str, Any] = {
        "pool_size": pool_size, "strides": strides, "padding": padding, "output_size": output_size,
    }  # fmt: skip
    y = kernels.average_pool3d(x, **options)
    return y, (lambda grad: kernels.average_pool3d_backward(grad, input_shape=x.shape, **options),)
