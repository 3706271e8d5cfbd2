"""Elements and parts in places: taken out, put there and added to, and what their numbers mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve.errors import ShapeError
from nerve.kernels._arrays import host, placed
from nerve.kernels._numbers import integer, integers
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import convert_to_tensor, shape
from nerve.ops.elementwise import add, maximum, minimum, multiply, where
from nerve.ops.graph import segment_max, segment_sum
from nerve.ops.indexing import getitem, reshape, take
from nerve.ops.padding import pad
from nerve.tensor import Tensor

__all__ = [
    "scatter",
    "scatter_update",
    "slice",
    "slice_update",
    "unravel_index",
]


def _starts(op: str, given: Any, sizes: Sequence[int], parts: Sequence[int]) -> list[int]:
    """Where a part begins, moved so far back that it fits, as in Keras."""
    listed = given if isinstance(given, list | tuple) else host(as_plain_array(given)).tolist()
    starts = [int(start) for start in listed]
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


@composed
def unravel_index(indices: Any, shape: Sequence[int]) -> tuple[Tensor, ...]:
    """Row, column and so on of elements that are numbered in a row."""
    given = as_plain_array(indices)
    return tuple(Tensor(placed(one, given), tracked=False) for one in np.unravel_index(host(given), tuple(shape)))
