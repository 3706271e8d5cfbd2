"""Sums and products of what came before, differences, and the area under values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nerve.errors import ShapeError
from nerve.kernels.reduce import single_axis
from nerve.ops._differentiable import composed
from nerve.ops.arithmetic import of_integers
from nerve.ops.creation import convert_to_tensor, ndim, shape
from nerve.ops.elementwise import add, multiply, subtract
from nerve.ops.indexing import concatenate, getitem, reshape
from nerve.ops.reduce import sum
from nerve.ops.shaping import flip, ravel
from nerve.tensor import Tensor
from nerve.tree import flatten, pack_like

__all__ = ["associative_scan", "cumprod", "cumsum", "diff", "trapezoid"]


def _doubled(combine: Callable[[list[Any], list[Any]], list[Any]], leaves: list[Any], place: int) -> list[Any]:
    """In as many steps as doubling takes, each of the whole arrays (Hillis and Steele, 1986)."""
    length, step = shape(leaves[0])[place], 1
    before: tuple[slice, ...] = (slice(None),) * place
    while step < length:
        earlier = [getitem(x, (*before, slice(0, -step))) for x in leaves]
        later = [getitem(x, (*before, slice(step, None))) for x in leaves]
        first = [getitem(x, (*before, slice(0, step))) for x in leaves]
        moved = combine(earlier, later)
        leaves = [concatenate([a, b], place) for a, b in zip(first, moved, strict=True)]
        step *= 2
    return leaves


def _scanned(op: str, combine: Callable[[Any, Any], Tensor], first: float, x: Any, axis: int | None) -> Tensor:
    if axis is None:
        x, axis = ravel(x), 0
    place = single_axis(op, axis, ndim(x))
    found: Tensor = _doubled(lambda a, b: [combine(b[0], a[0])], [combine(x, first)], place)[0]
    return found


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """What a function makes of the first element, the first two, the first three and so on, along an axis.

    Parameters
    ----------
    f : callable
        Combines what is earlier with what is later, element by element along the axis, in structures such as `elems`;
        `f(a, f(b, c))` must be `f(f(a, b), c)`. It is called once for every doubling of the length.
    elems : tensor, or list, tuple or dict of them, of one length along the axis
    reverse : bool
        Whether to begin with the last element.
    axis : int

    Returns
    -------
    As `elems`

    Raises
    ------
    ShapeError
        If the lengths differ.
    """
    leaves = flatten(elems)
    for leaf in leaves:
        if hasattr(type(leaf), "__nerve_op__"):
            return leaf.__nerve_op__(associative_scan, (f, elems), {"reverse": reverse, "axis": axis})
    places = [single_axis("associative_scan", axis, ndim(leaf)) for leaf in leaves]
    lengths = {shape(leaf)[place] for leaf, place in zip(leaves, places, strict=True)}
    if len(lengths) != 1:
        raise ShapeError(f"[associative_scan] expects arrays of one length along axis {axis}, got {sorted(lengths)}")
    if len(set(places)) != 1:
        raise ShapeError(f"[associative_scan] axis {axis} is not the same one in arrays of {sorted(places)} axes")

    def combine(earlier: list[Any], later: list[Any]) -> list[Any]:
        return flatten(f(pack_like(elems, earlier), pack_like(elems, later)))

    given = [convert_to_tensor(leaf) for leaf in leaves]
    found = _doubled(combine, [flip(x, axis) for x in given] if reverse else given, places[0])
    return pack_like(elems, [flip(x, axis) for x in found] if reverse else found)


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
