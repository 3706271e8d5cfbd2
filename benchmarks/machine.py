"""What a run ran on, and the environment that holds every library to one instruction set."""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nerve
from nerve import _cpu

ROOT = Path(__file__).resolve().parent.parent


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def has_torch() -> bool:
    return installed("torch")


def cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def commit() -> str:
    """The commit the tree stands at, with a plus where files have changed since."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"], cwd=ROOT, capture_output=True, text=True
        )
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def version(distribution: str) -> list[str]:
    """Its name and version, or nothing where it is not installed."""
    try:
        return [f"{distribution} {importlib.metadata.version(distribution)}"]
    except importlib.metadata.PackageNotFoundError:
        return []


def facts(peers: Sequence[str] = ("torch",)) -> dict[str, str]:
    """The head of a table."""
    versions = [f"nerve {nerve.__version__}"]
    versions += [found for name in ("numpy", *peers) for found in version(name)]
    return {
        "cpu": f"{cpu_model()}, {os.cpu_count()} cores",
        "level": _cpu.isa(),
        "features": " ".join(_cpu.cpu_features()),
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "versions": ", ".join(versions),
    }


# What the others call a level: PyTorch's own kernels, oneDNN, MKL, OpenBLAS.
_NAMES = {"avx2": ("avx2", "AVX2", "AVX2", "Haswell"), "avx512": ("avx512", "AVX512_CORE", "AVX512", "SkylakeX")}
ISAS = tuple(_NAMES)


def limited(isa: str) -> dict[str, str]:
    """The environment of a process in which no library goes beyond a level."""
    core: Any = importlib.import_module(f"numpy.{'_' if np.__version__ >= '2' else ''}core._multiarray_umath")
    aten, onednn, mkl, openblas = _NAMES[isa]
    beyond = ("AVX512", "X86_V4") if isa == "avx2" else ("AVX512_SPR",)
    disabled = [name for name in core.__cpu_dispatch__ if name.startswith(beyond) and core.__cpu_features__[name]]
    return {
        **os.environ,
        "NERVE_MAX_ISA": isa,
        "ATEN_CPU_CAPABILITY": aten,
        "ONEDNN_MAX_CPU_ISA": onednn,
        "MKL_ENABLE_INSTRUCTIONS": mkl,
        "OPENBLAS_CORETYPE": openblas,
        "NPY_DISABLE_CPU_FEATURES": ",".join(disabled),
    }
