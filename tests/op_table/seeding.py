"""k-means++ as one call."""

from __future__ import annotations

import numpy as np

from nerve.errors import ShapeError

from .row import SIZES, BadCall, Exact, Op, Sample


def _weights(rng: np.random.Generator, rows: int) -> np.ndarray:
    return rng.uniform(0.5, 2, rows)


def _seeds(rng: np.random.Generator) -> list[Sample]:
    """Coordinates are whole numbers: equal distances, rows that stand there twice, and sums that float32 holds."""
    shapes = (
        [(n, n, 1 + n // 3, 2) for n in SIZES] + [(40, n, 6, 3) for n in SIZES] + [(3000, 9, 30, 5), (700, 3, 9, 20)]
    )
    calls = []
    for rows, features, clusters, trials in shapes:
        x = rng.integers(-9, 10, (rows, features)).astype(float)
        draws = rng.uniform(size=(clusters - 1, trials)).view(Exact)
        calls.append(Sample((x, int(rng.integers(rows)), draws)))
        calls.append(Sample((x, 0, draws, 2.0 ** rng.integers(-2, 2, rows))))
    # A common offset, rows of very different length, and a hundred rows that are one.
    x = rng.integers(-9, 10, (200, 12)).astype(float)
    draws = rng.uniform(size=(19, 4)).view(Exact)
    return [*calls, Sample((x + 4096, 5, draws)), Sample((x * 2.0 ** rng.integers(-6, 7, (200, 1)), 5, draws)),
            Sample((np.concatenate([np.tile(x[:1], (100, 1)), x[1:50]]), 5, draws))]  # fmt: skip


_X, _DRAWS = np.ones((5, 2)), np.ones((2, 3)) / 2
ROWS = [
    Op(
        "kmeans_plusplus",
        _seeds,
        errors=[
            BadCall((np.ones(5), 0, _DRAWS), {}, ShapeError, r"x \(rows, features\) and draws .*got \(5,\) and"),
            BadCall((_X, 0, np.ones(2)), {}, ShapeError, r"got \(5, 2\) and \(2,\)"),
            BadCall((_X, 0, np.ones((2, 0))), {}, ShapeError, r"got \(5, 2\) and \(2, 0\)"),
            BadCall((_X, 0, _DRAWS, np.ones(4)), {}, ShapeError, r"weights of shape \(5,\), got \(4,\)"),
            BadCall((_X, 5, _DRAWS), {}, ValueError, "first expects integers <= 4, got 5"),
            BadCall((_X, -1, _DRAWS), {}, ValueError, "first expects integers >= 0, got -1"),
        ],
    ),
]
