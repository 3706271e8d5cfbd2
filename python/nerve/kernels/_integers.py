"""Labels and indices: arrays of integers that must lie in a range, checked before a kernel reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve import _cpu
from nerve._typing import Array
from nerve.errors import DTypeError
from nerve.kernels import _later
from nerve.kernels._arrays import array_module, host, is_array, on_gpu
from nerve.kernels._backend import beside
from nerve.kernels._recording import now
from nerve.kernels._traced import required


def checked_labels(op: str, labels: ArrayLike, n_classes: int) -> Array:
    """Labels as a contiguous int64 array, each in range."""
    values = _integers(op, "labels", labels)

    def error() -> ValueError:
        where = int(array_module(values).flatnonzero((values < 0) | (values >= n_classes))[0])
        return ValueError(
            f"[{op}] labels must lie in 0..{n_classes - 1}, got {host(values).flat[where]} at position "
            f"{_position(where, values.shape)}"
        )

    require_range(values, 0, n_classes - 1, error, ValueError(f"[{op}] labels must lie in 0..{n_classes - 1}"))
    return required(_near(values, 0, n_classes - 1), np.int64)


def checked_indices(op: str, indices: ArrayLike, axis: int, size: int, like: Array) -> Array:
    """Indices as a contiguous int64 array, none negative, where the array ``like`` lies."""
    values = _integers(op, "indices", indices, array_module(like))
    if on_gpu(values) and _later.now.checks is not None:
        wrong = IndexError(f"[{op}] an index is out of range for axis {axis} of size {size}")
        _later.now.checks.note((values < -size) | (values >= size), wrong)
        near = required(_near(values, -size, size - 1), np.int64)
        return array_module(values).where(near < 0, near + size, near)  # type: ignore[no-any-return]
    negative = not in_range(values, 0, size - 1)
    least = -size if negative else 0  # a recording that met no negative index counts none from the end

    def error() -> IndexError:
        where = int(array_module(values).flatnonzero((values < least) | (values >= size))[0])
        return IndexError(
            f"[{op}] index {host(values).flat[where]} at position {_position(where, values.shape)} is out of range for "
            f"axis {axis} of size {size}"
        )

    if negative and not in_range(values, least, size - 1):
        raise error()
    computed = IndexError(f"[{op}] an index is out of range for axis {axis} of size {size}")
    _note_range(values, least, size - 1, error, computed)
    values = required(values, np.int64)
    return array_module(values).where(values < 0, values + size, values) if negative else values


def require_range(values: Array, least: int, most: int, error: Callable[[], Exception], computed: Exception) -> None:
    """Raise `error()` if an element is out of range; in a recording in every run, as `Recording.require_range` does."""
    if on_gpu(values) and values.size and _later.noted((values < least) | (values > most), computed):
        return
    if not in_range(values, least, most):
        raise error()
    _note_range(values, least, most, error, computed)


def _note_range(values: Array, least: int, most: int, error: Callable[[], Exception], computed: Exception) -> None:
    if now.recording is not None:
        now.recording.require_range(values, least, most, error, computed)


def _near(values: Array, least: int, most: int) -> Array:
    """Values of which nobody knows yet whether they lie in a range, brought into it; others as they are."""
    if not on_gpu(values) or _later.now.checks is None:
        return values
    return array_module(values).clip(values, least, most)  # type: ignore[no-any-return]


def in_range(values: Array, least: int, most: int) -> bool:
    """Whether every element lies in a range, its ends included."""
    if values.dtype == np.int64 and not on_gpu(values) and values.flags.carray:
        return _cpu.in_range(values, least, most)
    return not values.size or bool(values.min() >= least and values.max() <= most)


def _integers(op: str, name: str, values: ArrayLike, module: Any = np) -> Array:
    """An array of any integer type; the range is checked before it becomes int64, where large uint64 would wrap."""
    array = beside(op, module, values)
    if now.recording is not None and type(array) is np.ndarray and array.dtype.kind in "iu":
        array = np.asarray(array, np.int64)  # what a recording guards; a constant, as it knows nothing of it
    if array.dtype.kind not in "iu" and (array.size or is_array(values)):  # [] is of float64
        raise DTypeError(f"[{op}] expects {name} of int32 or int64, got dtype {array.dtype}")
    return array if array.size else array.astype(np.int64)


def _position(flat: int, shape: tuple[int, ...]) -> int | tuple[int, ...]:
    """Where an element is: a number in one dimension, a tuple in more."""
    return flat if len(shape) < 2 else tuple(int(i) for i in np.unravel_index(flat, shape))
