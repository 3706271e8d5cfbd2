"""The CUDA kernels, compiled for the CPU: what ``nerve._cuda`` offers, over addresses in host memory.

``tests/native/cuda_shim.h`` says what of a GPU is imitated.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nerve import _cpu

ROOT = Path(__file__).resolve().parent.parent
CUDA = ROOT / "csrc" / "cuda"
NATIVE = ROOT / "tests" / "native"

NUMBERS = {"int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "double": ctypes.c_double, "bool": ctypes.c_bool}


class Entry(ctypes.Structure):
    """A kernel, as ``tests/native/cuda_shim.cpp`` lists it."""

    _fields_ = (
        ("family", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("signature", ctypes.c_char_p),
        ("float32", ctypes.c_void_p),
        ("float64", ctypes.c_void_p),
    )


class ScratchEntry(Entry):
    """Such an entry with what tells how much memory of its own a kernel needs."""

    _fields_ = (("scratch32", ctypes.c_void_p), ("scratch64", ctypes.c_void_p))


class Stream(ctypes.Structure):
    """``Stream`` of ``csrc/cuda/launch.h``."""

    _fields_ = (("handle", ctypes.c_void_p), ("scratch", ctypes.c_void_p), ("precision", ctypes.c_int64))


def compiler() -> list[str]:
    """The command of a C++ compiler on Linux, or nothing."""
    command = shlex.split(os.environ.get("CXX", "c++"))
    return command if sys.platform == "linux" and shutil.which(command[0]) else []


def families(cuda: Path = CUDA) -> list[str]:
    """The families of kernels that have a CUDA file."""
    return sorted(path.stem for path in cuda.glob("*.cu") if path.stem not in ("device", "wgmma"))


def build(folder: Path, cuda: Path = CUDA, *defines: str) -> Path:
    """The shared library of the sources in ``cuda``, built in ``folder`` unless it is there already."""
    sources = [*(cuda / f"{family}.cu" for family in families(cuda)), cuda / "wgmma.cu"]
    sources += [NATIVE / "cuda_shim.cpp", NATIVE / "cuda_wgmma.cpp"]
    headers = [
        *cuda.glob("*.cuh"),
        *cuda.glob("*.h"),
        NATIVE / "cuda_shim.h",
        NATIVE / "cuda_mma.h",
        NATIVE / "cuda_wgmma.h",
        *ROOT.glob("csrc/*.*"),
        *ROOT.glob("csrc/kernels/*"),
    ]
    command = [*compiler(), "-std=c++17", "-O1", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fPIC"]
    command += [f"-I{cuda.parent}", f"-I{ROOT / 'csrc'}", f"-I{NATIVE}"]
    command += [f"-D{name}" for name in ("NERVE_WGMMA", *defines)]
    command += ["-U_FORTIFY_SOURCE"]  # which takes a switch of stacks for an attack
    command += ["-mfma"] if "avx2" in _cpu.isas() else []  # without it fma is a function of the C library
    content = b"".join(path.read_bytes() for path in sorted({*sources, *headers})) + repr(command).encode()
    library = folder / f"cuda_shim-{hashlib.sha256(content).hexdigest()[:16]}.so"
    if library.exists():
        return library

    def compile_one(source: Path) -> str:
        made = str(folder / f"{source.stem}.{os.getpid()}.o")
        present = [f"-DFAMILY_{family}=FAMILY_HERE" for family in families(cuda)] if source.suffix == ".cpp" else []
        subprocess.run([*command, *present, "-x", "c++", "-c", str(source), "-o", made], check=True)
        return made

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources))
    unfinished = library.with_suffix(f".{os.getpid()}")
    subprocess.run([*command, "-shared", *objects, "-o", str(unfinished)], check=True)
    for outdated in folder.glob("cuda_shim-*.so"):
        outdated.unlink(missing_ok=True)
    unfinished.replace(library)
    for made in objects:
        os.unlink(made)
    return library


class CudaShim:
    """Stands in for the module ``nerve._cuda``.

    Functions ``<kernel>(dtype, stream, *arguments)``; AssertionError if threads missed a barrier or wrote outside their
    shared memory.
    """

    def __init__(self, library: Path) -> None:
        self.library = ctypes.CDLL(str(library))
        self.library.shim_kernels.restype = ctypes.POINTER(ScratchEntry)
        self.library.shim_failure.restype = ctypes.c_char_p
        self.library.shim_seed.argtypes = [ctypes.c_uint64]
        self.library.shim_busy_blocks.argtypes = [ctypes.c_int64]
        self.library.shim_has_wgmma.argtypes = [ctypes.c_bool]
        self.library.shim_large_launches.restype = ctypes.c_int64
        self.kernels: dict[str, str] = {}  # the family of each
        entries = self.library.shim_kernels()
        i = 0
        while entries[i].name:
            entry = entries[i]
            name = entry.name.decode()
            self.kernels[name] = entry.family.decode()
            signature = entry.signature.decode()
            setattr(self, name, self._function(name, signature, entry.float32, entry.float64))
            if entry.scratch32:
                setattr(self, f"{name}_scratch", self._scratch(signature, entry.scratch32, entry.scratch64))
            i += 1

    def seed(self, seed: int) -> None:
        """Choose the order in which threads run."""
        self.library.shim_seed(seed)

    def busy_blocks(self, count: int) -> None:
        """Cut products as if so many blocks filled the GPU."""
        self.library.shim_busy_blocks(count)

    def has_wgmma(self, has: bool) -> None:
        """Pretend to be a GPU that multiplies by warpgroups, or one that does not, which is what there is at first."""
        self.library.shim_has_wgmma(has)

    def large_launches(self) -> int:
        """How many launches since the last call were of kernels for such a GPU."""
        return int(self.library.shim_large_launches())

    def _function(self, name: str, signature: str, float32: int, float64: int) -> Any:
        kinds = _kinds(signature)
        call = ctypes.CFUNCTYPE(None, Stream, *_types(kinds))
        launchers = {"float32": call(float32), "float64": call(float64)}

        def function(dtype: str, stream: int, *arguments: Any, scratch: int | None = None, precision: int = 1) -> None:
            assert len(arguments) == len(kinds), f"{name} takes {signature}, got {arguments}"
            launchers[dtype](Stream(stream, scratch, precision), *map(_pass, kinds, arguments))
            failure = self.library.shim_failure().decode()
            assert not failure, f"{name}: {failure}"

        return function

    @staticmethod
    def _scratch(signature: str, float32: int, float64: int) -> Any:
        kinds = _kinds(signature)
        call = ctypes.CFUNCTYPE(ctypes.c_int64, *_types(kinds))
        functions = {"float32": call(float32), "float64": call(float64)}
        return lambda dtype, *arguments: functions[dtype](*map(_pass, kinds, arguments))


def _kinds(signature: str) -> list[str]:
    """The C++ types of a kernel's arguments."""
    signature = re.sub(r"Nullable<(.+?)>", r"\1*", signature)
    return [re.sub(r"\w+$", "", argument).replace(" ", "") for argument in signature.strip("() ").split(",")]


def _types(kinds: list[str]) -> list[Any]:
    return [NUMBERS.get(kind, ctypes.c_void_p) for kind in kinds]


def _pass(kind: str, argument: Any) -> Any:
    if kind in NUMBERS or argument is None:
        return argument
    if kind.endswith("*const*"):
        assert isinstance(argument, list)
        return ctypes.cast((ctypes.c_void_p * len(argument))(*argument), ctypes.c_void_p)
    if kind.endswith("&"):
        numbers = list(_flat(argument))
        return ctypes.cast((ctypes.c_int64 * len(numbers))(*numbers), ctypes.c_void_p)
    assert isinstance(argument, int), f"{kind} expects an address, got {argument!r}"
    return argument


def _flat(sizes: Any) -> Any:
    for size in sizes:
        if isinstance(size, tuple):
            yield from _flat(size)
        else:
            yield int(size)
