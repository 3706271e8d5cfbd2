"""Moving elements."""

from __future__ import annotations

import itertools

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample


def _transpose(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=(m, n)),)) for m in (1, 3, 16, 33) for n in SIZES]
    calls += [Sample((rng.normal(size=(2, 3, 4, 5)),), {"axes": axes}) for axes in itertools.permutations(range(4))]
    calls += [Sample((rng.normal(size=shape),)) for shape in ((), (5,), (0, 3), (2, 1, 3), (300, 1, 70), (67, 515))]
    calls += [
        Sample((rng.normal(size=(2, 20, 18, 17)), (0, -1, 1, 2))),
        Sample((rng.normal(size=(70, 2, 65)), (2, 1, 0))),
    ]
    return [*calls, Sample((rng.normal(size=(2, 1, 2, 2, 1, 3, 2, 2)), (7, 1, 4, 0, 2, 5, 3, 6)))]


def _broadcast_to(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=n), (3, n))) for n in SIZES] + [
        Sample((rng.normal(size=(n, 1)), (n, 17))) for n in SIZES
    ]
    calls += [Sample((rng.normal(size=(2, 1, 3, 1)), (4, 2, 5, 3, 6))), Sample((np.asarray(rng.normal()), (2, 3)))]
    return [*calls, Sample((np.zeros((0, 1)), (0, 4))), Sample((rng.normal(size=(3, 1)), (3, 20_000)))]


def _getitem(rng: np.random.Generator) -> list[Sample]:
    x = rng.normal(size=(6, 7, 35))
    indices = [
        2, -1, slice(1, 4), slice(None, None, -1), (slice(4, 0, -2), 3), (..., 0), (..., None, slice(None, None, 3)),
        (None, 1, ..., -2), (0, 1, 2), (slice(3, 3),), (), ...,
        (slice(None), slice(None, None, 2), slice(30, None, -4)), (slice(None), slice(1, 2), slice(None, None, -1)),
        (slice(-100, 100), -7),
    ]  # fmt: skip
    calls = [Sample((x, index)) for index in indices]
    return [
        *calls,
        Sample((rng.normal(size=(9, 3000)), (slice(1, 8, 2), slice(1, None)))),
        Sample((np.asarray(rng.normal()), ())),
    ]


def _concatenate(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample(([rng.normal(size=(3, n)), rng.normal(size=(3, 4))],), {"axis": -1}) for n in SIZES]
    calls += [
        Sample(([rng.normal(size=(n, 3)) for n in (2, 0, 5)],), {"axis": 0}),
        Sample(([rng.normal(size=4)],), {"axis": 0}),
    ]
    calls += [Sample(([rng.normal(size=(2, n, 3, 2)) for n in (1, 4)],), {"axis": axis}) for axis in (1, -3)]
    return [*calls, Sample(([rng.normal(size=(90, 300)), rng.normal(size=(90, 41))],), {"axis": 1})]


def _take(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=(6, n)), rng.integers(-6, 6, 9)), {"axis": 0}) for n in SIZES]
    calls += [
        Sample((rng.normal(size=(3, 5, 4)), rng.integers(0, 5, (2, 3)).astype(np.int32)), {"axis": axis})
        for axis in (1, -2)
    ]
    calls += [
        Sample((rng.normal(size=(4, 5)), rng.integers(0, 5, 7)), {"axis": 1}),
        Sample((rng.normal(size=4), np.int64(2)), {"axis": 0}),
    ]
    calls += [Sample((rng.normal(size=(4, 5)), np.zeros((0, 2), np.int64)), {"axis": 0})]
    calls += [Sample((np.zeros((4, 0)), np.array([1])), {"axis": 0})]
    return [*calls, Sample((rng.normal(size=(50, 200)), rng.integers(0, 50, 400)), {"axis": 0})]


def _take_backward(rng: np.random.Generator) -> list[Sample]:
    """Many gradients for few rows."""
    calls = [
        Sample((rng.normal(size=(300, n)), rng.integers(-7, 7, 300)), {"input_shape": (7, n)}) for n in (1, 8, 33, 200)
    ]
    calls += [Sample((rng.normal(size=(3, 40, 5)), rng.integers(0, 9, 40)), {"input_shape": (3, 9, 5), "axis": 1})]
    return [*calls, Sample((np.zeros((0, 4)), np.zeros(0, int)), {"input_shape": (3, 4)})]


def _take_backward_rows(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.normal(size=(40, n)), rng.integers(-9, 9, 40)), {"input_shape": (9, n)}) for n in SIZES]
    calls += [Sample((rng.normal(size=(3, 4, 2)), np.arange(12).reshape(3, 4)[::-1]), {"input_shape": (70_000, 2)})]
    calls += [Sample((rng.normal(size=(900, 70)), rng.integers(0, 300, 900)), {"input_shape": (300, 70)})]
    return [*calls, Sample((np.zeros((0, 4)), np.zeros(0, int)), {"input_shape": (3, 4)})]


def _one_hot(rng: np.random.Generator) -> list[Sample]:
    calls = [Sample((rng.integers(0, n, 5), n), {"dtype": "float32"}) for n in SIZES]
    calls += [Sample((rng.integers(0, 4, (2, 3)).astype(np.int32), 4), {"dtype": "float32"})]
    return [*calls, Sample((np.zeros(0, int), 3), {"dtype": "float32"}), Sample(([2, 0], 3), {"dtype": "float32"})]


def _reshape(rng: np.random.Generator) -> list[Sample]:
    return [Sample((rng.normal(size=(2, 6)), shape)) for shape in ((3, 4), (-1,), -1, (2, -1, 2), (12, 1))]


_X = np.arange(12.0).reshape(3, 4)


