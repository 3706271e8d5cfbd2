"""The table of a run: on a terminal, as text, as CSV."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from benchmarks.row import Row
from benchmarks.timing import Time


class Columns(NamedTuple):
    """What the table of one kind of lines looks like, and the fields of its CSV."""

    head: tuple[str, ...]
    widths: tuple[int, ...]
    left: tuple[int, ...]
    fields: tuple[str, ...]


class Measured(Protocol):
    """A line of any such table."""

    @property
    def title(self) -> str: ...
    @property
    def threads(self) -> int: ...
    @property
    def ratio(self) -> float | None: ...
    def values(self) -> dict[str, Any]: ...
    def cells(self) -> tuple[str, ...]: ...


KERNELS = Columns(
    ("op", "thr", "rate", "of limit", "nerve us", "torch us", "variant", "numpy us", "ratio", "spread"),
    (44, 3, 13, 8, 8, 8, 16, 8, 6, 6),
    (0, 6),
    (
        "op", "family", "threads", "rate", "unit", "fraction_of_limit", "nerve_us", "torch_us", "torch_variant",
        "numpy_us", "ratio", "nerve_spread", "torch_spread", "all_us",
    ),
)  # fmt: skip


def short(number: str) -> str:
    """Three digits, or all before the point."""
    return f"{float(number):.3g}" if number and float(number) < 100 else number.partition(".")[0]


@dataclass(frozen=True)
class Line:
    """A measured row."""

    row: Row
    threads: int
    times: dict[str, Time]
    limit: float | None

    def best(self, library: str) -> str | None:
        """The fastest variant of a library."""
        variants = [name for name in self.times if name.startswith(library)]
        return min(variants, key=lambda name: self.times[name].median, default=None)

    @property
    def title(self) -> str:
        return self.row.name

    @property
    def ratio(self) -> float | None:
        """How many times faster than PyTorch's best variant nerve is."""
        best = self.best("torch")
        return None if best is None else self.times[best].median / self.times["nerve"].median

    def values(self) -> dict[str, Any]:
        """What a line of the CSV holds."""
        nerve, best, numpy = self.times["nerve"], self.best("torch"), self.best("numpy")
        rate = self.row.work / nerve.median
        return {
            "op": self.row.name,
            "family": self.row.family,
            "threads": self.threads,
            "rate": f"{rate / 1e9:.2f}",
            "unit": self.row.unit,
            "fraction_of_limit": "" if self.limit is None else f"{rate / self.limit:.3f}",
            "nerve_us": f"{nerve.median * 1e6:.2f}",
            "torch_us": "" if best is None else f"{self.times[best].median * 1e6:.2f}",
            "torch_variant": "" if best is None else best.removeprefix("torch").strip(),
            "numpy_us": "" if numpy is None else f"{self.times[numpy].median * 1e6:.2f}",
            "ratio": "" if self.ratio is None else f"{self.ratio:.3f}",
            "nerve_spread": f"{nerve.spread:.3f}",
            "torch_spread": "" if best is None else f"{self.times[best].spread:.3f}",
            "all_us": "; ".join(f"{name} {time.median * 1e6:.2f}" for name, time in self.times.items()),
        }

    def cells(self) -> tuple[str, ...]:
        """The same for people."""
        v = self.values()

        return (
            v["op"],
            str(v["threads"]),
            f"{short(v['rate'])} {v['unit']}",
            f"{float(v['fraction_of_limit']):.0%}" if v["fraction_of_limit"] else "",
            short(v["nerve_us"]),
            short(v["torch_us"]),
            v["torch_variant"],
            short(v["numpy_us"]),
            f"{float(v['ratio']):.2f}" if v["ratio"] else "",
            f"{float(v['nerve_spread']):.0%}",
        )


L = TypeVar("L", bound=Measured)


def conclusion(lines: Iterable[Measured]) -> str:
    """The last line: the geometric mean of the ratios, and the worst."""
    ratios = [(line.ratio, line) for line in lines if line.ratio is not None]
    if not ratios:
        return "geomean and worst: no peer is installed"
    mean = math.exp(sum(math.log(ratio) for ratio, _ in ratios) / len(ratios))
    worst, line = min(ratios, key=lambda each: each[0])
    return f"geomean {mean:.2f}  worst {worst:.2f} ({line.title}, threads {line.threads})"


def text(cells: Sequence[str], columns: Columns = KERNELS) -> str:
    """A line of plain text."""
    widths = enumerate(zip(cells, columns.widths, strict=True))
    return "  ".join(c.ljust(w) if i in columns.left else c.rjust(w) for i, (c, w) in widths).rstrip()


def rich_table(lines: Iterable[Measured], columns: Columns = KERNELS) -> Any:
    """The table for a terminal: what is slower than the peer in red."""
    from rich.table import Table

    table = Table(row_styles=("", "on grey7"), pad_edge=False)
    for i, name in enumerate(columns.head):
        table.add_column(name, justify="left" if i in columns.left else "right")
    for line in lines:
        slower = line.ratio is not None and line.ratio < 1
        table.add_row(*line.cells(), style="red" if slower else None)
    return table


def report(lines: Iterator[L], columns: Columns = KERNELS) -> list[L]:
    """Print the lines: as text when they come, or on a terminal as a table in the end."""
    if not sys.stdout.isatty():
        print(text(columns.head, columns), flush=True)
        shown = []
        for line in lines:
            print(text(line.cells(), columns), flush=True)
            shown.append(line)
        return shown
    from rich.console import Console

    console, shown = Console(), []
    with console.status("measuring") as status:
        for line in lines:
            shown.append(line)
            status.update(f"{len(shown)}: {' '.join(line.cells())}")
    console.print(rich_table(shown, columns))
    return shown


def write_csv(path: Path, facts: dict[str, str], lines: Iterable[Measured], columns: Columns = KERNELS) -> None:
    """The lines, under a head of ``# name: value`` lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        file.writelines(f"# {name}: {value}\n" for name, value in facts.items())
        writer = csv.DictWriter(file, columns.fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(line.values() for line in lines)


def read_csv(path: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The head and the lines of a file of :func:`write_csv`."""
    content = path.read_text().splitlines()
    facts = dict(line.removeprefix("# ").split(": ", 1) for line in content if line.startswith("# "))
    return facts, list(csv.DictReader(line for line in content if not line.startswith("# ")))
