"""k-means and its relatives: each pass over the rows as one call, which never holds a matrix of rows by clusters.

``weights`` are the rows' own, one if left out; squared distances are sums of squared differences, not the expanded
formula, which loses digits near a center. In sums a cluster's rows are added in an order fixed by the shapes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import is_array, writable
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._numbers import number

__all__ = ["elkan_assign", "fuzzy_assign", "kmeans_assign", "kmeans_plusplus_step", "kmeans_update"]

_MOST_CLUSTERS = 2**31 - 1  # labels are int32


def kmeans_assign(x: ArrayLike, centers: ArrayLike) -> tuple[Array, Array]:
    """The nearest center of every row and the squared distance to it.

    Parameters
    ----------
    x : array_like, (rows, features)
    centers : array_like, (clusters, features)
        One or more.

    Returns
    -------
    labels : ndarray of int32, (rows,)
        Of equally near centers the first.
    distances : ndarray, (rows,)

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    """
    op = "kmeans_assign"
    points, means, _ = _checked(op, x, centers, None)
    labels, distances = empty(points.shape[:1], np.int32, points), empty(points.shape[:1], points.dtype, points)
    pick(points).kmeans_assign(labels, distances, None, None, points, None, means, *points.shape, len(means))
    return labels, distances


def kmeans_update(
    x: ArrayLike, centers: ArrayLike, weights: ArrayLike | None = None, *, with_distances: bool = False
) -> tuple[Array, Array | None, Array, Array]:
    """One pass of Lloyd's algorithm: :func:`kmeans_assign`, and the weighted sums of every cluster's rows.

    Parameters
    ----------
    x : array_like, (rows, features)
    centers : array_like, (clusters, features)
    weights : array_like, (rows,), optional
    with_distances : bool
        Whether distances are wanted, too.

    Returns
    -------
    labels : ndarray of int32, (rows,)
    distances : ndarray, (rows,), or None
    sums : ndarray, (clusters, features)
        ``sums / totals`` are the new centers, where ``totals`` are not zero.
    totals : ndarray, (clusters,)
        The sums of the weights.
    """
    points, means, given = _checked("kmeans_update", x, centers, weights)
    labels = empty(points.shape[:1], np.int32, points)
    distances = empty(points.shape[:1], points.dtype, points) if with_distances else None
    sums, totals = empty(means.shape, points.dtype, points), empty(means.shape[:1], points.dtype, points)
    pick(points).kmeans_assign(labels, distances, sums, totals, points, given, means, *points.shape, len(means))
    return labels, distances, sums, totals


def kmeans_plusplus_step(
    x: ArrayLike, candidates: ArrayLike, closest: ArrayLike | None = None, weights: ArrayLike | None = None
) -> tuple[Array, Array]:
    """What each of some rows would leave of the distances if it became a center (greedy k-means++).

    Distances are computed in float64 and then rounded, as scikit-learn does, so that draws by them agree with its.

    Parameters
    ----------
    x : array_like, (rows, features)
    candidates : array_like, (candidates, features)
    closest : array_like, (rows,), optional
        Squared distances to the centers so far; infinite if left out.
    weights : array_like, (rows,), optional

    Returns
    -------
    distances : ndarray, (candidates, rows)
        Squared distances to the nearest center, were the candidate one.
    potentials : ndarray, (candidates,)
        Their weighted sums.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    """
    op = "kmeans_plusplus_step"
    points, rows, before, given = as_floats(op, x, candidates, closest, weights, optional=2)
    _check_centers(op, "candidates", points, rows)
    _check_rows(op, points, closest=before, weights=given)
    count = len(rows)
    distances, potentials = empty((count, len(points)), points.dtype, points), empty((count,), points.dtype, points)
    pick(points).kmeans_plusplus_step(distances, potentials, points, before, given, rows, *points.shape, count)
    return distances, potentials


def elkan_assign(
    labels: Array,
    upper: Array,
    lower: Array,
    x: ArrayLike,
    centers: ArrayLike,
    half_distances: ArrayLike,
    shifts: ArrayLike,
    moved: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    with_distances: bool = False,
) -> tuple[Array | None, Array, Array]:
    """:func:`kmeans_update` that passes over centers which the triangle inequality rules out.

    Elkan, "Using the triangle inequality to accelerate k-means", ICML 2003.

    Parameters
    ----------
    labels : ndarray of int32, (rows,)
        Of the last call, or -1; updated, as are the bounds.
    upper : ndarray, (rows,)
        At least the distance of each row to its center, of the dtype of ``x``.
    lower : ndarray, (rows, clusters)
        At most the distance of each row to each center, plus what was ``moved`` of that when the bound was made.
    x, centers, weights, with_distances
        As for :func:`kmeans_update`.
    half_distances : array_like, (clusters, clusters)
        Half the distances between the centers.
    shifts : array_like, (clusters,)
        How far each center has moved since the last call.
    moved : array_like, (clusters,)
        How far it has moved altogether, ``shifts`` included.

    Returns
    -------
    distances, sums, totals
        As of :func:`kmeans_update`.

    Raises
    ------
    ShapeError, DTypeError, ValueError
        If something does not fit; nothing has changed then.
    """
    op = "elkan_assign"
    arrays = as_floats(op, x, centers, half_distances, shifts, moved, weights, optional=1)
    points, means, *by_cluster, given = arrays
    _check_centers(op, "centers", points, means)
    _check_rows(op, points, weights=given)
    rows, clusters = len(points), len(means)
    shapes = {"half_distances": (clusters, clusters), "shifts": (clusters,), "moved": (clusters,)}
    for array, (name, shape) in zip(by_cluster, shapes.items(), strict=True):
        if array.shape != shape:
            raise ShapeError(f"[{op}] expects {name} of shape {shape}, got {array.shape}")
    _check_output(op, "labels", labels, (rows,), np.dtype(np.int32))
    _check_output(op, "upper", upper, (rows,), points.dtype)
    _check_output(op, "lower", lower, (rows, clusters), points.dtype)
    if rows and (labels.min() < -1 or labels.max() >= clusters):
        raise ValueError(f"[{op}] labels must lie in -1..{clusters - 1}, got {labels.min()} to {labels.max()}")
    distances = empty((rows,), points.dtype, points) if with_distances else None
    sums, totals = empty(means.shape, points.dtype, points), empty((clusters,), points.dtype, points)
    pick(points).elkan_assign(
        labels, upper, lower, distances, sums, totals, points, given, means, *by_cluster, *points.shape, clusters
    )
    return distances, sums, totals


def fuzzy_assign(
    x: ArrayLike,
    centers: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    fuzzifier: float = 2.0,
    with_memberships: bool = True,
) -> tuple[Array | None, Array, Array, Array]:
    """One pass of fuzzy c-means: memberships ``u``, and the sums of rows with weights ``u**fuzzifier``.

    ``u`` is in proportion to ``distance**(-2 / (fuzzifier - 1))``, and one in all for each row; a row on centers
    belongs to these alone. Bezdek, "Pattern recognition with fuzzy objective function algorithms", 1981.

    Parameters
    ----------
    x : array_like, (rows, features)
    centers : array_like, (clusters, features)
    weights : array_like, (rows,), optional
    fuzzifier : float
        More than 1: the larger, the softer.
    with_memberships : bool
        Whether these are wanted as a matrix.

    Returns
    -------
    memberships : ndarray, (rows, clusters), or None
    costs : ndarray, (rows,)
        The weighted sums of ``u**fuzzifier`` times squared distances.
    sums : ndarray, (clusters, features)
    totals : ndarray, (clusters,)

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ValueError
        If ``fuzzifier`` is 1 or less.
    """
    op = "fuzzy_assign"
    points, means, given = _checked(op, x, centers, weights)
    fuzzifier = number(op, "fuzzifier", fuzzifier)
    if not 1 < fuzzifier < np.inf:
        raise ValueError(f"[{op}] fuzzifier must be finite and more than 1, got {fuzzifier}")
    rows, clusters = len(points), len(means)
    memberships = empty((rows, clusters), points.dtype, points) if with_memberships else None
    costs, sums = empty((rows,), points.dtype, points), empty(means.shape, points.dtype, points)
    totals = empty((clusters,), points.dtype, points)
    pick(points).fuzzy_assign(
        memberships, costs, sums, totals, points, given, means, *points.shape, clusters, fuzzifier
    )
    return memberships, costs, sums, totals


def _checked(op: str, x: ArrayLike, centers: ArrayLike, weights: ArrayLike | None) -> tuple[Array, Array, Array]:
    """Rows, centers and weights, which may be None."""
    points, means, given = as_floats(op, x, centers, weights, optional=1)
    _check_centers(op, "centers", points, means)
    _check_rows(op, points, weights=given)
    return points, means, given


def _check_centers(op: str, name: str, x: Array, centers: Array) -> None:
    if x.ndim != 2 or centers.ndim != 2 or x.shape[1] != centers.shape[1] or not 1 <= len(centers) <= _MOST_CLUSTERS:
        raise ShapeError(
            f"[{op}] expects x (rows, features) and one or more {name} (..., features), got {x.shape} and "
            f"{centers.shape}"
        )


def _check_rows(op: str, x: Array, **arrays: Array | None) -> None:
    for name, array in arrays.items():
        if array is not None and array.shape != x.shape[:1]:
            raise ShapeError(f"[{op}] expects {name} of shape {x.shape[:1]}, got {array.shape}")


def _check_output(op: str, name: str, array: Array, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
    if not is_array(array):
        raise DTypeError(f"[{op}] expects an array as {name}, got {type(array).__name__}")
    if array.dtype != dtype:
        raise DTypeError(f"[{op}] expects {name} of dtype {dtype}, got {array.dtype}")
    if array.shape != shape:
        raise ShapeError(f"[{op}] expects {name} of shape {shape}, got {array.shape}")
    if not writable(array):
        raise ValueError(f"[{op}] expects {name} to be C-contiguous and writeable")
