"""Softmax and cross-entropy."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample


def _rows(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((5 * rng.normal(size=(3, n)),)) for n in SIZES]
    calls += [Sample((rng.normal(size=(2, 4, 5)),), {"axis": axis}) for axis in (0, 1, 2, -2)]
    calls += [Sample((rng.normal(size=7),)), Sample((np.zeros((0, 4)),)), Sample((np.zeros((3, 0)),))]
    calls += [Sample((rng.normal(size=(2000, 10)),)), Sample((rng.normal(size=(2, 9001)),))]
    return [*calls, Sample((np.array([[-1000.0, -1001.0, -999.0], [1000.0, 0.0, 1001.0]]),))]


def _extreme(rng: np.random.Generator) -> list[Sample]:
    """A masked row, one with NaN, one with +inf, and one of -inf alone: the last three are NaN throughout."""
    x = rng.normal(size=(4, 9))
    x[0, 2:5], x[1, 3], x[2, 8], x[3] = -np.inf, np.nan, np.inf, -np.inf
    return [Sample((x,)), Sample((np.array([[1e30, -1e30, 1e30]]),))]


def _labels(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((5 * rng.normal(size=(3, n)), rng.integers(0, n, 3))) for n in SIZES]
    calls += [Sample((rng.normal(size=(2, 3, 5)), rng.integers(0, 5, (2, 3)).astype(np.int32)))]
    calls += [Sample((rng.normal(size=5), np.int64(3))), Sample((np.zeros((0, 4)), np.zeros(0, np.int64)))]
    return [*calls, Sample((rng.normal(size=(3000, 10)), rng.integers(0, 10, 3000)))]


def _probabilities(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((5 * rng.normal(size=(3, n)), rng.dirichlet(np.ones(n), 3))) for n in SIZES]
    calls += [Sample((rng.normal(size=(2, 3, 5)), rng.uniform(size=(2, 3, 5)))), Sample((np.zeros((0, 4)),) * 2)]
    return [*calls, Sample((rng.normal(size=(2, 9001)), rng.dirichlet(np.ones(9001), 2)))]


def _masked(rng: np.random.Generator) -> list[Sample]:
    """A logit of -inf counts nothing where its target is zero."""
    return [Sample((np.array([[0.5, -np.inf, 1.0]]), np.array([[0.25, 0.0, 0.75]])))]


_X = np.zeros((5, 3))
_AXIS = BadCall((_X,), {"axis": 2}, ShapeError, r"axis 2 does not exist in an array of 2 dimensions")
_AXES = BadCall((_X,), {"axis": None}, ValueError, "axis expects integers, got None")
_KIND = BadCall((np.array(["a"]),), {}, DTypeError, "expects real numbers")
_NAN = np.full((5, 3), 0.5)
_NAN[3, 1] = np.nan

_LABEL_ERRORS = [
    BadCall((_X, np.array([0, 1, 2, 12, 0])), {}, ValueError, r"labels must lie in 0\.\.2, got 12 at position 3$"),
    BadCall((_X, np.array([0, 1, -1, 2, 0])), {}, ValueError, r"labels must lie in 0\.\.2, got -1 at position 2$"),
    BadCall((_X, np.full(5, 2**64 - 1, np.uint64)), {}, ValueError, "got 18446744073709551615 at position 0"),
    BadCall((_X, [[0], [1, 2]]), {}, ShapeError, "rectangular"),
    BadCall((_X, np.zeros(4, int)), {}, ShapeError, r"labels of shape \(5,\) for logits \(5, 3\), got \(4,\)"),
    BadCall((np.float64(1.0), np.array([0])), {}, ShapeError, r"expects logits \(\.\.\., classes\), got shape \(\)"),
    BadCall((np.zeros((2, 0)), np.zeros(2, int)), {}, ShapeError, r"expects logits .* got shape \(2, 0\)"),
]
_PROBABILITY_ERRORS = [
    BadCall((_X, np.zeros(5)), {}, ShapeError, r"probabilities of shape \(5, 3\), or integer labels of shape \(5,\)"),
    BadCall((_X, np.zeros((5, 4))), {}, ShapeError, r"got float64 of shape \(5, 4\)"),
    BadCall((_X, _NAN), {}, ValueError, r"targets must be probabilities, got nan at position \(3, 1\)"),
    BadCall((_X, np.full((5, 3), "a")), {}, DTypeError, "expects real numbers"),
]

ROWS = [
    Op("softmax", _rows, gradient=True, errors=[_AXIS, _AXES, _KIND]),
    Op("softmax", _extreme),
    Op("log_softmax", _rows, gradient=True, errors=[_AXIS, _AXES, _KIND]),
    Op("log_softmax", _extreme),
    Op("softmax_cross_entropy", _labels, gradient=True, errors=_LABEL_ERRORS),
    Op("softmax_cross_entropy", _probabilities, gradient=True, errors=_PROBABILITY_ERRORS),
    Op("softmax_cross_entropy", _masked),
]
