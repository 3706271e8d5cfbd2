"""The largest singular values of a matrix and their vectors, found in a random subspace.

Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53 (2011), algorithms 4.3, 4.4 and 5.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState
from scipy import linalg

from nerve._typing import Array
from nerve.decomposition.products import product


def randomized_svd(
    x: Any,
    n_components: int,
    *,
    n_oversamples: int,
    n_iter: int | str,
    power_iteration_normalizer: str,
    random_state: RandomState,
) -> tuple[Array, Array, Array]:
    """``u``, ``s`` and ``vt`` of the largest ``n_components`` singular values of ``x``, dense or sparse.

    Random numbers are drawn as in :func:`sklearn.utils.extmath.randomized_svd`, so that from the same seed both search
    the same subspace. Signs are left as they come.
    """
    if n_iter == "auto":
        n_iter = 7 if n_components < 0.1 * min(x.shape) else 4
    wide = x.shape[0] < x.shape[1]
    tall = x.T if wide else x
    basis = range_basis(tall, n_components + n_oversamples, int(n_iter), power_iteration_normalizer, random_state)
    projected = product(tall.T, basis).T
    inner, s, vt = linalg.svd(projected, full_matrices=False, check_finite=False, overwrite_a=True)
    u = product(basis, inner[:, :n_components])
    s, vt = s[:n_components], vt[:n_components]
    return (vt.T, s, u.T) if wide else (u, s, vt)


def range_basis(x: Any, size: int, n_iter: int, normalizer: str, random_state: RandomState) -> Array:
    """An orthonormal basis of about the space that the ``size`` largest left singular vectors of ``x`` span."""
    basis = random_state.normal(size=(x.shape[1], size))
    if x.dtype == np.float32:
        basis = basis.astype(np.float32)
    if normalizer == "auto":
        normalizer = "none" if n_iter <= 2 else "LU"
    for _ in range(n_iter):
        basis = _normalized(product(x, basis), normalizer)
        basis = _normalized(product(x.T, basis), normalizer)
    return _normalized(product(x, basis), "QR")


def _normalized(basis: Array, normalizer: str) -> Array:
    """Other vectors that span the same space, far from parallel: only with "QR" orthonormal."""
    if normalizer == "QR":
        return linalg.qr(basis, mode="economic", check_finite=False)[0]  # type: ignore[no-any-return]
    if normalizer == "LU":
        return linalg.lu(basis, permute_l=True, check_finite=False)[0]  # type: ignore[no-any-return]
    return basis
