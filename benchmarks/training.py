"""Whole steps beside PyTorch, JAX and Keras: ``python -m benchmarks.training [--threads 1,2] [--only NAME]``.

A line is one kind of step (benchmarks/steps) beside one library, both in one process of that many threads and cores.
First the sides' losses over 12 steps from the same weights on the same batches, or their predictions, have to agree;
then they are timed in turns, and the table has the medians. ``ratio`` is the time of the library's best variant over
nerve's: above 1 nerve is faster. The last line has the geometric mean of the ratios and the worst.

``MB`` is a step's memory at its peak with inputs, weights and the optimizer's state, in units of 10^6 bytes: nerve's
from its recording's plan, PyTorch's from the profiler's list of allocations, JAX's from the compiler. What libraries
need inside of one kernel is in none of them. PyTorch's variants are the memory formats by the optimizer's default,
fused and foreach implementations; ``--torch-compile`` adds torch.compile, which takes half a minute for each.
A wrong result ends the run with status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, table
from benchmarks.kernels import RESULTS, counts
from benchmarks.steps import ALL
from benchmarks.steps.programs import Program
from benchmarks.steps.workload import Workload
from benchmarks.timing import Time

COLUMNS = table.Columns(
    ("step", "peer", "thr", "nerve us", "peer us", "variant", "ratio", "spread", "nerve MB", "peer MB"),
    (44, 11, 3, 8, 8, 22, 6, 6, 8, 8),
    (0, 1, 5),
    (
        "step", "peer", "threads", "nerve_us", "peer_us", "variant", "ratio", "nerve_spread", "peer_spread",
        "nerve_bytes", "peer_bytes", "all_us",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A kind of step beside one peer."""

    name: str
    peer: str
    threads: int
    times: dict[str, Time]
    memory: dict[str, int | None]

    @property
    def title(self) -> str:
        return f"{self.name}, {self.peer}"

    @property
    def best(self) -> str:
        """The peer's fastest variant."""
        return min((name for name in self.times if name != "nerve"), key=lambda name: self.times[name].median)

    @property
    def ratio(self) -> float | None:
        """How many times faster than that nerve is."""
        return self.times[self.best].median / self.times["nerve"].median

    def values(self) -> dict[str, Any]:
        """What a line of the CSV holds."""
        nerve, peer = self.times["nerve"], self.times[self.best]
        return {
            "step": self.name,
            "peer": self.peer,
            "threads": self.threads,
            "nerve_us": f"{nerve.median * 1e6:.2f}",
            "peer_us": f"{peer.median * 1e6:.2f}",
            "variant": self.best.removeprefix(self.peer).strip(),
            "ratio": f"{self.ratio:.3f}",
            "nerve_spread": f"{nerve.spread:.3f}",
            "peer_spread": f"{peer.spread:.3f}",
            "nerve_bytes": self.memory["nerve"] or "",
            "peer_bytes": self.memory[self.best] or "",
            "all_us": "; ".join(f"{name} {each.median * 1e6:.2f}" for name, each in self.times.items()),
        }

    def cells(self) -> tuple[str, ...]:
        """The same for people."""
        v = self.values()
        memory = (table.short(f"{int(v[name]) / 1e6:.3f}") if v[name] else "" for name in ("nerve_bytes", "peer_bytes"))
        return (
            self.name,
            self.peer,
            str(self.threads),
            table.short(v["nerve_us"]),
            table.short(v["peer_us"]),
            v["variant"],
            f"{self.ratio:.2f}",
            f"{float(v['nerve_spread']):.0%}",
            *memory,
        )


def chosen(workloads: Sequence[Workload | Program], only: list[str] | None) -> list[Workload | Program]:
    """Those with one of the texts in their names."""
    return [each for each in workloads if not only or any(part in each.name for part in only)]


def missing(peer: str) -> list[str]:
    """What a peer needs and is not installed."""
    needed = {
        "torch": ["torch"],
        "jax": ["jax", "optax"],
        "keras jax": ["keras", "jax"],
        "keras torch": ["keras", "torch"],
    }
    return [package for package in needed[peer] if not machine.installed(package)]


class Failed(RuntimeError):
    """A process that was to measure a line has ended without doing so."""


def environment(peer: str, threads: int, isa: str | None, compile: bool) -> dict[str, str]:
    """That of the process for a line."""
    made = machine.limited(isa) if isa else dict(os.environ)
    made.update(OMP_NUM_THREADS=str(threads), NPROC=str(threads), KINETO_LOG_LEVEL="5")  # NPROC is XLA's
    if peer.startswith("keras"):
        made["KERAS_BACKEND"] = peer.split()[1]
    if compile:
        made["NERVE_BENCHMARK_TORCH_COMPILE"] = "1"
    return made


def measured(number: int, peer: str, threads: int, budget: float, env: dict[str, str]) -> Line:
    """One line, by a process of its own."""
    command = [sys.executable, "-m", "benchmarks.steps", str(number), peer, str(threads), str(budget)]
    done = subprocess.run(command, env=env, cwd=machine.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise Failed(done.stderr.strip().rpartition("\n")[2])
    found = json.loads(done.stdout.splitlines()[-1])
    times = {name: Time(**time) for name, time in found["times"].items()}
    return Line(ALL[number].name, peer, threads, times, found["memory"])


def run(workloads: Sequence[Workload | Program], options: argparse.Namespace) -> Iterator[Line]:
    """Line by line, for one number of threads after the other."""
    for workload in workloads:
        for peer in workload.peers:
            if not missing(peer):
                for threads in options.threads:
                    env = environment(peer, threads, options.isa, options.torch_compile)
                    yield measured(ALL.index(workload), peer, threads, options.budget, env)


def main(arguments: Sequence[str] | None = None) -> int:
    description = (__doc__ or "").partition("\n\n")[2]
    parser = argparse.ArgumentParser("python -m benchmarks.training", description=description)
    parser.add_argument("--threads", type=counts, default=[1, 2], metavar="1,2", help="numbers of threads")
    parser.add_argument("--only", action="append", metavar="NAME", help="part of a step's name; repeatable")
    parser.add_argument("--budget", type=float, default=1.0, metavar="SECONDS", help="of sampling for a line")
    parser.add_argument("--isa", choices=machine.ISAS, help="hold every library to an instruction set")
    parser.add_argument("--torch-compile", action="store_true", help="also time torch.compile")
    parser.add_argument("--csv", type=Path, help="where the lines go; a whole run's go to benchmarks/results")
    options = parser.parse_args(arguments)
    picked = chosen(ALL, options.only)
    if not picked:
        parser.error(f"no step's name has {' or '.join(options.only)} in it")
    facts, begin = machine.facts(("torch", "jax", "optax", "keras")), time.perf_counter()
    facts["level"] = options.isa or facts["level"]
    for name, value in facts.items():
        print(f"{name}: {value}", flush=True)
    for peer in dict.fromkeys(peer for workload in picked for peer in workload.peers):
        if missing(peer):
            print(f"left out, as {' and '.join(missing(peer))} is not installed: {peer}", flush=True)
    try:
        lines = table.report(run(picked, options), COLUMNS)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    path = options.csv
    if path is None and not options.only:
        path = RESULTS / f"training-{facts['level']}-{'-'.join(map(str, options.threads))}.csv"
    if path is not None:
        table.write_csv(path, facts, lines, COLUMNS)
    print(f"{len(lines)} lines in {time.perf_counter() - begin:.0f} s{f', in {path}' if path else ''}")
    print(table.conclusion(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
