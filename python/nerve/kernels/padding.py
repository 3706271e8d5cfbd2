"""Padding with a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import pick
from nerve.kernels._numbers import integer, number
from nerve.kernels._strided import begin_of, copy_shape
from nerve.kernels.indexing import _movable, broadcast_to

__all__ = ["pad"]


def pad(x: ArrayLike, pad_width: Sequence[tuple[int, int]], *, constant_values: float = 0.0) -> Array:
    """An array in a larger one, with a number all around.

    Parameters
    ----------
    x : array_like
    pad_width : sequence of (before, after)
        For every axis, how many elements are added at its ends.
    constant_values : float

    Returns
    -------
    ndarray
        Arrays of integers keep their dtype.

    Raises
    ------
    ShapeError
        If there is not one pair for each axis.
    ValueError
        If a width is negative, or constant_values is no number.
    """
    array = _movable("pad", x)
    widths = tuple((integer("pad", "pad_width", a, 0), integer("pad", "pad_width", b, 0)) for a, b in pad_width)
    if len(widths) != array.ndim:
        raise ShapeError(f"[pad] pad_width expects {array.ndim} pairs, one for each axis, got {len(widths)}")
    value = number("pad", "constant_values", constant_values)
    module = array_module(array)
    if array.dtype.kind != "f":
        padded: Array = module.pad(array, widths, constant_values=value)
        return padded
    shape = tuple(size + before + after for size, (before, after) in zip(array.shape, widths, strict=True))
    out = broadcast_to(module.full((), value, array.dtype), shape)
    inside: tuple[Any, ...] = tuple(slice(a, a + size) for size, (a, _) in zip(array.shape, widths, strict=True))
    place = out[(*inside, ...)]
    if array.size:
        sizes = copy_shape(out.itemsize, place.shape, out_strides=place.strides, out_begin=begin_of(place, out))
        pick(array).copy(out, array, sizes)
    return out
