"""Labels, vectors and sequences as plain NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._numbers import integer

__all__ = ["normalize", "pad_sequences", "to_categorical"]


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> Array:
    """Labels as rows of zeros with a one.

    Parameters
    ----------
    x : array_like of int, (...) or (..., 1)
        From 0 on.
    num_classes : int, optional
        One more than the largest label if not given.

    Returns
    -------
    ndarray of float64, (..., num_classes)

    Raises
    ------
    DTypeError
        If the labels are no whole numbers.
    ValueError
        If one is negative or not below ``num_classes``.
    """
    values = np.asarray(x)
    if values.dtype.kind not in "iub" and not (values.dtype.kind == "f" and (values == np.rint(values)).all()):
        raise DTypeError(f"[to_categorical] expects whole numbers, got dtype {values.dtype}")
    labels = values.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    most = int(labels.max(initial=-1))
    count = most + 1 if num_classes is None else integer("to_categorical", "num_classes", num_classes, 1)
    if labels.size and (most >= count or labels.min() < 0):
        raise ValueError(f"[to_categorical] labels must be in [0, {count}), got {int(labels.min())} to {most}")
    return np.eye(count)[labels]


def normalize(x: ArrayLike, axis: int = -1, order: int = 2) -> Array:
    """Vectors along an axis divided by their norm of some order; those of zeros stay.

    Parameters
    ----------
    x : array_like
    axis : int
    order : int
        2: the Euclidean norm.

    Returns
    -------
    ndarray
    """
    values = np.atleast_1d(np.asarray(x))
    norms: Array = np.atleast_1d(np.linalg.norm(values, order, axis, keepdims=True))
    return values / np.where(norms == 0, 1, norms)


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> Array:
    """Sequences of different lengths as an array, filled up and cut to one length.

    Parameters
    ----------
    sequences : sequence of sequences
        Of numbers, or of arrays of one shape.
    maxlen : int, optional
        The length; that of the longest sequence if not given.
    dtype : dtype
    padding, truncating : {"pre", "post"}
        Whether values are added, or dropped, in front or behind.
    value : float or str
        What is added.

    Returns
    -------
    ndarray, (len(sequences), maxlen, ...)

    Raises
    ------
    ShapeError
        If ``sequences`` are no sequences, or their items differ in shape.
    ValueError
        If ``padding`` or ``truncating`` is something else, or the dtype cannot hold ``value``.
    """
    for name, place in (("padding", padding), ("truncating", truncating)):
        if place not in ("pre", "post"):
            raise ValueError(f"[pad_sequences] {name} must be 'pre' or 'post', got {place!r}")
    if not hasattr(sequences, "__len__") or not all(hasattr(one, "__len__") for one in sequences):
        raise ShapeError("[pad_sequences] expects a sequence of sequences")
    wanted = np.dtype(dtype)
    if isinstance(value, str) and wanted.kind not in "OUST":
        raise ValueError(f"[pad_sequences] an array of {wanted} cannot hold the value {value!r}")
    items = next((np.asarray(one).shape[1:] for one in sequences if len(one)), ())
    length = max(map(len, sequences), default=0) if maxlen is None else integer("pad_sequences", "maxlen", maxlen, 0)
    out = np.full((len(sequences), length, *items), value, wanted)
    for row, one in zip(out, sequences, strict=True):
        if not len(one) or not length:
            continue
        kept = np.asarray(one[-length:] if truncating == "pre" else one[:length], wanted)
        if kept.shape[1:] != items:
            raise ShapeError(f"[pad_sequences] expects items of one shape, got {items} and {kept.shape[1:]}")
        if padding == "post":
            row[: len(kept)] = kept
        else:
            row[length - len(kept) :] = kept
    return out
