"""The rows of :mod:`benchmarks.rows` one by one under pytest-benchmark: ``pytest benchmarks -k matmul``.

Each side is verified before it is timed, all on the same number of threads. For the table, with the sides interleaved,
run ``python -m benchmarks.kernels``.
"""

from __future__ import annotations

from typing import Any

import pytest

import nerve
from benchmarks import machine
from benchmarks.row import Peer, Row
from benchmarks.rows import ROWS
from benchmarks.timing import mode, sides, threads_of_all
from nerve import _cpu

CASES = [(row, peer) for row in ROWS for peer in (None, *row.peers)]


@pytest.mark.parametrize(
    ("row", "peer"), CASES, ids=[f"{row.name}-{peer.name if peer else 'nerve'}" for row, peer in CASES]
)
def test_kernel(row: Row, peer: Peer | None, benchmark: Any) -> None:
    with_torch = machine.has_torch()
    if peer is not None and peer.name.startswith("torch") and not with_torch:
        pytest.skip("PyTorch is not installed")
    threads = nerve.num_threads()
    benchmark.group = row.name
    benchmark.extra_info.update(isa=_cpu.isa(), threads=threads)
    with threads_of_all(threads, with_torch), mode(peer):
        calls = sides(row, (peer,) if peer else (), row.expected())
        benchmark(calls[peer.name if peer else "nerve"][1])
