"""Products of a matrix with itself, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["gram"]


def gram(out: Array, mean: Array | None, x: Array, rows: int, columns: int, transposed: bool, divisor: float) -> None:
    matrix = (x.reshape(columns, rows).T if transposed else x.reshape(rows, columns)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        if mean is not None:
            means = matrix.sum(axis=0) / np.float64(rows)
            means[~np.isfinite(means)] = np.nan
            mean[...] = means
            matrix -= means
        out[...] = matrix.T @ matrix / np.float64(divisor)
