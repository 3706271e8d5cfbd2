"""What each method of locally linear embedding demands of a point and its neighbours, for all points together.

Every method wants coordinates that make a sum over neighbourhoods least; the sums are collected in one sparse matrix,
whose eigenvectors of the smallest eigenvalues are the coordinates. Factorisations are LAPACK's, batched by NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_array, csr_array, eye_array

from nerve._typing import Array

AT_A_TIME = 1 << 20  # elements of neighbourhoods that are looked at together


def barycenter_weights(points: Array, x: Array, neighbors: Array, reg: float) -> Array:
    """Weights (points, neighbors), of sum 1, with which neighbours in ``x`` make up each point best.

    Roweis and Saul, "Nonlinear dimensionality reduction by locally linear embedding", Science 290 (2000); ``reg`` times
    the trace is added to the diagonal of each local Gram matrix.
    """
    weights = np.empty(neighbors.shape)
    count = neighbors.shape[1]
    for some in _slices(*neighbors.shape):
        apart = x[neighbors[some]] - points[some, np.newaxis]
        gram = apart @ apart.transpose(0, 2, 1)
        trace = np.trace(gram, axis1=1, axis2=2)
        gram.reshape(len(gram), -1)[:, :: count + 1] += (reg * np.where(trace > 0, trace, 1))[:, np.newaxis]
        found = np.linalg.solve(gram, np.ones((len(gram), count, 1)))[:, :, 0]
        weights[some] = found / found.sum(axis=1, keepdims=True)
    return weights


def standard(x: Array, neighbors: Array, reg: float) -> csr_array:
    """``(I - W).T @ (I - W)`` of the weights."""
    n, count = neighbors.shape
    weights = barycenter_weights(x, x, neighbors, reg)
    rows = np.arange(0, n * count + 1, count)
    apart = eye_array(n, format="csr") - csr_array((weights.ravel(), neighbors.ravel(), rows), shape=(n, n))
    return apart.T @ apart


def hessian(x: Array, neighbors: Array, n_components: int, tol: float) -> csr_array:
    """Donoho and Grimes, "Hessian eigenmaps", PNAS 100 (2003)."""
    first, second = np.triu_indices(n_components)
    blocks = []
    for some in _slices(*neighbors.shape):
        tangent = _directions(x, neighbors[some])[:, :, :n_components]
        ones = np.ones((*tangent.shape[:2], 1))
        basis = np.concatenate([ones, tangent, tangent[:, :, first] * tangent[:, :, second]], axis=2)
        normal = np.linalg.qr(basis, mode="complete")[0][:, :, n_components + 1 :]
        total = normal.sum(axis=1, keepdims=True)
        normal /= np.where(np.abs(total) < tol, 1, total)
        blocks.append(normal @ normal.transpose(0, 2, 1))
    return _collected(neighbors, np.concatenate(blocks))


def local_tangent_space(x: Array, neighbors: Array, n_components: int) -> csr_array:
    """Zhang and Zha, "Principal manifolds and nonlinear dimensionality reduction via tangent space alignment", 2004."""
    count = neighbors.shape[1]
    blocks = []
    for some in _slices(*neighbors.shape):
        tangent = _directions(x, neighbors[some])[:, :, :n_components]
        blocks.append(np.eye(count) - 1 / count - tangent @ tangent.transpose(0, 2, 1))
    return _collected(neighbors, np.concatenate(blocks))


def modified(x: Array, neighbors: Array, n_components: int, tol: float) -> csr_array:
    """Zhang and Wang, "MLLE: modified locally linear embedding using multiple weights", NIPS 2006."""
    n, count = neighbors.shape
    known = min(x.shape[1], count)
    vectors, values = np.empty((n, count, count)), np.empty((n, known))
    for some in _slices(n, count):
        apart = x[neighbors[some]] - x[some, np.newaxis]
        if count > x.shape[1]:
            vectors[some], singular, _ = np.linalg.svd(apart)
            values[some] = singular**2
        else:
            ascending, found = np.linalg.eigh(apart @ apart.transpose(0, 2, 1))
            values[some], vectors[some] = ascending[:, ::-1], found[:, :, ::-1]
    # Regularized weights, as in the standard method, from what has been factored.
    reg = 1e-3 * values.sum(axis=1)
    coefficients = vectors.sum(axis=1)
    coefficients[:, :known] /= values + reg[:, np.newaxis]
    coefficients[:, known:] /= reg[:, np.newaxis]
    weights = (vectors @ coefficients[:, :, np.newaxis])[:, :, 0]
    weights /= weights.sum(axis=1, keepdims=True)
    # How many of the smallest eigenvalues are all but zero: as many as make less than a median part of the others.
    eta = np.median(values[:, n_components:].sum(axis=1) / values[:, :n_components].sum(axis=1))
    cumulative = values.cumsum(axis=1)
    sizes = (cumulative[:, -1:] / cumulative[:, :-1] - 1 < eta).sum(axis=1) + count - known
    blocks = np.zeros((n, count + 1, count + 1))  # of the point itself, first, and its neighbours
    for size in np.unique(sizes[sizes > 0]):
        chosen = np.flatnonzero(sizes == size)
        space = vectors[chosen, :, count - size :]
        total = space.sum(axis=1)
        alpha = np.linalg.norm(total, axis=1, keepdims=True) / np.sqrt(size)
        h = alpha - total  # of the Householder matrix that turns total into alpha everywhere
        length = np.linalg.norm(h, axis=1, keepdims=True)
        h = np.where(length < tol, 0, h / np.where(length < tol, 1, length))
        several = space - 2 * (space @ h[:, :, np.newaxis]) * h[:, np.newaxis]
        several += (1 - alpha[:, :, np.newaxis]) * weights[chosen, :, np.newaxis]
        several = np.concatenate([np.full((len(chosen), 1, size), -1.0), several], axis=1)
        blocks[chosen] = several @ several.transpose(0, 2, 1)
    return _collected(np.column_stack([np.arange(n), neighbors]), blocks)


def _directions(x: Array, neighbors: Array) -> Array:
    """Left singular vectors of each point's neighbours less their mean, in columns, the largest first."""
    patch = x[neighbors]
    patch -= patch.mean(axis=1, keepdims=True)
    if neighbors.shape[1] > x.shape[1]:
        return np.linalg.svd(patch, full_matrices=False)[0]
    return np.linalg.eigh(patch @ patch.transpose(0, 2, 1))[1][:, :, ::-1]


def _collected(members: Array, blocks: Array) -> csr_array:
    """The sum of blocks (n, size, size), each at its members' rows and columns."""
    n, size = members.shape
    rows, columns = np.repeat(members, size, axis=1), np.tile(members, (1, size))
    return coo_array((blocks.ravel(), (rows.ravel(), columns.ravel())), shape=(n, n)).tocsr()


def _slices(n: int, count: int) -> Iterator[slice]:
    step = max(1, AT_A_TIME // (count * count))
    return (slice(first, min(first + step, n)) for first in range(0, n, step))
