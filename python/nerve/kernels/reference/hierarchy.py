"""Trees of clusters, in NumPy: the next merge is the best of all, looked for in the whole matrix of distances.

The work is done in one call, whatever the budget, and leaves the room for its state as it is.
"""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = [
    "dissimilarity_matrix",
    "dissimilarity_sums",
    "join_neighbors",
    "label_merges",
    "matrix_linkage",
    "single_linkage",
    "splinter_group",
    "ward_linkage",
]

EUCLIDEAN, MANHATTAN, PRECOMPUTED = range(3)
COMPLETE, AVERAGE, WARD = range(3)


def _distances(x: Array, metric: int) -> Array:
    x = x.astype(np.float64)
    if metric == PRECOMPUTED:
        return x
    differences = x[:, None, :] - x[None, :, :]
    if metric == MANHATTAN:
        return np.asarray(np.abs(differences).sum(axis=2))
    return np.asarray(np.sqrt(np.square(differences).sum(axis=2)))


def _merge_nearest(pairs: Array, heights: Array, distances: Array, method: int) -> None:
    """Lance and Williams, "A General Theory of Classificatory Sorting Strategies" (1967)."""
    n = len(distances)
    d = distances.astype(np.float64)
    np.fill_diagonal(d, np.inf)
    size = np.ones(n)
    for merge in range(n - 1):
        a, b = sorted(np.unravel_index(int(np.argmin(d)), d.shape))
        pairs[merge], heights[merge] = (a, b), d[a, b]
        if method == COMPLETE:
            row = np.maximum(d[a], d[b])
        elif method == AVERAGE:
            row = (size[a] * d[a] + size[b] * d[b]) / (size[a] + size[b])
        else:
            squares = (size + size[a]) * d[a] ** 2 + (size + size[b]) * d[b] ** 2 - size * d[a, b] ** 2
            row = np.sqrt(squares / (size + size[a] + size[b]))
        d[b], d[:, b] = row, row
        d[a], d[:, a], d[b, b] = np.inf, np.inf, np.inf
        d[np.isnan(d)] = np.inf
        size[b] += size[a]


def ward_linkage(
    pairs: Array,
    heights: Array,
    centroids: Array,
    sizes: Array,
    slots: Array,
    chain: Array,
    progress: Array,
    x: Array,
    rows: int,
    columns: int,
    budget: int,
) -> None:
    _merge_nearest(pairs, heights, _distances(x, EUCLIDEAN), WARD)
    progress[0] = rows - 1


def matrix_linkage(
    pairs: Array,
    heights: Array,
    distances: Array,
    sizes: Array,
    slots: Array,
    chain: Array,
    progress: Array,
    rows: int,
    method: int,
    budget: int,
) -> None:
    _merge_nearest(pairs, heights, distances, method)
    progress[0] = rows - 1


def single_linkage(
    pairs: Array,
    heights: Array,
    points: Array,
    nearest: Array,
    slots: Array,
    progress: Array,
    x: Array,
    rows: int,
    columns: int,
    metric: int,
    budget: int,
) -> None:
    distances = _distances(x, metric)
    outside = np.arange(rows) > 0
    best = np.full(rows, np.inf)
    current = 0
    for edge in range(rows - 1):
        best = np.where(distances[current] < best, distances[current], best)
        found = int(np.argmin(np.where(outside, best, np.inf)))
        pairs[edge], heights[edge] = (current, found), best[found]
        outside[found] = False
        current = found
    progress[0] = rows - 1


def label_merges(
    children: Array, sorted: Array, counts: Array, pairs: Array, heights: Array, merges: int, ordered: bool
) -> None:
    order = np.argsort(heights, kind="stable")
    sorted[...] = heights[order]
    cluster_of, size = np.arange(merges + 1), np.ones(2 * merges + 1, np.int64)
    for i, (a, b) in enumerate(pairs[order]):
        one, two = cluster_of[a], cluster_of[b]
        children[i] = (min(one, two), max(one, two)) if ordered else (one, two)
        made = merges + 1 + i
        counts[i] = size[made] = size[one] + size[two]
        cluster_of[(cluster_of == one) | (cluster_of == two)] = made


def join_neighbors(
    parents: Array, density: Array, points: Array, offsets: Array, indices: Array, rows: int, least: float
) -> None:
    roots = np.arange(len(parents))
    for i, parent in enumerate(parents):  # parents come before their children
        roots[i] = roots[parent]
    for row, point in enumerate(points):
        near = indices[offsets[row] : offsets[row + 1]]
        for neighbor in near[density[near] >= least]:
            one, other = sorted((roots[point], roots[neighbor]))
            roots[roots == other] = one
    parents[...] = roots


def dissimilarity_matrix(out: Array, x: Array, rows: int, columns: int, metric: int) -> None:
    out[...] = _distances(x, metric)


def dissimilarity_sums(sums: Array, largest: Array, x: Array, rows: int, columns: int, metric: int) -> None:
    distances = _distances(x, metric)
    sums[...] = distances.sum(axis=1)
    largest[0] = distances.max(initial=0)


def splinter_group(moved: Array, x: Array, sums: Array, rows: int, columns: int, metric: int) -> None:
    moved[...] = False
    if rows < 2:
        return
    distances = _distances(x, metric)
    moved[np.argmax(sums)] = True
    while rows - moved.sum() > 1:
        rest = ~moved
        to_rest = distances[:, rest].sum(axis=1) / (rest.sum() - 1)
        gain = np.where(rest, to_rest - distances[:, moved].mean(axis=1), -np.inf)
        if gain.max() <= 0:
            return
        moved[np.argmax(gain)] = True
