"""One kind of step, timed beside one peer in this process: ``python -m benchmarks.steps NUMBER PEER THREADS BUDGET``.

The last line of the output is a JSON object of what was measured. Started by :mod:`benchmarks.training`, because a
library takes its number of threads, and Keras its backend, once and for all when it is loaded.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import asdict

from benchmarks.row import WrongResult
from benchmarks.steps import ALL, ours, programs
from benchmarks.steps.programs import Program
from benchmarks.steps.workload import Side, Workload, agree
from benchmarks.timing import Time, threads_of_all, timed


def main(number: str, peer: str, threads: str, budget: str) -> int:
    if hasattr(os, "sched_setaffinity"):  # as many cores as threads: XLA takes all it is given
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    with threads_of_all(int(threads), peer.endswith("torch")):
        sides = gathered(ALL[int(number)], peer)
        try:
            measured = measure(ALL[int(number)], sides, float(budget))
        except WrongResult as error:
            print(f"WRONG: {error}", file=sys.stderr)
            return 1
    print(json.dumps(measured))
    return 0


def gathered(workload: Workload | Program, peer: str) -> dict[str, Side]:
    """nerve's side and a peer's."""
    if isinstance(workload, Program):
        return programs.sides(workload, peer)
    theirs = importlib.import_module(f"benchmarks.steps.with_{peer.split()[0]}")
    return {"nerve": ours.side(workload), **theirs.sides(workload)}


def measure(workload: Workload | Program, sides: dict[str, Side], budget: float) -> dict[str, object]:
    """Times per step and memory of the sides, which agree."""
    agree(workload, sides)
    times = timed({name: (side.mode, side.call) for name, side in sides.items()}, budget)
    per_step = {name: Time(time.median / sides[name].steps, time.spread) for name, time in times.items()}
    return {
        "times": {name: asdict(time) for name, time in per_step.items()},
        "memory": {name: side.memory() for name, side in sides.items()},
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
