"""Threads, memory, instruction sets, fork and the cost of importing."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import nerve
from nerve import _cpu, kernels


def run(code: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_import_pulls_in_nothing_heavy() -> None:
    modules = run(
        """
        import sys, nerve, nerve.kernels, nerve.ops, nerve.layers, nerve.models
        import nerve.callbacks, nerve.data, nerve.datasets, nerve.metrics, nerve.plots, nerve.utils
        heavy = "scipy sklearn pandas polars matplotlib PIL cupy torch rich safetensors"
        print(*[m for m in heavy.split() if m in sys.modules])
        """
    )
    assert modules == ""


def test_import_reads_nothing_before_it_is_used() -> None:
    found = run("import sys, nerve; print(*sorted(m for m in sys.modules if m.startswith(('nerve.', 'numpy'))))")
    assert found == ""


def test_import_takes_about_as_long_as_numpy(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def seconds(module: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=environment)
        return time.perf_counter() - start

    for module in ("numpy", "nerve.kernels"):  # the files into the page cache, the bytecode written
        seconds(module)
    pairs = [(seconds("nerve.kernels"), seconds("numpy")) for _ in range(9)]
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    assert ratio <= 1.5, f"import nerve.kernels takes {ratio:.2f} times as long as import numpy"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fork_after_use() -> None:
    before = nerve.num_threads()
    nerve.set_num_threads(2)
    try:
        x = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
        expected = kernels.matmul(x, x)
        child = os.fork()
        if child == 0:
            os._exit(0 if np.array_equal(kernels.matmul(x, x), expected) else 1)
        deadline = time.monotonic() + 30
        while (status := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(child, 9)
                pytest.fail("the forked child hangs")
            time.sleep(0.01)
        assert status[1] == 0
        np.testing.assert_array_equal(kernels.matmul(x, x), expected)
    finally:
        nerve.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_fork_while_another_thread_computes() -> None:
    output = run(
        """
        import os, threading, warnings
        import numpy as np, nerve
        from nerve import kernels
        warnings.simplefilter("ignore", DeprecationWarning)
        nerve.set_num_threads(2)
        x = np.ones((600, 600), np.float32)
        done = threading.Event()

        def work():
            while not done.is_set():
                kernels.matmul(x, x)

        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(20):
            child = os.fork()
            if child == 0:
                kernels.matmul(x, x)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        done.set()
        thread.join()
        print("done")
        """
    )
    assert output == "done"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the address space as Linux counts it")
def test_a_worker_out_of_memory_is_a_memory_error() -> None:
    output = run(
        """
        import resource
        import numpy as np, nerve
        from nerve import kernels
        a, b = np.ones((100, 300)), np.ones((2048, 300))

        def compute():  # every thread packs half a megabyte of its own
            return kernels.matmul(a, b, transpose_b=True)

        nerve.set_num_threads(1)
        expected = compute().copy()
        compute()  # the main thread has its scratch memory from here on, and the arena a block for the result
        nerve.set_num_threads(4)
        x = np.ones(1_000_000, np.float32)
        kernels.exp(x, out=x)  # starts the threads
        before = resource.getrlimit(resource.RLIMIT_AS)
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 18), before[1]))
        held = []
        try:
            while True:  # takes what the arena has left of such blocks
                held.append(kernels.sqrt(x[:160_000]))
        except MemoryError:
            pass
        try:
            for _ in range(20):
                compute()
        except MemoryError:
            print("MemoryError")
        resource.setrlimit(resource.RLIMIT_AS, before)
        del held
        print(np.array_equal(compute(), expected))
        """
    )
    assert output == "MemoryError\nTrue"


def test_python_threads_share_the_pool() -> None:
    x = np.random.default_rng(0).normal(size=(200, 300)).astype(np.float32)
    expected = kernels.matmul(x, x, transpose_b=True)
    wrong: list[int] = []

    def work(index: int) -> None:
        for _ in range(30):
            if not np.array_equal(kernels.matmul(x, x, transpose_b=True), expected):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_while_their_number_changes() -> None:
    before = nerve.num_threads()
    x = np.random.default_rng(0).normal(size=(200, 300)).astype(np.float32)
    expected = kernels.matmul(x, x, transpose_b=True)
    try:
        for threads in (1, 5, 2, 3, 1, 4) * 5:
            nerve.set_num_threads(threads)
            assert nerve.num_threads() == threads
            np.testing.assert_array_equal(kernels.matmul(x, x, transpose_b=True), expected)
    finally:
        nerve.set_num_threads(before)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2", 4097, 10**30])
def test_set_num_threads_refuses(threads: object) -> None:
    with pytest.raises(ValueError, match=r"\[set_num_threads\] expects a whole number from 1 to 4096"):
        nerve.set_num_threads(threads)  # type: ignore[arg-type]


def test_omp_num_threads_is_honoured() -> None:
    assert run("import nerve; print(nerve.num_threads())", OMP_NUM_THREADS="3") == "3"
    assert run("import nerve; print(nerve.num_threads())", OMP_NUM_THREADS="99999999999999999999") == "4096"


@pytest.mark.parametrize("isa", _cpu.isas())
def test_max_isa_caps_the_level(isa: str) -> None:
    assert run("from nerve import _cpu; print(_cpu.isa())", NERVE_MAX_ISA=isa) == isa


def test_max_isa_must_be_known() -> None:
    message = run(
        """
        from nerve import _cpu
        try:
            _cpu.isas()
        except ValueError as error:
            print(error)
        """,
        NERVE_MAX_ISA="avx9",
    )
    assert message.startswith("NERVE_MAX_ISA expects one of")
    assert "avx9" in message


def test_arena_reuses_blocks() -> None:
    nerve.empty_cache()
    shape = (1 << 20,)
    address = _cpu.empty(shape, np.dtype("float32")).ctypes.data
    again = _cpu.empty(shape, np.dtype("float32"))
    assert again.ctypes.data == address
    assert again.ctypes.data % 64 == 0
    live = nerve.memory_stats()["live"]
    view = again[10:]
    del again
    assert nerve.memory_stats()["live"] == live, "a view keeps its block"
    del view
    assert nerve.memory_stats()["live"] == live - (4 << 20)
    nerve.empty_cache()


def test_arena_keeps_little_more_than_was_ever_in_use() -> None:
    nerve.empty_cache()
    for size in (6 << 20, 7 << 20, 5 << 20):  # of different classes, so that none can be reused for the next
        held = [_cpu.empty((size,), np.dtype("float64")) for _ in range(10)]
        del held
        statistics = nerve.memory_stats()
        assert statistics["live"] + statistics["cached"] <= statistics["peak"] + (256 << 20)
        assert statistics["cached"] >= 10 * 8 * size, "what the last round used waits for the next"
    nerve.empty_cache()


def test_arena_blocks_do_not_overlap() -> None:
    rng = np.random.default_rng(0)
    held: list[tuple[int, np.ndarray]] = []
    for mark in range(300):
        array = _cpu.empty((int(rng.integers(1, 400_000)),), np.dtype("float32"))
        array.fill(mark)
        held.append((mark, array))
        if len(held) > 20:
            held.pop(int(rng.integers(len(held))))
        assert all((array == mark).all() for mark, array in held[-3:])
    assert all((array == mark).all() for mark, array in held)


def test_empty_refuses_impossible_sizes() -> None:
    with pytest.raises(MemoryError):
        _cpu.empty((1 << 40, 1 << 20), np.dtype("float64"))
    with pytest.raises(ValueError, match="sizes >= 0"):
        _cpu.empty((-1,), np.dtype("float64"))


def test_raw_kernels_refuse_none_where_a_pointer_is_needed() -> None:
    x = np.ones((1, 1), np.float32)
    shape = (1, 1, 1, 1, 1, 1, 0, 0)
    _cpu.matmul(x, x, x, None, shape, 0)  # without a bias
    for arguments in ((None, x, x), (x, None, x), (x, x, None)):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            _cpu.matmul(*arguments, None, shape, 0)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _cpu.sgd_step(None, None, [x], np.ones(1, np.int64), 1, 0.1, 0.0, False, 0.0)


def test_threadpoolctl_governs_the_pool() -> None:
    output = run(
        """
        import nerve, nerve.kernels
        from threadpoolctl import threadpool_limits, threadpool_info
        nerve.set_num_threads(4)
        with threadpool_limits(2):
            print(nerve.num_threads())
        print(nerve.num_threads(), [i["version"] for i in threadpool_info() if i["internal_api"] == "nerve"])
        """
    )
    assert output == f"2\n4 ['{nerve.__version__}']"
