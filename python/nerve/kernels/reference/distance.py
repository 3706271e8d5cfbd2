"""Distances between rows, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels.shapes import METRICS, DistanceShape

__all__ = ["pairwise_distances", "rbf_kernel", "silhouette"]


def distances_to(x: Array, y: Array, metric: int) -> Array:
    """The distances of one row to every row of ``y``, in float64."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    if metric == METRICS["cosine"]:
        x_square, y_squares, dots = ((a * b).sum(axis=-1) for a, b in ((x, x), (y, y), (y, x)))
        with np.errstate(divide="ignore", invalid="ignore"):
            norms = np.sqrt(x_square * y_squares)  # of a row and itself: the dot product, to the last digit
            cosines: Array = np.where(norms > 0, dots / norms, norms)
        return np.clip(1.0 - cosines, 0.0, 2.0)
    distances: Array = np.abs(x - y).sum(axis=1) if metric == METRICS["manhattan"] else ((x - y) ** 2).sum(axis=1)
    return np.sqrt(distances) if metric == METRICS["euclidean"] else distances


def pairwise_distances(out: Array, x: Array, y: Array, shape: DistanceShape) -> None:
    for row, values in zip(x, out, strict=True):
        values[...] = distances_to(row, y, shape.metric)


def rbf_kernel(out: Array, x: Array, y: Array, shape: DistanceShape, gamma: float) -> None:
    for row, values in zip(x, out, strict=True):
        values[...] = np.exp(-gamma * distances_to(row, y, METRICS["sqeuclidean"]))


def silhouette(out: Array, x: Array, offsets: Array, clusters: int, shape: DistanceShape) -> None:
    sizes = np.diff(offsets)
    own = np.repeat(np.arange(clusters), sizes)
    for i, row in enumerate(x):
        sums = np.add.reduceat(distances_to(row, x, shape.metric), offsets[:-1])
        if sizes[own[i]] == 1:
            out[i] = 0.0
            continue
        a = sums[own[i]] / (sizes[own[i]] - 1)
        b = np.delete(sums / sizes, own[i]).min()
        out[i] = (b - a) / max(a, b) if max(a, b) > 0 else 0.0
