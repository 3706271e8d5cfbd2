"""Moving elements, in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nerve._typing import Array
from nerve.kernels.shapes import CopyShape

__all__ = ["copy", "one_hot", "take", "take_backward", "take_backward_rows"]


def copy(out: Array, x: Array, shape: CopyShape) -> None:
    if 0 in shape.shape:
        return

    def view(array: Array, offset: int, strides: tuple[int, ...]) -> Array:
        return as_strided(array.reshape(-1)[offset:], shape.shape, [stride * array.itemsize for stride in strides])

    view(out, shape.out_offset, shape.out_strides)[...] = view(x, shape.x_offset, shape.x_strides)


def take(out: Array, x: Array, indices: Array, outer: int, axis: int, inner: int, count: int) -> None:
    out.reshape(outer, count, inner)[...] = x.reshape(outer, axis, inner)[:, indices.reshape(-1)]


def take_backward(grad_x: Array, grad: Array, indices: Array, outer: int, axis: int, inner: int, count: int) -> None:
    total = np.zeros((outer, axis, inner))
    for c, index in enumerate(indices.reshape(-1)):
        total[:, index] += grad.reshape(outer, count, inner)[:, c]
    grad_x.reshape(outer, axis, inner)[...] = total


def take_backward_rows(
    rows: Array, sums: Array, found: Array, grad: Array, indices: Array, axis: int, inner: int, count: int
) -> None:
    different, places = np.unique(indices.reshape(-1), return_inverse=True)
    n = found[0] = different.size
    rows[:n] = different
    total = np.zeros((n, inner))
    np.add.at(total, places, grad.reshape(count, inner).astype(np.float64))
    sums.reshape(count, inner)[:n] = total


def one_hot(out: Array, labels: Array, rows: int, classes: int) -> None:
    out.reshape(rows, classes)[...] = labels.reshape(rows, 1) == np.arange(classes)
