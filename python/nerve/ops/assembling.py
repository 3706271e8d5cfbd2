"""Arrays put together, cut and changed in places, under Keras's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nerve.errors import ShapeError
from nerve.kernels._arrays import host, placed
from nerve.kernels._numbers import integer, integers
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import convert_to_tensor, ndim, shape, zeros
from nerve.ops.elementwise import add, maximum, minimum, multiply, where
from nerve.ops.graph import segment_max, segment_sum
from nerve.ops.indexing import broadcast_to, concatenate, getitem, reshape, take, transpose
from nerve.ops.padding import pad
from nerve.ops.shaping import expand_dims, flip, ravel, split, swapaxes
from nerve.tensor import Tensor

__all__ = [
    "append",
    "array_split",
    "copy",
    "depth_to_space",
    "dstack",
    "empty",
    "empty_like",
    "fliplr",
    "flipud",
    "hsplit",
    "hstack",
    "identity",
    "logspace",
    "meshgrid",
    "rot90",
    "scatter",
    "scatter_update",
    "slice",
    "slice_update",
    "space_to_depth",
    "tri",
    "unravel_index",
    "vsplit",
    "vstack",
]


# Joining and cutting


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


# New arrays


def identity(n: int, dtype: DTypeLike = "float32") -> Tensor:
    """Ones on the diagonal of a square matrix."""
    return Tensor(np.eye(n, dtype=dtype), tracked=False)


def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = "float32") -> Tensor:
    """Ones up to the `k`-th diagonal, zeros above."""
    return Tensor(np.tri(N, M, k, dtype=dtype), tracked=False)


def empty(shape: Any, dtype: DTypeLike = "float32") -> Tensor:
    """An array to be filled: of zeros here."""
    return zeros(shape, dtype)


@composed
def empty_like(x: Any, dtype: DTypeLike | None = None) -> Tensor:
    """As :func:`empty`, in the shape and, unless another is given, the dtype of `x`."""
    return empty(shape(x), dtype or convert_to_tensor(x).dtype)


def logspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, base: float = 10.0, dtype: DTypeLike = "float32"
) -> Tensor:
    """`num` powers of `base`, of exponents evenly spaced from `start` to `stop`."""
    return Tensor(np.logspace(start, stop, num, endpoint, base, dtype=dtype), tracked=False)


@composed
def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Each vector along an axis of its own, repeated along those of the others; the first two swapped in "xy"."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"[meshgrid] indexing must be 'xy' or 'ij', got {indexing!r}")
    order = list(range(len(x)))
    if indexing == "xy" and len(x) > 1:
        order[:2] = 1, 0
    lengths = [0] * len(x)
    for vector, place in zip(x, order, strict=True):
        lengths[place] = math.prod(shape(vector))
    return [
        broadcast_to(reshape(vector, [-1 if i == place else 1 for i in range(len(x))]), lengths)
        for vector, place in zip(x, order, strict=True)
    ]


@composed
def copy(x: Any) -> Tensor:
    """The same values in an array of its own."""
    return getitem(x, ...)


@composed
def unravel_index(indices: Any, shape: Sequence[int]) -> tuple[Tensor, ...]:
    """Row, column and so on of elements that are numbered in a row."""
    given = as_plain_array(indices)
    return tuple(Tensor(placed(one, given), tracked=False) for one in np.unravel_index(host(given), tuple(shape)))


# In places


def _starts(op: str, given: Any, sizes: Sequence[int], parts: Sequence[int]) -> list[int]:
    """Where a part begins, moved so far back that it fits, as in Keras."""
    starts = [int(start) for start in (given if isinstance(given, list | tuple) else as_plain_array(given))]
    if not len(starts) == len(sizes) == len(parts):
        raise ShapeError(f"[{op}] expects a start and a size for each axis of {tuple(sizes)}, got {starts}, {parts}")
    if any(part > size for part, size in zip(parts, sizes, strict=True)):
        raise ShapeError(f"[{op}] a part of {tuple(parts)} is larger than {tuple(sizes)}")
    return [max(0, min(at, n - m)) for at, n, m in zip(starts, sizes, parts, strict=True)]


@composed
def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Tensor:
    """A part of that shape, from a place on."""
    from builtins import slice as span

    sizes = convert_to_tensor(inputs).shape
    parts = [n if part == -1 else part for n, part in zip(sizes, integers("slice", "shape", shape), strict=True)]
    starts = _starts("slice", start_indices, sizes, parts)
    return getitem(inputs, tuple(span(at, at + n) for at, n in zip(starts, parts, strict=True)))


@composed
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Tensor:
    """The same, but for a part that is `updates`, from a place on."""
    sizes, parts = shape(inputs), shape(updates)
    starts = _starts("slice_update", start_indices, sizes, parts)
    around = [(at, n - at - m) for at, n, m in zip(starts, sizes, parts, strict=True)]
    inside = np.pad(np.ones(parts, bool), around)
    return where(inside, pad(updates, around), inputs)


def _numbered(op: str, indices: Any, sizes: Sequence[int]) -> Any:
    """The elements or rows that indices (..., axes) mean, in a row, and the shape of what each of them is."""
    at = host(as_plain_array(indices))
    axes = at.shape[-1] if at.ndim else 0
    if not 0 < axes <= len(sizes):
        raise ShapeError(f"[{op}] expects indices (..., axes) of up to {len(sizes)} axes, got shape {at.shape}")
    at = np.where(at < 0, at + np.array(sizes[:axes]), at).reshape(-1, axes)
    return np.ravel_multi_index(tuple(at.T), tuple(sizes[:axes])), tuple(sizes[axes:])


@composed
def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Tensor:
    """Zeros, to which values are added in places.

    Parameters
    ----------
    indices : array of int (..., axes)
        Of elements, or of rows if there are fewer axes than in `shape`.
    values : tensor (..., *shape[axes:])
    shape : tuple of int

    Raises
    ------
    ShapeError
        If indices have too many axes.
    ValueError
        If one is out of range.
    """
    sizes = [integer("scatter", "shape", n, 0) for n in shape]
    places, row = _numbered("scatter", indices, sizes)
    rows = math.prod(sizes) // max(math.prod(row), 1)
    return reshape(segment_sum(reshape(values, (len(places), *row)), places, rows), sizes)


@composed
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Tensor:
    """The same, but in places.

    Parameters
    ----------
    inputs : tensor
    indices : array of int (..., axes)
        As for :func:`scatter`.
    updates : tensor (..., *shape[axes:])
    reduction : {None, "add", "max", "min", "mul"}
        What is made of updates and what was there. None puts the update there; of several for one place the last.

    Raises
    ------
    ValueError
        If there is no such reduction.
    """
    sizes = shape(inputs)
    places, row = _numbered("scatter_update", indices, sizes)
    flat = reshape(inputs, (math.prod(sizes) // max(math.prod(row), 1), *row))
    rows, new = len(flat), reshape(updates, (len(places), *row))
    if reduction == "add":
        return reshape(add(flat, segment_sum(new, places, rows)), sizes)
    there = np.zeros((rows,) + (1,) * len(row), bool)
    there[places] = True
    if reduction in ("max", "min"):
        best = segment_max(new, places, rows) if reduction == "max" else segment_max(multiply(new, -1.0), places, rows)
        found = maximum(flat, best) if reduction == "max" else minimum(flat, multiply(best, -1.0))
        return reshape(where(there, found, flat), sizes)
    if reduction == "mul":
        for one in range(len(places)):
            at = np.zeros_like(there)
            at[places[one]] = True
            flat = where(at, multiply(flat, new[one : one + 1]), flat)
        return reshape(flat, sizes)
    if reduction is not None:
        raise ValueError(f"[scatter_update] reduction must be None, 'add', 'max', 'min' or 'mul', got {reduction!r}")
    last = np.zeros(rows, np.int64)
    last[places] = np.arange(len(places))  # of several the last one stays
    return reshape(where(there, take(new, last, axis=0), flat), sizes)
