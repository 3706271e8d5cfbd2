"""Products of vectors, matrices and other arrays, made of other ops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels._numbers import integer
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import convert_to_tensor, ndim, ones_like, shape
from nerve.ops.cumulative import cumprod
from nerve.ops.elementwise import multiply, subtract
from nerve.ops.indexing import broadcast_to, concatenate, reshape, take, transpose
from nerve.ops.matmul import matmul
from nerve.ops.reduce import sum
from nerve.ops.shaping import flip, moveaxis, ravel
from nerve.tensor import Tensor

__all__ = [
    "cross",
    "dot",
    "inner",
    "kron",
    "outer",
    "tensordot",
    "vander",
    "vdot",
]


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


@composed
def inner(x1: Any, x2: Any) -> Tensor:
    """Over the last axes of both."""
    if not ndim(x1) or not ndim(x2):
        return multiply(x1, x2)
    return tensordot(x1, x2, ([ndim(x1) - 1], [ndim(x2) - 1]))


@composed
def vdot(x1: Any, x2: Any) -> Tensor:
    """Of all elements of both."""
    return sum(multiply(ravel(x1), ravel(x2)))


@composed
def kron(x1: Any, x2: Any) -> Tensor:
    """Every element of one times the whole other, side by side as in the one."""
    rank = max(ndim(x1), ndim(x2))
    a, b = ([1] * (rank - ndim(x)) + list(shape(x)) for x in (x1, x2))
    wide = multiply(
        reshape(x1, [n for size in a for n in (size, 1)]), reshape(x2, [n for size in b for n in (1, size)])
    )
    return reshape(wide, [n * m for n, m in zip(a, b, strict=True)])


@composed
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    """Of vectors of three along an axis: at a right angle to both.

    Parameters
    ----------
    x1, x2 : tensors, of shapes that broadcast but for the axis
    axisa, axisb, axisc : int
        Where the three are in `x1`, in `x2` and in the result.
    axis : int, optional
        In place of all of these.

    Raises
    ------
    ShapeError
        If they are not three.
    """
    first, second, last = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    sizes = shape(x1)[first], shape(x2)[second]
    if sizes != (3, 3):
        raise ShapeError(f"[cross] expects vectors of 3 along axis {first}, got {sizes[0]} and {sizes[1]}")
    a, b = moveaxis(x1, first, -1), moveaxis(x2, second, -1)
    order = placed(np.array([1, 2, 0]), as_plain_array(a))
    turned = [take(x, order, axis=-1) for x in (a, b)]
    # In this way the result comes turned: it has to be turned once more.
    found = take(subtract(multiply(a, turned[1]), multiply(turned[0], b)), order, axis=-1)
    return moveaxis(found, -1, last)


@composed
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers of elements, from the one with exponent N - 1 down to 0, or with `increasing` up from 0.

    Parameters
    ----------
    x : tensor (n,)
        Integers stay integers.
    N : int, optional
        How many powers, n if not given.
    increasing : bool

    Returns
    -------
    Tensor (n, N)

    Raises
    ------
    ShapeError
        If there is not one axis.
    """
    if ndim(x) != 1:
        raise ShapeError(f"[vander] expects x of one axis, got shape {shape(x)}")
    count = shape(x)[0] if N is None else integer("vander", "N", N, 0)
    if not count:
        return Tensor(np.zeros((shape(x)[0], 0), convert_to_tensor(x).dtype), tracked=False)
    column = reshape(x, (-1, 1))
    powers = cumprod(concatenate([ones_like(column), broadcast_to(column, (shape(x)[0], count - 1))], 1), axis=1)
    return powers if increasing else flip(powers, 1)
