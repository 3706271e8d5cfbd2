"""Statistics and products along axes, and triangles of matrices, made of other ops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.ops._differentiable import composed
from nerve.ops.creation import ndim, ones_like, shape, size
from nerve.ops.elementwise import absolute, add, divide, exp, log, maximum, multiply, sqrt, square, subtract, where
from nerve.ops.indexing import reshape, take, transpose
from nerve.ops.matmul import matmul
from nerve.ops.reduce import max, mean, sum
from nerve.ops.shaping import ravel, squeeze
from nerve.tensor import Tensor

__all__ = [
    "amax",
    "average",
    "diag",
    "dot",
    "logsumexp",
    "moments",
    "normalize",
    "outer",
    "std",
    "tensordot",
    "tril",
    "triu",
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
def moments(x: Any, axes: Any, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance along the axes."""
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
def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float = 1e-12) -> Tensor:
    """Divided by its length along an axis: the root of the sum of squares (2) or the sum of absolutes (1)."""
    if order not in (1, 2):
        raise ValueError(f"[normalize] order must be 1 or 2, got {order!r}")
    if order == 1:
        return divide(x, maximum(sum(absolute(x), axis=axis, keepdims=True), epsilon))
    return divide(x, sqrt(maximum(sum(square(x), axis=axis, keepdims=True), epsilon)))


# Products


@composed
def dot(x1: Any, x2: Any) -> Tensor:
    """Over the last axis of `x1` and the second to last of `x2`, or its only one; of numbers the plain product."""
    first, second = shape(x1), shape(x2)
    if not first or not second:
        return multiply(x1, x2)
    if len(second) <= 2:
        return matmul(x1, x2)
    return tensordot(x1, x2, ([len(first) - 1], [len(second) - 2]))


@composed
def outer(x1: Any, x2: Any) -> Tensor:
    """All products of an element of one with an element of the other."""
    return multiply(reshape(x1, (-1, 1)), reshape(x2, (1, -1)))


@composed
def tensordot(x1: Any, x2: Any, axes: int | Sequence[Any] = 2) -> Tensor:
    """The product over some axes of both: the last `axes` of one and the first of the other, or two lists of axes."""
    first, second = shape(x1), shape(x2)
    if isinstance(axes, int):
        mine, theirs = list(range(len(first) - axes, len(first))), list(range(axes))
    else:
        mine, theirs = ([each] if isinstance(each, int) else list(each) for each in axes)
    mine, theirs = [i % len(first) for i in mine], [i % len(second) for i in theirs]
    if [first[i] for i in mine] != [second[i] for i in theirs]:
        raise ShapeError(f"[tensordot] axes {mine} of shape {first} do not match axes {theirs} of shape {second}")
    rows = [i for i in range(len(first)) if i not in mine]
    columns = [i for i in range(len(second)) if i not in theirs]
    inner = math.prod(first[i] for i in mine)
    a = reshape(transpose(x1, rows + mine), (math.prod(first[i] for i in rows), inner))
    b = reshape(transpose(x2, theirs + columns), (inner, math.prod(second[i] for i in columns)))
    return reshape(matmul(a, b), [*(first[i] for i in rows), *(second[i] for i in columns)])


def _triangle(x: Any, k: int) -> Array:
    rows, columns = shape(x)[-2:]
    return np.tri(rows, columns, k, dtype=bool)


@composed
def tril(x: Any, k: int = 0) -> Tensor:
    """The lower triangle of every matrix, up to the `k`-th diagonal; zeros above."""
    return where(_triangle(x, k), x, 0.0)


@composed
def triu(x: Any, k: int = 0) -> Tensor:
    """The upper triangle of every matrix, from the `k`-th diagonal on; zeros below."""
    return where(_triangle(x, k - 1), 0.0, x)


@composed
def diag(x: Any, k: int = 0) -> Tensor:
    """A matrix with a vector on its `k`-th diagonal, or that diagonal of a matrix."""
    if ndim(x) == 1:
        mask = np.eye(size(x) + (k if k > 0 else -k), k=k, dtype=bool)
        spread = take(x, np.cumsum(mask.any(1)) - 1, axis=0)
        return where(mask, reshape(spread, (-1, 1)), 0.0)
    rows, columns = shape(x)
    places = np.diagonal(np.arange(rows * columns).reshape(rows, columns), k)
    return take(ravel(x), np.ascontiguousarray(places), axis=0)
