"""The machine's limits, measured at the start of a run with the run's threads and at the run's instruction set.

Peak FLOP/s: float32 multiply-adds that stay in registers, 12 independent chains. Bandwidth: bytes read plus bytes
written by copies between two buffers of half the row's bytes, cut among the threads, so that both fit in the same place
(L2, L3, memory); the better of ``memcpy`` and a loop over vectors. The loops are in ``probe.c``, compiled on the spot;
without a C compiler there are no limits and the table's column stays empty.

A row of float32 products on matrix units may exceed its limit, which is that of the vector units; so may a
convolution that takes fewer products than its definition (Winograd's), and a row that mostly reads, or writes
what it has just read, since both are cheaper than the copy's mixture.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.row import Row
from nerve import _cpu

FLAGS = {
    "baseline": (4, ["-msse4.2"]),
    "avx2": (8, ["-mavx2", "-mfma"]),
    "avx512": (16, ["-mavx512f", "-mprefer-vector-width=512"]),
    "neon": (4, []),
}
DURATION = 0.03  # seconds of one measurement
LARGEST = 1 << 28  # bytes; from there on it is memory anyway


@functools.cache
def probe() -> tuple[ctypes.CDLL, int] | None:
    """The compiled loops and their vectors' length in floats, or None where there is no compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    level = "avx512" if _cpu.isa() not in FLAGS and "avx512" in _cpu.isas() else _cpu.isa()
    width, flags = FLAGS[level]
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "probe.so"
        source = Path(__file__).with_name("probe.c")
        command = [compiler, "-O2", "-ffp-contract=fast", "-fPIC", "-shared", f"-DWIDTH={width}", *flags, str(source)]
        subprocess.run([*command, "-o", str(library)], check=True)
        loaded = ctypes.CDLL(str(library))
    loaded.multiply_adds.argtypes = [ctypes.c_long]
    loaded.multiply_adds.restype = ctypes.c_float
    for copies in (loaded.copies, loaded.vector_copies):
        copies.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long, ctypes.c_long]
    return loaded, width


def together(call: Callable[[int, int], None], threads: int) -> float:
    """Seconds per repetition of ``call(thread, repetitions)`` on all threads at once, the best of three."""

    def run(repetitions: int) -> float:
        workers = [threading.Thread(target=call, args=(i, repetitions)) for i in range(1, threads)]
        begin = time.perf_counter()
        for worker in workers:
            worker.start()
        call(0, repetitions)
        for worker in workers:
            worker.join()
        return (time.perf_counter() - begin) / repetitions

    repetitions = 1
    while (once := run(repetitions)) * repetitions < DURATION / 4:
        repetitions *= 4
    repetitions = max(1, int(DURATION / once))
    return min(run(repetitions) for _ in range(3))


@functools.cache
def peak(threads: int) -> float | None:
    """FLOP/s."""
    compiled = probe()
    if compiled is None:
        return None
    loops, width = compiled
    return threads * 12 * width * 2 * 1024 / together(lambda _, n: loops.multiply_adds(1024 * n), threads)


@functools.cache
def bandwidth(threads: int, size: int) -> float | None:
    """Bytes moved per second by copies of ``size / 2`` bytes."""
    compiled = probe()
    if compiled is None:
        return None
    loops, _ = compiled
    share = max(256, size // 2 // threads // 256 * 256)
    buffers = [np.ones(share * threads + 64, np.uint8) for _ in range(2)]
    source, target = (-(-buffer.ctypes.data // 64) * 64 for buffer in buffers)

    def seconds(loop: Callable[..., None]) -> float:
        return together(lambda i, n: loop(target + share * i, source + share * i, share, n), threads)

    return 2 * share * threads / min(seconds(loops.copies), seconds(loops.vector_copies))


def limit(row: Row, threads: int) -> float | None:
    """What the row's rate is measured against, in FLOP/s or bytes/s."""
    if row.unit == "GFLOP/s":
        return peak(threads)
    return bandwidth(threads, min(1 << max(12, round(np.log2(row.work))), LARGEST))
