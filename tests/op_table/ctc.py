"""Connectionist temporal classification."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import BadCall, Op, Sample


def _samples(rng: np.random.Generator) -> list[Sample]:
    """States around the vector widths, sequences of several lengths, and of none, labels that repeat."""
    calls = []
    for length in (0, 1, 2, 3, 4, 7, 8, 9, 16, 33):
        batch, time, classes = 3, 2 * length + 3, 5
        target = rng.integers(1, classes, (batch, length))
        lengths = np.array([length, length // 2, max(length - 1, 0)])
        steps = np.array([time, time - 1, 2 * length + 2])
        calls.append(Sample((target, 2 * rng.normal(size=(batch, time, classes)), lengths, steps)))
    target = np.array([[2, 2, 1], [1, 2, 3], [3, 3, 3]])
    logits = rng.normal(size=(3, 6, 4))
    calls += [
        Sample((target, logits, np.array([3, 3, 2]), np.array([6, 3, 3])), {"mask_index": 0}),
        Sample((target - 1, logits, np.array([3, 3, 3]), np.array([6, 6, 6])), {"mask_index": 3}),
        Sample((target.astype(np.int32), logits, np.array([3, 0, 0]), np.array([6, 6, 0]))),
        Sample((np.zeros((0, 3), np.int64), np.zeros((0, 6, 4)), np.zeros(0, np.int64), np.zeros(0, np.int64))),
        Sample((rng.integers(1, 3, (1, 20)), 2 * rng.normal(size=(1, 200, 3)), np.array([20]), np.array([200]))),
    ]
    return calls


def _impossible(rng: np.random.Generator) -> list[Sample]:
    """Fewer steps than labels and the blanks between equal ones; a label of probability zero."""
    logits = rng.normal(size=(3, 4, 3))
    logits[2, :, 2] = -np.inf
    return [
        Sample(
            (
                np.array([[1, 2, 1, 2, 1], [1, 1, 1, 0, 0], [2, 1, 0, 0, 0]]),
                logits,
                np.array([5, 3, 2]),
                np.array([4, 4, 4]),
            )
        )
    ]


_T, _X, _N, _S = np.ones((2, 3), np.int64), np.zeros((2, 5, 4)), np.array([3, 3]), np.array([5, 5])

ROWS = [
    # Sums over the steps of a sequence, each with its rounding; observed error 9e-6 in float32.
    Op(
        "ctc_loss",
        _samples,
        gradient=True,
        tolerance=10,
        errors=[
            BadCall((_T, _X[0], _N, _S), {}, ShapeError, r"output \(batch, time, classes\), got shape \(5, 4\)"),
            BadCall((_T[:1], _X, _N, _S), {}, ShapeError, r"target of shape \(2, length\), got \(1, 3\)"),
            BadCall((_T, _X, _N[:1], _S), {}, ShapeError, r"target_length of shape \(2,\), got \(1,\)"),
            BadCall((_T, _X, _N, 5), {}, ShapeError, r"output_length of shape \(2,\), got \(\)"),
            BadCall((_T * 4, _X, _N, _S), {}, ValueError, r"labels must lie in 0\.\.3, got 4"),
            BadCall((_T, _X, _N + 1, _S), {}, ValueError, r"target_length\] labels must lie in 0\.\.3, got 4"),
            BadCall((_T, _X, _N, _S + 1), {}, ValueError, r"output_length\] labels must lie in 0\.\.5, got 6"),
            BadCall((_T, _X, _N, _S), {"mask_index": 4}, ValueError, r"mask_index must lie in 0\.\.3, got 4"),
            BadCall((_T * 1.0, _X, _N, _S), {}, DTypeError, "target of int32 or int64, got dtype float64"),
        ],
    ),
    Op("ctc_loss", _impossible, tolerance=10),
]
