"""How much each neighbor counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.neighbors.search import objects


def of_nearest(distances: Array | None, weights: Any) -> Array | None:
    """Weights of neighbors (n_queries, n_neighbors), None where all are one; those at distance zero are alone."""
    if weights in (None, "uniform") or distances is None:
        return None
    if weights != "distance":
        return np.broadcast_to(weights(distances), distances.shape)
    with np.errstate(divide="ignore"):
        inverse = 1.0 / distances
    here = np.isinf(inverse)
    rows = here.any(axis=1)
    inverse[rows] = here[rows]
    return inverse


def of_near(distances: Array | None, offsets: Array, weights: Any) -> Array | None:
    """The same for neighbors within a radius, those of query i between its offsets."""
    if weights in (None, "uniform") or distances is None:
        return None
    if weights != "distance":  # a function of an array of arrays
        parts = weights(objects(distances, offsets))
        return np.concatenate([*parts, np.empty(0)]).astype(np.float64)
    with np.errstate(divide="ignore"):
        inverse = 1.0 / distances
    rows = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    here = distances == 0.0
    alone = np.bincount(rows[here], minlength=offsets.size - 1) > 0
    return np.where(alone[rows], here, inverse)
