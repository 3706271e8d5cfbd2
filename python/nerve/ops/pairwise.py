"""Pairs of vectors and sequences: how far apart they are, and how they vary together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats
from nerve.ops._differentiable import Result, composed, differentiable, once
from nerve.ops.conv import conv1d
from nerve.ops.creation import ndim, shape
from nerve.ops.diagonals import diagonal
from nerve.ops.elementwise import divide, multiply, sqrt, subtract
from nerve.ops.indexing import broadcast_to, reshape
from nerve.ops.logic import clip
from nerve.ops.matmul import matmul
from nerve.ops.padding import pad
from nerve.ops.reduce import mean
from nerve.ops.shaping import flip
from nerve.tensor import Tensor

__all__ = ["cdist", "corrcoef", "correlate"]


@composed
def cdist(x: Any, y: Any) -> Tensor:
    """The Euclidean distances of all pairs of a row of `x` and a row of `y`.

    Parameters
    ----------
    x : tensor (..., m, features)
    y : tensor (..., n, features)
        Of leading axes that broadcast with those of `x`.

    Returns
    -------
    Tensor (..., m, n)
        No gradient flows where a distance is 0.

    Raises
    ------
    ShapeError
        If one has less than two axes, or the shapes do not fit.
    """
    a, b = shape(x), shape(y)
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-1]:
        raise ShapeError(f"[cdist] expects rows of as many features, (..., m, d) and (..., n, d), got {a} and {b}")
    try:
        batch = np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise ShapeError(f"[cdist] shapes {a} and {b} do not broadcast") from None
    count = math.prod(batch)
    flat = [reshape(broadcast_to(each, (*batch, *n[-2:])), (count, *n[-2:])) for each, n in ((x, a), (y, b))]
    return reshape(_distances(*flat), (*batch, a[-2], b[-2]))


@differentiable
def _distances(x: Array, y: Array) -> Result:
    x, y = as_floats("cdist", x, y)
    if len(x):
        found = kernels.concatenate([kernels.pairwise_distances(x[i], y[i])[None] for i in range(len(x))], axis=0)
    else:
        found = kernels.sum(kernels.multiply(x[:, :, None], y[:, None]), -1)  # of that shape, without elements

    def backward(grad: Array) -> tuple[Array, Array]:
        apart = kernels.where(kernels.equal(found, 0.0), np.inf, found)
        weights = kernels.divide(grad, apart)
        middle = kernels.mean(y, 1, True)  # from which small differences keep their digits
        a, b = kernels.subtract(x, middle), kernels.subtract(y, middle)
        of_x = kernels.subtract(kernels.multiply(a, kernels.sum(weights, 2, True)), kernels.matmul(weights, b))
        total = kernels.transpose(kernels.sum(weights, 1, True), (0, 2, 1))
        return of_x, kernels.subtract(kernels.multiply(b, total), kernels.matmul(weights, a, transpose_a=True))

    shared = once(backward)
    return found, (shared(0), shared(1))


@composed
def corrcoef(x: Any) -> Tensor:
    """How rows vary together: Pearson's coefficients, from -1 to 1, of all pairs of them.

    Parameters
    ----------
    x : tensor (variables, observations), or (observations,)

    Returns
    -------
    Tensor (variables, variables), or ()
        NaN of a row that does not vary.

    Raises
    ------
    ShapeError
        If there are more than two axes, or none.
    """
    if ndim(x) not in (1, 2):
        raise ShapeError(f"[corrcoef] expects x (variables, observations), got shape {shape(x)}")
    rows = reshape(x, (1, -1)) if ndim(x) == 1 else x
    apart = subtract(rows, mean(rows, axis=1, keepdims=True))
    together = matmul(apart, apart, transpose_b=True)
    spread = sqrt(diagonal(together))
    found = clip(divide(divide(together, reshape(spread, (-1, 1))), spread), -1.0, 1.0)
    return reshape(found, ()) if ndim(x) == 1 else found


@composed
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Tensor:
    """The sums of products of a sequence with another one that is moved along it.

    Parameters
    ----------
    x1 : tensor (m,)
    x2 : tensor (n,)
    mode : {"valid", "same", "full"}
        Where the shorter lies within the longer, max(m, n) - min(m, n) + 1 places; the max(m, n) in the middle; or all
        m + n - 1 where they meet, with zeros around. As `numpy.correlate`.

    Returns
    -------
    Tensor

    Raises
    ------
    ShapeError
        If they are not two sequences with elements.
    ValueError
        If there is no such mode.
    """
    if ndim(x1) != 1 or ndim(x2) != 1 or 0 in shape(x1) + shape(x2):
        raise ShapeError(f"[correlate] expects two sequences with elements, got shapes {shape(x1)} and {shape(x2)}")
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"[correlate] mode must be 'valid', 'same' or 'full', got {mode!r}")
    if shape(x1)[0] < shape(x2)[0]:
        return flip(correlate(x2, x1, mode))
    n = shape(x2)[0]
    before, behind = {"valid": (0, 0), "same": (n // 2, (n - 1) // 2), "full": (n - 1, n - 1)}[mode]
    wide = pad(multiply(x1, 1.0), (before, behind))
    return reshape(conv1d(reshape(wide, (1, -1, 1)), reshape(x2, (-1, 1, 1))), (-1,))
