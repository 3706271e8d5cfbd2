"""Reductions."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample, exact


def _samples(rng: np.random.Generator, empty: bool) -> list[Sample]:
    calls = [Sample((rng.normal(size=n),)) for n in SIZES]
    calls += [Sample((rng.normal(size=(3, n)),), {"axis": -1}) for n in SIZES]
    calls += [Sample((rng.normal(size=(n, 5)),), {"axis": 0, "keepdims": True}) for n in SIZES]
    calls += [Sample((rng.normal(size=(3, 4, 5, 2)),), {"axis": axis}) for axis in (1, (0, 2), (1, 2), (0, 1, 3), None)]
    calls += [Sample((rng.normal(size=(5000, 3)),), {"axis": 0}), Sample((rng.normal(size=(2, 9001)),), {"axis": 1})]
    calls += [
        Sample((rng.normal(size=300_000),)),
        Sample((rng.normal(size=(4, 0)),), {"axis": 0}),
        Sample((np.asarray(rng.normal()),)),
    ]
    return calls + ([Sample((rng.normal(size=(0, 4)),), {"axis": 0}), Sample((np.zeros(0),))] if empty else [])


def _positions(rng: np.random.Generator) -> list[Sample]:
    ties = rng.integers(0, 3, size=(7, 33)).astype(float)
    nan = rng.normal(size=(3, 20))
    nan[1, [5, 9]] = np.nan
    calls = [Sample((rng.normal(size=(3, n)),), {"axis": 1}) for n in SIZES]
    calls += [Sample((x,), {"axis": axis}) for x in (ties, nan, np.full((2, 5), -np.inf)) for axis in (0, 1, None)]
    return [*calls, Sample((rng.normal(size=(3, 4, 5)),), {"axis": 1}), Sample((np.zeros((0, 3)),), {"axis": 1})]


def _right(rng: np.random.Generator) -> list[Sample]:
    """Labels that are right about half of the time, wrong, or no element's; ties and NaN."""
    calls = []
    for rows, columns in [(1, 1), (7, 3), (33, 10), (5, 130), (0, 4)]:
        x = rng.normal(size=(rows, columns))
        labels = np.where(rng.random(rows) < 0.5, x.argmax(axis=1), rng.integers(-1, columns + 1, size=rows))
        calls.append(Sample((x, labels)))
    ties = rng.integers(0, 3, size=(40, 6)).astype(float)
    ties[::5, 2] = np.nan
    ties[::10, 4] = np.nan
    calls += [Sample((ties, np.full(40, label))) for label in range(6)]
    return [*calls, Sample((rng.normal(size=(2, 3, 4)), rng.integers(0, 4, size=(2, 3)))), Sample((np.ones(3), 0))]


def _totals(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [Sample((exact(1.5, 2.0), n(size=size))) for size in (*SIZES, 0, 1000)]
    calls += [Sample((exact(0, 0), n(size=size), n(size=size) ** 2)) for size in SIZES]
    shapes = [((3, 4, 5), None), ((3, 4, 5), (3,)), ((3, 4, 5), (3, 4)), ((3, 4, 5), (3, 4, 5)), ((), None)]
    return calls + [Sample((exact(0, 0), n(size=v), None if w is None else n(size=w))) for v, w in shapes]


_X = np.zeros((2, 3))
_ERRORS = [
    BadCall((_X,), {"axis": 2}, ShapeError, r"axis 2 does not exist in an array of 2 dimensions"),
    BadCall((_X,), {"axis": 1.0}, ValueError, "axis expects integers, got 1.0"),
    BadCall((_X,), {"axis": (0, -2)}, ShapeError, "named twice"),
    BadCall((np.array(["a"]),), {}, DTypeError, "expects real numbers"),
    BadCall((np.zeros(3, complex),), {}, DTypeError, "complex128"),
]
_RIGHT_ERRORS = [
    BadCall((_X, np.zeros(3, np.int64)), {}, ShapeError, r"a label for each row of \(2, 3\), got shape \(3,\)"),
    BadCall((_X, np.zeros(2)), {}, DTypeError, "labels of int64, got dtype float64"),
    BadCall((np.array("a"), 0), {}, DTypeError, "expects real numbers"),
]
_TOTALS_ERRORS = [
    BadCall((np.zeros(3), _X), {}, DTypeError, r"totals of float64 and shape \(2,\)"),
    BadCall((np.zeros(2), _X, np.zeros(3)), {}, ShapeError, r"weights of shape \(3,\) do not fit values of \(2, 3\)"),
    BadCall((np.zeros(2), np.array(["a"])), {}, DTypeError, "expects real numbers"),
]
_NOTHING = BadCall((np.zeros((0, 3)),), {"axis": 0}, ShapeError, "of no elements")

ROWS = [
    # A sum of n values near one has a result of about sqrt(n): observed error 4e-5 of 300,000 terms in float32.
    Op("sum", lambda rng: _samples(rng, True), gradient=True, tolerance=30, errors=_ERRORS),
    Op("mean", lambda rng: _samples(rng, False), gradient=True, errors=_ERRORS),
    Op("max", lambda rng: _samples(rng, False), gradient=True, errors=[*_ERRORS, _NOTHING]),
    Op("min", lambda rng: _samples(rng, False), gradient=True, errors=[*_ERRORS, _NOTHING]),
    Op("argmax", _positions, errors=[*_ERRORS[:2], _ERRORS[3], _NOTHING]),
    Op("argmin", _positions, errors=[*_ERRORS[:2], _ERRORS[3], _NOTHING]),
    Op("argmax_is", _right, errors=_RIGHT_ERRORS),
    Op("accumulate_mean", _totals, errors=_TOTALS_ERRORS, in_place=(0,), own_dtype=True),
]
