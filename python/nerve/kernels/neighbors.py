"""The rows of a matrix nearest to those of another, and those within a radius."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import array_module, on_gpu
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._numbers import integer, number
from nerve.kernels.distance import distance_shape, matrices
from nerve.kernels.kd_tree import KDTree, kd_tree, tree_shape
from nerve.kernels.shapes import METRICS, DistanceShape

__all__ = ["nearest_neighbors", "radius_counts", "radius_neighbors"]

ALGORITHMS = ("auto", "brute", "kd_tree")
WORK = 1 << 35  # products in one call
ROWS_IN_TREE = 1 << 17  # searches of a tree in one call


def nearest_neighbors(
    x: ArrayLike,
    y: ArrayLike | KDTree,
    n_neighbors: int,
    *,
    metric: str = "euclidean",
    algorithm: str = "auto",
    return_distance: bool = True,
) -> tuple[Array, Array] | Array:
    """The rows of ``y`` nearest to each row of ``x``.

    Parameters
    ----------
    x : array_like (rows, features), float32 or float64
    y : array_like (columns, features), or KDTree
        Where to look; a tree of :func:`kd_tree` is asked as it is.
    n_neighbors : int
        From 0 to the rows of ``y``.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine"}
        ``cosine`` is 1 - x . y / (abs(x) abs(y)), which is 1 where a row is zero; no tree is searched for it.
    algorithm : {"auto", "brute", "kd_tree"}
        All distances, by a matrix product, or a tree made for this call. Results are the same bits; ``"auto"`` takes
        what is faster for the shapes at hand.
    return_distance : bool
        Whether distances are wanted, too.

    Returns
    -------
    distances : ndarray (rows, n_neighbors)
        Ascending; left out without ``return_distance``.
    indices : ndarray (rows, n_neighbors) of int64
        Of equally near rows the first ones, in order. NaN is as far as infinity.

    Raises
    ------
    ShapeError
        If ``x`` or ``y`` is no matrix, or their features differ.
    ValueError
        If ``y`` has fewer than ``n_neighbors`` rows, or a tree is to be searched by ``cosine``.

    Notes
    -----
    Distances are exact to float64 before they are compared and rounded to the dtype of ``x``: a product in that dtype
    only decides which pairs are worth it, by a bound of its own error. No (rows, columns) matrix is made.
    """
    op = "nearest_neighbors"
    x, y, shape = _arguments(op, x, y, metric, algorithm)
    count = integer(op, "n_neighbors", n_neighbors, 0)
    if count > shape.columns:
        raise ValueError(f"[{op}] n_neighbors expects at most the {shape.columns} rows of y, got {count}")
    indices = empty((shape.rows, count), np.int64, x)
    distances = empty((shape.rows, count), x.dtype, x) if return_distance else None
    if not isinstance(y, KDTree) and _tree_pays(algorithm, y, shape, count / max(shape.columns, 1)):
        y = kd_tree(y)
    for rows in _pieces(x, y, shape):
        part, some = shape._replace(rows=rows.stop - rows.start), None if distances is None else distances[rows]
        if isinstance(y, KDTree):
            pick(x).kd_tree_nearest(some, indices[rows], x[rows], *y, tree_shape(y), part, count)
        else:
            pick(x, y).nearest_neighbors(some, indices[rows], x[rows], y, part, count)
    return indices if distances is None else (distances, indices)


def radius_neighbors(
    x: ArrayLike,
    y: ArrayLike | KDTree,
    radius: float,
    *,
    metric: str = "euclidean",
    algorithm: str = "auto",
    return_distance: bool = True,
) -> tuple[Array, Array, Array] | tuple[Array, Array]:
    """The rows of ``y`` within a radius of each row of ``x``.

    Parameters
    ----------
    x : array_like (rows, features), float32 or float64
    y : array_like (columns, features), or KDTree
        Where to look; a tree of :func:`kd_tree` is asked as it is.
    radius : float
        A row at this very distance counts.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine"}
    algorithm : {"auto", "brute", "kd_tree"}
        See :func:`nearest_neighbors`.
    return_distance : bool
        Whether distances are wanted, too.

    Returns
    -------
    offsets : ndarray (rows + 1,) of int64
    indices : ndarray (offsets[-1],) of int64
        Those of row i from ``offsets[i]`` to ``offsets[i + 1]``: ascending, or in the order of the tree that is
        searched.
    distances : ndarray (offsets[-1],)
        Left out without ``return_distance``.

    Raises
    ------
    ShapeError
        If ``x`` or ``y`` is no matrix, or their features differ.
    ValueError
        If ``radius`` is negative or NaN, or a tree is to be searched by ``cosine``.

    Notes
    -----
    Whether a row lies within the radius is decided in float64; a Euclidean distance is compared by its square.
    """
    op = "radius_neighbors"
    x, y, shape, limit = _within(op, x, y, radius, metric, algorithm)
    counts = _counts(x, y, shape, limit)
    module = pick(x)
    offsets = array_module(x).zeros(shape.rows + 1, dtype=np.int64)
    offsets[1:] = array_module(x).cumsum(counts)
    indices = empty((int(offsets[-1]),), np.int64, x)
    distances = empty(indices.shape, x.dtype, x) if return_distance else None
    for rows in _pieces(x, y, shape):
        part, ends = shape._replace(rows=rows.stop - rows.start), offsets[rows.start : rows.stop + 1]
        if isinstance(y, KDTree):
            module.kd_tree_radius(distances, indices, ends, x[rows], *y, tree_shape(y), part, limit)
        else:
            module.radius_neighbors(distances, indices, ends, x[rows], y, part, limit)
    return (offsets, indices) if distances is None else (offsets, indices, distances)


def radius_counts(
    x: ArrayLike, y: ArrayLike | KDTree, radius: float, *, metric: str = "euclidean", algorithm: str = "auto"
) -> Array:
    """How many rows of ``y`` lie within a radius of each row of ``x``: what :func:`radius_neighbors` would list.

    Parameters
    ----------
    x, y, radius, metric, algorithm
        As there.

    Returns
    -------
    ndarray (rows,) of int64

    Raises
    ------
    ShapeError, ValueError
        As there.
    """
    x, y, shape, limit = _within("radius_counts", x, y, radius, metric, algorithm)
    return _counts(x, y, shape, limit)


def _within(
    op: str, x: ArrayLike, y: ArrayLike | KDTree, radius: float, metric: str, algorithm: str
) -> tuple[Array, Array | KDTree, DistanceShape, float]:
    """The arguments of a search in a radius, with a tree where it pays."""
    x, y, shape = _arguments(op, x, y, metric, algorithm)
    limit = number(op, "radius", radius)
    if not limit >= 0:
        raise ValueError(f"[{op}] radius expects a number >= 0, got {radius!r}")
    if not isinstance(y, KDTree) and _tree_pays(algorithm, y, shape, 0.0):
        y = kd_tree(y)
    return x, y, shape, limit


def _counts(x: Array, y: Array | KDTree, shape: DistanceShape, limit: float) -> Array:
    counts = empty((shape.rows,), np.int64, x)
    for rows in _pieces(x, y, shape):
        part = shape._replace(rows=rows.stop - rows.start)
        if isinstance(y, KDTree):
            pick(x).kd_tree_radius_counts(counts[rows], x[rows], *y, tree_shape(y), part, limit)
        else:
            pick(x).radius_counts(counts[rows], x[rows], y, part, limit)
    return counts


def _pieces(x: Array, y: Array | KDTree, shape: DistanceShape) -> Iterator[slice]:
    """Rows of ``x`` for one call after another, of some tenths of a second each: Ctrl-C is heard between them."""
    step = ROWS_IN_TREE if isinstance(y, KDTree) else max(256, WORK // max(1, shape.columns * shape.features))
    if on_gpu(x):
        step = max(1, shape.rows)
    return (slice(begin, min(begin + step, shape.rows)) for begin in range(0, shape.rows, step))


def _arguments(
    op: str, x: ArrayLike, y: ArrayLike | KDTree, metric: str, algorithm: str
) -> tuple[Array, Array | KDTree, DistanceShape]:
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise ValueError(f"[{op}] algorithm expects one of {list(ALGORITHMS)}, got {algorithm!r}")
    if metric == "cosine" and (algorithm == "kd_tree" or isinstance(y, KDTree)):
        raise ValueError(f"[{op}] metric 'cosine' needs all distances, no tree: algorithm='brute', and the rows of y")
    if not isinstance(y, KDTree):
        rows, points = matrices(op, *as_floats(op, x, y))
        return rows, points, distance_shape(op, rows, points, metric)
    if algorithm == "brute":
        raise ValueError(f"[{op}] algorithm 'brute' expects the rows of y, got a KDTree")
    (rows,) = as_floats(op, x)
    dtype = y.low.dtype
    if rows.dtype != dtype:
        if dtype == np.float32:
            raise DTypeError(f"[{op}] the tree was made of float32 points, x is {rows.dtype}")
        rows = rows.astype(dtype)
    if rows.ndim != 2 or rows.shape[1] != y.low.shape[1]:
        raise ShapeError(f"[{op}] expects rows of {y.low.shape[1]} features, as the tree has, got {rows.shape}")
    shape = distance_shape(op, rows, y.low, metric)
    return rows, y, shape._replace(columns=y.order.size)


def _tree_pays(algorithm: str, y: Array, shape: DistanceShape, part: float) -> bool:
    """Whether a tree made for the call is faster than all distances; ``part`` of the columns is wanted."""
    if algorithm != "auto" or on_gpu(y):
        return algorithm == "kd_tree"
    # Measured for 10 neighbors of 20,000 normally distributed points in float32, on two cores with AVX-512: half the
    # time with 5 features, a fifth more with 6.
    few = shape.features <= 5 and shape.metric != METRICS["cosine"]
    return few and shape.columns >= 1000 and shape.rows >= 100 and part < 0.01
