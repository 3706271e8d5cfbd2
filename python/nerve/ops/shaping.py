"""Axes, joining, cutting and turning: made of reshape, transpose, concatenate and getitem."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import host, placed
from nerve.kernels.reduce import reduced_axes
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import convert_to_tensor, ndim, shape, size
from nerve.ops.indexing import broadcast_to, concatenate, getitem, reshape, take, transpose
from nerve.tensor import Tensor

__all__ = [
    "append",
    "array_split",
    "depth_to_space",
    "dstack",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "hsplit",
    "hstack",
    "moveaxis",
    "ravel",
    "repeat",
    "roll",
    "rot90",
    "space_to_depth",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "take_along_axis",
    "tile",
    "vsplit",
    "vstack",
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
def tile(x: Any, repeats: Any) -> Tensor:
    """The whole array, so many times along every axis.

    Parameters
    ----------
    x : array
    repeats : int, or sequence or tensor of int
        For each of the last axes, or of all and of new ones before them.
    """
    if type(repeats) is Tensor and type(repeats.array) is np.ndarray:
        repeats = repeats.array.tolist()  # made of sizes, and not of what a recording computes anew in each run
    times = [int(repeats)] if isinstance(repeats, int | np.integer) else [int(r) for r in repeats]
    sizes = list(shape(x))
    times, sizes = [1] * (len(sizes) - len(times)) + times, [1] * (len(times) - len(sizes)) + sizes
    wide = broadcast_to(
        reshape(x, [n for pair in sizes for n in (1, pair)]),
        [n for pair in zip(times, sizes, strict=True) for n in pair],
    )
    return reshape(wide, [r * n for r, n in zip(times, sizes, strict=True)])


@composed
def repeat(x: Any, repeats: int | Sequence[int] | Array, axis: int | None = None) -> Tensor:
    """Every element so many times in a row, along an axis or of all elements in a row.

    Parameters
    ----------
    x : array
    repeats : int, or sequence of int
        How often, for all or for each along the axis.
    axis : int, optional

    Raises
    ------
    ValueError
        If `repeats` is none of these.
    """
    if axis is None:
        x, axis = ravel(x), 0
    sizes = list(shape(x))
    (place,) = reduced_axes("repeat", axis, len(sizes))
    counts = np.atleast_1d(np.asarray(repeats))
    if counts.dtype.kind not in "iu" or counts.ndim > 1 or len(counts) not in (1, sizes[place]) or (counts < 0).any():
        raise ValueError(f"[repeat] repeats must be a count, or one for each of {sizes[place]} elements, got {repeats}")
    if len(counts) > 1:
        return take(x, placed(np.repeat(np.arange(sizes[place]), counts), as_plain_array(x)), axis=place)
    repeats = int(counts[0])
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
    chosen = host(as_plain_array(indices))
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
    return take(ravel(wide), placed(places, as_plain_array(x)), axis=0)


# Joined and cut along the first axes


@composed
def append(x1: Any, x2: Any, axis: int | None = None) -> Tensor:
    """One behind the other along an axis, or all elements of both in a row."""
    joined: Tensor = concatenate([ravel(x1), ravel(x2)] if axis is None else [x1, x2], axis or 0)
    return joined


@composed
def hstack(xs: Sequence[Any]) -> Tensor:
    """Side by side: along the second axis, or the only one."""
    parts = [reshape(x, (1,)) if not ndim(x) else x for x in xs]
    joined: Tensor = concatenate(parts, 0 if ndim(parts[0]) == 1 else 1)
    return joined


@composed
def vstack(xs: Sequence[Any]) -> Tensor:
    """One above the other; vectors as rows."""
    joined: Tensor = concatenate([reshape(x, (1, -1)) if ndim(x) < 2 else x for x in xs], 0)
    return joined


@composed
def dstack(xs: Sequence[Any]) -> Tensor:
    """Behind each other, along the third axis."""
    parts = [reshape(x, (1, -1)) if ndim(x) < 2 else x for x in xs]
    joined: Tensor = concatenate([expand_dims(x, 2) if ndim(x) == 2 else x for x in parts], 2)
    return joined


@composed
def array_split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """As :func:`split`, but so many parts need not be equal: the first ones are larger by one."""
    if not isinstance(indices_or_sections, int):
        return split(x, indices_or_sections, axis)
    length = shape(x)[axis]
    least, more = divmod(length, indices_or_sections)
    ends = np.cumsum([least + (i < more) for i in range(indices_or_sections - 1)])
    return split(x, [int(end) for end in ends], axis)


@composed
def hsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Cut along the second axis, or the only one."""
    return split(x, indices_or_sections, 0 if ndim(x) == 1 else 1)


@composed
def vsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Cut along the first axis."""
    return split(x, indices_or_sections, 0)


# Turned


@composed
def flipud(x: Any) -> Tensor:
    """Backwards along the first axis."""
    return flip(x, 0)


@composed
def fliplr(x: Any) -> Tensor:
    """Backwards along the second axis."""
    return flip(x, 1)


@composed
def rot90(array: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """Turned by `k` times 90 degrees, from the first of the axes to the second."""
    first, second = axes
    turns = k % 4
    if turns == 0:
        return convert_to_tensor(array)
    if turns == 2:
        return flip(array, (first, second))
    return swapaxes(flip(array, second), first, second) if turns == 1 else flip(swapaxes(array, first, second), second)


@composed
def depth_to_space(x: Any, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """Channels as squares of pixels of that size, the first ones in the first row."""
    first = data_format == "channels_first"
    images = transpose(x, (0, 2, 3, 1)) if first else x
    batch, height, width, channels = shape(images)
    b, left = block_size, channels // block_size**2
    if left * b**2 != channels:
        raise ShapeError(f"[depth_to_space] {channels} channels are no squares of {b} x {b} pixels")
    blocks = transpose(reshape(images, (batch, height, width, b, b, left)), (0, 1, 3, 2, 4, 5))
    found = reshape(blocks, (batch, height * b, width * b, left))
    return transpose(found, (0, 3, 1, 2)) if first else found


@composed
def space_to_depth(x: Any, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """The way back from :func:`depth_to_space`."""
    first = data_format == "channels_first"
    images = transpose(x, (0, 2, 3, 1)) if first else x
    batch, height, width, channels = shape(images)
    b = block_size
    if height % b or width % b:
        raise ShapeError(f"[space_to_depth] {height} x {width} pixels are no squares of {b} x {b}")
    blocks = transpose(reshape(images, (batch, height // b, b, width // b, b, channels)), (0, 1, 3, 2, 4, 5))
    found = reshape(blocks, (batch, height // b, width // b, b * b * channels))
    return transpose(found, (0, 3, 1, 2)) if first else found
