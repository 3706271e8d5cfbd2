"""Images of another size, in NumPy: products with the matrices of all weights."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels.shapes import ResizeShape

__all__ = ["resize"]


def _matrix(starts: Array, weights: Array, size: int) -> Array:
    """The weights as a matrix (results, size)."""
    matrix = np.zeros((len(starts), size))
    for row, start, some in zip(matrix, starts, weights, strict=True):
        row[start : start + len(some)] = some
    return matrix


def resize(
    out: Array,
    x: Array,
    row_starts: Array,
    row_weights: Array,
    column_starts: Array,
    column_weights: Array,
    shape: ResizeShape,
) -> None:
    rows = _matrix(row_starts, row_weights, shape.height)
    columns = _matrix(column_starts, column_weights, shape.width)
    out[...] = np.einsum("ih,jw,bhwc->bijc", rows, columns, x.astype(np.float64), optimize=True)
