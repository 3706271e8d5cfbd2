"""The nearest rows, and those within a radius, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels.reference.distance import distances_to
from nerve.kernels.shapes import METRICS, DistanceShape

__all__ = ["nearest_neighbors", "radius_counts", "radius_neighbors"]


def nearest_neighbors(
    distances: Array | None, indices: Array, x: Array, y: Array, shape: DistanceShape, neighbors: int
) -> None:
    for i, row in enumerate(x):
        found = distances_to(row, y, shape.metric)
        found[np.isnan(found)] = np.inf
        indices[i] = np.argsort(found, kind="stable")[:neighbors]
        if distances is not None:
            distances[i] = found[indices[i]]


def within(row: Array, y: Array, metric: int, radius: float) -> Array:
    """The rows of ``y`` within a radius; the square of a Euclidean distance is compared with that of the radius."""
    if metric == METRICS["euclidean"]:
        return np.flatnonzero(distances_to(row, y, METRICS["sqeuclidean"]) <= radius * radius)
    return np.flatnonzero(distances_to(row, y, metric) <= radius)


def radius_counts(counts: Array, x: Array, y: Array, shape: DistanceShape, radius: float) -> None:
    for i, row in enumerate(x):
        counts[i] = within(row, y, shape.metric, radius).size


def radius_neighbors(
    distances: Array | None, indices: Array, offsets: Array, x: Array, y: Array, shape: DistanceShape, radius: float
) -> None:
    for i, row in enumerate(x):
        found = within(row, y, shape.metric, radius)
        indices[offsets[i] : offsets[i + 1]] = found
        if distances is not None:
            distances[offsets[i] : offsets[i + 1]] = distances_to(row, y[found], shape.metric)
