"""Interleaved timing: every side in turn, round after round, so that what disturbs the machine disturbs all alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import nerve
from benchmarks.row import Peer, Row, torch, verify

SAMPLE = 2e-3  # seconds of one sample at least
SETTLE = 5e-3  # seconds of looking whether the workers of the libraries have stopped spinning
ROUNDS = 5, 25


@dataclass(frozen=True)
class Time:
    """Seconds per call: the median over the samples, and how far the middle half of them spreads relative to it."""

    median: float
    spread: float


@contextmanager
def threads_of_all(count: int, with_torch: bool) -> Iterator[None]:
    """The same number of threads for nerve, PyTorch and the BLAS of NumPy."""
    from threadpoolctl import threadpool_limits

    before = nerve.num_threads()
    with ExitStack() as stack:
        stack.callback(nerve.set_num_threads, before)
        if with_torch:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(count)
        stack.enter_context(threadpool_limits(count, user_api="blas"))
        nerve.set_num_threads(count)
        yield


@contextmanager
def mode(peer: Peer | None) -> Iterator[None]:
    """PyTorch's inference mode, where a call does not differentiate."""
    if peer is None or not peer.name.startswith("torch") or peer.autograd:
        yield
    else:
        with torch.inference_mode():
            yield


def sides(row: Row, peers: tuple[Peer, ...], expected: Any) -> dict[str, tuple[Peer | None, Callable[[], Any]]]:
    """The calls to time, verified; the first is nerve's."""
    args = row.arguments()
    verify(f"{row.name}, nerve", row.call(*args), expected, row.tolerance)
    calls: dict[str, tuple[Peer | None, Callable[[], Any]]] = {"nerve": (None, lambda: row.call(*args))}
    tolerance = row.compare_tolerance or row.tolerance
    for peer in peers:
        with mode(peer):
            call = peer.prepare(*row.arguments())
            verify(f"{row.name}, {peer.name}", peer.unpack(call()), row.compare(expected), tolerance)
        calls[peer.name] = peer, call
    return calls


def sample(call: Callable[[], Any], repeats: int) -> float:
    """Seconds per call in a loop."""
    times = range(repeats)
    begin = time.perf_counter()
    for _ in times:
        call()
    return (time.perf_counter() - begin) / repeats


def settle() -> None:
    """Wait until no worker spins after the last call: OpenBLAS's take a core from the next side for 0.1 s."""
    for _ in range(100):
        before = time.process_time()
        time.sleep(SETTLE)
        if time.process_time() - before < SETTLE / 10:
            return


def measure(row: Row, peers: tuple[Peer, ...], expected: Any, budget: float) -> dict[str, Time]:
    """Verify every side of a row, then time them."""
    return timed(sides(row, peers, expected), budget)


def timed(calls: dict[str, tuple[Peer | None, Callable[[], Any]]], budget: float) -> dict[str, Time]:
    """The calls' times, taken in turns in ``budget`` seconds of sampling or a few rounds, whichever is more."""
    threaded = nerve.num_threads() > 1
    repeats: dict[str, int] = {}
    cost = 0.0
    for name, (peer, call) in calls.items():
        if threaded:
            settle()
        with mode(peer):
            once = min(sample(call, 1) for _ in range(3))
            if once < SAMPLE:
                once = sample(call, max(1, int(SAMPLE / 4 / once)))
        repeats[name] = max(1, round(SAMPLE / once + 0.5))
        cost += (repeats[name] + 1) * once
    samples: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    gc.disable()
    try:
        for _ in range(min(max(int(budget / cost), ROUNDS[0]), ROUNDS[1])):
            for name, (peer, call) in calls.items():
                if threaded:
                    settle()
                with mode(peer):
                    call()
                    samples[name].append(sample(call, repeats[name]))
    finally:
        gc.enable()
    return {name: summary(seconds) for name, seconds in samples.items()}


def summary(seconds: list[float]) -> Time:
    low, median, high = statistics.quantiles(seconds, n=4)
    return Time(median, (high - low) / median)
