"""Elementwise functions, their gradients, and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample, exact

Domain = tuple[float, float]

#: Every function of one array, and where to try it.
UNARY: dict[str, Domain] = {
    "negative": (-3, 3),
    "absolute": (-3, 3),
    "sign": (-3, 3),
    "square": (-3, 3),
    "sqrt": (0.01, 9),
    "rsqrt": (0.01, 9),
    "reciprocal": (0.2, 5),
    "exp": (-5, 3),
    "expm1": (-5, 3),
    "log": (0.01, 9),
    "log1p": (-0.9, 9),
    "sin": (-9, 9),
    "cos": (-9, 9),
    "tanh": (-5, 5),
    "erf": (-4, 4),
    "sigmoid": (-9, 9),
    "relu": (-3, 3),
    "relu6": (-3, 9),
    "selu": (-5, 3),
    "gelu": (-6, 6),
    "gelu_tanh": (-6, 6),
    "silu": (-9, 9),
    "softplus": (-9, 9),
    "softsign": (-9, 9),
    "hard_sigmoid": (-5, 5),
    "floor": (-9, 9),
    "ceil": (-9, 9),
    "round": (-9, 9),
    "leaky_relu": (-3, 3),
    "elu": (-5, 3),
}
WITH_SLOPE = {"leaky_relu": "negative_slope", "elu": "alpha"}
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 6.0, 3.0, -3.0])


def _inputs(rng: np.random.Generator, domain: Domain) -> Iterator[np.ndarray]:
    yield from (rng.uniform(*domain, size=size) for size in SIZES)
    yield rng.uniform(*domain, size=(3, 5, 7))
    yield rng.uniform(*domain, size=40_001)  # several blocks, the last one odd
    yield np.zeros((0,))
    yield np.zeros((3, 0, 2))
    yield np.float64(rng.uniform(*domain))
    yield SPECIAL


def _unary(name: str) -> Callable[[np.random.Generator], list[Sample]]:
    def samples(rng: np.random.Generator) -> list[Sample]:
        calls = [Sample((x,)) for x in _inputs(rng, UNARY[name])]
        if name in WITH_SLOPE:
            calls.append(Sample((rng.uniform(*UNARY[name], size=33),), {WITH_SLOPE[name]: 0.3}))
        return calls

    return samples


def _backward(name: str) -> Callable[[np.random.Generator], list[Sample]]:
    def samples(rng: np.random.Generator) -> list[Sample]:
        from nerve import kernels

        calls = []
        for x in _inputs(rng, UNARY[name]):
            kwargs = {WITH_SLOPE[name]: 0.3} if name in WITH_SLOPE else {}
            calls.append(Sample((rng.normal(size=x.shape), x, getattr(kernels, name)(x, **kwargs)), kwargs))
        return calls

    return samples


# Shapes that meet: equal, repeated along any axis of either operand or of both, of different ranks, with long rows and
# short ones, planes that fill a layout of short rows several times over, and nothing at all.
SHAPES = [
    *(((size,), (size,)) for size in SIZES),
    *(((3, size), (size,)) for size in SIZES),
    *(((size, 3), (size, 1)) for size in SIZES),
    *(((size, 1), (1, size)) for size in SIZES),
    *(((size,), ()) for size in SIZES),
    ((), (5, 3)), ((), ()), ((1,), (1, 1, 1)), ((1, 7), (5, 1)),
    ((2, 3, 4, 5), (4, 5)), ((2, 3, 4, 5), (3, 1, 5)), ((2, 3, 4, 5), (2, 1, 4, 1)), ((2, 1, 4, 1), (1, 3, 1, 5)),
    ((4, 1, 300), (3, 1)), ((1, 3, 300), (4, 1, 1)), ((7, 129), (129,)), ((128, 127), (128, 1)),
    ((6000, 3), (3,)), ((6000, 3), (6000, 1)), ((3,), (6000, 1)), ((5, 700, 3), (700, 1)), ((5, 700, 3), (5, 1, 3)),
    ((900, 2, 3), (2, 1)), ((900, 2, 3), (900, 1, 3)), ((1, 2, 3), (900, 1, 1)),
    ((40_001,), ()), ((40_001,), (40_001,)), ((2, 20_001), (20_001,)), ((2, 20_001), (2, 1)),
    ((2, 1, 2, 1, 2, 1, 2, 3), (1, 2, 1, 2, 1, 2, 1, 3)),
    ((0,), (0,)), ((0, 3), (3,)), ((3, 0), (3, 1)), ((3, 1), (1, 0)), ((0,), ()), ((2, 0, 3), (1, 3)),
]  # fmt: skip


def _binary(low: float, high: float) -> Callable[[np.random.Generator], list[Sample]]:
    def samples(rng: np.random.Generator) -> list[Sample]:
        calls = [Sample((rng.uniform(low, high, size=a), rng.uniform(low, high, size=b))) for a, b in SHAPES]
        calls += [Sample((rng.uniform(low, high, size=17), 2.0)), Sample((2, rng.uniform(low, high, size=17)))]
        return [*calls, Sample((SPECIAL[:, None], SPECIAL))]

    return samples


def _compare(rng: np.random.Generator) -> list[Sample]:
    """Small integers, so that many are equal."""
    calls = [Sample((rng.integers(0, 3, size=a) * 0.5, rng.integers(0, 3, size=b) * 0.5)) for a, b in SHAPES]
    return [*calls, Sample((SPECIAL[:, None], SPECIAL)), Sample((np.arange(7.0), 3))]


def _where(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [Sample((n(size=size) > 0, n(size=size), n(size=size))) for size in (*SIZES, 0, 40_001)]
    shapes = [((3, 1), (5,), ()), ((5,), (3, 1), (3, 5)), ((), (3, 5), (5,)), ((2, 3), (), ()), ((3, 0), (1,), (3, 1))]
    calls += [Sample((n(size=c) > 0, n(size=a), n(size=b))) for c, a, b in shapes]
    return [*calls, Sample((np.array([True, False, True]), 1.0, n(size=3)))]


def _cast(rng: np.random.Generator) -> list[Sample]:
    """Every pair of types; whole and broken numbers of either sign."""
    values = [rng.normal(scale=9, size=size) for size in (*SIZES, 0, 40_001)] + [np.array(-2.5)]
    calls = [Sample((x, dtype)) for x in values for dtype in ("float32", "float64", "int64", "bool")]
    others = [rng.integers(-9, 9, size=(3, 5)), rng.integers(0, 9, size=7).astype(np.uint8), rng.normal(size=9) > 0]
    others.append(exact(-1.5, 0.0, 2.25))
    return calls + [Sample((x, dtype)) for x in others for dtype in ("float32", "float64", "int64", "bool")]


_X = np.ones((2, 3))
_READ_ONLY = np.ones((2, 3))
_READ_ONLY.flags.writeable = False


def _input_errors(rest: tuple[np.ndarray, ...] = ()) -> list[BadCall]:
    return [
        BadCall((np.array(["a"]), *rest), {}, DTypeError, "expects real numbers"),
        BadCall((_X + 1j, *rest), {}, DTypeError, "complex128"),
        BadCall((None, *rest), {}, DTypeError, "an array of real numbers, got None"),
        BadCall(([[1.0], [1.0, 2.0]], *rest), {}, ShapeError, "rectangular"),
    ]


def _out_errors(args: tuple[np.ndarray, ...]) -> list[BadCall]:
    return [
        BadCall(args, {"out": np.ones((3, 2))}, ShapeError, r"out of shape \(2, 3\), got \(3, 2\)"),
        BadCall(args, {"out": np.ones((2, 3), np.float32)}, DTypeError, "out of dtype float64, got float32"),
        BadCall(args, {"out": np.ones((3, 2)).T}, ValueError, "C-contiguous"),
        BadCall(args, {"out": _READ_ONLY}, ValueError, "writeable"),
        BadCall(args, {"out": [1.0]}, TypeError, "an array as out, got list"),
    ]


_UNARY_ERRORS = [*_input_errors(), *_out_errors((_X,))]
_SLOPE_ERRORS = {
    name: [*_input_errors(), BadCall((_X,), {slope: "steep"}, ValueError, f"{slope} expects a number, got 'steep'")]
    for name, slope in WITH_SLOPE.items()
}
_BACKWARD_ERRORS = [
    BadCall((_X, _X, np.ones(3)), {}, ShapeError, r"of one shape, got \(2, 3\), \(2, 3\) and \(3,\)"),
    BadCall((_X, np.ones((3, 2)), _X), {}, ShapeError, "of one shape"),
]
_SHAPE_ERRORS = [
    BadCall((_X, np.ones(2)), {}, ShapeError, r"shapes \(2, 3\) and \(2,\) do not broadcast"),
    BadCall((np.ones((0, 3)), np.ones((2, 3))), {}, ShapeError, "do not broadcast"),
    BadCall((np.ones((1,) * 9), _X), {}, ShapeError, "at most 8 dimensions"),
    *_input_errors((_X,)),
]
_BINARY_ERRORS = [*_SHAPE_ERRORS, *_out_errors((_X, np.ones(3)))]
_CAST_ERRORS = [
    BadCall((_X,), {"dtype": "int32"}, DTypeError, "into float32, float64, int64 or bool, got float64 and int32"),
    BadCall((_X + 1j,), {"dtype": "float32"}, DTypeError, "complex128"),
    BadCall(([[1.0], [1.0, 2.0]],), {"dtype": "float32"}, ShapeError, "rectangular"),
]
_WHERE_ERRORS = [
    BadCall((_X, _X, _X), {}, DTypeError, "a condition of booleans, got dtype float64"),
    BadCall(([[True], [True, False]], _X, _X), {}, ShapeError, "rectangular"),
    BadCall((_X > 0, _X, np.ones(2)), {}, ShapeError, r"shapes \(2, 3\), \(2, 3\) and \(2,\) do not broadcast"),
    BadCall((_X > 0, _X, np.array("a")), {}, DTypeError, "expects real numbers"),
]

ROWS = [
    *(Op(name, _unary(name), gradient=True, errors=_SLOPE_ERRORS.get(name, _UNARY_ERRORS)) for name in UNARY),
    *(Op(f"{name}_backward", _backward(name), errors=_BACKWARD_ERRORS) for name in UNARY),
    Op("add", _binary(-3, 3), gradient=True, errors=_BINARY_ERRORS),
    Op("subtract", _binary(-3, 3), gradient=True, errors=_BINARY_ERRORS),
    Op("multiply", _binary(-3, 3), gradient=True, errors=_BINARY_ERRORS),
    Op("divide", _binary(0.5, 3), gradient=True, errors=_BINARY_ERRORS),
    Op("power", _binary(0.3, 3), gradient=True, errors=_BINARY_ERRORS),
    Op("maximum", _binary(-3, 3), gradient=True, errors=_BINARY_ERRORS),
    Op("minimum", _binary(-3, 3), gradient=True, errors=_BINARY_ERRORS),
    Op("add_relu", _binary(-3, 3), gradient=True, errors=_BINARY_ERRORS),
    *(
        Op(name, _compare, errors=_SHAPE_ERRORS)
        for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
    ),
    Op("where", _where, gradient=True, errors=_WHERE_ERRORS),
    Op("cast", _cast, errors=_CAST_ERRORS, own_dtype=True),
]