ROWS = [
    Op(
        "transpose",
        _transpose,
        gradient=True,
        errors=[
            BadCall((_X, (0, 0)), {}, ShapeError, "named twice"),
            BadCall((_X, (1,)), {}, ShapeError, r"axes \(1,\) do not name every axis of an array of shape \(3, 4\)"),
            BadCall((_X, (1.0, 0)), {}, ValueError, "axes expects integers, got 1.0"),
            BadCall((_X, (0, 2)), {}, ShapeError, "axis 2 does not exist"),
        ],
    ),
    Op(
        "broadcast_to",
        _broadcast_to,
        gradient=True,
        errors=[
            BadCall((_X, (3, 5)), {}, ShapeError, r"cannot broadcast shape \(3, 4\) to \(3, 5\)"),
            BadCall((_X, (4,)), {}, ShapeError, "cannot broadcast"),
            BadCall((_X, None), {}, ValueError, "shape expects integers, got None"),
            BadCall((_X, (-3, 4)), {}, ValueError, "shape expects integers >= 0, got -3"),
            BadCall((_X, (2,) * 7 + (3, 4)), {}, ShapeError, "at most 8 dimensions"),
        ],
    ),
    Op(
        "getitem",
        _getitem,
        gradient=True,
        errors=[
            BadCall((_X, 3), {}, IndexError, r"out of bounds.*shape \(3, 4\)"),
            BadCall((_X, (0, 0, 0)), {}, IndexError, "too many indices"),
            BadCall((_X, [0, 1]), {}, IndexError, r"got \[0, 1\]; use take for arrays of indices"),
            BadCall((_X, 1.0), {}, IndexError, "expects integers, slices, None and Ellipsis, got 1.0"),
            BadCall((_X, True), {}, IndexError, "got True"),
        ],
    ),
    Op(
        "concatenate",
        _concatenate,
        gradient=True,
        errors=[
            BadCall(([],), {}, ShapeError, "at least one array"),
            BadCall((None,), {}, DTypeError, "a list of arrays, got NoneType"),
            BadCall(([_X, None],), {}, DTypeError, "got None"),
            BadCall(([_X],), {"axis": "0"}, ValueError, "axis expects integers, got '0'"),
            BadCall(([_X, _X[:2]],), {"axis": 1}, ShapeError, r"got \(3, 4\) and, at position 1, \(2, 4\)"),
            BadCall(([_X, _X[0]],), {"axis": 0}, ShapeError, "at position 1"),
            BadCall(([_X],), {"axis": 2}, ShapeError, "axis 2 does not exist"),
        ],
    ),
    Op(
        "take",
        _take,
        gradient=True,
        errors=[
            BadCall(
                (_X, np.array([0, 7])), {}, IndexError, "index 7 at position 1 is out of range for axis 0 of size 3"
            ),
            BadCall((_X, np.array([[0], [-5]])), {"axis": 1}, IndexError, r"index -5 at position \(1, 0\)"),
            BadCall((_X, np.array([2**64 - 1], np.uint64)), {}, IndexError, "index 18446744073709551615 at position 0"),
            BadCall((_X, np.array([0])), {"axis": 0.0}, ValueError, "axis expects integers, got 0.0"),
            BadCall((_X, [[0], [1, 2]]), {}, ShapeError, "rectangular"),
            BadCall((_X, np.array([0.0])), {}, DTypeError, "expects indices of int32 or int64, got dtype float64"),
            BadCall((_X, np.array([True])), {}, DTypeError, "got dtype bool"),
        ],
    ),
    Op(
        "take_backward",
        _take_backward,
        # Sums of about fifty terms: observed error 4e-6 in float32.
        tolerance=10,
        errors=[
            BadCall(
                (_X, np.array([0, 1])), {"input_shape": (5, 4)}, ShapeError, r"gradient of shape \(2, 4\), got \(3, 4\)"
            ),
            BadCall(
                (_X, np.array([0, 1])), {"input_shape": None}, ValueError, "input_shape expects integers, got None"
            ),
            BadCall((_X, np.array([0, 1, 5])), {"input_shape": (5, 4)}, IndexError, "index 5 at position 2"),
        ],
    ),
    Op(
        "take_backward_rows",
        _take_backward_rows,
        tolerance=10,  # as above
        errors=[
            BadCall((_X, np.array([0, 1])), {"input_shape": (5, 4)}, ShapeError, r"of shape \(2, 4\), got \(3, 4\)"),
            BadCall((_X, np.array([0, 1, 5])), {"input_shape": (5, 4)}, IndexError, "index 5 at position 2"),
        ],
    ),
    Op(
        "one_hot",
        _one_hot,
        errors=[
            BadCall((np.array([0, 3]), 3), {}, ValueError, r"labels must lie in 0\.\.2, got 3 at position 1"),
            BadCall((np.array([0.0]), 3), {}, DTypeError, "expects labels of int32 or int64, got dtype float64"),
            BadCall((np.array([0]), 0), {}, ValueError, "n_classes expects integers >= 1"),
            BadCall((np.array([0]), 3, "int64"), {}, DTypeError, "float32 or float64"),
        ],
    ),
    Op(
        "reshape",
        _reshape,
        gradient=True,
        errors=[
            BadCall((_X, (5, -1)), {}, ShapeError, r"cannot make shape \(5, -1\) of 12 elements of shape \(3, 4\)"),
            BadCall((_X, (-1, -1)), {}, ShapeError, "cannot make shape"),
            BadCall((_X, (3, 5)), {}, ShapeError, "cannot make shape"),
            BadCall((_X, (-3, -4)), {}, ShapeError, "cannot make shape"),
        ],
    ),
]
