"""Greedy k-means++, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["kmeans_plusplus"]


def kmeans_plusplus(
    indices: Array, closest: Array, distances: Array, rounded: Array, x: Array, weights: Array | None, draws: Array,
    rows: int, features: int, chosen: int, clusters: int, trials: int,
) -> None:  # fmt: skip
    points = x.astype(np.float64)

    def distances_to(index: int) -> Array:
        found: Array = ((points - points[index]) ** 2).sum(axis=1).astype(x.dtype)
        return found

    if chosen == 1:
        closest[...] = distances_to(indices[0])
    for place in range(chosen, clusters):
        potential = np.cumsum(closest.astype(np.float64) * (1.0 if weights is None else weights))
        candidates = np.searchsorted(potential, draws[place - chosen] * potential[-1]).clip(max=rows - 1)
        after = np.array([np.minimum(closest, distances_to(index)) for index in candidates])
        best = (after.astype(np.float64) * (1.0 if weights is None else weights)).sum(axis=1).argmin()
        indices[place], closest[...] = candidates[best], after[best]
