"""Distances between the rows of two matrices, and what is made of them as they come."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._integers import checked_labels
from nerve.kernels._numbers import number
from nerve.kernels.shapes import METRICS, DistanceShape

__all__ = ["pairwise_distances", "rbf_kernel", "silhouette"]


def pairwise_distances(x: ArrayLike, y: ArrayLike | None = None, *, metric: str = "euclidean") -> Array:
    """The distance of every row of ``x`` to every row of ``y``.

    Parameters
    ----------
    x : array_like (rows, features), float32 or float64
    y : array_like (columns, features), optional
        ``x`` itself by default.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine"}
        ``cosine`` is 1 - x . y / (abs(x) abs(y)), which is 1 where a row is zero.

    Returns
    -------
    ndarray (rows, columns)

    Raises
    ------
    ShapeError
        If ``x`` or ``y`` is no matrix, or their features differ.

    Notes
    -----
    Euclidean distances come from a matrix product of the rows less a common point; the small ones among them, which
    such a product loses digits of, are computed once more, by differences in float64.
    """
    a, b = matrices("pairwise_distances", x, y)
    shape = distance_shape("pairwise_distances", a, b, metric)
    out = empty((shape.rows, shape.columns), a.dtype, a)
    pick(a, b).pairwise_distances(out, a, b, shape)
    return out


def rbf_kernel(x: ArrayLike, y: ArrayLike | None = None, *, gamma: float | None = None) -> Array:
    """``exp(-gamma |x - y|^2)`` of every row of ``x`` and every row of ``y``.

    Parameters
    ----------
    x : array_like (rows, features), float32 or float64
    y : array_like (columns, features), optional
        ``x`` itself by default.
    gamma : float, optional
        ``1 / features`` by default.

    Returns
    -------
    ndarray (rows, columns)

    Raises
    ------
    ShapeError
        If ``x`` or ``y`` is no matrix, or their features differ.
    """
    a, b = matrices("rbf_kernel", x, y)
    shape = distance_shape("rbf_kernel", a, b, "sqeuclidean")
    factor = 1.0 / max(shape.features, 1) if gamma is None else number("rbf_kernel", "gamma", gamma)
    out = empty((shape.rows, shape.columns), a.dtype, a)
    pick(a, b).rbf_kernel(out, a, b, shape, factor)
    return out


def silhouette(x: ArrayLike, labels: ArrayLike, *, metric: str = "euclidean") -> Array:
    """How much nearer each row is to its own cluster than to the next one; their mean is the silhouette score.

    Parameters
    ----------
    x : array_like (rows, features), float32 or float64
    labels : array_like (rows,) of int
        The cluster of each row, from 0 on. A cluster may be empty.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine"}
        See :func:`pairwise_distances`.

    Returns
    -------
    ndarray (rows,)
        ``(b - a) / max(a, b)``: a is the mean distance to the other rows of the cluster, b the smallest mean distance
        to the rows of another one. 0 for a row that is alone in its cluster.

    Raises
    ------
    ShapeError
        If ``x`` is no matrix, or ``labels`` do not fit it.
    ValueError
        If there are fewer than two clusters with a row, or a label is negative.

    Notes
    -----
    Distances are summed as they come; no (rows, rows) matrix is made. After Rousseeuw, "Silhouettes: a graphical aid to
    the interpretation and validation of cluster analysis" (1987).
    """
    op = "silhouette"
    rows, _ = matrices(op, x, None)
    wanted = checked_labels(op, labels, np.iinfo(np.int64).max)
    if wanted.shape != rows.shape[:1]:
        raise ShapeError(f"[{op}] expects labels of shape {rows.shape[:1]} for rows {rows.shape}, got {wanted.shape}")
    module = array_module(rows)
    order = module.argsort(wanted, kind="stable")
    members = wanted[order]
    firsts = module.flatnonzero(members[1:] != members[:-1]) + 1
    clusters = firsts.size + (rows.shape[0] > 0)
    if clusters < 2:
        raise ValueError(f"[{op}] expects labels of at least 2 clusters, got {clusters}")
    ends = module.full(1, rows.shape[0], dtype=np.int64)
    offsets = module.concatenate([module.zeros(1, dtype=np.int64), firsts, ends])
    rows = rows[order]
    ordered = empty(rows.shape[:1], rows.dtype, rows)
    pick(rows).silhouette(ordered, rows, offsets, clusters, distance_shape(op, rows, rows, metric))
    out = empty(rows.shape[:1], rows.dtype, rows)
    out[order] = ordered
    return out


def matrices(op: str, x: ArrayLike, y: ArrayLike | None) -> tuple[Array, Array]:
    """Two matrices of as many columns; the first one twice, if there is no other."""
    one, *other = as_floats(op, x) if y is None else as_floats(op, x, y)
    two = other[0] if other else one
    if one.ndim != 2 or two.ndim != 2:
        shapes = f"{one.shape}" if y is None else f"{one.shape} and {two.shape}"
        raise ShapeError(f"[{op}] expects matrices (rows, features), got {shapes}")
    if one.shape[1] != two.shape[1]:
        raise ShapeError(f"[{op}] expects rows of as many features, got {one.shape} and {two.shape}")
    return one, two


def distance_shape(op: str, x: Array, y: Array, metric: str) -> DistanceShape:
    """The sizes of a call, with the number of a metric or a ValueError naming those there are."""
    if not isinstance(metric, str) or metric not in METRICS:
        raise ValueError(f"[{op}] metric expects one of {list(METRICS)}, got {metric!r}")
    return DistanceShape(x.shape[0], y.shape[0], x.shape[1], METRICS[metric])
