"""Messages along the edges of a graph. The gradients are those of nerve.ops.propagate (tests/test_graph.py)."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample

GRAPHS = ((5, 9), (1, 4), (40, 300), (7, 0), (300, 2000))  # nodes, edges


def _order(ids: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(ids, minlength=nodes)
    return np.argsort(ids, kind="stable"), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _edge_order(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.integers(0, nodes, edges), nodes)) for nodes, edges in GRAPHS]
    return [*calls, Sample((np.zeros(0, np.int64), 0)), Sample((np.array([2, 0, 2], np.int32), 4))]


def _gather_sum(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for nodes, edges in GRAPHS:
        ends, sources = rng.integers(0, nodes, edges), rng.integers(0, 6, edges)
        x = rng.normal(size=(6, 2, 5))
        calls += [Sample((x[:, 0], sources, *_order(ends, nodes)))]
        calls += [Sample((x[:, 0], sources, *_order(ends, nodes), rng.normal(size=edges)))]
        calls += [Sample((x, sources, *_order(ends, nodes), rng.normal(size=(edges, 2))))]
    ends, sources = rng.integers(0, 9, 30), rng.integers(0, 4, 30)
    calls += [Sample((rng.normal(size=(4, n)), sources, *_order(ends, 9), rng.normal(size=30))) for n in SIZES]
    return [*calls, Sample((np.zeros((4, 0)), sources, *_order(ends, 9)))]


def _gather_max(rng: np.random.Generator) -> list[Sample]:
    calls = [
        Sample((rng.normal(size=(6, 5)), rng.integers(0, 6, edges), *_order(rng.integers(0, nodes, edges), nodes)))
        for nodes, edges in GRAPHS
    ]
    ends, sources = rng.integers(0, 9, 30), rng.integers(0, 4, 30)
    calls += [Sample((rng.normal(size=(4, n)), sources, *_order(ends, 9))) for n in SIZES]
    equal = rng.integers(0, 2, (4, 17)).astype(float)
    odd = np.where(rng.random((4, 17)) < 0.2, np.nan, equal)
    return [*calls, Sample((equal, sources, *_order(ends, 9))), Sample((odd, sources, *_order(ends, 9)))]


def _gather_max_backward(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for nodes, edges in GRAPHS[:4]:
        ends, sources = rng.integers(0, nodes, edges), rng.integers(0, 6, edges)
        order, offsets = _order(ends, nodes)
        index = np.full((nodes, 5), -1, np.int64)
        for node in range(nodes):
            mine = order[offsets[node] : offsets[node + 1]]
            if mine.size:
                index[node] = rng.choice(mine, 5)
        calls.append(Sample((rng.normal(size=(nodes, 5)), index, ends, *_order(sources, 6))))
    return calls


def _edge_dot(rng: np.random.Generator) -> list[Sample]:
    ends, sources = rng.integers(0, 9, 30), rng.integers(0, 4, 30)
    calls = [Sample((rng.normal(size=(9, n)), rng.normal(size=(4, n)), ends, sources)) for n in SIZES]
    calls += [Sample((rng.normal(size=(9, 3, 7)), rng.normal(size=(4, 3, 7)), ends, sources))]
    return [*calls, Sample((rng.normal(size=(9, 7)), rng.normal(size=(4, 7)), ends[:0], sources[:0]))]


_X, _IDS = np.ones((3, 4)), np.array([0, 2])

ROWS = [
    Op(
        "edge_order",
        _edge_order,
        own_dtype=True,
        errors=[
            BadCall((np.array([0, 3]), 3), {}, IndexError, "index 3 at position 1 is out of range"),
            BadCall((np.zeros(2), 3), {}, DTypeError, "expects indices of int32 or int64"),
            BadCall((np.zeros((2, 1), int), 3), {}, ShapeError, r"expects ids of one axis, got shape \(2, 1\)"),
        ],
    ),
    Op(
        "gather_sum",
        _gather_sum,
        tolerance=4.0,  # sums of up to 20 numbers: 5e-6 in float32
        errors=[
            BadCall((_X, _IDS + 1, *_order(_IDS, 3)), {}, IndexError, "out of range for axis 0 of size 3"),
            BadCall((_X, _IDS[:1], *_order(_IDS, 3)), {}, ShapeError, r"edges of shape \(2,\), got shape \(1,\)"),
            BadCall((_X, _IDS, *_order(_IDS, 3), np.ones(3)), {}, ShapeError, r"expects weights of shape \(2, 1\)"),
            BadCall((_X, _IDS, _IDS + 1, _order(_IDS, 3)[1]), {}, IndexError, "are not those of 2 edges"),
            BadCall((_X, _IDS, [0, 1], _order(_IDS, 3)[1]), {}, DTypeError, "expects order as a kernel gave it"),
        ],
    ),
    Op("gather_max", _gather_max),
    Op("gather_max_backward", _gather_max_backward, tolerance=4.0),
    Op(
        "edge_dot",
        _edge_dot,
        tolerance=8.0,  # products of up to 130 numbers
        errors=[BadCall((_X, _X[:, :2], _IDS, _IDS), {}, ShapeError, r"got \(3, 4\) and \(3, 2\)")],
    ),
]
