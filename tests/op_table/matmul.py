"""Matrix products."""

from __future__ import annotations

import itertools

import numpy as np

from nerve.errors import ShapeError

from .row import SIZES, BadCall, Op, Sample


def _matmul(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [Sample((n(size=(s, 5)), n(size=(5, s)))) for s in SIZES]
    calls += [Sample((n(size=(3, s)), n(size=(s, 4)))) for s in SIZES]
    shapes = {False: (7, 19), True: (19, 7)}, {False: (19, 37), True: (37, 19)}
    for a, b in itertools.product((False, True), repeat=2):
        calls.append(Sample((n(size=shapes[0][a]), n(size=shapes[1][b])), {"transpose_a": a, "transpose_b": b}))
        big = (n(size=(70, 300)[:: -1 if a else 1]), n(size=(300, 290)[:: -1 if b else 1]))
        calls.append(Sample(big, {"transpose_a": a, "transpose_b": b}))
    batches = [((4,), (4,)), ((4,), ()), ((), (4,)), ((2, 1), (3,)), ((2, 3), (1, 3)), ((0,), ()), ((1,), (5,))]
    calls += [Sample((n(size=(*a, 3, 6)), n(size=(*b, 6, 5)))) for a, b in batches]
    # Few rows or columns beside a long `inner`; rows of 4 KB; more than serial, thin and blocked products hold.
    for rows, inner, columns in (
        (1, 600, 130),
        (3, 70, 41),
        (8, 128, 70),
        (130, 65, 3),
        (20, 1024, 33),
        (200, 300, 600),
    ):
        for a, b in itertools.product((False, True), repeat=2):
            pair = n(size=(inner, rows) if a else (rows, inner)), n(size=(columns, inner) if b else (inner, columns))
            calls.append(Sample(pair, {"transpose_a": a, "transpose_b": b}))
    calls += [Sample((n(size=6), n(size=(6, 5)))), Sample((n(size=(3, 6)), n(size=6))), Sample((n(size=6), n(size=6)))]
    calls += [Sample((n(size=(2, 3, 6)), n(size=6))), Sample((n(size=6), n(size=(2, 6, 4))))]
    empty = [((0, 4), (4, 3)), ((3, 0), (0, 4)), ((3, 4), (4, 0))]
    return calls + [Sample((n(size=a), n(size=b))) for a, b in empty]


def _dense(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = []
    for activation in (None, "linear", "relu", "sigmoid", "tanh"):
        for rows, inner, columns in ((1, 3, 2), (9, 16, 33), (35, 270, 40), (3, 0, 4), (0, 3, 4)):
            calls.append(
                Sample((n(size=(rows, inner)), n(size=(inner, columns)), n(size=columns)), {"activation": activation})
            )
    # Dot products of few rows with one column or a few: the bias goes by column.
    for rows, columns in ((6, 1), (9, 1), (1, 1), (5, 3), (30, 4)):
        calls.append(Sample((n(size=(rows, 70)) / 8, n(size=(70, columns)), n(size=columns))))
    return [
        *calls,
        Sample((n(size=(2, 3, 4)), n(size=(4, 5)), n(size=5))),
        Sample((n(size=(2, 4)), n(size=(4, 5)), None)),
    ]


_A, _B = np.zeros((2, 3)), np.zeros((3, 4))
_ERRORS = [
    BadCall((_A, _A), {}, ShapeError, r"\[matmul\] inner sizes differ: 3 in \(2, 3\) and 2 in \(2, 3\)"),
    BadCall((_A, np.zeros((3, 4, 5))), {}, ShapeError, "inner sizes differ"),
    BadCall((np.zeros((2, 2, 3)), np.zeros((3, 3, 4))), {}, ShapeError, "batch dimensions do not broadcast"),
    BadCall((np.float64(1), _B), {}, ShapeError, "at least one dimension"),
    BadCall((_A, _B, np.zeros(3)), {}, ShapeError, r"bias expects shape \(4,\), got \(3,\)"),
    BadCall((_A, _B), {"activation": "step"}, ValueError, "activation expects one of"),
    BadCall((_A, _B), {"activation": ["relu"]}, ValueError, r"activation expects one of .*, got \['relu'\]"),
]

ROWS = [
    # Sums of up to 300 products of normals: the results are of order 17, so the absolute error is too.
    Op("matmul", _matmul, gradient=True, tolerance=20, errors=_ERRORS),
    Op("matmul", _dense, tolerance=20),
    Op("dense", _dense, gradient=True, tolerance=20),
]
