"""The kernels made of matrix products as they run on AMX, which they use here whether it pays or not.

The instructions are emulated by ``csrc/cpu/amx_emulation.h``, which needs AVX-512; where there is AMX, they can be run.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nerve import _cpu

from .cuda_shim import NATIVE, ROOT, Entry, _kinds, _pass, _types, compiler

CPU = ROOT / "csrc" / "cpu"
PIECES = {"float32": 0, "bf16": 1, "bf16x6": 2, "fp16x3": 3}  # runtime::Split
ALL_FAMILIES = {path.stem for path in ROOT.glob("csrc/kernels/*.inc")}


def families() -> list[str]:
    """The families whose kernels are matrix products."""
    return sorted(name for name in ALL_FAMILIES if '#include "cpu/gemm.h"' in (CPU / f"{name}.cpp").read_text())


def build(folder: Path, emulated: bool) -> Path:
    """The shared library of these kernels, built in ``folder`` unless it is there already."""
    name = "amx_emulation" if emulated else "amx_instructions"
    # dots16.cpp is of products of integers, which these kernels have none of, and has instructions of its own.
    shared = [path for path in CPU.glob("*.cpp") if path.stem not in ALL_FAMILIES | {"table", "dots16"}]
    sources = [CPU / f"{family}.cpp" for family in families()] + shared + [NATIVE / "amx_emulation.cpp"]
    sources += [ROOT / "csrc" / "runtime" / name for name in ("threads.cpp", "memory.cpp")]
    headers = [*ROOT.glob("csrc/*.*"), *ROOT.glob("csrc/kernels/*"), *CPU.glob("*.h"), *ROOT.glob("csrc/runtime/*.h")]
    command = [*compiler(), "-std=c++20", "-O1", "-g0", "-w", "-fPIC", "-fvisibility=hidden", f"-I{ROOT / 'csrc'}"]
    command += ["-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-mavx2", "-mfma", "-mf16c", "-mbmi2"]
    command += [f"-mavx512{part}" for part in ("f", "bw", "dq", "vl", "cd")]
    command += ["-DNERVE_ISA=avx512", "-DNERVE_AMX_EMULATION" if emulated else "-DNERVE_AMX_ALWAYS"]
    content = b"".join(path.read_bytes() for path in sorted({*sources, *headers})) + repr(command).encode()
    library = folder / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}.so"
    if library.exists():
        return library

    def compile_one(source: Path) -> str:
        made = str(folder / f"{source.stem}.{os.getpid()}.o")
        present = [f"-DFAMILY_{family}=FAMILY_HERE" for family in families()] if source.parent == NATIVE else []
        subprocess.run([*command, *present, "-c", str(source), "-o", made], check=True)
        return made

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources))
    unfinished = library.with_suffix(f".{os.getpid()}")
    subprocess.run([*command, "-shared", *objects, "-o", str(unfinished), "-pthread"], check=True)
    for outdated in folder.glob(f"{name}-*.so"):
        outdated.unlink(missing_ok=True)
    unfinished.replace(library)
    for made in objects:
        os.unlink(made)
    return library


class ProductKernels:
    """Stands in for the module ``nerve._cpu``, whose other kernels it passes on."""

    def __init__(self, library: Path, pieces: Collection[str]) -> None:
        self.library = ctypes.CDLL(str(library))
        self.pieces = pieces
        self.library.emulation_kernels.restype = ctypes.POINTER(Entry)
        self.kernels: dict[str, Any] = {}
        entries = self.library.emulation_kernels()
        i = 0
        while entries[i].name:
            self.kernels[entries[i].name.decode()] = self._function(entries[i])
            i += 1

    def set_pieces(self, name: str) -> None:
        """Choose what float32 products are made of, or skip the test where this machine cannot."""
        if name not in self.pieces:
            pytest.skip(f"this machine has no instruction for {name}")
        self.library.emulation_set_split(PIECES[name])

    def set_num_threads(self, threads: int) -> None:
        """Choose the number of threads of the library's own pool."""
        self.library.emulation_set_num_threads(threads)

    def __getattr__(self, name: str) -> Any:
        if name not in self.kernels:
            return getattr(_cpu, name)
        return self.kernels[name]

    @staticmethod
    def _function(entry: Entry) -> Any:
        kinds = _kinds(entry.signature.decode())
        call = ctypes.CFUNCTYPE(None, *_types(kinds))
        launchers = {4: call(entry.float32), 8: call(entry.float64)}

        def address(argument: Any) -> Any:
            if isinstance(argument, np.ndarray):
                return argument.ctypes.data
            return list(map(address, argument)) if isinstance(argument, list) else argument

        def function(*arguments: Any) -> None:
            first = arguments[0][0] if isinstance(arguments[0], list) else arguments[0]
            launchers[first.itemsize](*map(_pass, kinds, map(address, arguments)))

        return function
