"""Estimators beside their peers: ``python -m benchmarks.estimators [--threads 2] [--only NAME] [--plot growth.svg]``.

A line is one piece of work (benchmarks/fits) beside one library: scikit-learn, scikit-learn-intelex (oneDAL) or FAISS,
where it has the algorithm. All sides of a row get the same arrays in float32, the same initial state and as many
iterations, and are timed in turns in one process of that many threads and cores; the table has the medians.
``ratio`` is the library's time over nerve's: above 1 nerve is faster. ``quality`` is what the result is worth, computed
in float64 the same way for every side: inertia (less is better), recall, log-likelihood, explained variance, correct
digits, or the agreement of labels (adjusted Rand index) or embeddings with scikit-learn's. Where nerve's is worse than
scikit-learn's the run ends with status 1. ``MB`` is what a process grows by at its peak in one call, beyond the arrays
it is given, in units of 10^6 bytes; each is measured in a process of its own. The last line has the geometric mean of
the ratios to the fastest library of each row, and the worst. Read it on a quiet machine.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, table
from benchmarks.fits import ROWS
from benchmarks.fits.fit import Fit
from benchmarks.fits.measure import isolated, memory, missing, times
from benchmarks.kernels import RESULTS, counts
from benchmarks.row import WrongResult
from benchmarks.timing import Time

COLUMNS = table.Columns(
    (
        "work", "against", "thr", "nerve ms", "its ms", "ratio", "spread", "quality", "nerve's", "its", "nerve MB",
        "its MB",
    ),
    (61, 12, 3, 8, 8, 6, 6, 18, 10, 10, 8, 8),
    (0, 1, 7),
    (
        "work", "family", "peer", "threads", "nerve_ms", "peer_ms", "ratio", "nerve_spread", "peer_spread",
        "quality", "nerve_quality", "peer_quality", "nerve_bytes", "peer_bytes",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A row beside one peer."""

    row: Fit
    peer: str
    threads: int
    times: dict[str, Time]
    quality: dict[str, float]
    memory: dict[str, int | None]

    @property
    def title(self) -> str:
        return f"{self.row.name}, {self.peer}"

    @property
    def ratio(self) -> float | None:
        """How many times faster than the peer nerve is."""
        return self.times[self.peer].median / self.times["nerve"].median

    def values(self) -> dict[str, Any]:
        """What a line of the CSV holds."""
        nerve, peer = self.times["nerve"], self.times[self.peer]
        grown = ["" if self.memory[who] is None else self.memory[who] for who in ("nerve", self.peer)]
        return {
            "work": self.row.name,
            "family": self.row.family,
            "peer": self.peer,
            "threads": self.threads,
            "nerve_ms": f"{nerve.median * 1e3:.3f}",
            "peer_ms": f"{peer.median * 1e3:.3f}",
            "ratio": f"{self.ratio:.3f}",
            "nerve_spread": f"{nerve.spread:.3f}",
            "peer_spread": f"{peer.spread:.3f}",
            "quality": self.row.judged,
            "nerve_quality": f"{self.quality['nerve']:.7g}",
            "peer_quality": f"{self.quality[self.peer]:.7g}",
            **{
                f"{who}_bytes": "" if size is None else size for who, size in zip(("nerve", "peer"), grown, strict=True)
            },
        }

    def cells(self) -> tuple[str, ...]:
        """The same for people."""
        v = self.values()
        return (
            v["work"],
            v["peer"],
            str(v["threads"]),
            table.short(v["nerve_ms"]),
            table.short(v["peer_ms"]),
            f"{self.ratio:.2f}",
            f"{float(v['nerve_spread']):.0%}",
            v["quality"],
            f"{float(v['nerve_quality']):.5g}",
            f"{float(v['peer_quality']):.5g}",
            *(megabytes(v[name]) for name in ("nerve_bytes", "peer_bytes")),
        )


def megabytes(size: int | str) -> str:
    return "" if size == "" else table.short(f"{int(size) / 1e6:.3f}")


def fastest(lines: Sequence[Line]) -> list[Line]:
    """Of each row the line with the fastest peer."""
    best: dict[tuple[str, int], Line] = {}
    for line in lines:
        key = line.row.name, line.threads
        if key not in best or line.times[line.peer].median < best[key].times[best[key].peer].median:
            best[key] = line
    return list(best.values())


def chosen(rows: Sequence[Fit], only: list[str] | None) -> list[Fit]:
    """The rows with one of the texts in their names, or of a family of that name."""
    return [row for row in rows if not only or any(part == row.family or part in row.name for part in only)]


def run(rows: Sequence[Fit], options: argparse.Namespace) -> Iterator[Line]:
    """Row by row, for one number of threads after the other."""
    for row in rows:
        sides = [side for side in row.sides if not missing(side)]
        for threads in options.threads:
            grown = {side: isolated(memory, row.name, side, threads) for side in sides}
            measured, quality = isolated(times, row.name, sides, threads, options.budget)
            for peer in sides[1:]:
                yield Line(row, peer, threads, measured, quality, grown)


def main(arguments: Sequence[str] | None = None, rows: Sequence[Fit] = ROWS) -> int:
    description = (__doc__ or "").partition("\n\n")[2]
    parser = argparse.ArgumentParser("python -m benchmarks.estimators", description=description)
    parser.add_argument("--threads", type=counts, default=[2], metavar="1,2", help="numbers of threads")
    parser.add_argument("--only", action="append", metavar="NAME", help="a family, or part of a row's name; repeatable")
    parser.add_argument("--budget", type=float, default=1.0, metavar="SECONDS", help="of sampling for a row")
    parser.add_argument("--csv", type=Path, help="where the lines go; a whole run's go to benchmarks/results")
    parser.add_argument("--plot", type=Path, help="draw the growth with n, d and k into this file, and nothing else")
    options = parser.parse_args(arguments)
    if options.plot:
        from benchmarks import growth

        growth.draw(growth.measured(options.threads[-1]), options.plot)
        return 0
    picked = chosen(rows, options.only)
    if not picked:
        parser.error(f"no row's name has {' or '.join(options.only)} in it")
    facts, begin = machine.facts(("scipy", "scikit-learn", "scikit-learn-intelex", "faiss-cpu")), time.perf_counter()
    for name, value in facts.items():
        print(f"{name}: {value}", flush=True)
    for peer in dict.fromkeys(peer for row in picked for peer in row.peers if missing(peer)):
        print(f"left out, as it is not installed: {peer}", flush=True)
    try:
        lines = table.report(run(picked, options), COLUMNS)
    except (WrongResult, BrokenProcessPool) as error:
        print(f"WRONG: {error}", file=sys.stderr)
        return 1
    path = options.csv
    if path is None and not options.only:
        path = RESULTS / f"estimators-{facts['level']}-{'-'.join(map(str, options.threads))}.csv"
    if path is not None:
        table.write_csv(path, facts, lines, COLUMNS)
    print(f"{len(lines)} lines in {time.perf_counter() - begin:.0f} s{f', in {path}' if path else ''}")
    print(table.conclusion(fastest(lines)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
