"""Passes over the rows of a dense or sparse matrix, the same for both; weights of ``None`` are ones.

Rows of a CSR matrix go through SciPy's product in blocks: the work is that of the elements stored, and the products of
a block are all that is held of rows by clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import array_module

_BLOCK = 1 << 20  # products of rows and centers at once


def assign(x: Any, centers: Array) -> tuple[Array, Array]:
    """:func:`nerve.kernels.kmeans_assign`."""
    return _assign_sparse(x, centers) if sp.issparse(x) else kernels.kmeans_assign(x, centers)


def update(
    x: Any, centers: Array, weights: Array | None, *, with_distances: bool = False
) -> tuple[Array, Array | None, Array, Array]:
    """:func:`nerve.kernels.kmeans_update`."""
    if not sp.issparse(x):
        return kernels.kmeans_update(x, centers, weights, with_distances=with_distances)
    rows, clusters = x.shape[0], len(centers)
    labels, distances = _assign_sparse(x, centers, with_distances)
    values = np.ones(rows, x.dtype) if weights is None else weights
    members = sp.csr_array((values, labels, np.arange(rows + 1)), shape=(rows, clusters))
    totals = np.bincount(labels, values, clusters).astype(x.dtype)
    return labels, distances, (members.T @ sp.csr_array(x)).toarray(), totals


def distances_to(x: Any, centers: Array, labels: Array) -> Array:
    """The squared distance of every row to the center its label names."""
    module = array_module(x)
    distances: Array = module.empty(x.shape[0], x.dtype)
    if sp.issparse(x):
        for rows in _blocks(x, 1 + x.nnz // max(1, x.shape[0])):
            distances[rows] = _sparse_distances(x[rows], centers, labels[rows])
    else:
        for rows in _blocks(x, x.shape[1]):
            nearest = module.take(centers, labels[rows], axis=0)
            distances[rows] = module.square(x[rows] - nearest).sum(axis=1)
    return distances


def weighted_sum(values: Array, weights: Array | None) -> float:
    """The sum of values times weights, in an order that depends on nothing but their number."""
    return float((values if weights is None else values * weights).sum(dtype=np.float64))


def row(x: Any, index: int) -> Array:
    """One row, dense."""
    found: Array = x[[index]].toarray()[0] if sp.issparse(x) else x[index]
    return found


def _blocks(x: Any, columns: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, columns))
    return (slice(start, start + step) for start in range(0, x.shape[0], step))


def _assign_sparse(x: Any, centers: Array, with_distances: bool = True) -> tuple[Array, Array]:
    labels, distances = np.empty(x.shape[0], np.int32), np.empty(x.shape[0], x.dtype)
    halves = (np.einsum("ij,ij->i", centers, centers, dtype=np.float64) / 2).astype(x.dtype)
    columns = np.ascontiguousarray(centers.T)
    for rows in _blocks(x, len(centers)):
        block = x[rows]
        labels[rows] = (block @ columns - halves).argmax(axis=1)
        if with_distances:
            distances[rows] = _sparse_distances(block, centers, labels[rows])
    return labels, distances


def _sparse_distances(x: Any, centers: Array, labels: Array) -> Array:
    """From the elements stored alone: each adds ``(x - c)**2 - c**2`` to the square of the center."""
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    values = x.data.astype(np.float64)
    changes = values * (values - 2 * centers[labels[rows], x.indices])
    squares = np.einsum("ij,ij->i", centers, centers, dtype=np.float64)
    distances: Array = np.maximum(squares[labels] + np.bincount(rows, changes, x.shape[0]), 0)
    return distances
