"""Attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample


def _qkv(
    rng: np.random.Generator, lengths: tuple[int, int], heads: tuple[int, int], sizes: tuple[int, int], batch: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Query, key, value; lengths, heads, sizes: of queries and of keys, of query and of key, of key and of value."""
    return (
        rng.normal(size=(batch, lengths[0], heads[0], sizes[0])),
        rng.normal(size=(batch, lengths[1], heads[1], sizes[0])),
        rng.normal(size=(batch, lengths[1], heads[1], sizes[1])),
    )


def _calls(rng: np.random.Generator) -> list[Sample]:
    """Around registers, register tiles and the 96 x 192 tiles of scores."""
    calls = [Sample(_qkv(rng, (n, n), (1, 1), (n, n), 1)) for n in SIZES]
    calls += [Sample(_qkv(rng, (n, 35), (1, 1), (16, 5), 1), {"scale": 0.3}) for n in (1, 5, 6, 7, 95, 96, 97, 200)]
    calls += [Sample(_qkv(rng, (3, n), (2, 2), (8, 20), 1)) for n in (1, 47, 191, 192, 193, 400)]
    calls += [Sample(_qkv(rng, (7, 9), heads, (4, 6))) for heads in ((2, 2), (4, 2), (3, 1))]
    calls += [Sample(_qkv(rng, (9, 1200), (2, 1), (4, 6), 1)), Sample(_qkv(rng, (1, 700), (2, 2), (64, 64), 1))]
    shapes: list[dict[str, Any]] = [{"lengths": (0, 3)}, {"lengths": (3, 0)}, {"sizes": (4, 0)}, {"sizes": (0, 4)}]
    shapes += [{"batch": 0}, {"heads": (0, 0)}]
    return calls + [
        Sample(_qkv(rng, **{"lengths": (3, 4), "heads": (2, 2), "sizes": (5, 6), **other})) for other in shapes
    ]


def _causal(rng: np.random.Generator) -> list[Sample]:
    pairs = [*((n, n) for n in SIZES), (97, 30), (30, 97), (250, 250), (97, 400), (300, 200), (6, 195)]
    calls = [Sample(_qkv(rng, pair, (1, 1), (8, 6), 1), {"causal": True}) for pair in pairs]
    return [*calls, Sample(_qkv(rng, (13, 13), (4, 2), (5, 17)), {"causal": True})]


def _masked(rng: np.random.Generator) -> list[Sample]:
    """Masks of every broadcast shape, rows that see no key among them, with and without `causal`."""
    calls = []
    for lengths in ((5, 7), (98, 19), (8, 200)):
        full = (2, 2, *lengths)
        for kept in ("bhij", "b..j", "..ij", "ij", "j", "bhi.", "....", "b.i."):
            shape = tuple(size if axis in kept else 1 for axis, size in zip("bhij", full, strict=True))[-len(kept) :]
            mask = rng.uniform(size=shape) < 0.6
            if len(kept) > 1:
                mask[..., -1, :] = False  # these queries see nothing
            calls += [Sample((*_qkv(rng, lengths, (2, 1), (8, 8)), mask), {"causal": len(calls) % 2 == 1})]
    return calls


def _large(rng: np.random.Generator) -> list[Sample]:
    """Scores whose exponentials would overflow, the largest of a row in any tile; and one where few keys count."""
    calls = []
    for order in (1, -1):
        q, k, v = _qkv(rng, (40, 450), (1, 1), (8, 8), 1)
        k *= np.linspace(0, 30, 450)[::order, None, None]
        calls += [Sample((q, k, v), {"scale": 4.0}), Sample((q, k, v), {"scale": 4.0, "causal": True})]
    return calls


def _backward(rng: np.random.Generator) -> list[Sample]:
    from nerve.kernels import attention

    calls = []
    for sample in [*_calls(rng), *_causal(rng), *_masked(rng)]:
        query, key, value, *mask = sample.args
        out, logsumexp = attention(query, key, value, *mask, **sample.kwargs)
        calls.append(Sample((rng.normal(size=out.shape), query, key, value, out, logsumexp, *mask), sample.kwargs))
    return calls


_Q, _K, _V = np.zeros((2, 3, 4, 5)), np.zeros((2, 6, 2, 5)), np.zeros((2, 6, 2, 7))
_OUT, _LSE = np.zeros((2, 3, 4, 7)), np.zeros((2, 4, 3))
_MASK = np.zeros((2, 1, 3, 6), bool)
_ERRORS = [
    BadCall((_Q[0], _K, _V), {}, ShapeError, r"length, heads, size\), got query \(3, 4, 5\), key \(2, 6, 2, 5"),
    BadCall((_Q, _K[:1], _V), {}, ShapeError, r"expects one batch"),
    BadCall((_Q, _K[..., :4], _V), {}, ShapeError, r"keys of the size of queries"),
    BadCall((_Q, _K, _V[:, :5]), {}, ShapeError, r"a value for each key, got .* value \(2, 5, 2, 7\)"),
    BadCall((_Q[:, :, :3], _K, _V), {}, ShapeError, r"multiple of the key's, got 3 and 2"),
    BadCall((_Q, _K[:, :, :0], _V[:, :, :0]), {}, ShapeError, r"got 4 and 0"),
    BadCall((_Q, _K, _V, _MASK.astype(float)), {}, DTypeError, r"mask expects booleans.* got dtype float64"),
    BadCall((_Q, _K, _V, _MASK[..., :5]), {}, ShapeError, r"broadcasts to \(2, 4, 3, 6\), got \(2, 1, 3, 5\)"),
    BadCall((_Q, _K, _V, _MASK[None]), {}, ShapeError, r"broadcasts to \(2, 4, 3, 6\), got \(1, 2, 1, 3, 6\)"),
    BadCall((_Q, _K, _V), {"scale": "small"}, ValueError, "scale expects a number, got 'small'"),
    BadCall((np.full((2, 3, 4, 5), "a"), _K, _V), {}, DTypeError, "expects real numbers"),
]

ROWS = [
    Op("attention", _calls, gradient=True, errors=_ERRORS),
    Op("attention", _causal, gradient=True),
    Op("attention", _masked, gradient=True),
    # Scores of order 1000 are rounded by 6e-5, and probabilities with them: observed error 5e-5.
    Op("attention", _large, tolerance=60),
    # Gradients of order 10, sums of up to 420 terms: observed error 3e-6.
    Op(
        "attention_backward",
        _backward,
        tolerance=3,
        errors=[
            BadCall((_OUT[:1], _Q, _K, _V, _OUT, _LSE), {}, ShapeError, r"grad expects shape \(2, 3, 4, 7\)"),
            BadCall((_OUT, _Q, _K, _V, _OUT[..., :6], _LSE), {}, ShapeError, r"out expects shape \(2, 3, 4, 7\)"),
            BadCall((_OUT, _Q, _K, _V, _OUT, _OUT), {}, ShapeError, r"logsumexp expects shape \(2, 4, 3\)"),
            BadCall((_OUT, _Q, _K, _V, _OUT, _LSE, [[1, 2], [3]]), {}, ShapeError, "rectangular"),
        ],
    ),
]
