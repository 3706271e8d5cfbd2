"""k-means and its relatives, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["elkan_assign", "fuzzy_assign", "kmeans_assign", "kmeans_plusplus_step"]


def _squared_distances(x: Array, centers: Array) -> Array:
    """(rows, clusters), by differences."""
    out = np.empty((len(x), len(centers)))
    for cluster, center in enumerate(centers.astype(np.float64)):
        out[:, cluster] = ((x.astype(np.float64) - center) ** 2).sum(axis=1)
    return out


def _add_up(sums: Array | None, totals: Array | None, x: Array, memberships: Array) -> None:
    """Each cluster's weighted sum of rows, and of their weights."""
    if sums is not None and totals is not None:
        sums[...] = memberships.T @ x.astype(np.float64)
        totals[...] = memberships.sum(axis=0)


def _one_hot(labels: Array, clusters: int, weights: Array | None) -> Array:
    ones: Array = (labels[:, None] == np.arange(clusters)).astype(np.float64)
    return ones if weights is None else ones * weights[:, None]


def kmeans_assign(
    labels: Array, distances: Array | None, sums: Array | None, totals: Array | None, x: Array, weights: Array | None,
    centers: Array, rows: int, features: int, clusters: int,
) -> None:  # fmt: skip
    squared = _squared_distances(x, centers)
    labels[...] = squared.argmin(axis=1)
    if distances is not None:
        distances[...] = squared[np.arange(rows), labels]
    _add_up(sums, totals, x, _one_hot(labels, clusters, weights))


def kmeans_plusplus_step(
    distances: Array, potentials: Array, x: Array, closest: Array | None, weights: Array | None, candidates: Array,
    rows: int, features: int, count: int,
) -> None:  # fmt: skip
    squared = _squared_distances(x, candidates).T
    distances[...] = squared if closest is None else np.minimum(squared, closest)
    potentials[...] = distances.astype(np.float64) @ (np.ones(rows) if weights is None else weights)


def elkan_assign(
    labels: Array, upper: Array, lower: Array, distances: Array | None, sums: Array | None, totals: Array | None,
    x: Array, weights: Array | None, centers: Array, half_distances: Array, shifts: Array, moved: Array,
    rows: int, features: int, clusters: int,
) -> None:  # fmt: skip
    apart = half_distances.astype(np.float64) + np.diag(np.full(clusters, np.inf))
    to_next = apart.min(axis=1, initial=np.inf)
    true = np.sqrt(_squared_distances(x, centers))
    for i in range(rows):
        label = int(labels[i])
        tight = label < 0
        if tight:
            label, bound = 0, true[i, 0]
            lower[i] = moved
            lower[i, 0] += bound
        else:
            bound = float(upper[i]) + float(shifts[label])
        if tight or bound > to_next[label]:
            for j in range(clusters):
                if j == label or bound <= float(lower[i, j]) - float(moved[j]) or bound <= half_distances[label, j]:
                    continue
                if not tight:
                    tight, bound = True, true[i, label]
                    lower[i, label] = bound + float(moved[label])
                    if bound <= float(lower[i, j]) - float(moved[j]) or bound <= half_distances[label, j]:
                        continue
                lower[i, j] = true[i, j] + float(moved[j])
                if true[i, j] < bound:
                    label, bound = j, true[i, j]
        labels[i], upper[i] = label, bound
    if distances is not None:
        distances[...] = true[np.arange(rows), labels] ** 2
    _add_up(sums, totals, x, _one_hot(labels, clusters, weights))


def fuzzy_assign(
    memberships: Array | None, costs: Array, sums: Array | None, totals: Array | None, x: Array, weights: Array | None,
    centers: Array, rows: int, features: int, clusters: int, fuzzifier: float,
) -> None:  # fmt: skip
    squared = _squared_distances(x, centers)
    nearest = squared.min(axis=1, keepdims=True, initial=np.inf)
    # The nearest center has the ratio 1, and the only ones where a row lies on centers.
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.where(squared == nearest, 1.0, (nearest / squared) ** (1 / (fuzzifier - 1)))
    u = ratios / ratios.sum(axis=1, keepdims=True)
    if memberships is not None:
        memberships[...] = u
    powers = u**fuzzifier * (1.0 if weights is None else weights[:, None].astype(np.float64))
    costs[...] = (powers * squared).sum(axis=1)
    _add_up(sums, totals, x, powers)
