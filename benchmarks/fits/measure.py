"""What is measured of a row, each in a process of its own: times and quality of all sides, or the memory of one."""

from __future__ import annotations

import ctypes
import gc
import importlib
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sklearn.cluster
import sklearn.decomposition
import sklearn.manifold
import sklearn.mixture
import sklearn.neighbors  # noqa: F401  (imported before processes are forked, so that they need not do it)

import nerve
from benchmarks.fits import ROWS
from benchmarks.fits.fit import PACKAGES, Fit
from benchmarks.row import WrongResult
from benchmarks.timing import Time, settle, summary

WARM = 2048  # samples of the work that comes before the measured one
LONG = 0.2  # seconds from which on a call is warmed up by the one that is verified
ROUNDS = 3, 15

Measured = tuple[dict[str, Time], dict[str, float]]
P = ParamSpec("P")
T = TypeVar("T")


def isolated(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The call's result, from a new process."""
    fork = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if fork else "spawn")
    if fork:
        context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args, **kwargs).result()


def missing(peer: str) -> bool:
    return importlib.util.find_spec(PACKAGES[peer]) is None


@contextmanager
def threads_of(count: int) -> Iterator[None]:
    """As many threads for every library that is loaded; and, where that can be said, as many cores."""
    from threadpoolctl import threadpool_limits

    if hasattr(os, "sched_setaffinity"):  # the one thing that oneDAL's threads go by
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    nerve.set_num_threads(count)
    with threadpool_limits(count), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no side converges in the iterations it is given
        yield


def row_of(name: str) -> Fit:
    return next(row for row in ROWS if row.name == name)


def judged(row: Fit, results: dict[str, Any], data: tuple[Any, ...]) -> dict[str, float]:
    """The quality of every result, where nerve's is not worse than scikit-learn's."""
    reference = results["scikit-learn"]
    quality = {name: row.quality(result, reference, *data) for name, result in results.items()}
    if row.worse(quality["nerve"], quality["scikit-learn"]):
        values = ", ".join(f"{name} {value:.7g}" for name, value in quality.items())
        raise WrongResult(f"{row.name}: nerve's {row.judged} is worse than scikit-learn's: {values}")
    return quality


def timed(calls: dict[str, Callable[[], Any]], firsts: dict[str, float], budget: float) -> dict[str, Time]:
    """Times of calls in turns, ``budget`` seconds long or a few rounds; their first times say how many that makes."""
    cost = sum(firsts.values())
    samples: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    gc.disable()
    try:
        for _ in range(min(max(int(budget / cost), ROUNDS[0]), ROUNDS[1])):
            for name, call in calls.items():
                settle()
                samples[name].append(seconds(call)[0])
    finally:
        gc.enable()
    return {name: summary(values) for name, values in samples.items()}


def seconds(call: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def times(name: str, sides: Sequence[str], threads: int, budget: float) -> Measured:
    return timed_and_judged(row_of(name), sides, threads, budget)


def timed_and_judged(row: Fit, sides: Sequence[str], threads: int, budget: float) -> Measured:
    """Time and quality of the sides of a row on the same arrays."""
    data = row.data(row.samples)
    calls = {side: row.sides[side](*data) for side in sides}
    with threads_of(threads):
        firsts, results = {}, {}
        for side, call in calls.items():
            firsts[side], results[side] = seconds(call)
            if firsts[side] < LONG:
                firsts[side], results[side] = seconds(call)
        quality = judged(row, results, data)
        del results
        return timed(calls, firsts, budget), quality


def memory(name: str, side: str, threads: int) -> int | None:
    return grown(row_of(name), side, threads)


def grown(row: Fit, side: str, threads: int) -> int | None:
    """Bytes by which the process grows at its peak in one call, beyond its arrays; None where Linux does not say it."""
    with threads_of(threads):
        row.sides[side](*row.data(min(WARM, row.samples)))()
        call = row.sides[side](*row.data(row.samples))
        gc.collect()
        try:
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        except (AttributeError, OSError):
            return None
        before = resident("VmRSS")
        call()
        return max(0, resident("VmHWM") - before)


def resident(field: str) -> int:
    """Bytes, of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
