"""Trees of clusters: what is merged with what, and at what distance; and how one cluster is split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_array, converted, empty, pick
from nerve.kernels._integers import checked_labels
from nerve.kernels._numbers import number
from nerve.kernels._recording import now

__all__ = [
    "dissimilarity_matrix",
    "dissimilarity_sums",
    "join_neighbors",
    "matrix_linkage",
    "single_linkage",
    "splinter_group",
    "ward_linkage",
]

_METRICS = {"euclidean": 0, "manhattan": 1, "precomputed": 2}
_METHODS = {"complete": 0, "average": 1, "ward": 2}
_BUDGET = 1 << 30  # numbers a call of a kernel looks at: about half a second, in which Ctrl-C waits
_TILE = 8


def ward_linkage(x: ArrayLike) -> tuple[Array, Array, Array]:
    """The tree of Ward's criterion, by nearest-neighbour chains on the clusters' centroids.

    Takes memory for the points alone. The work grows with the square of their number. Computed in float64 for either
    type: the tree is SciPy's, except where two merges are equally good up to rounding.

    Parameters
    ----------
    x : array_like, (points, features)

    Returns
    -------
    children : ndarray of int64, (points - 1, 2)
        The clusters merged, lowest merges first: below ``points`` a point, ``points + i`` what merge i made.
    heights : ndarray of float64, (points - 1,)
        The square root of twice the growth of the sum of squares; the distance, for two points.
    counts : ndarray of int64, (points - 1,)
        Points in what each merge made.

    Raises
    ------
    ShapeError
        If ``x`` is not a matrix.

    References
    ----------
    Murtagh, "A Survey of Recent Advances in Hierarchical Clustering Algorithms", The Computer Journal 26 (1983).
    """
    op = "ward_linkage"
    points = _points(op, x)
    rows, columns = points.shape
    merges = _Merges(rows)
    room = _padded(rows)
    centroids, sizes = empty((room * columns,), np.float64), empty((room,), np.float64)
    slots, chain = np.empty(rows, np.int64), np.empty(rows, np.int64)
    merges.finish(
        lambda pairs, heights, progress: pick(points).ward_linkage(
            pairs, heights, centroids, sizes, slots, chain, progress, points, rows, columns, _BUDGET
        )
    )
    return merges.labelled(ordered=True)


def single_linkage(x: ArrayLike, *, metric: str = "euclidean") -> tuple[Array, Array, Array]:
    """The tree of single linkage, from a minimum spanning tree (Prim), in memory for the points alone.

    Parameters
    ----------
    x : array_like, (points, features)
        Or the matrix of distances, (points, points), if the metric is ``"precomputed"``.
    metric : {"euclidean", "manhattan", "precomputed"}

    Returns
    -------
    children, heights, counts
        As of :func:`ward_linkage`. Of two children the first is the one the spanning tree came from: that of
        scikit-learn's ``linkage_tree``. Of a matrix of distances it is the lower one, as in SciPy.

    Raises
    ------
    ShapeError
        If ``x`` is not a matrix, or no square one where it holds distances.
    ValueError
        If there is no such metric.

    References
    ----------
    Müllner, "Modern hierarchical, agglomerative clustering algorithms", arXiv:1109.2378, figure 6.
    """
    op = "single_linkage"
    points, code = _points_by(op, x, metric)
    rows, columns = points.shape
    merges = _Merges(rows)
    room = _padded(rows)
    tiles = empty((room * columns if code != _METRICS["precomputed"] else 0,), np.float64)
    nearest, slots = empty((room,), np.float64), np.empty(rows, np.int64)
    merges.finish(
        lambda pairs, heights, progress: pick(points).single_linkage(
            pairs, heights, tiles, nearest, slots, progress, points, rows, columns, code, _BUDGET
        )
    )
    return merges.labelled(ordered=metric == "precomputed")


def matrix_linkage(
    distances: ArrayLike, *, method: str = "average", overwrite: bool = False
) -> tuple[Array, Array, Array]:
    """The tree of complete or average linkage, or Ward's, from all distances, by nearest-neighbour chains.

    Parameters
    ----------
    distances : array_like, (points, points)
        Symmetric; the diagonal is not read.
    method : {"complete", "average", "ward"}
    overwrite : bool
        Whether the matrix may be used up; otherwise a copy is made.

    Returns
    -------
    children, heights, counts
        As of :func:`ward_linkage`, but in the type of ``distances``. In float64 bit for bit those of SciPy's
        ``linkage``, ties included.

    Raises
    ------
    ShapeError
        If the matrix is not square.
    ValueError
        If there is no such method.
    """
    op = "matrix_linkage"
    if method not in _METHODS:
        raise ValueError(f"[{op}] method expects one of {', '.join(map(repr, _METHODS))}, got {method!r}")
    matrix = _square(op, as_array(op, distances))
    if not (overwrite and matrix.flags.writeable) and (matrix is distances or np.may_share_memory(matrix, distances)):
        matrix = matrix.copy()
    rows, code = len(matrix), _METHODS[method]
    merges = _Merges(rows, matrix.dtype)
    sizes = empty((_padded(rows),), matrix.dtype)
    slots, chain = np.empty(rows, np.int64), np.empty(rows, np.int64)
    merges.finish(
        lambda pairs, heights, progress: pick(matrix).matrix_linkage(
            pairs, heights, matrix, sizes, slots, chain, progress, rows, code, _BUDGET
        )
    )
    return merges.labelled(ordered=True)


def join_neighbors(
    roots: Array, density: ArrayLike, points: ArrayLike, offsets: ArrayLike, indices: ArrayLike, least: float
) -> Array:
    """Points made one cluster with those of their neighbours that are dense enough.

    Called for some points after others, ``roots`` of the last call going into the next, it finds the connected
    components of all points without holding all neighbourhoods at once.

    Parameters
    ----------
    roots : array_like of int64, (n,)
        For each point the lowest one of its cluster; in the beginning, ``arange(n)``.
    density : array_like, (n,)
    points : array_like of int64, (rows,)
    offsets, indices : array_like of int64, (rows + 1,) and (offsets[-1],)
        The neighbours of points, as :func:`radius_neighbors` gives them.
    least : float
        Neighbours less dense are left out.

    Returns
    -------
    ndarray of int64, (n,)

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ValueError
        If an index is out of range, a root above its point, or the offsets do not ascend.
    """
    op = "join_neighbors"
    dense = as_array(op, density)
    parents = np.array(checked_labels(op, roots, max(dense.size, 1)))
    rows, near = (checked_labels(op, each, max(dense.size, 1)) for each in (points, indices))
    starts = checked_labels(op, offsets, near.size + 1)
    fits = parents.shape == dense.shape and dense.ndim == rows.ndim == near.ndim == 1
    if not fits or starts.shape != (rows.size + 1,):
        raise ShapeError(
            f"[{op}] expects roots and density (n,), points (rows,), offsets (rows + 1,) and indices, got "
            f"{parents.shape}, {dense.shape}, {rows.shape}, {starts.shape} and {near.shape}"
        )
    if (parents > np.arange(parents.size)).any() or (np.diff(starts) < 0).any():
        raise ValueError(f"[{op}] expects roots none of which is above its point, and ascending offsets")
    pick(dense).join_neighbors(parents, dense, rows, starts, near, rows.size, number(op, "least", least))
    while True:
        above = parents[parents]
        if np.array_equal(above, parents):
            return parents
        parents = above


def dissimilarity_matrix(x: ArrayLike, *, metric: str = "euclidean") -> Array:
    """All distances between points, in float64 for either type, each summed over the features in their order.

    Parameters
    ----------
    x : array_like, (points, features)
    metric : {"euclidean", "manhattan"}

    Returns
    -------
    ndarray of float64, (points, points)
        With the bits of SciPy's ``pdist``: computed by differences, so that equal points have distance zero.

    Raises
    ------
    ShapeError
        If ``x`` is not a matrix.
    ValueError
        If there is no such metric.
    """
    op = "dissimilarity_matrix"
    points, code = _points_by(op, x, metric, computed=True)
    rows, columns = points.shape
    out = empty((rows, rows), np.float64)
    pick(points).dissimilarity_matrix(out, points, rows, columns, code)
    return out


def dissimilarity_sums(x: ArrayLike, *, metric: str = "euclidean") -> tuple[Array, Array]:
    """Of every point the sum of its distances to the others, and the largest distance of all, without their matrix.

    Parameters
    ----------
    x : array_like, (points, features)
        Or the matrix of distances, (points, points), if the metric is ``"precomputed"``.
    metric : {"euclidean", "manhattan", "precomputed"}

    Returns
    -------
    sums : ndarray of float64, (points,)
    largest : ndarray of float64, (1,)

    Raises
    ------
    ShapeError
        If ``x`` is not a matrix, or no square one where it holds distances.
    ValueError
        If there is no such metric.
    """
    op = "dissimilarity_sums"
    points, code = _points_by(op, x, metric)
    rows, columns = points.shape
    sums, largest = empty((rows,), np.float64), empty((1,), np.float64)
    pick(points).dissimilarity_sums(sums, largest, points, rows, columns, code)
    return sums, largest


def splinter_group(x: ArrayLike, sums: ArrayLike, *, metric: str = "euclidean") -> Array:
    """The points that leave a cluster when DIANA splits it.

    First goes the point with the largest average distance to the others; then, as long as there is one, the point whose
    average distance to the rest most exceeds that to those gone.

    Parameters
    ----------
    x : array_like, (points, features)
        The cluster. Or the matrix of distances, (points, points), if the metric is ``"precomputed"``.
    sums : array_like, (points,)
        From :func:`dissimilarity_sums`.
    metric : {"euclidean", "manhattan", "precomputed"}

    Returns
    -------
    ndarray of bool, (points,)

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ValueError
        If there is no such metric.

    References
    ----------
    Kaufman and Rousseeuw, "Finding Groups in Data" (1990), chapter 6.
    """
    op = "splinter_group"
    points, code = _points_by(op, x, metric)
    rows, columns = points.shape
    total = converted(as_array(op, sums), np.float64)
    if total.shape != (rows,):
        raise ShapeError(f"[{op}] expects sums of shape ({rows},) for {rows} points, got {total.shape}")
    moved = empty((rows,), np.bool_)
    pick(points).splinter_group(moved, points, total, rows, columns, code)
    return moved


class _Merges:
    """The merges of points as kernels find them, over several calls between which Ctrl-C is heard."""

    def __init__(self, rows: int, dtype: Any = np.float64) -> None:
        if now.recording is not None:
            now.recording.refuse("a tree of clusters: how many calls make it depends on the data")
        self.count = max(rows - 1, 0)
        self.pairs = np.empty((self.count, 2), np.int64)
        self.heights = empty((self.count,), dtype)

    def finish(self, step: Callable[[Array, Array, Array], None]) -> None:
        progress = np.zeros(3, np.int64)
        while progress[0] < self.count:
            step(self.pairs, self.heights, progress)

    def labelled(self, *, ordered: bool) -> tuple[Array, Array, Array]:
        children, counts = np.empty_like(self.pairs), np.empty(self.count, np.int64)
        heights = empty((self.count,), self.heights.dtype)
        pick(heights).label_merges(children, heights, counts, self.pairs, self.heights, self.count, ordered)
        return children, heights, counts


def _padded(rows: int) -> int:
    return -(-rows // _TILE) * _TILE


def _points(op: str, x: ArrayLike) -> Array:
    points = as_array(op, x)
    if points.ndim != 2:
        raise ShapeError(f"[{op}] expects points (points, features), got shape {points.shape}")
    return points


def _points_by(op: str, x: ArrayLike, metric: str, computed: bool = False) -> tuple[Array, int]:
    known = [name for name in _METRICS if not (computed and name == "precomputed")]
    if metric not in known:
        raise ValueError(f"[{op}] metric expects one of {', '.join(map(repr, known))}, got {metric!r}")
    points = _points(op, x)
    return (_square(op, points) if metric == "precomputed" else points), _METRICS[metric]


def _square(op: str, matrix: Array) -> Array:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(f"[{op}] expects distances (points, points), got shape {matrix.shape}")
    return matrix
