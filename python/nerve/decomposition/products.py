"""What decompositions are made of: products of arrays in either order and of sparse matrices, means, variances."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from nerve import kernels
from nerve._typing import Array

ROWS = 512  # of a matrix that are looked at together, where the whole of it would need a copy


def product(a: Any, b: Any, bias: Array | None = None) -> Array:
    """``a @ b + bias``; ``a`` may be sparse, and arrays in Fortran's order are not copied."""
    if issparse(a):
        made: Array = a @ b
        return made if bias is None else made + bias
    transpose_a, transpose_b = _turned(a), _turned(b)
    return kernels.matmul(
        a.T if transpose_a else a,
        b.T if transpose_b else b,
        bias,
        transpose_a=transpose_a,
        transpose_b=transpose_b,
    )


def _turned(a: Array) -> bool:
    return bool(a.ndim == 2 and a.flags.f_contiguous and not a.flags.c_contiguous)


def column_means(x: Array) -> Array:
    """The means of the columns of a matrix, summed pairwise."""
    return kernels.mean(x.T, axis=1) if _turned(x) else kernels.mean(x, axis=0)


def squares(x: Array, means: Array | None = None) -> float:
    """The sum of the squares of all elements, less their columns' means."""
    total = 0.0
    for first in range(0, len(x), ROWS):
        part = x[first : first + ROWS]
        part = np.ravel(part if means is None else part - means)
        total += float(np.dot(part, part))
    return total


def decided_signs(vectors: Array, *others: Array) -> None:
    """Turn each row of ``vectors`` so that its element greatest in size is positive, and the columns of others with it.

    What scikit-learn's ``svd_flip`` does: singular vectors have no sign of their own.
    """
    greatest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    signs = np.sign(greatest)
    vectors *= signs[:, np.newaxis]
    for other in others:
        other *= signs
