"""Kernels beside NumPy and, where it is installed, PyTorch: ``pytest benchmarks``.

Each case is verified before it is timed, every side on the same number of threads. What to read are the ratios within
a group on a quiet machine; ``--benchmark-json`` keeps a run.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import _cpu, kernels

rng = np.random.default_rng(0)
SIDES = ("nerve", "numpy", "torch")


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


@dataclass(frozen=True)
class Case:
    """One computation: the same arguments for each side; ``torch`` gets tensors and its module."""

    name: str
    args: tuple[np.ndarray, ...]
    nerve: Callable[..., Any]
    numpy: Callable[..., Any] | None = None
    torch: Callable[..., Any] | None = None


def numpy_softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


CASES = [
    Case("add 1M", (floats(1 << 20), floats(1 << 20)), kernels.add, np.add, lambda t, x, y: t.add(x, y)),
    Case("exp 1M", (floats(1 << 20),), kernels.exp, np.exp, lambda t, x: t.exp(x)),
    Case("sum of rows 1024x1024", (floats(1024, 1024),), lambda x: kernels.sum(x, axis=1), lambda x: x.sum(axis=1),
         lambda t, x: x.sum(1)),
    Case("softmax 1024x1000", (floats(1024, 1000),), kernels.softmax, numpy_softmax, lambda t, x: t.softmax(x, -1)),
    Case("matmul 512", (floats(512, 512), floats(512, 512)), kernels.matmul, np.matmul, lambda t, x, y: x @ y),
    Case("matmul 32x784x256", (floats(32, 784), floats(784, 256)), kernels.matmul, np.matmul, lambda t, x, y: x @ y),
    Case("conv2d 3x3 64-64 28x28 batch 8", (floats(8, 28, 28, 64), floats(3, 3, 64, 64)),
         lambda x, k: kernels.conv2d(x, k, padding="same"),
         torch=lambda t, x, k: t.nn.functional.conv2d(x.permute(0, 3, 1, 2), k.permute(3, 2, 0, 1), padding=1)
         .permute(0, 2, 3, 1)),
    Case("max_pool2d 2x2 32x32x32 batch 16", (floats(16, 32, 32, 32),), kernels.max_pool2d,
         torch=lambda t, x: t.nn.functional.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)),
    Case("transpose 1024x1024", (floats(1024, 1024),), kernels.transpose, lambda x: np.ascontiguousarray(x.T),
         lambda t, x: x.t().contiguous()),
]  # fmt: skip


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kernel(case: Case, side: str, benchmark: Any) -> None:
    function = getattr(case, side)
    if function is None:
        pytest.skip(f"{side} has no such function")
    args: tuple[Any, ...] = case.args
    if side == "torch":
        if importlib.util.find_spec("torch") is None:
            pytest.skip("PyTorch is not installed")
        import torch

        torch.set_num_threads(nerve.num_threads())
        args = (torch, *(torch.from_numpy(x) for x in case.args))
    with nerve.backend("reference"):
        expected = case.nerve(*(x.astype(np.float64) for x in case.args))
    np.testing.assert_allclose(np.asarray(function(*args)), expected, rtol=1e-4, atol=1e-4)
    benchmark.group = case.name
    benchmark.extra_info.update(isa=_cpu.isa(), threads=nerve.num_threads())
    benchmark(function, *args)
