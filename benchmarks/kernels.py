"""Kernels beside PyTorch and NumPy: ``python -m benchmarks.kernels [--threads 1,2] [--only NAME] [--isa avx2]``.

Every side of a row (benchmarks/rows) is verified against the reference in float64 and then timed on the same number of
threads, interleaved; the table has the medians. ``ratio`` is the time of PyTorch's best variant over nerve's: above 1
nerve is faster. ``of limit`` is the rate over the machine's limit (benchmarks/limits.py); ``spread`` how far the middle
half of nerve's samples spreads. The last line has the geometric mean of the ratios and the worst. Read it on a quiet
machine. A wrong result ends the run with status 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import machine, table
from benchmarks.limits import limit
from benchmarks.row import Row, WrongResult
from benchmarks.rows import ROWS
from benchmarks.timing import measure, threads_of_all

RESULTS = Path(__file__).resolve().parent / "results"


def counts(text: str) -> list[int]:
    """The value of --threads."""
    found = [int(part) for part in text.split(",")]
    if min(found) < 1:
        raise ValueError
    return found


def chosen(rows: Sequence[Row], only: list[str] | None) -> list[Row]:
    """The rows with one of the texts in their names, or of a family of that name."""
    if not only:
        return list(rows)
    return [row for row in rows if any(part == row.family or part in row.name for part in only)]


def run(rows: Sequence[Row], threads: Sequence[int], budget: float) -> Iterator[table.Line]:
    """Measure row by row, for one number of threads after the other."""
    with_torch = machine.has_torch()
    for row in rows:
        peers = tuple(peer for peer in row.peers if with_torch or not peer.name.startswith("torch"))
        expected = row.expected()
        for count in threads:
            with threads_of_all(count, with_torch):
                yield table.Line(row, count, measure(row, peers, expected, budget), limit(row, count))


def main(arguments: Sequence[str] | None = None, rows: Sequence[Row] = ROWS) -> int:
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--isa", choices=machine.ISAS, help="hold every library to an instruction set")
    description = (__doc__ or "").partition("\n\n")[2]
    parser = argparse.ArgumentParser("python -m benchmarks.kernels", description=description, parents=[first])
    parser.add_argument("--threads", type=counts, default=[1, 2], metavar="1,2", help="numbers of threads")
    parser.add_argument("--only", action="append", metavar="NAME", help="a family, or part of a row's name; repeatable")
    parser.add_argument("--budget", type=float, default=0.6, metavar="SECONDS", help="of sampling for a line")
    parser.add_argument("--csv", type=Path, help="where the lines go; a whole run's go to benchmarks/results")
    options = parser.parse_args(arguments)
    if options.isa:
        # Libraries read their environment when they are loaded, so a process with another one does it all.
        _, passed = first.parse_known_args(arguments)
        command = [sys.executable, "-m", "benchmarks.kernels", *passed]
        return subprocess.run(command, env=machine.limited(options.isa)).returncode

    picked = chosen(rows, options.only)
    if not picked:
        parser.error(f"no row's name has {' or '.join(options.only)} in it")
    facts, begin = machine.facts(), time.perf_counter()
    for name, value in facts.items():
        print(f"{name}: {value}", flush=True)
    try:
        lines = table.report(run(picked, options.threads, options.budget))
    except WrongResult as error:
        print(f"WRONG: {error}", file=sys.stderr)
        return 1
    path = options.csv
    if path is None and not options.only:
        path = RESULTS / f"kernels-{facts['level']}-{'-'.join(map(str, options.threads))}.csv"
    if path is not None:
        table.write_csv(path, facts, lines)
    print(f"{len(lines)} lines in {time.perf_counter() - begin:.0f} s{f', in {path}' if path else ''}")
    print(table.conclusion(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
