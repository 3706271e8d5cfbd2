"""The gradient of a table of which a step reads few rows, as an embedding is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module


class IndexedRows:
    """An array of which only some rows are not zero (TensorFlow's ``IndexedSlices``).

    It is made by :func:`nerve.gradients` for a :class:`nerve.Variable` that the loss only reads through
    :func:`nerve.ops.take` along axis 0, and NumPy takes it for the array it stands for.

    Attributes
    ----------
    rows : ndarray of int64, (n,)
        Ascending, each once.
    values : ndarray, (n, *shape[1:])
        What stands there.
    shape : tuple of int
        Of the whole array.
    """

    __slots__ = ("rows", "shape", "values")

    def __init__(self, rows: Array, values: Array, shape: tuple[int, ...]) -> None:
        if values.shape != (rows.size, *shape[1:]):
            raise ShapeError(f"[IndexedRows] expects values of shape {(rows.size, *shape[1:])}, got {values.shape}")
        self.rows = rows
        self.values = values
        self.shape = tuple(shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def astype(self, dtype: DTypeLike) -> IndexedRows:
        """The same in another dtype."""
        return IndexedRows(self.rows, self.values.astype(dtype, copy=False), self.shape)

    def dense(self) -> Array:
        """The whole array."""
        return kernels.take_backward(self.values, self.rows, input_shape=self.shape)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("IndexedRows cannot become an array without a copy")
        array = self.dense()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __add__(self, other: Any) -> Any:
        """The sum: of the rows of both, or with an array an array."""
        if not isinstance(other, IndexedRows):
            return kernels.add(self.dense(), other)
        if other.shape != self.shape:
            raise ShapeError(f"[IndexedRows] cannot add shapes {self.shape} and {other.shape}")
        rows = array_module(self.rows).concatenate([self.rows, other.rows])
        values = kernels.concatenate([self.values, other.values], 0)
        return IndexedRows(*kernels.take_backward_rows(values, rows, input_shape=self.shape), self.shape)

    __radd__ = __add__

    def __mul__(self, factor: float) -> IndexedRows:
        """Every element times a number."""
        return IndexedRows(self.rows, kernels.multiply(self.values, float(factor)), self.shape)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"IndexedRows({self.rows.size} rows of shape {self.shape}, dtype={self.dtype})"
