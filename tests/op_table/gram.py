"""Products of a matrix with itself."""

from __future__ import annotations

import numpy as np

from nerve.errors import ShapeError

from .row import SIZES, BadCall, Op, Sample

# Around the panels' width; more than one block of columns; several slabs of rows, and a rest.
SHAPES = [
    *((7, columns) for columns in SIZES),
    *((rows, 5) for rows in SIZES),
    (300, 70), (257, 33), (40, 600), (2, 530), (9000, 9), (20_000, 2), (4500, 130), (0, 3), (3, 0),
]  # fmt: skip


def _gram(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=shape),)) for shape in SHAPES]
    return [*calls, *(Sample((rng.normal(size=shape[::-1]).T,)) for shape in SHAPES)]


def _covariance(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=shape),)) for shape in SHAPES if shape[0] != 1]
    calls += [Sample((rng.normal(size=shape[::-1]).T,), {"ddof": 0}) for shape in SHAPES]
    return [*calls, *_no_sample(rng)]


def _no_sample(rng: np.random.Generator) -> list[Sample]:
    """Rows from which the means cannot be guessed, constant columns, and columns with NaN and infinity."""
    x = rng.normal(size=(5000, 4))
    x[:, 0] = 3.7
    x[(np.arange(256) * (5000 // 256)), 1] += 100
    nan = rng.normal(size=(600, 5))
    nan[7, 1], nan[300, 3] = np.nan, np.inf
    return [Sample((x,)), Sample((nan,))]


def _far_from_zero(rng: np.random.Generator) -> list[Sample]:
    """Means much larger than the deviation, where sums of squares would cancel to nothing in float32."""
    return [Sample((rng.normal(1e4, 1, size=shape),)) for shape in ((9000, 3), (3001, 70), (50, 300))]


_ERRORS = [
    BadCall((np.zeros(3),), {}, ShapeError, r"expects a matrix, got shape \(3,\)"),
    BadCall((np.zeros((2, 3, 4)),), {}, ShapeError, r"expects a matrix, got shape \(2, 3, 4\)"),
]

ROWS = [
    # Sums of up to 20,000 products of normals: observed errors are 5e-5 where results are of order 100.
    Op("gram", _gram, tolerance=50, errors=_ERRORS),
    # Of the 5000 rows some are 100 deviations away.
    Op("covariance", _covariance, tolerance=10, errors=_ERRORS),
    # x itself is rounded to 5e-4 of a deviation in float32, and each difference from the mean again.
    Op("covariance", _far_from_zero, tolerance=100),
]
