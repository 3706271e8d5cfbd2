"""k-means: nearest centers, k-means++ candidates, Elkan's bounds, fuzzy memberships."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample


def _shapes() -> list[tuple[int, int, int]]:
    """Rows, features, clusters: around the widths of vectors and tiles, few and many of each, several blocks."""
    shapes = [(n, n, 3) for n in SIZES] + [(n, 5, n) for n in SIZES] + [(20, n, 17) for n in SIZES]
    few = [(1, 128, 1), (2, 131, 13), (67, 200, 23), (300, 784, 10)]  # clusters of many features
    return [*shapes, *few, (0, 4, 3), (3, 0, 2), (700, 3, 600), (3000, 9, 40), (3000, 20, 6), (400, 300, 70)]


def _rows(rng: np.random.Generator) -> list[Sample]:
    return [Sample((rng.normal(size=(n, d)), rng.normal(size=(k, d)))) for n, d, k in _shapes()]


def _weighted(rng: np.random.Generator) -> list[Sample]:
    calls = [
        Sample((rng.normal(size=(n, d)), rng.normal(size=(k, d)), rng.uniform(size=n)), {"with_distances": True})
        for n, d, k in _shapes()
    ]
    return [*calls, *_rows(rng)]


def _equally_near(rng: np.random.Generator) -> list[Sample]:
    """Every center stands there several times: the first is meant."""
    calls = []
    for features in (4, 9):
        centers = rng.integers(-3, 4, (7, features)).astype(float)
        x = rng.integers(-3, 4, (50, features)).astype(float)
        calls += [Sample((x, np.concatenate([centers] * times))) for times in (2, 3, 90)]
        twice = np.concatenate([rng.normal(size=(20, features))] * 2)
        calls.append(Sample((rng.normal(size=(50, features)), twice)))
    return calls


def _far_apart(rng: np.random.Generator) -> list[Sample]:
    """Rows of very different length, on which rounding them to a few bits must not founder."""
    lengths = 2.0 ** rng.integers(-18, 18, (300, 1))
    return [Sample((rng.normal(size=(300, n)) * lengths, rng.normal(size=(40, n)))) for n in (8, 17)]


def _candidates(rng: np.random.Generator) -> list[Sample]:
    calls = [
        Sample((rng.normal(size=(n, d)), rng.normal(size=(k, d)), rng.uniform(0, 2 * d, n), rng.uniform(size=n)))
        for n, d, k in _shapes()
        if k <= 20
    ]
    return [*calls, *(Sample((rng.normal(size=(n, 6)), rng.normal(size=(1, 6)))) for n in SIZES)]


def _bounds(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for n, d, k in _shapes():
        if k > 100:
            continue
        x, old = rng.normal(size=(n, d)), rng.normal(size=(k, d))
        centers = old + rng.normal(size=(k, d)) * rng.uniform(0, 0.3, (k, 1))
        half = np.sqrt(((centers[:, None] - centers) ** 2).sum(axis=2)) / 2
        shifts = np.sqrt(((centers - old) ** 2).sum(axis=1))
        true = np.sqrt(((x[:, None] - old) ** 2).sum(axis=2))
        labels, moved = true.argmin(axis=1).astype(np.int32), np.zeros(k)
        bounds = true * rng.uniform(0.5, 1, (n, k))  # a row's own is made again before it is used
        weights = rng.uniform(size=n)
        new: tuple[Any, ...] = (np.full(n, -1, np.int32), np.zeros(n), np.zeros((n, k)), x, centers, half)
        kept = (labels, true.min(axis=1, initial=np.inf), bounds + shifts, x, centers, half)
        calls.append(Sample((*new, 0 * shifts, moved, weights), {"with_distances": True}))
        calls.append(Sample((*kept, shifts, 2 * shifts), {}))
    return calls


def _fuzzy(rng: np.random.Generator) -> list[Sample]:
    shapes = [shape for shape in _shapes() if shape[2] <= 100 and shape[1] > 0]
    calls = [
        Sample((rng.normal(size=(n, d)), rng.normal(size=(k, d)), rng.uniform(size=n)), {"fuzzifier": m})
        for n, d, k in shapes
        for m in (2.0, 1.5)
    ]
    x = rng.normal(size=(33, 3))
    on_centers = Sample((x, np.concatenate([x[3:5], x[4:5], x[:1] + 1])), {"fuzzifier": 3.0})
    return [*calls, on_centers, Sample((x, x[:1]), {"with_memberships": False})]


_X, _C = np.zeros((5, 3)), np.zeros((2, 3))
_CENTERS = [
    BadCall((_X, np.zeros((2, 4))), {}, ShapeError, r"\(\.\.\., features\), got \(5, 3\) and \(2, 4\)"),
    BadCall((_X, np.zeros((0, 3))), {}, ShapeError, r"one or more \w+ .* got \(5, 3\) and \(0, 3\)"),
    BadCall((np.zeros(3), _C), {}, ShapeError, r"expects x \(rows, features\)"),
    BadCall((np.array([["a"]]), _C), {}, DTypeError, "expects real numbers"),
]
_WEIGHTS = BadCall((_X, _C, np.zeros(4)), {}, ShapeError, r"weights of shape \(5,\), got \(4,\)")
_CLOSEST = BadCall((_X, _C, np.zeros(4)), {}, ShapeError, r"closest of shape \(5,\), got \(4,\)")


def _bad_bounds(**changed: Any) -> tuple[Any, ...]:
    arguments = {
        "labels": np.full(5, -1, np.int32), "upper": np.zeros(5), "lower": np.zeros((5, 2)), "x": _X, "centers": _C,
        "half_distances": np.zeros((2, 2)), "shifts": np.zeros(2), "moved": np.zeros(2),
    }  # fmt: skip
    return tuple({**arguments, **changed}.values())


_ELKAN = [
    BadCall(_bad_bounds(labels=np.zeros(5, int)), {}, DTypeError, "labels of dtype int32, got int64"),
    BadCall(_bad_bounds(labels=np.full(5, 2, np.int32)), {}, ValueError, r"labels must lie in -1\.\.1, got 2 to 2"),
    BadCall(_bad_bounds(upper=np.zeros(5, np.float32)), {}, DTypeError, "upper of dtype float64, got float32"),
    BadCall(_bad_bounds(lower=np.zeros((5, 3))), {}, ShapeError, r"lower of shape \(5, 2\), got \(5, 3\)"),
    BadCall(_bad_bounds(lower=np.zeros((2, 5)).T), {}, ValueError, "lower to be C-contiguous and writeable"),
    BadCall(_bad_bounds(moved=np.zeros(3)), {}, ShapeError, r"moved of shape \(2,\), got \(3,\)"),
    BadCall(_bad_bounds(centers=np.zeros((2, 4))), {}, ShapeError, r"got \(5, 3\) and \(2, 4\)"),
]

ROWS = [
    Op("kmeans_assign", _rows, errors=_CENTERS),
    Op("kmeans_assign", _equally_near),
    Op("kmeans_assign", _far_apart),
    # Sums of float32 over 3000 rows around zero: observed 4e-6.
    Op("kmeans_update", _weighted, tolerance=4, errors=[*_CENTERS, _WEIGHTS]),
    Op("kmeans_plusplus_step", _candidates, errors=[*_CENTERS, _CLOSEST]),
    Op("elkan_assign", _bounds, tolerance=4, in_place=(0, 1, 2), errors=_ELKAN),
    Op(
        "fuzzy_assign",
        _fuzzy,
        tolerance=8,
        errors=[*_CENTERS, _WEIGHTS, BadCall((_X, _C), {"fuzzifier": 1.0}, ValueError, "more than 1, got 1.0")],
    ),
]
