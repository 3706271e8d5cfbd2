"""Messages along the edges of a graph, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["edge_dot", "edge_order", "gather_max", "gather_max_backward", "gather_sum"]


def edge_order(order: Array, offsets: Array, inverse_counts: Array, ids: Array, nodes: int, edges: int) -> None:
    counts = np.bincount(ids, minlength=nodes)
    order[...] = np.argsort(ids, kind="stable")
    offsets[...] = np.concatenate([[0], np.cumsum(counts)])
    inverse_counts[...] = np.where(counts, 1 / np.maximum(counts, 1), 0)


def gather_sum(
    out: Array,
    x: Array,
    sources: Array,
    weights: Array | None,
    order: Array,
    offsets: Array,
    nodes: int,
    heads: int,
    features: int,
) -> None:
    rows = x.reshape(len(x), heads, features).astype(np.float64)
    scale = np.ones((len(sources), heads)) if weights is None else weights.reshape(len(weights), heads)
    for node, edges in enumerate(np.split(order, offsets[1:-1])):
        out.reshape(nodes, heads, features)[node] = (rows[sources[edges]] * scale[edges][..., None]).sum(0)


def gather_max(
    out: Array, index: Array, x: Array, sources: Array, order: Array, offsets: Array, nodes: int, features: int
) -> None:
    out[...], index[...] = 0, -1
    for node, edges in enumerate(np.split(order, offsets[1:-1])):
        if edges.size:
            rows = x[sources[edges]]
            out[node] = rows.max(0)
            index[node] = edges[rows.argmax(0)]


def gather_max_backward(
    grad_x: Array,
    grad: Array,
    index: Array,
    targets: Array,
    order: Array,
    offsets: Array,
    rows: int,
    features: int,
) -> None:
    for row, edges in enumerate(np.split(order, offsets[1:-1])):
        taken = index[targets[edges]] == edges[:, None]
        grad_x[row] = np.where(taken, grad[targets[edges]].astype(np.float64), 0).sum(0)


def edge_dot(
    out: Array, a: Array, b: Array, targets: Array, sources: Array, edges: int, heads: int, features: int
) -> None:
    left, right = (x.reshape(len(x), heads, features).astype(np.float64) for x in (a, b))
    out.reshape(edges, heads)[...] = (left[targets] * right[sources]).sum(-1)
