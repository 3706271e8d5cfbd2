"""Trees of clusters."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample


def _clouds(rng: np.random.Generator) -> list[np.ndarray]:
    """Points no two distances of which are equal; the last ones are several tasks' worth, and far from the origin."""
    sizes = [(0, 3), (2, 0), (1, 4), *((n, 3) for n in SIZES if n > 1), (40, 1), (300, 300)]
    return [rng.normal(size=size) for size in sizes] + [100 + rng.normal(size=(3000 // 8, 200))]


def _distances(x: np.ndarray, power: float = 2) -> np.ndarray:
    differences = np.abs(x[:, None] - x[None])
    return np.power(np.power(differences, power).sum(axis=2), 1 / power)


def _points(rng: np.random.Generator) -> list[Sample]:
    return [Sample((x,)) for x in _clouds(rng)]


def _by_metric(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((x,), {"metric": metric}) for x in _clouds(rng) for metric in ("euclidean", "manhattan")]
    return [*calls, *_matrices(rng)]


def _matrices(rng: np.random.Generator) -> list[Sample]:
    return [Sample((_distances(x, 3),), {"metric": "precomputed"}) for x in _clouds(rng)[:-2] if x.shape[1]]


def _by_method(rng: np.random.Generator) -> list[Sample]:
    clouds = [x for x in _clouds(rng)[:-2] if x.shape[1]]
    # More slots than one task takes would take the reference minutes; tests/test_cluster.py goes there.
    return [Sample((_distances(x),), {"method": method}) for x in clouds for method in ("complete", "average", "ward")]


def _ties(rng: np.random.Generator) -> list[Sample]:
    """Of equal distances the spanning tree takes the first."""
    grids = [rng.integers(0, 3, size=(n, 2)).astype(float) for n in (5, 17, 60)]
    return [Sample((x,), {"metric": metric}) for x in grids for metric in ("euclidean", "manhattan")]


def _clusters(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for x in _clouds(rng):
        calls.append(Sample((x, _distances(x).sum(axis=1))))
        calls.append(Sample((x, _distances(x, 1).sum(axis=1)), {"metric": "manhattan"}))
    matrices = [_distances(x, 3) for x in _clouds(rng)[:-2] if x.shape[1]]
    return [*calls, *(Sample((d, d.sum(axis=1)), {"metric": "precomputed"}) for d in matrices)]


def _forests(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((np.arange(3), np.ones(3), np.array([], int), np.zeros(1, int), np.array([], int), 1.0))]
    for n in (2, 9, 200):
        near = rng.uniform(size=(n, n)) < 1.5 / n
        near |= near.T
        points = np.flatnonzero(rng.uniform(size=n) < 0.7)
        indices = [np.flatnonzero(near[i]) for i in points]
        offsets = np.cumsum([0, *map(len, indices)])
        roots = np.where(np.arange(n) % 5 == 4, np.arange(n) - 2, np.arange(n))  # some are joined already
        near_all = np.concatenate([np.array([], int), *indices])
        calls.append(Sample((roots, rng.uniform(size=n), points, offsets, near_all, 0.2)))
    return calls


_X = np.zeros((4, 3))
_ROOTS = np.arange(3)
_HALF = np.array([0, 1])
_TEXT = BadCall((np.array([["a"]]),), {}, DTypeError, "expects real numbers")
_RANK = BadCall((np.zeros(3),), {}, ShapeError, r"expects points \(points, features\), got shape \(3,\)")
_NO_METRIC = BadCall((_X,), {"metric": "l2"}, ValueError, "metric expects one of 'euclidean', 'manhattan'")
_NOT_SQUARE = BadCall((_X,), {"metric": "precomputed"}, ShapeError, r"expects distances .* got shape \(4, 3\)")

ROWS = [
    # A centroid's rounding against that of the formula of Lance and Williams: 2e-12 observed.
    Op("ward_linkage", _points, own_dtype=True, tolerance=50, errors=[_TEXT, _RANK]),
    Op("single_linkage", _by_metric, own_dtype=True, tolerance=10, errors=[_TEXT, _RANK, _NO_METRIC, _NOT_SQUARE]),
    Op("single_linkage", _ties, own_dtype=True),
    Op(
        "matrix_linkage",
        _by_method,
        tolerance=10,  # 40 merges one upon another
        errors=[
            _TEXT,
            BadCall((_X,), {}, ShapeError, r"expects distances \(points, points\), got shape \(4, 3\)"),
            BadCall((np.zeros((3, 3)),), {"method": "single"}, ValueError, "method expects one of 'complete'"),
        ],
    ),
    Op(
        "dissimilarity_matrix",
        lambda rng: [call for call in _by_metric(rng) if call.kwargs["metric"] != "precomputed"],
        own_dtype=True,
        errors=[_TEXT, _RANK, BadCall((_X,), {"metric": "precomputed"}, ValueError, "metric expects one of")],
    ),
    Op(
        "join_neighbors",
        _forests,
        errors=[
            BadCall((_ROOTS, np.ones(3), _HALF, np.array([0, 1]), _HALF[:1], 1.0), {}, ShapeError, r"offsets \(rows"),
            BadCall((_ROOTS, np.ones(3), _HALF, np.array([0, 1, 3]), _HALF, 1.0), {}, ValueError, r"0\.\.2, got 3"),
            BadCall((_ROOTS, np.ones(3), _HALF, np.array([1, 0, 1]), _HALF, 1.0), {}, ValueError, "ascending"),
            BadCall((_ROOTS[::-1], np.ones(3), _HALF, np.arange(3), _HALF, 1.0), {}, ValueError, "none of which"),
            BadCall((_ROOTS, np.ones(2), _HALF, np.arange(3), _HALF, 1.0), {}, ValueError, r"0\.\.1, got 2"),
            BadCall((_ROOTS, np.ones(3), _HALF, np.arange(3), _HALF, "a"), {}, ValueError, "least expects a number"),
        ],
    ),
    Op("dissimilarity_sums", _by_metric, own_dtype=True, errors=[_TEXT, _RANK, _NO_METRIC, _NOT_SQUARE]),
    Op(
        "splinter_group",
        _clusters,
        errors=[
            BadCall((np.zeros(3), np.zeros(3)), {}, ShapeError, "expects points"),
            BadCall((_X, np.zeros(3)), {}, ShapeError, r"sums of shape \(4,\) for 4 points, got \(3,\)"),
            BadCall((_X, np.zeros(4)), {"metric": "l2"}, ValueError, "metric expects one of"),
            BadCall((_X, np.zeros(4)), {"metric": "precomputed"}, ShapeError, "expects distances"),
        ],
    ),
]
