"""Functions of single numbers, a million at a time (4 MB in, 4 MB out: the L3 of most machines)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, floats, many, numpy, simple, tensors, torch
from nerve import kernels

N = 1 << 20


def numpy_sigmoid(x: np.ndarray) -> Any:
    return 1 / (1 + np.exp(-x))


NUMPY: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ("exp", "log", "tanh", "sin", "cos")},
    "sigmoid": numpy_sigmoid,
}


def positive(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return (rng.uniform(0.001, 100, N).astype(np.float32),)


def spread(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return (rng.normal(scale=3, size=N).astype(np.float32),)


def math(name: str) -> Row:
    peers = [simple(lambda: getattr(torch, name))]
    if name in NUMPY:
        peers.append(numpy(NUMPY[name]))
    make = positive if name == "log" else spread
    return Row(f"{name} 1M", "elementwise", make, getattr(kernels, name), 8 * N, "GB/s", tuple(peers))


def torch_out(x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    a, b = tensors(x, y)
    out = torch.empty_like(a)
    return lambda: torch.add(a, b, out=out)


def nerve_out(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
    return kernels.add(x, y, out=out)


def with_out(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return (*many((N,), (N,))(rng), np.empty(N, np.float32))


ROWS = [
    *(math(name) for name in (*NUMPY, "erf")),
    Row("add 1M", "elementwise", many((N,), (N,)), kernels.add, 12 * N, "GB/s",
        (simple(lambda: torch.add), numpy(np.add))),
    Row("add 1M, out=", "elementwise", with_out, nerve_out, 12 * N, "GB/s",
        (Peer("torch out=", lambda x, y, out: torch_out(x, y)),
         numpy(lambda x, y, out: np.add(x, y, out=out)))),
    Row("relu 1M", "elementwise", floats(N), kernels.relu, 8 * N, "GB/s",
        (simple(lambda: torch.relu), numpy(partial(np.maximum, np.float32(0))))),
]  # fmt: skip
