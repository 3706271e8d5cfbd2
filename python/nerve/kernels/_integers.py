"""Labels and indices: arrays of integers that must lie in a range, checked before a kernel reads them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError
from nerve.kernels._backend import rectangular


def checked_labels(op: str, labels: ArrayLike, n_classes: int) -> Array:
    """Labels as a contiguous int64 array, each in range."""
    values = _integers(op, "labels", labels)
    if values.size and not (values.min() >= 0 and values.max() < n_classes):
        where = int(np.flatnonzero((values < 0) | (values >= n_classes))[0])
        raise ValueError(
            f"[{op}] labels must lie in 0..{n_classes - 1}, got {values.flat[where]} at position "
            f"{_position(where, values.shape)}"
        )
    return np.require(values, np.int64, ("C", "ALIGNED"))


def checked_indices(op: str, indices: ArrayLike, axis: int, size: int) -> Array:
    """Indices as a contiguous int64 array, none negative."""
    values = _integers(op, "indices", indices)
    least = values.min() if values.size else 0
    if values.size and not (least >= -size and values.max() < size):
        where = int(np.flatnonzero((values < -size) | (values >= size))[0])
        raise IndexError(
            f"[{op}] index {values.flat[where]} at position {_position(where, values.shape)} is out of range for axis "
            f"{axis} of size {size}"
        )
    values = np.require(values, np.int64, ("C", "ALIGNED"))
    return np.where(values < 0, values + size, values) if least < 0 else values


def _integers(op: str, name: str, values: ArrayLike) -> Array:
    """An array of any integer type; the range is checked before it becomes int64, where large uint64 would wrap."""
    array = rectangular(op, values)
    if array.dtype.kind not in "iu" and (array.size or isinstance(values, np.ndarray)):  # [] is of float64
        raise DTypeError(f"[{op}] expects {name} of int32 or int64, got dtype {array.dtype}")
    return array if array.size else array.astype(np.int64)


def _position(flat: int, shape: tuple[int, ...]) -> int | tuple[int, ...]:
    """Where an element is: a number in one dimension, a tuple in more."""
    return flat if len(shape) < 2 else tuple(int(i) for i in np.unravel_index(flat, shape))
