"""The k-d tree, and searches in one."""

from __future__ import annotations

import numpy as np

from nerve.errors import ShapeError

from .neighbors import nearest, within
from .row import SIZES, BadCall, Op, Sample

TREE = {"algorithm": "kd_tree"}


def _build(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=(n, 3)),), {"leaf_size": 16}) for n in (0, *SIZES)]
    calls += [Sample((rng.normal(size=(700, n)),)) for n in (0, 1, 5)]
    calls += [Sample((rng.integers(0, 3, (500, 2)).astype(np.float64),), {"leaf_size": 20})]
    return [*calls, Sample((rng.normal(size=(9000, 2)) * [1.0, 7.0],), {"leaf_size": 16})]


def _nearest(rng: np.random.Generator) -> list[Sample]:
    x = rng.normal(size=(600, 3))
    return [*nearest(rng, TREE), Sample((x, x, 8), TREE), Sample((x[:200], np.vstack([x, x]), 5))]


def _within(rng: np.random.Generator) -> list[Sample]:
    x = rng.normal(size=(1500, 2))
    return [*within(rng, TREE), *(Sample((x[:400], x, radius), TREE) for radius in (0.05, 0.7)), Sample((x, x, 0.1))]


ROWS = [
    Op(
        "kd_tree",
        _build,
        errors=[
            BadCall((np.zeros(3),), {}, ShapeError, r"expects a matrix \(points, features\), got shape \(3,\)"),
            BadCall((np.zeros((3, 2)),), {"leaf_size": 0}, ValueError, "leaf_size expects integers >= 1, got 0"),
        ],
    ),
    Op("nearest_neighbors", _nearest),
    Op("radius_neighbors", _within),
]
