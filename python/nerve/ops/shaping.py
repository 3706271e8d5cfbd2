"""Axes, joining and cutting: Keras's functions that are made of reshape, transpose, concatenate and getitem."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve.errors import ShapeError
from nerve.kernels._traced import as_array
from nerve.kernels.reduce import reduced_axes
from nerve.ops._differentiable import composed
from nerve.ops.creation import ndim, shape, size
from nerve.ops.indexing import broadcast_to, concatenate, getitem, reshape, take, transpose
from nerve.tensor import Tensor

__all__ = [
    "expand_dims",
    "flip",
    "moveaxis",
    "ravel",
    "repeat",
    "roll",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "take_along_axis",
    "tile",
]


def _axes(op: str, axis: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    return reduced_axes(op, axis if isinstance(axis, int) else tuple(axis), ndim)


@composed
def expand_dims(x: Any, axis: int | Sequence[int]) -> Tensor:
    """New axes of size one, at the places `axis` of the result."""
    sizes = list(shape(x))
    axes = _axes("expand_dims", axis, len(sizes) + (1 if isinstance(axis, int) else len(axis)))
    for place in axes:
        sizes.insert(place, 1)
    return reshape(x, sizes)


@composed
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """Without the axes of size one, or those named, which must be of size one."""
    sizes = shape(x)
    axes = [i for i, n in enumerate(sizes) if n == 1] if axis is None else _axes("squeeze", axis, len(sizes))
    if wrong := [i for i in axes if sizes[i] != 1]:
        raise ShapeError(f"[squeeze] axis {wrong[0]} has size {sizes[wrong[0]]}, not 1, in shape {sizes}")
    return reshape(x, [n for i, n in enumerate(sizes) if i not in axes])


@composed
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """The axes `source` at the places `destination`, the others in their order."""
    numbered = np.broadcast_to(0, tuple(range(ndim(x))))  # an axis's size is its number
    return transpose(x, np.moveaxis(numbered, source, destination).shape)


@composed
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Two axes in each other's place."""
    order = list(range(ndim(x)))
    first, second = (reduced_axes("swapaxes", axis, len(order))[0] for axis in (axis1, axis2))
    order[first], order[second] = second, first
    return transpose(x, order)


@composed
def ravel(x: Any) -> Tensor:
    """All elements along one axis."""
    return reshape(x, (-1,) if size(x) else (0,))


# Joining and cutting


@composed
def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors of one shape along a new axis."""
    joined: Tensor = concatenate([expand_dims(item, axis) for item in x], axis)
    return joined


@composed
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Parts along an axis: so many equal ones, or those between the places given.

    Raises
    ------
    ShapeError
        If a number of parts does not divide the axis.
    """
    (place,) = reduced_axes("split", axis, ndim(x))
    length = shape(x)[place]
    if isinstance(indices_or_sections, int):
        if indices_or_sections < 1 or length % indices_or_sections:
            raise ShapeError(f"[split] axis {axis} of size {length} has no {indices_or_sections} equal parts")
        step = length // indices_or_sections
        bounds = list(range(0, length + 1, step)) if step else [0] * (indices_or_sections + 1)
    else:
        bounds = [0, *(int(i) for i in indices_or_sections), length]
    before = (slice(None),) * place
    return [getitem(x, (*before, slice(a, b))) for a, b in itertools.pairwise(bounds)]


@composed
def tile(x: Any, repeats: int | Sequence[int]) -> Tensor:
    """The whole array, so many times along every axis."""
    times = [repeats] if isinstance(repeats, int) else [int(r) for r in repeats]
    sizes = list(shape(x))
    times, sizes = [1] * (len(sizes) - len(times)) + times, [1] * (len(times) - len(sizes)) + sizes
    wide = broadcast_to(
        reshape(x, [n for pair in sizes for n in (1, pair)]),
        [n for pair in zip(times, sizes, strict=True) for n in pair],
    )
    return reshape(wide, [r * n for r, n in zip(times, sizes, strict=True)])


@composed
def repeat(x: Any, repeats: int, axis: int | None = None) -> Tensor:
    """Every element so many times in a row, along an axis or of all elements in a row."""
    if axis is None:
        x, axis = ravel(x), 0
    sizes = list(shape(x))
    (place,) = reduced_axes("repeat", axis, len(sizes))
    spread = reshape(x, [*sizes[: place + 1], 1, *sizes[place + 1 :]])
    wide = broadcast_to(spread, [*sizes[: place + 1], repeats, *sizes[place + 1 :]])
    return reshape(wide, [*sizes[:place], sizes[place] * repeats, *sizes[place + 1 :]])


@composed
def flip(x: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """Backwards along the axes named, or along all."""
    axes = range(ndim(x)) if axis is None else _axes("flip", axis, ndim(x))
    return getitem(x, tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(ndim(x))))


@composed
def roll(x: Any, shift: int, axis: int | None = None) -> Tensor:
    """Moved on by `shift` places; what falls off the end comes back at the beginning."""
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), shape(x))
    (place,) = reduced_axes("roll", axis, ndim(x))
    at = -shift % shape(x)[place] if shape(x)[place] else 0
    before = (slice(None),) * place
    ends = [getitem(x, (*before, slice(at, None))), getitem(x, (*before, slice(0, at)))]
    joined: Tensor = concatenate(ends, place)
    return joined


@composed
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """The elements at `indices` along an axis: as many axes as `x`, the others broadcast."""
    if axis is None:
        x, axis = ravel(x), 0
    (place,) = reduced_axes("take_along_axis", axis, ndim(x))
    chosen = as_array(indices.array if isinstance(indices, Tensor) else indices)
    sizes = shape(x)
    rest = np.broadcast_shapes(
        *(tuple(1 if i == place else n for i, n in enumerate(each)) for each in (sizes, chosen.shape))
    )
    wanted = tuple(chosen.shape[place] if i == place else n for i, n in enumerate(rest))
    wide = broadcast_to(x, tuple(sizes[place] if i == place else n for i, n in enumerate(rest)))
    flat = np.broadcast_to(np.where(chosen < 0, chosen + sizes[place], chosen), wanted)
    at = [np.arange(n).reshape([-1 if j == i else 1 for j in range(len(wanted))]) for i, n in enumerate(wanted)]
    at[place] = flat
    places = np.ravel_multi_index(tuple(np.broadcast_arrays(*at)), shape(wide))
    return take(ravel(wide), places, axis=0)
