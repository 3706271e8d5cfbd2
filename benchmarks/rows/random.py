"""Random numbers; what they follow is compared (mean, deviation, zeros), since every library draws its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, arrays, floats, numpy, simple, torch
from nerve import kernels

N = 1 << 22
RATE = 0.3
generator = np.random.default_rng(1)


def statistics(result: Any) -> np.ndarray:
    """Mean, deviation and share of zeros, which a million samples and more give to three digits."""
    (x,) = arrays(result)
    return np.array([x.mean(dtype=np.float64), x.std(dtype=np.float64), np.mean(x == 0)])


def nothing(rng: np.random.Generator) -> tuple[Any, ...]:
    return ()


def row(name: str, make: Any, call: Any, moved: int, *peers: Peer) -> Row:
    compared = tuple(Peer(peer.name, peer.prepare, statistics) for peer in peers)
    return Row(name, "random", make, call, moved, "GB/s", compared, compare=statistics, compare_tolerance=5e-3)


ROWS = [
    row("dropout 4M", floats(N), lambda x: kernels.dropout(x, rate=RATE, seed=1), 8 * N,
        simple(lambda: lambda x: torch.nn.functional.dropout(x, RATE), "torch"),
        simple(lambda: lambda x: torch.native_dropout(x, RATE, True)[0], "torch native"),
        numpy(lambda x: x * (generator.random(N, dtype=np.float32) >= RATE) * np.float32(1 / (1 - RATE)))),
    row("random_normal 4M", nothing, lambda: kernels.random_normal((N,), seed=1), 4 * N,
        simple(lambda: lambda: torch.randn(N)),
        Peer("torch in place", lambda: torch.empty(N).normal_),
        numpy(lambda: generator.standard_normal(N, dtype=np.float32))),
    row("random_uniform 4M", nothing, lambda: kernels.random_uniform((N,), seed=1), 4 * N,
        simple(lambda: lambda: torch.rand(N)),
        Peer("torch in place", lambda: torch.empty(N).uniform_),
        numpy(lambda: generator.random(N, dtype=np.float32))),
]  # fmt: skip
