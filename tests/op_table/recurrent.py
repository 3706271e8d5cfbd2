"""Recurrent layers over whole sequences; tests/test_recurrent.py has the gradients through their states."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve import kernels
from nerve.errors import DTypeError, ShapeError
from nerve.kernels import backend

from .row import SIZES, BadCall, Op, Sample

# (batch, time, features, units): units around the vector widths, few and many rows, and nothing of each kind.
SHAPES = [
    *((2, 3, 2, units) for units in SIZES),
    *((batch, 2, 3, 5) for batch in (1, 3, 4, 6, 7, 8, 9, 15, 17, 33)),
    (1, 1, 1, 1), (1, 9, 1, 20), (3, 2, 300, 4), (2, 2, 1, 300), (5, 3, 40, 70), (70, 2, 3, 40), (18, 30, 3, 70),
    (0, 3, 2, 4), (2, 0, 2, 4), (2, 3, 0, 4), (2, 3, 2, 0),
]  # fmt: skip


def _weights(rng: np.random.Generator, gates: int, features: int, units: int) -> tuple[np.ndarray, ...]:
    n = rng.normal
    scale = 1 / np.sqrt(max(features + units, 1))
    bias = n(size=(2, 3 * units)) if gates == 3 else n(size=gates * units)
    return n(size=(features, gates * units)) * scale, n(size=(units, gates * units)) * scale, bias


def _forward(rng: np.random.Generator, gates: int) -> list[Sample]:
    calls = []
    for i, (batch, time, features, units) in enumerate(SHAPES):
        x, weights = rng.normal(size=(batch, time, features)), _weights(rng, gates, features, units)
        states = tuple(rng.normal(size=(batch, units)) for _ in range(2 if gates == 4 else 1))
        calls.append(Sample((x, *weights, *states), {"go_backwards": bool(i % 2)}))
        if i % 5 == 0:
            calls.append(Sample((x, *weights[:2])))
    return calls


def _simple(rng: np.random.Generator) -> list[Sample]:
    samples = enumerate(_forward(rng, 1))
    return [Sample(s.args, {**s.kwargs, "activation": ("tanh", "relu", "sigmoid", None)[i % 4]}) for i, s in samples]


def _simple_backward(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for i, sample in enumerate(_simple(rng)):
        x, kernel, recurrent_kernel, *rest = sample.args
        with backend("reference"):
            y, state = kernels.simple_rnn(*sample.args, **sample.kwargs)
        grads: list[Any] = [rng.normal(size=y.shape), rng.normal(size=state.shape)]
        if i % 3:
            grads[i % 2] = None
        kwargs = {**sample.kwargs, "of_x": i % 4 > 0, "of_weights": i % 6 > 0}
        calls.append(Sample((x, y, kernel, recurrent_kernel, *(rest[1:] or [None]), *grads), kwargs))
    return calls


def _saving(rng: np.random.Generator, gates: int) -> list[Sample]:
    return [Sample(sample.args, {**sample.kwargs, "save": True}) for sample in _forward(rng, gates)]


def _backward(rng: np.random.Generator, gates: int) -> list[Sample]:
    calls = []
    forward = kernels.lstm if gates == 4 else kernels.gru
    for i, sample in enumerate(_saving(rng, gates)):
        x, kernel, recurrent_kernel, *rest = sample.args
        with backend("reference"):
            y, *states, saved = forward(*sample.args, **sample.kwargs)
        initial = rest[1:] if rest else [None] * len(states)
        grads: list[Any] = [rng.normal(size=array.shape) for array in (y, *states)]
        if i % 3:
            grads[i % len(grads)] = None
        kwargs = {"go_backwards": sample.kwargs.get("go_backwards", False), "of_x": i % 4 > 0, "of_weights": i % 6 > 0}
        calls.append(Sample((x, y, saved, kernel, recurrent_kernel, *initial, *grads), kwargs))
    return calls


_X, _H = np.zeros((2, 3, 5)), np.zeros((2, 4))
_LSTM = (_X, np.zeros((5, 16)), np.zeros((4, 16)))
_GRU = (_X, np.zeros((5, 12)), np.zeros((4, 12)))
_SIMPLE = (_X, np.zeros((5, 4)), np.zeros((4, 4)))
_Y = np.zeros((2, 3, 4))


def _errors(gates: int, call: tuple[np.ndarray, ...], bias: tuple[int, ...]) -> list[BadCall]:
    x, kernel, recurrent_kernel = call
    width = gates * 4
    return [
        BadCall((x[0], *call[1:]), {}, ShapeError, r"x expects shape \(batch, time, features\), got \(3, 5\)"),
        BadCall((x, kernel[:3], recurrent_kernel), {}, ShapeError, rf"kernel expects shape \(5, {width}\) for x"),
        BadCall((x, kernel, recurrent_kernel[:, :3]), {}, ShapeError, rf"expects shape \(units, {gates} \* units\)"),
        BadCall((x, kernel, np.float64(1)), {}, ShapeError, r"recurrent_kernel expects .*, got \(\)"),
        BadCall((*call, np.zeros(9)), {}, ShapeError, rf"bias expects shape \({bias[0]},.*, got \(9,\)"),
        BadCall((*call, None, np.zeros((1, 4))), {}, ShapeError, r"initial_state expects shape \(2, 4\), got \(1, 4\)"),
        BadCall((x.astype(complex), *call[1:]), {}, DTypeError, "complex128"),
    ]


def _backward_errors(call: tuple[np.ndarray, ...], parts: int, states: int) -> list[BadCall]:
    x, *weights = call
    y, saved = np.zeros((2, 3, 4)), np.zeros((3, 2, parts, 4))
    nothing = [None] * states
    return [
        BadCall((x, y, saved[:1], *weights), {}, ShapeError, rf"saved expects shape \(3, 2, {parts}, 4\)"),
        BadCall((x, y[:1], saved, *weights), {}, ShapeError, r"y expects shape \(2, 3, 4\), got \(1, 3, 4\)"),
        BadCall((x, y, saved, *weights, *nothing, y[:, :2]), {}, ShapeError, r"grad expects shape \(2, 3, 4\)"),
        BadCall((x, y, saved, *weights, *nothing, None, y), {}, ShapeError, r"grad_state expects shape \(2, 4\)"),
    ]


ROWS = [
    # A step's rounding reaches all that follow; sums of 300 products. Observed error 2e-6 in float32.
    Op(
        "lstm",
        lambda rng: _forward(rng, 4),
        gradient=True,
        tolerance=4,
        errors=[
            *_errors(4, _LSTM, (16,)),
            BadCall((*_LSTM, None, _H, _H[:1]), {}, ShapeError, r"initial_cell expects shape \(2, 4\), got \(1, 4\)"),
        ],
    ),
    Op("lstm", lambda rng: _saving(rng, 4), tolerance=4),
    Op("lstm_backward", lambda rng: _backward(rng, 4), tolerance=4, errors=_backward_errors(_LSTM, 5, 2)),
    Op("gru", lambda rng: _forward(rng, 3), gradient=True, tolerance=4, errors=_errors(3, _GRU, (2, 12))),
    Op("gru", lambda rng: _saving(rng, 3), tolerance=4),
    Op("gru_backward", lambda rng: _backward(rng, 3), tolerance=4, errors=_backward_errors(_GRU, 4, 1)),
    Op(
        "simple_rnn",
        _simple,
        gradient=True,
        tolerance=4,
        errors=[*_errors(1, _SIMPLE, (4,)), BadCall(_SIMPLE, {"activation": "elu"}, ValueError, "one of .* got 'elu'")],
    ),
    Op(
        "simple_rnn_backward",
        _simple_backward,
        tolerance=4,
        errors=[
            BadCall((_X, _Y[:1], *_SIMPLE[1:]), {}, ShapeError, r"y expects shape \(2, 3, 4\), got \(1, 3, 4\)"),
            BadCall((_X, _Y, *_SIMPLE[1:], None, _Y[:, :2]), {}, ShapeError, r"grad expects shape \(2, 3, 4\)"),
            BadCall((_X, _Y, *_SIMPLE[1:], None, None, _Y), {}, ShapeError, r"grad_state expects shape \(2, 4\)"),
            BadCall((_X, _Y, *_SIMPLE[1:]), {"activation": 3}, ValueError, "one of .* got 3"),
        ],
    ),
]
