"""Which solver PCA takes for which data, and what its solvers share."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from nerve._typing import Array


def chosen_solver(shape: tuple[int, int], wanted: Any) -> str:
    """What "auto" means for dense data."""
    n_samples, n_features = shape
    if n_features <= 1000 and n_samples >= 10 * n_features:
        return "covariance_eigh"
    if max(shape) <= 500 or wanted == "mle":
        return "full"
    return "randomized" if 1 <= wanted < 0.8 * min(shape) else "full"


def noise(variances: Array, total: Any, kept: int, directions: int) -> Any:
    """The mean of the variances that are not kept, from those at hand or what is left of their sum."""
    if len(variances) > kept:
        return variances[kept:].mean()
    left = max(float(total) - float(variances.sum(dtype=np.float64)), 0.0)
    return variances.dtype.type(left / (directions - kept))


def less_means(x: Any, means: Array) -> LinearOperator:
    """A sparse matrix less its columns' means, which would not be sparse."""
    return LinearOperator(
        shape=x.shape,
        dtype=x.dtype,
        matvec=lambda v: x @ v - means @ v,
        matmat=lambda v: x @ v - means @ v,
        rmatvec=lambda v: x.T @ v - means * v.sum(),
        rmatmat=lambda v: x.T @ v - np.multiply.outer(means, v.sum(axis=0)),
    )
