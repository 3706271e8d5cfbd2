"""The GPU that is measured: memory that all libraries share, CUDA events, and how large the work is."""

from __future__ import annotations

import importlib
import statistics
import subprocess
from collections.abc import Callable
from typing import Any

SAMPLES = 9  # of each call, of which the median counts
SAMPLE = 0.02  # seconds of calls between two events


class Gpu:
    """One NVIDIA GPU, on CuPy's and PyTorch's default stream.

    Parameters
    ----------
    divisor : int
        By which every size is divided; more than 1 to see whether the rows work.
    """

    device = "cuda"

    def __init__(self, divisor: int = 1) -> None:
        self.divisor = divisor
        self.torch: Any = importlib.import_module("torch")
        self.torch.manual_seed(0)

    def size(self, n: int, least: int = 2) -> int:
        """A size of the work."""
        return max(n // self.divisor, least)

    def normal(self, *shape: int) -> Any:
        """A tensor of normal numbers."""
        return self.torch.randn(shape, device=self.device)

    def ours(self, tensor: Any) -> Any:
        """The same memory as an array of CuPy's."""
        cupy: Any = importlib.import_module("cupy")
        return cupy.from_dlpack(tensor.contiguous())

    def theirs(self, array: Any) -> Any:
        """An array of CuPy's as a tensor."""
        return self.torch.from_dlpack(array)

    def seconds(self, call: Callable[[], Any]) -> float:
        """The median time of a call, many of them one after the other between two events."""
        cuda: Any = importlib.import_module("cupy").cuda
        start, end = cuda.Event(), cuda.Event()

        def sample(count: int) -> float:
            start.record()
            for _ in range(count):
                call()
            end.record()
            end.synchronize()
            return float(cuda.get_elapsed_time(start, end)) / 1e3 / count

        for _ in range(3):
            call()
        count = max(1, min(1000, int(SAMPLE / max(sample(1), 1e-6))))
        return statistics.median(sample(count) for _ in range(SAMPLES))

    def facts(self) -> dict[str, str]:
        """What it is."""
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version,clocks.sm,clocks.mem,power.limit", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=True,
        )
        return {"gpu": done.stdout.strip().splitlines()[0]}
