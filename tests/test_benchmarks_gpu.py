"""The benchmark of the GPU, row by row and small, on CuPy's stand-in and PyTorch's CPU: that it can run at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nerve
from benchmarks.gpu import __main__ as program
from benchmarks.gpu.machine import Gpu
from benchmarks.gpu.rows import all_rows
from benchmarks.gpu.steps import all_steps

from . import fake_cupy
from .cuda_shim import CudaShim
from .test_cuda import shim  # noqa: F401 - a fixture

torch = pytest.importorskip("torch")


class StandIn(Gpu):
    """No GPU: copies in place of shared memory, and a clock in place of events."""

    device = "cpu"

    def ours(self, tensor: Any) -> Any:
        return fake_cupy.asarray(tensor.detach().contiguous().numpy())

    def theirs(self, array: Any) -> Any:
        return torch.from_numpy(np.asarray(nerve.to_device(array, "cpu")))

    def seconds(self, call: Callable[[], Any]) -> float:
        begun = time.perf_counter()
        call()
        return time.perf_counter() - begun

    def facts(self) -> dict[str, str]:
        return {"gpu": "none"}


@pytest.fixture
def cupy(shim: CudaShim) -> Iterator[ModuleType]:  # noqa: F811
    with fake_cupy.installed(shim) as module:
        yield module


@pytest.mark.slow
def test_every_row_is_verified(cupy: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gpu.csv"
    gpu = StandIn(divisor=128)
    skipped = {"kmeans"}  # whose peer is CuPy itself
    families = {family for family, _ in all_rows()} - skipped
    assert program.main(["--csv", str(path), "--only", *families], gpu) == 0, capfd.readouterr().err
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == 1 + sum(family not in skipped for family, _ in all_rows())
    nerve.set_matmul_precision("high")
    rows = [make(gpu) for family, make in all_rows() if family in skipped]
    assert [program.verified(gpu, row) < 1e-5 for row in rows] == [True]


@pytest.mark.slow
def test_steps_learn_the_same(cupy: ModuleType) -> None:
    for _, make in list(all_steps())[::2]:  # beside the eager ones
        assert program.verified(StandIn(), make(StandIn())) < 1e-4


def test_a_wrong_row_fails_and_time_ends_a_run(
    cupy: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nerve.kernels, "matmul", lambda x, y: x)
    assert program.main(["--only", "matmul", "--seconds", "0.3"], StandIn(divisor=256)) == 1
    found = capfd.readouterr()
    assert "WrongResult: matmul 1024, highest: differs by" in found.err
    assert program.main(["--only", "norm", "--seconds=-1"], StandIn()) == 0
    assert "not measured for want of time: 2 rows of norm" in capfd.readouterr().out
