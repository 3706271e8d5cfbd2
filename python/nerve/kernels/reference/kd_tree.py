"""The k-d tree, in NumPy: built as the kernel builds it, and asked by looking at every point."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels.reference import neighbors as brute
from nerve.kernels.shapes import DistanceShape, TreeShape

__all__ = ["kd_tree", "kd_tree_nearest", "kd_tree_radius", "kd_tree_radius_counts"]


def kd_tree(leaves: Array, order: Array, low: Array, high: Array, points: Array, tree: TreeShape) -> None:
    def build(node: int, first: int, n_leaves: int, members: Array) -> None:
        here = points[members]
        low[node], high[node] = here.min(axis=0, initial=np.inf), here.max(axis=0, initial=-np.inf)
        begin = first * tree.leaf_size
        if n_leaves == 1:
            members = np.sort(members)
            order[begin : begin + members.size] = members
            leaves[first, :, : members.size] = points[members].T
            leaves[first, :, members.size :] = np.nan
            return
        widest = int(np.argmax(high[node].astype(np.float64) - low[node])) if tree.features else 0
        along = here[:, widest] if tree.features else members
        sorted_members = members[np.lexsort((members, along))]
        left = n_leaves // 2
        build(node + 1, first, left, sorted_members[: left * tree.leaf_size])
        build(node + 2 * left, first + left, n_leaves - left, sorted_members[left * tree.leaf_size :])

    build(0, 0, leaves.shape[0], np.arange(tree.points))


def _points(leaves: Array, order: Array, tree: TreeShape) -> Array:
    points = np.empty((tree.points, tree.features), leaves.dtype)
    points[order] = leaves.transpose(0, 2, 1).reshape(leaves.shape[0] * tree.leaf_size, tree.features)[: tree.points]
    return points


def kd_tree_nearest(
    distances: Array | None,
    indices: Array,
    x: Array,
    leaves: Array,
    order: Array,
    low: Array,
    high: Array,
    tree: TreeShape,
    shape: DistanceShape,
    neighbors: int,
) -> None:
    brute.nearest_neighbors(distances, indices, x, _points(leaves, order, tree), shape, neighbors)


def kd_tree_radius_counts(
    counts: Array,
    x: Array,
    leaves: Array,
    order: Array,
    low: Array,
    high: Array,
    tree: TreeShape,
    shape: DistanceShape,
    radius: float,
) -> None:
    brute.radius_counts(counts, x, _points(leaves, order, tree), shape, radius)


def kd_tree_radius(
    distances: Array | None,
    indices: Array,
    offsets: Array,
    x: Array,
    leaves: Array,
    order: Array,
    low: Array,
    high: Array,
    tree: TreeShape,
    shape: DistanceShape,
    radius: float,
) -> None:
    points = _points(leaves, order, tree)[order]  # found in the order of the leaves
    brute.radius_neighbors(distances, indices, offsets, x, points, shape, radius)
    indices[...] = order[indices]
