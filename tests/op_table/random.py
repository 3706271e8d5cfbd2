"""Random numbers; tests/test_random.py has their statistics."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError

from .row import SIZES, BadCall, Op, Sample


def _uniform(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((n,), {"low": -1.0, "high": 3.0, "seed": 7, "offset": n, "dtype": "float32"}) for n in SIZES]
    calls += [Sample(((2, 3, 4),), {"seed": 2**64 - 1, "offset": 2**64 - 2, "dtype": "float32"})]
    calls += [Sample((shape,), {"seed": 0, "dtype": "float32"}) for shape in ((), (0,), (3, 0), 40_000)]
    return [*calls, Sample((9,), {"low": 2.5, "high": 2.5, "seed": 1, "dtype": "float32"})]


def _normal(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((n,), {"mean": -1.0, "stddev": 3.0, "seed": 7, "offset": n, "dtype": "float32"}) for n in SIZES]
    return [*calls, *(Sample((shape,), {"seed": 1, "dtype": "float32"}) for shape in ((), (0, 2), 40_000))]


def _dropout(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=n),), {"rate": 0.3, "seed": 7, "offset": n}) for n in SIZES]
    calls += [Sample((rng.normal(size=shape),), {"rate": 0.5, "seed": 1}) for shape in ((), (0, 2), (3, 5, 7), 40_000)]
    calls += [Sample((rng.normal(size=20),), {"rate": rate, "seed": 1}) for rate in (0.0, 0.999)]
    return calls


def _infinite(rng: np.random.Generator) -> list[Sample]:
    """What is dropped is zero, whatever it was."""
    return [Sample((np.tile([np.nan, np.inf, -np.inf, 1.0], 8),), {"rate": 0.5, "seed": 3})]


_STREAM = [
    BadCall((3,), {"seed": -1}, ValueError, "seed expects integers >= 0, got -1"),
    BadCall((3,), {"seed": 2**64}, ValueError, "seed expects integers <= 18446744073709551615"),
    BadCall((3,), {"seed": 0, "offset": -3}, ValueError, "offset expects integers >= 0, got -3"),
    BadCall((3,), {"seed": 0, "dtype": "int32"}, DTypeError, "float32 or float64, got dtype 'int32'"),
    BadCall((3,), {"seed": 0, "dtype": "fast"}, DTypeError, "float32 or float64, got dtype 'fast'"),
    BadCall((3,), {"seed": 0, "dtype": None}, DTypeError, "float32 or float64, got dtype None"),
    BadCall((None,), {"seed": 0}, ValueError, "shape expects integers, got None"),
    BadCall(((2, -1),), {"seed": 0}, ValueError, "shape expects integers >= 0, got -1"),
    BadCall(((1,) * 9,), {"seed": 0}, ValueError, "at most 8 dimensions, got 9"),
]

ROWS = [
    Op(
        "random_uniform",
        _uniform,
        errors=[
            *_STREAM,
            BadCall((3,), {"low": 1.0, "high": 0.0, "seed": 0}, ValueError, "finite low <= high"),
            BadCall((3,), {"low": "a", "seed": 0}, ValueError, "low expects a number, got 'a'"),
            BadCall((3,), {"low": float("nan"), "seed": 0}, ValueError, "finite low <= high"),
            BadCall((3,), {"low": -3e38, "high": 3e38, "seed": 0}, ValueError, "finite low <= high"),
        ],
    ),
    Op(
        "random_normal",
        _normal,
        errors=[
            *_STREAM,
            BadCall((3,), {"stddev": -1.0, "seed": 0}, ValueError, "stddev >= 0"),
            BadCall((3,), {"stddev": [1.0], "seed": 0}, ValueError, r"stddev expects a number, got \[1.0\]"),
            BadCall((3,), {"mean": float("inf"), "seed": 0}, ValueError, "finite mean"),
        ],
    ),
    Op(
        "dropout",
        _dropout,
        gradient=True,
        errors=[
            BadCall((np.ones(3),), {"rate": 1.0, "seed": 0}, ValueError, r"rate must be in \[0, 1\), got 1.0"),
            BadCall((np.ones(3),), {"rate": None, "seed": 0}, ValueError, "rate expects a number, got None"),
            BadCall((np.ones(3),), {"rate": float("nan"), "seed": 0}, ValueError, "rate must be in"),
            BadCall((np.ones(3),), {"rate": 0.5, "seed": -1}, ValueError, "seed expects integers >= 0"),
            BadCall((np.ones(3, complex),), {"rate": 0.5, "seed": 0}, DTypeError, "complex128"),
        ],
    ),
    Op("dropout", _infinite),
]
