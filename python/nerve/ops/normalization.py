"""Normalization under Keras's names, along any axes: made of other ops. What has a kernel is in `norm`."""

from __future__ import annotations

from typing import Any

from nerve.kernels.reduce import single_axis
from nerve.ops._differentiable import composed
from nerve.ops.creation import convert_to_tensor, ndim
from nerve.ops.elementwise import absolute, divide, maximum, multiply, rsqrt, sqrt, square, subtract
from nerve.ops.indexing import reshape
from nerve.ops.reduce import mean, sum
from nerve.ops.statistics import moments
from nerve.tensor import Tensor

__all__ = [
    "batch_normalization",
    "layer_normalization",
    "normalize",
    "rms_normalization",
]

_EPSILON = 1e-7


def _along(vector: Any, axis: int, rank: int) -> Any:
    return reshape(vector, [-1 if i == axis else 1 for i in range(rank)])


@composed
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Tensor:
    """`scale * (x - mean) / sqrt(variance + epsilon) + offset`, of vectors along an axis."""
    rank = ndim(x)
    place = single_axis("batch_normalization", axis, rank)
    factor = rsqrt(convert_to_tensor(variance) + epsilon)
    factor = factor if scale is None else multiply(factor, scale)
    y = multiply(subtract(x, _along(mean, place, rank)), _along(factor, place, rank))
    return y if offset is None else y + _along(offset, place, rank)


@composed
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any
) -> Tensor:
    """Mean 0 and variance 1 along some axes, then `gamma` times that plus `beta`."""
    if kwargs:
        raise TypeError(f"[layer_normalization] got an unexpected keyword argument {sorted(kwargs)[0]!r}")
    found, variance = moments(x, axis, keepdims=True)
    y = multiply(subtract(x, found), rsqrt(variance + (_EPSILON if epsilon is None else epsilon)))
    return _affine(y, gamma, beta, axis)


@composed
def rms_normalization(x: Any, scale: Any = 1, axis: Any = -1, epsilon: float | None = None) -> Tensor:
    """Divided by the root of the mean square along some axes, times `scale`."""
    y = multiply(x, rsqrt(mean(square(x), axis=axis, keepdims=True) + (_EPSILON if epsilon is None else epsilon)))
    return _affine(y, scale, None, axis)


def _affine(y: Tensor, gamma: Any, beta: Any, axis: Any) -> Tensor:
    axes = [a % y.ndim for a in ((axis,) if isinstance(axis, int) else axis)]
    wide = [n if i in axes else 1 for i, n in enumerate(y.shape)]
    if gamma is not None:
        y = multiply(y, gamma if not ndim(gamma) else reshape(gamma, wide))
    return y if beta is None else y + reshape(beta, wide)


@composed
def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float = 1e-12) -> Tensor:
    """Divided by its length along an axis: the root of the sum of squares (2) or the sum of absolutes (1)."""
    if order not in (1, 2):
        raise ValueError(f"[normalize] order must be 1 or 2, got {order!r}")
    if order == 1:
        return divide(x, maximum(sum(absolute(x), axis=axis, keepdims=True), epsilon))
    return divide(x, sqrt(maximum(sum(square(x), axis=axis, keepdims=True), epsilon)))
