"""Sums and products of what came before, differences, and the area under values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nerve.kernels.reduce import single_axis
from nerve.ops._differentiable import composed
from nerve.ops.arithmetic import of_integers
from nerve.ops.creation import convert_to_tensor, ndim, shape
from nerve.ops.elementwise import add, multiply, subtract
from nerve.ops.indexing import concatenate, getitem, reshape
from nerve.ops.reduce import sum
from nerve.ops.shaping import ravel
from nerve.tensor import Tensor

__all__ = ["cumprod", "cumsum", "diff", "trapezoid"]


def _scanned(op: str, combine: Callable[[Any, Any], Tensor], first: float, x: Any, axis: int | None) -> Tensor:
    """In as many steps as doubling takes, each of the whole array (Hillis and Steele, 1986)."""
    if axis is None:
        x, axis = ravel(x), 0
    place = single_axis(op, axis, ndim(x))
    length, step = shape(x)[place], 1
    before: tuple[slice, ...] = (slice(None),) * place
    found: Tensor = combine(x, first)
    while step < length:
        moved = combine(getitem(found, (*before, slice(step, None))), getitem(found, (*before, slice(0, -step))))
        found = concatenate([getitem(found, (*before, slice(0, step))), moved], place)
        step *= 2
    return found


@composed
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Sums of the elements up to each, along an axis or of all in a row; of integers int64."""
    return convert_to_tensor(of_integers(lambda y: _scanned("cumsum", add, 0.0, y, axis), x), dtype)


@composed
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Products of the elements up to each, along an axis or of all in a row; of integers int64."""
    return convert_to_tensor(of_integers(lambda y: _scanned("cumprod", multiply, 1.0, y, axis), x), dtype)


@composed
def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    """Each element less the one before it, `n` times."""
    place = single_axis("diff", axis, ndim(a))
    before: tuple[slice, ...] = (slice(None),) * place
    for _ in range(n):
        a = subtract(getitem(a, (*before, slice(1, None))), getitem(a, (*before, slice(0, -1))))
    return convert_to_tensor(a)


@composed
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """The area under values along an axis, at the places `x` or `dx` apart, with straight lines between them."""
    place = single_axis("trapezoid", axis, ndim(y))
    before: tuple[slice, ...] = (slice(None),) * place
    ends = add(getitem(y, (*before, slice(1, None))), getitem(y, (*before, slice(0, -1))))
    if x is None:
        return sum(multiply(ends, dx * 0.5), axis=place)
    widths = diff(x, axis=-1 if ndim(x) == 1 else axis)
    if ndim(x) == 1:
        widths = reshape(widths, [-1 if i == place else 1 for i in range(ndim(y))])
    return sum(multiply(ends, multiply(widths, 0.5)), axis=place)
