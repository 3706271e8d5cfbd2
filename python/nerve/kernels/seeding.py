"""All initial centers in one call; :func:`nerve.kernels.kmeans_plusplus_step` is a step of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._numbers import integer

__all__ = ["kmeans_plusplus"]

_PANEL = 32  # rows that the kernel rounds together
_WORK = 1 << 36  # products of a call at most, between which Ctrl-C is heard


def kmeans_plusplus(
    x: ArrayLike, first: int, draws: ArrayLike, weights: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Rows far from each other, by greedy k-means++.

    Each row after the first is the best of some candidates, which are drawn with probabilities in proportion to their
    squared distances to the rows chosen so far, times their weights. Arthur and Vassilvitskii, "k-means++: the
    advantages of careful seeding", SODA 2007.

    Parameters
    ----------
    x : array_like, (rows, features)
    first : int
        The first row.
    draws : array_like, (clusters - 1, trials)
        Uniform numbers in [0, 1): each leads to a candidate.
    weights : array_like, (rows,), optional
        One if left out.

    Returns
    -------
    indices : ndarray of int64, (clusters,)
    closest : ndarray, (rows,)
        Squared distances to the nearest of them, computed in float64.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ValueError
        If there is no such row.

    Notes
    -----
    Half the memory of ``x`` in float32 is used besides.
    """
    op = "kmeans_plusplus"
    points, given = as_floats(op, x, weights, optional=1)
    numbers = as_floats(op, draws)[0].astype(np.float64)
    if points.ndim != 2 or numbers.ndim != 2 or numbers.shape[1] < 1:
        raise ShapeError(
            f"[{op}] expects x (rows, features) and draws (clusters - 1, trials), got {points.shape} and "
            f"{numbers.shape}"
        )
    if given is not None and given.shape != points.shape[:1]:
        raise ShapeError(f"[{op}] expects weights of shape {points.shape[:1]}, got {given.shape}")
    rows, features = points.shape
    clusters, trials = len(numbers) + 1, numbers.shape[1]
    indices = np.full(clusters, integer(op, "first", first, 0, rows - 1), np.int64)
    closest, distances = empty((rows,), points.dtype, points), empty((trials, rows), points.dtype, points)
    rounded = empty((-(-rows // _PANEL) * _PANEL, features // 2 + 3), np.int32, points)
    at_once = max(1, _WORK // (rows * (features + 1) * trials))
    for chosen in range(1, max(clusters, 2), at_once):
        pick(points).kmeans_plusplus(
            indices, closest, distances, rounded, points, given, numbers[chosen - 1 :], rows, features, chosen,
            min(chosen + at_once, clusters), trials,
        )  # fmt: skip
    return indices, closest
