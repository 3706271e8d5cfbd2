"""Products of a tall matrix with itself: normal equations and covariances."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick

__all__ = ["covariance", "gram"]


def gram(x: ArrayLike) -> Array:
    """``x.T @ x``, of which one triangle is computed.

    Parameters
    ----------
    x : array_like (rows, columns), float32 or float64
        A Fortran-ordered array is read as it lies.

    Returns
    -------
    ndarray (columns, columns)
        Symmetric to the last bit.

    Raises
    ------
    ShapeError
        If ``x`` is not a matrix.

    Notes
    -----
    Sums of up to 256 rows are made in the dtype of ``x``, as fused multiply-adds, a few of those are added in it too,
    and these in float64. The same bits at any number of threads.
    """
    y, rows, columns, transposed = _tall("gram", x)
    out = empty((columns, columns), y.dtype, y)
    pick(y).gram(out, None, y, rows, columns, transposed, 1.0)
    return out


def covariance(x: ArrayLike, *, ddof: int = 1) -> tuple[Array, Array]:
    """Covariances of the columns of ``x``, and their means, in one pass over it.

    Parameters
    ----------
    x : array_like (rows, columns), float32 or float64
        A Fortran-ordered array is read as it lies.
    ddof : int
        Products are divided by ``rows - ddof``, as in :func:`numpy.cov`; where that is zero the result is not finite.

    Returns
    -------
    covariance : ndarray (columns, columns)
        Symmetric to the last bit.
    mean : ndarray (columns,)

    Raises
    ------
    ShapeError
        If ``x`` is not a matrix.

    Notes
    -----
    What is multiplied is ``x`` less (nearly) its means, so that large means cost no digits. The mean of a column with
    NaN or infinity is NaN, and so are its covariances.
    """
    y, rows, columns, transposed = _tall("covariance", x)
    out, mean = empty((columns, columns), y.dtype, y), empty((columns,), y.dtype, y)
    pick(y).gram(out, mean, y, rows, columns, transposed, float(rows - ddof))
    return out, mean


def _tall(op: str, x: ArrayLike) -> tuple[Array, int, int, bool]:
    flags = getattr(x, "flags", None)
    transposed = np.ndim(x) == 2 and getattr(flags, "f_contiguous", False) and not getattr(flags, "c_contiguous", True)
    (y,) = as_floats(op, x.T if transposed else x)  # type: ignore[union-attr]
    if y.ndim != 2:
        raise ShapeError(f"[{op}] expects a matrix, got shape {y.shape}")
    rows, columns = y.shape[::-1] if transposed else y.shape
    return y, rows, columns, transposed
