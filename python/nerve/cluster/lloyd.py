"""One run of k-means from given centers, by Lloyd's or Elkan's algorithm, with scikit-learn's steps and stops."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances

from nerve import kernels
from nerve._typing import Array
from nerve.cluster.passes import assign, distances_to, row, update, weighted_sum
from nerve.cluster.progress import Progress
from nerve.kernels._arrays import array_module, host


class Lloyd:
    """Passes that compare every row with every center."""

    def __init__(self, x: Any, weights: Array | None) -> None:
        self.x, self.weights = x, weights

    def step(self, centers: Array, shifts: Array) -> tuple[Array, Array, Array]:
        """Labels, sums and totals for centers that have moved by ``shifts`` since the last step."""
        labels, _, sums, totals = update(self.x, centers, self.weights)
        return labels, sums, totals

    def last(self, centers: Array, shifts: Array) -> tuple[Array, Array]:
        """Labels and squared distances."""
        return assign(self.x, centers)


class Elkan(Lloyd):
    """Passes that skip centers by the triangle inequality, with a bound for every row and center."""

    def __init__(self, x: Array, weights: Array | None, clusters: int) -> None:
        super().__init__(x, weights)
        self.labels = np.full(len(x), -1, np.int32)
        self.upper, self.lower = np.zeros(len(x), x.dtype), np.zeros((len(x), clusters), x.dtype)
        self.moved = np.zeros(clusters, x.dtype)

    def step(self, centers: Array, shifts: Array) -> tuple[Array, Array, Array]:
        _, sums, totals = self._pass(centers, shifts)
        return self.labels.copy(), sums, totals

    def last(self, centers: Array, shifts: Array) -> tuple[Array, Array]:
        distances, _, _ = self._pass(centers, shifts, with_distances=True)
        assert distances is not None
        return self.labels, distances

    def _pass(self, centers: Array, shifts: Array, **wanted: bool) -> tuple[Array | None, Array, Array]:
        self.moved += shifts
        half = euclidean_distances(centers) / 2
        return kernels.elkan_assign(
            self.labels, self.upper, self.lower, self.x, centers, half, shifts, self.moved, self.weights, **wanted
        )


def run(
    passes: Lloyd, centers: Array, max_iter: int, tol: float, verbose: int, progress: Progress, mean: Array | float
) -> tuple[Array, float, Array, int]:
    """Labels, inertia, centers and the number of steps made.

    Stops when no label changes, or when the squares of all shifts sum up to ``tol`` at most. ``mean`` is what was taken
    from the rows; only callbacks are told.
    """
    x, weights = passes.x, passes.weights
    module = array_module(centers)
    shifts = module.zeros(len(centers), x.dtype)
    labels: Array | None = None
    settled = moved_empty = False
    for iteration in range(max_iter):
        progress.begin("step")
        before = labels
        labels, sums, totals = passes.step(centers, shifts)
        moved_empty = _relocate_empty(x, weights, centers, labels, sums, totals)
        old, centers = centers, _means(sums, totals)
        shifts = module.sqrt(module.square(centers - old).sum(axis=1))
        if verbose:
            inertia = weighted_sum(distances_to(x, old, labels), weights)
            print(f"Iteration {iteration}, inertia {inertia}.")
        stop = progress.end(lambda: {"cluster_centers_": centers + mean})  # noqa: B023  # called at once
        settled = before is not None and bool((labels == before).all())
        if settled:
            if verbose:
                print(f"Converged at iteration {iteration}: strict convergence.")
            break
        moved = float(module.square(shifts).sum())
        if moved <= tol:
            if verbose:
                print(f"Converged at iteration {iteration}: center shift {moved} within tolerance {tol}.")
            break
        if stop:
            break
    if settled and moved_empty and labels is not None:  # then the centers are not those the labels were made with
        distances = distances_to(x, centers, labels)
    else:
        labels, distances = passes.last(centers, shifts)
    assert labels is not None
    return labels, weighted_sum(distances, weights), centers, iteration + 1


def _relocate_empty(x: Any, weights: Array | None, centers: Array, labels: Array, sums: Array, totals: Array) -> bool:
    """Give clusters without rows the rows farthest from their centers; whether there were any."""
    empty = np.flatnonzero(host(totals) == 0)
    if not empty.size:
        return False
    distances = distances_to(x, centers, labels)
    if distances.max() == 0:  # more clusters than different rows
        return True
    farthest = np.argpartition(host(distances), -empty.size)[: -empty.size - 1 : -1]
    for cluster, index in zip(empty.tolist(), farthest.tolist(), strict=True):
        weight = x.dtype.type(1) if weights is None else weights[index]
        moved, label = row(x, index) * weight, int(labels[index])
        sums[label] -= moved
        totals[label] -= weight
        sums[cluster], totals[cluster] = moved, weight
    return True


def _means(sums: Array, totals: Array) -> Array:
    """The new centers; a cluster still empty gets the largest one's."""
    module = array_module(totals)
    some = totals > 0
    means = sums * module.where(some, 1 / module.where(some, totals, 1), 0).astype(sums.dtype)[:, None]
    if not some.all():
        means = module.where(some[:, None], means, means[int(module.argmax(totals))])
    return means  # type: ignore[no-any-return]


def same_partition(one: Array, other: Array, clusters: int) -> bool:
    """Whether two arrays of labels differ in the names of the clusters only."""
    names = np.full(clusters, -1, one.dtype)
    names[one] = other
    return bool((names[one] == other).all())
