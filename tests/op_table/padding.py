"""Padding with numbers and with mirrored elements."""

from __future__ import annotations

import numpy as np

from nerve.errors import ShapeError

from .row import SIZES, BadCall, Op, Sample


def _constant(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [Sample((n(size=(3, size)), ((1, 2), (0, 3)))) for size in SIZES]
    calls += [Sample((n(size=(size, 3)), ((2, 0), (1, 1))), {"constant_values": -1.5}) for size in SIZES]
    calls += [Sample((n(size=(2, 5, 4, 9)), ((0, 0), (1, 2), (3, 0), (0, 0)))), Sample((n(size=4), ((0, 0),)))]
    calls += [Sample((n(size=(2, 3, 9000)), ((0, 1), (1, 0), (9, 20_000)))), Sample((np.asarray(n()), ()))]
    calls += [Sample((n(size=(4, 8)), ((1, 0), (4, 12)))), Sample((n(size=(0, 2)), ((1, 1), (0, 1))))]
    return [*calls, Sample((n(size=(2, 1, 3)), ((0, 1), (9, 0), (1, 0)))), Sample((n(size=(2, 0)), ((0, 1), (0, 0))))]


def _mirrored(rng: np.random.Generator) -> list[Sample]:
    n, calls = rng.normal, []
    for mode, edge in (("reflect", 1), ("symmetric", 0)):
        options = {"mode": mode}
        for size in SIZES:
            calls.append(Sample((n(size=(3, size)), ((1, 2), (size - edge, size // 2))), options))
            calls.append(Sample((n(size=(4, 2, size)), ((2, 3), (0, 1), (0, 0))), options))
        calls += [
            Sample((n(size=(2, 5, 4, 3)), ((0, 0), (1, 2), (3, 0), (0, 0))), options),
            Sample((n(size=(3, 2, 5, 4)), ((0, 2), (1, 1), (2, 3), (1, 0))), options),
            Sample((n(size=(2, 20_000)), ((0, 0), (9000, 17_000))), options),
            Sample((n(size=(3, 20_000)), ((2, 1), (0, 0))), options),
            Sample((n(size=(0, 4, 3)), ((0, 0), (2, 1), (0, 0))), options),
            Sample((n(size=4), ((0, 0),)), options),
        ]
    return calls


def _backward(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for sample in [*_constant(rng), *_mirrored(rng)]:
        x, widths = sample.args
        shape = [size + sum(width) for size, width in zip(x.shape, widths, strict=True)]
        options = {key: value for key, value in sample.kwargs.items() if key == "mode"}
        calls.append(Sample((rng.normal(size=shape), widths), options))
    return calls


_X, _W = np.arange(12.0).reshape(3, 4), ((1, 1), (1, 0))
_SHARED = [
    BadCall((_X, ((1, 1),)), {}, ShapeError, "pad_width expects 2 pairs, one for each axis, got 1"),
    BadCall((_X, ((1, 1), (-1, 0))), {}, ValueError, "pad_width expects integers >= 0, got -1"),
    BadCall((np.zeros((2,) * 9), ((1, 0),) * 9), {}, ShapeError, "at most 8 dimensions, got 9"),
]
_ERRORS = [
    *_SHARED,
    BadCall((_X, _W), {"constant_values": "0"}, ValueError, "constant_values expects a number"),
    BadCall((_X, _W), {"mode": "edge"}, ValueError, r"mode expects one of \['constant', .*\], got 'edge'"),
    BadCall((_X, ((0, 3), (0, 0))), {"mode": "reflect"}, ShapeError, "cannot mirror 3 of the 3 elements of axis 0"),
    BadCall((_X, ((0, 0), (5, 0))), {"mode": "symmetric"}, ShapeError, "cannot mirror 5 of the 4 elements of axis 1"),
]
_GRAD_ERRORS = [
    *_SHARED,
    BadCall((_X, ((2, 2), (0, 0))), {}, ShapeError, r"a gradient of shape \(3, 4\) has no room for the borders"),
    BadCall((_X, ((0, 2), (0, 0))), {"mode": "reflect"}, ShapeError, "cannot mirror 2 of the 1 elements of axis 0"),
]

ROWS = [
    Op("pad", _constant, gradient=True, errors=_ERRORS),
    Op("pad", _mirrored, gradient=True),
    Op("pad_backward", _backward, errors=_GRAD_ERRORS),
]
