"""The nearest rows, and those within a radius, by all distances."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample

METRICS = ("euclidean", "sqeuclidean", "manhattan")
BRUTE = {"algorithm": "brute"}
COSINE = {"metric": "cosine"}


def nearest(rng: np.random.Generator, options: dict[str, str]) -> list[Sample]:
    """Calls of nearest_neighbors that any algorithm answers."""
    calls = [
        Sample((rng.normal(size=(5, 3)), rng.normal(size=(n, 3)), k), options) for n in SIZES for k in {1, n // 2, n}
    ]
    calls += [
        Sample((rng.normal(size=(20, n)), rng.normal(size=(70, n)), 4), {"metric": metric, **options})
        for metric in METRICS
        for n in (1, 2, 8, 17)
    ]
    far = 1000.0 + rng.normal(size=(60, 4))
    far[30:] += 500.0
    whole = rng.integers(0, 3, (200, 3)).astype(np.float64)  # many at the same distance: the first ones count
    same = np.ones((900, 2))
    huge = np.array([[1e30, 0.0], [1e30, 1.0], [-1e30, 0.0], [1.0, 2.0]])
    calls += [Sample((x, x, 5), options) for x in (far, whole)]
    calls += [Sample((same[:3], same, 7), options), Sample((huge, huge, 3), options)]
    calls += [Sample((whole, whole, 9), {"metric": "manhattan", **options})]
    calls += [
        Sample((np.zeros((0, 3)), np.ones((4, 3)), 2), options),
        Sample((np.ones((2, 3)), np.ones((4, 3)), 0), options),
    ]
    calls += [Sample((np.zeros((2, 0)), np.zeros((4, 0)), 3), options)]
    return [
        *calls,
        Sample((rng.normal(size=(3, 5)), rng.normal(size=(1500, 5)), 6), {"return_distance": False, **options}),
    ]


def within(rng: np.random.Generator, options: dict[str, str]) -> list[Sample]:
    """Calls of radius_neighbors."""
    calls = [Sample((rng.normal(size=(5, 3)), rng.normal(size=(n, 3)), 1.5), options) for n in SIZES]
    calls += [
        Sample((rng.normal(size=(20, n)), rng.normal(size=(70, n)), float(n)), {"metric": metric, **options})
        for metric in METRICS
        for n in (1, 2, 8, 17)
    ]
    grid = np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3)  # many exactly at the radius
    calls += [Sample((grid, grid, radius), options) for radius in (0.0, 1.0, 2.0, 100.0, np.inf)]
    calls += [Sample((grid + 1e4, grid + 1e4, 3), {"metric": "manhattan", **options})]
    calls += [Sample((np.zeros((0, 3)), grid, 1.0), options), Sample((grid[:3], np.zeros((0, 3)), 1.0), options)]
    return [
        *calls,
        Sample((rng.normal(size=(400, 6)), rng.normal(size=(600, 6)), 2.0), {"return_distance": False, **options}),
    ]


def _nearest(rng: np.random.Generator) -> list[Sample]:
    calls = nearest(rng, BRUTE)
    calls += [Sample((rng.normal(size=(40, 70)), rng.normal(size=(3000, 70)), k), BRUTE) for k in (1, 10, 300)]
    calls += [
        Sample((rng.normal(size=(3, 300)), rng.normal(size=(600, 300)), 5), {"metric": m, **BRUTE})
        for m in (*METRICS, "cosine")
    ]
    calls += [Sample((rng.normal(size=(20, n)), rng.normal(size=(70, n)), 4), COSINE) for n in (2, 8, 17)]
    # Many at a right angle, or of one direction and other lengths: the first ones count. Rows of zeros are at 1.
    words = np.floor(rng.uniform(0, 1.15, (300, 12)))
    ray = np.outer([*2.0 ** np.arange(40), 0], [1.0, 2.0, 2.0])
    near = 1000.0 + rng.normal(size=(60, 4))
    calls += [Sample((words[:9], words, k), COSINE) for k in (3, 40)]
    calls += [Sample((ray, ray, 5), COSINE), Sample((near, near, 5), {**COSINE, "return_distance": False})]
    calls += [Sample((np.zeros((2, 0)), np.zeros((4, 0)), 3), COSINE)]
    calls += [Sample((1e-30 * near[:3], 1e30 * words[:9, :4], 9), COSINE)]
    return [*calls, Sample((rng.normal(size=(400, 20)), rng.normal(size=(900, 20)), 12))]


def _within(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=(400, 40)), rng.normal(size=(700, 40)), 7.5), BRUTE)]
    calls += [Sample((rng.normal(size=(20, n)), rng.normal(size=(70, n)), 0.7), COSINE) for n in (2, 8, 17)]
    words = np.floor(rng.uniform(0, 1.15, (300, 12)))
    calls += [Sample((words[:9], words, radius), COSINE) for radius in (0.0, 0.6, 1.0, 2.0)]
    calls += [Sample((words[:9], words, 1.0), {**COSINE, "return_distance": False})]
    return [*within(rng, BRUTE), *calls, Sample((rng.normal(size=(40, 20)), rng.normal(size=(90, 20)), 6))]


_X, _Y = np.zeros((3, 4)), np.zeros((5, 4))
_ERRORS = [
    BadCall((_X, np.zeros((2, 5)), 1), {}, ShapeError, r"rows of as many features, got \(3, 4\) and \(2, 5\)"),
    BadCall((np.zeros(4), _Y, 1), {}, ShapeError, r"expects matrices \(rows, features\), got \(4,\) and \(5, 4\)"),
    BadCall((_X, np.array([["a"]]), 1), {}, DTypeError, "expects real numbers"),
    BadCall((_X, _Y, 1), {"metric": "dot"}, ValueError, r"metric expects one of \['sqeuclidean', .* got 'dot'"),
    BadCall(
        (_X, _Y, 1), {**COSINE, "algorithm": "kd_tree"}, ValueError, "metric 'cosine' needs all distances, no tree"
    ),
    BadCall((_X, _Y, 1), {"algorithm": "ball"}, ValueError, r"algorithm expects one of \['auto', .* got 'ball'"),
]

ROWS = [
    Op(
        "nearest_neighbors",
        _nearest,
        errors=[
            *_ERRORS,
            BadCall((_X, _Y, 6), {}, ValueError, "n_neighbors expects at most the 5 rows of y, got 6"),
            BadCall((_X, _Y, -1), {}, ValueError, "n_neighbors expects integers >= 0, got -1"),
            BadCall((_X, _Y, 1.5), {}, ValueError, "n_neighbors expects integers, got 1.5"),
        ],
    ),
    Op(
        "radius_neighbors",
        _within,
        errors=[
            *_ERRORS,
            BadCall((_X, _Y, -1.0), {}, ValueError, "radius expects a number >= 0, got -1.0"),
            BadCall((_X, _Y, np.nan), {}, ValueError, "radius expects a number >= 0, got nan"),
            BadCall((_X, _Y, "1 m"), {}, ValueError, "radius expects a number, got '1 m'"),
        ],
    ),
]
