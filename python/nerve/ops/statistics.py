"""Statistics and products along axes, made of other ops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nerve import kernels
from nerve.kernels.reduce import reduced_axes
from nerve.ops._differentiable import composed
from nerve.ops.arithmetic import of_integers
from nerve.ops.creation import convert_to_tensor, ones_like, shape
from nerve.ops.elementwise import (
    add,
    divide,
    exp,
    log,
    multiply,
    not_equal,
    sqrt,
    square,
    subtract,
)
from nerve.ops.indexing import concatenate, reshape, transpose
from nerve.ops.reduce import max, mean, min, sum
from nerve.ops.shaping import squeeze
from nerve.tensor import Tensor

__all__ = [
    "amax",
    "amin",
    "average",
    "count_nonzero",
    "logsumexp",
    "moments",
    "prod",
    "ptp",
    "std",
    "var",
]


@composed
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest along the axes; as :func:`max`."""
    return max(x, axis=axis, keepdims=keepdims)


@composed
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean square distance from the mean."""
    return mean(square(subtract(x, mean(x, axis=axis, keepdims=True))), axis=axis, keepdims=keepdims)


@composed
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The root of the variance."""
    return sqrt(var(x, axis=axis, keepdims=keepdims))


@composed
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance along the axes."""
    if synchronized:
        raise ValueError("[moments] computes on one device: synchronized must be False")
    return mean(x, axis=axes, keepdims=keepdims), var(x, axis=axes, keepdims=keepdims)


@composed
def average(x: Any, axis: Any = None, weights: Any = None) -> Tensor:
    """The weighted mean."""
    if weights is None:
        return mean(x, axis=axis)
    return divide(sum(multiply(x, weights), axis=axis), sum(multiply(ones_like(x), weights), axis=axis))


@composed
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))`, which does not overflow: the largest element is taken out first."""
    largest = max(x, axis=axis, keepdims=True)
    finite = kernels.equal(kernels.subtract(largest.array, largest.array), 0.0)  # infinity less infinity is no number
    largest = Tensor(kernels.where(finite, largest.array, 0.0), tracked=False)
    total = add(log(sum(exp(subtract(x, largest)), axis=axis, keepdims=True)), largest)
    return total if keepdims else squeeze(total, axis)


@composed
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest along the axes; as :func:`min`."""
    return min(x, axis=axis, keepdims=keepdims)


@composed
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """From the smallest to the largest along the axes."""
    return subtract(max(x, axis=axis, keepdims=keepdims), min(x, axis=axis, keepdims=keepdims))


@composed
def count_nonzero(x: Any, axis: Any = None) -> Tensor:
    """How many elements are not zero, along the axes."""
    return of_integers(lambda there: sum(there, axis=axis), not_equal(x, 0.0))


@composed
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """The product along the axes, 1 of nothing: halves are multiplied until one is left. Of integers int64."""
    return convert_to_tensor(of_integers(lambda y: _product(y, axis, keepdims), x), dtype)


def _product(x: Any, axis: Any, keepdims: bool) -> Tensor:
    sizes = list(shape(x))
    axes = reduced_axes("prod", axis, len(sizes))
    rest = [i for i in range(len(sizes)) if i not in axes]
    y = reshape(transpose(x, [*rest, *axes]), [*(sizes[i] for i in rest), math.prod(sizes[i] for i in axes)])
    found: Tensor = multiply(y, 1.0)
    while (length := found.shape[-1]) > 1:
        half = length // 2
        pairs = multiply(found[..., :half], found[..., half : 2 * half])
        found = concatenate([pairs, found[..., 2 * half :]], -1) if length % 2 else pairs
    if not found.shape[-1]:
        found = Tensor(np.ones((*found.shape[:-1], 1), found.dtype), tracked=False)
    kept = [1 if i in axes else n for i, n in enumerate(sizes)]
    return reshape(found, kept if keepdims else [sizes[i] for i in rest])
