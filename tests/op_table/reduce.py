"""Reductions."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample


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


_X = np.zeros((2, 3))
_ERRORS = [
    BadCall((_X,), {"axis": 2}, ShapeError, r"axis 2 does not exist in an array of 2 dimensions"),
    BadCall((_X,), {"axis": 1.0}, ValueError, "axis expects integers, got 1.0"),
    BadCall((_X,), {"axis": (0, -2)}, ShapeError, "named twice"),
    BadCall((np.array(["a"]),), {}, DTypeError, "expects real numbers"),
    BadCall((np.zeros(3, complex),), {}, DTypeError, "complex128"),
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
]
