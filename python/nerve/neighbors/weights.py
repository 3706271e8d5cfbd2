"""How much each neighbor counts, and sums of that."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import array_module, on_gpu
from nerve.neighbors.search import objects


def of_nearest(distances: Array | None, weights: Any) -> Array | None:
    """Weights of neighbors (n_queries, n_neighbors), None where all are one; those at distance zero are alone."""
    if weights in (None, "uniform") or distances is None:
        return None
    module = array_module(distances)
    if weights != "distance":
        return module.broadcast_to(weights(distances), distances.shape)  # type: ignore[no-any-return]
    with np.errstate(divide="ignore"):
        inverse = 1.0 / distances
    here = module.isinf(inverse)
    return module.where(here.any(axis=1, keepdims=True), here, inverse)  # type: ignore[no-any-return]


def of_near(distances: Array | None, offsets: Array, weights: Any) -> Array | None:
    """The same for neighbors within a radius, those of query i between its offsets."""
    if weights in (None, "uniform") or distances is None:
        return None
    module = array_module(distances)
    if weights != "distance":  # a function of an array of arrays
        parts = weights(objects(distances, offsets))
        return module.concatenate([*parts, module.zeros(0)]).astype(np.float64)  # type: ignore[no-any-return]
    with np.errstate(divide="ignore"):
        inverse = 1.0 / distances
    rows = queries_of(offsets, distances.size)
    here = distances == 0.0
    alone = summed(rows[here], None, offsets.size - 1) > 0
    return module.where(alone[rows], here, inverse)  # type: ignore[no-any-return]


def queries_of(offsets: Array, neighbors: int) -> Array:
    """The query of each neighbor within a radius."""
    if not on_gpu(offsets):
        return np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    module = array_module(offsets)
    return module.searchsorted(offsets, module.arange(neighbors), side="right") - 1  # type: ignore[no-any-return]


def summed(cells: Array, weights: Array | None, count: int) -> Array:
    """How often each of `count` cells is met, or the sum of the weights it is met with.

    On the GPU in the order they come in too, for the same bits every run; ``cupy.bincount`` adds in any order.
    """
    if not on_gpu(cells):
        return np.bincount(cells, weights, minlength=count)
    module = array_module(cells)
    order, offsets, _ = kernels.edge_order(cells, count)
    if weights is None:
        return offsets[1:] - offsets[:-1]
    values = weights.astype(np.float64)[:, None]
    return kernels.gather_sum(values, module.arange(cells.size), order, offsets)[:, 0]
