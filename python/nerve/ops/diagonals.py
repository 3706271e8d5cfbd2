"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels.reduce import single_axis
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import ndim, shape, size
from nerve.ops.elementwise import where
from nerve.ops.indexing import reshape, take, transpose
from nerve.ops.reduce import sum
from nerve.ops.shaping import ravel
from nerve.tensor import Tensor

__all__ = [
    "diag",
    "diagflat",
    "diagonal",
    "trace",
    "tril",
    "triu",
]


@composed
def tril(x: Any, k: int = 0) -> Tensor:
    """The lower triangle of every matrix, up to the `k`-th diagonal; zeros above."""
    return where(_triangle(x, k), x, 0.0)


@composed
def triu(x: Any, k: int = 0) -> Tensor:
    """The upper triangle of every matrix, from the `k`-th diagonal on; zeros below."""
    return where(_triangle(x, k - 1), 0.0, x)


def _triangle(x: Any, k: int) -> Array:
    rows, columns = shape(x)[-2:]
    return _beside(np.tri(rows, columns, k, dtype=bool), x)


def _beside(made: Array, x: Any) -> Array:
    return placed(made, as_plain_array(x))  # type: ignore[no-any-return]


@composed
def diag(x: Any, k: int = 0) -> Tensor:
    """A matrix with a vector on its `k`-th diagonal, or that diagonal of a matrix."""
    if ndim(x) == 1:
        mask = np.eye(size(x) + (k if k > 0 else -k), k=k, dtype=bool)
        spread = take(x, _beside(np.cumsum(mask.any(1)) - 1, x), axis=0)
        return where(_beside(mask, x), reshape(spread, (-1, 1)), 0.0)
    if ndim(x) != 2:
        raise ShapeError(f"[diag] expects a vector or a matrix, got shape {shape(x)}")
    return diagonal(x, k)


@composed
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonals of the matrices along two axes, as the last axis."""
    sizes = shape(x)
    first, second = (single_axis("diagonal", axis, len(sizes)) for axis in (axis1, axis2))
    rest = [i for i in range(len(sizes)) if i not in (first, second)]
    rows, columns = sizes[first], sizes[second]
    flat = reshape(transpose(x, [*rest, first, second]), [*(sizes[i] for i in rest), rows * columns])
    places = np.diagonal(np.arange(rows * columns).reshape(rows, columns), offset)
    return take(flat, _beside(np.ascontiguousarray(places), x), axis=-1)


@composed
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sums of the diagonals."""
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


@composed
def diagflat(x: Any, k: int = 0) -> Tensor:
    """A matrix with all elements on its `k`-th diagonal."""
    return diag(ravel(x), k)
