"""Distances between rows."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample

METRICS = ("euclidean", "sqeuclidean", "manhattan", "cosine")


def _pairs(rng: np.random.Generator) -> list[Sample]:
    calls = [
        Sample((rng.normal(size=(5, n)), rng.normal(size=(n, n))), {"metric": metric})
        for metric in METRICS
        for n in (3, 8, 17, 33)
    ]
    calls += [Sample((rng.normal(size=(3, 4)), rng.normal(size=(n, 4)))) for n in (0, *SIZES)]
    calls += [Sample((rng.normal(size=(n, 300)),), {"metric": metric}) for metric in METRICS for n in (1, 15, 16, 40)]
    calls += [Sample((rng.normal(size=(0, 4)), rng.normal(size=(3, 4)))), Sample((np.zeros((3, 0)), np.zeros((2, 0))))]
    calls += [Sample((np.zeros((3, 0)), np.zeros((2, 0))), {"metric": metric}) for metric in METRICS]
    calls += [Sample((rng.normal(size=(200, 20)), rng.normal(size=(300, 20))), {"metric": m}) for m in METRICS]
    return [*calls, Sample((rng.normal(size=(9, 1)), rng.normal(size=(300, 1))))]


def _near_and_far(rng: np.random.Generator) -> list[Sample]:
    """Rows far from the origin, some of which are very near to each other or the same."""
    x = 100.0 + rng.normal(size=(20, 24))
    x[5] = x[4] + 1e-3 * rng.normal(size=24)
    x[7] = x[6]
    x[9:] *= 0.01
    zero = rng.normal(size=(6, 5))
    zero[2] = 0.0
    huge = np.array([[1e18, 0.0, 1.0], [1e18, 1.0, 0.0], [-1e18, 0.0, 0.0]])
    return [
        *(Sample((x,), {"metric": metric}) for metric in METRICS[:3]),
        Sample((zero,), {"metric": "cosine"}),
        *(Sample((huge,), {"metric": metric}) for metric in METRICS[:3]),
    ]


def _kernel(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=(5, n)), rng.normal(size=(n, n)))) for n in SIZES]
    calls += [Sample((rng.normal(size=(30, 7)),), {"gamma": gamma}) for gamma in (0.5, 0.0, 3)]
    calls += [Sample((np.zeros((3, 0)), np.zeros((2, 0)))), Sample((np.zeros((0, 4)),))]
    return [*calls, Sample((rng.normal(size=(200, 20)), rng.normal(size=(300, 20))))]


def _silhouette(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=(40, 5)), rng.integers(0, 4, 40)), {"metric": metric}) for metric in METRICS]
    calls += [Sample((rng.normal(size=(n, 3)), np.arange(n) % 3 * 5)) for n in (2, 3, 4, 17, 300)]
    calls += [Sample((np.ones((6, 3)), np.array([0, 1, 0, 1, 2, 1])))]
    return [*calls, Sample((3 * rng.normal(size=(700, 12)), rng.integers(0, 60, 700).astype(np.int32)))]


_X = np.zeros((3, 4))
_ERRORS = [
    BadCall((_X, np.zeros((2, 5))), {}, ShapeError, r"rows of as many features, got \(3, 4\) and \(2, 5\)"),
    BadCall((np.zeros(4),), {}, ShapeError, r"expects matrices \(rows, features\), got \(4,\)"),
    BadCall((_X, np.zeros(4)), {}, ShapeError, r"got \(3, 4\) and \(4,\)"),
    BadCall((np.array([["a"]]),), {}, DTypeError, "expects real numbers"),
]
_METRIC = BadCall((_X,), {"metric": "hamming"}, ValueError, r"metric expects one of \['sqeuclidean', .* got 'hamming'")

ROWS = [
    # Products lose up to 1 / small_part of their digits before they are computed again: observed error 6e-6.
    Op("pairwise_distances", _pairs, tolerance=10, errors=[*_ERRORS, _METRIC]),
    Op("pairwise_distances", _near_and_far, tolerance=10),
    Op(
        "rbf_kernel",
        _kernel,
        tolerance=10,  # the error of a distance times gamma: observed 4e-6
        errors=[*_ERRORS, BadCall((_X,), {"gamma": "much"}, ValueError, "gamma expects a number, got 'much'")],
    ),
    Op(
        "silhouette",
        _silhouette,
        tolerance=10,  # that of distances
        errors=[
            BadCall((_X, np.zeros(2, int)), {}, ShapeError, r"labels of shape \(3,\) for rows \(3, 4\), got \(2,\)"),
            BadCall((_X, np.zeros(3, int)), {}, ValueError, "at least 2 clusters, got 1"),
            BadCall((_X, np.array([0, 1, -1])), {}, ValueError, "labels must lie in"),
            BadCall((_X, np.array([0, 1, 1])), {"metric": 2}, ValueError, "metric expects one of"),
            BadCall((np.zeros(3), np.array([0, 1, 1])), {}, ShapeError, r"expects matrices .* got \(3,\)"),
        ],
    ),
]
