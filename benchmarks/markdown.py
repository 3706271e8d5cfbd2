"""The table of a run for a document: ``python -m benchmarks.markdown results.csv README.md``.

What stands between the two marks below in the document is replaced; without a document, the table is printed.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.table import read_csv

BEGIN = "<!-- from python -m benchmarks.markdown -->"
END = "<!-- end -->"

Line = dict[str, str]


def mean(lines: Iterable[Line]) -> float:
    """The geometric mean of the ratios."""
    logarithms = [math.log(float(line["ratio"])) for line in lines if line["ratio"]]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


def row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def number(text: str) -> str:
    """Three digits of a rate."""
    return f"{float(text):.3g}" if float(text) < 100 else f"{float(text):.0f}"


def summary(lines: Sequence[Line], threads: Sequence[str]) -> list[str]:
    """A line for each family, with the geometric mean and the least of its ratios."""
    lined = [row(["family", *(f"{count} thread{'s' * (count != '1')}" for count in threads)])]
    lined.append(row(["---", *("---:" for _ in threads)]))
    for family in [*dict.fromkeys(line["family"] for line in lines), ""]:
        members = [line for line in lines if family in ("", line["family"]) and line["ratio"]]
        cells = []
        for count in threads:
            ratios = [line for line in members if line["threads"] == count]
            least = min((float(line["ratio"]) for line in ratios), default=math.nan)
            cells.append(f"{mean(ratios):.2f} (least {least:.2f})")
        lined.append(row([f"`{family}`" if family else "**all**", *cells]))
    return lined


def every_line(lines: Sequence[Line], threads: Sequence[str]) -> list[str]:
    """A line for each op: rate and fraction of the limit with the first number of threads, the ratios with each."""
    lined = [row(["op", "rate", "of limit", "against PyTorch's", *(f"ratio, {c} thr." for c in threads), "NumPy's"])]
    lined.append(row(["---", "---:", "---:", "---", *("---:" for _ in threads), "---:"]))
    by_op: dict[str, dict[str, Line]] = {}
    for line in lines:
        by_op.setdefault(line["op"], {})[line["threads"]] = line
    for op, found in by_op.items():
        first = found[threads[0]]
        numpy = float(first["numpy_us"]) / float(first["nerve_us"]) if first["numpy_us"] else None
        ratios = [f"{float(found[c]['ratio']):.2f}" if c in found and found[c]["ratio"] else "" for c in threads]
        limit = f"{float(first['fraction_of_limit']):.0%}" if first["fraction_of_limit"] else ""
        rate = f"{number(first['rate'])} {first['unit']}"
        lined.append(row([op, rate, limit, first["torch_variant"], *ratios, f"{numpy:.2f}" if numpy else ""]))
    return lined


def markdown(path: Path) -> str:
    """The text for a file of results."""
    facts, lines = read_csv(path)
    threads = list(dict.fromkeys(line["threads"] for line in lines))
    worst = min((line for line in lines if line["ratio"]), key=lambda line: float(line["ratio"]), default=None)
    head = (
        f"{facts['cpu']}, level {facts['level']}; {facts['versions']}; commit {facts['commit']}, {facts['date']}. "
        f"Geometric mean of all {len(lines)} ratios {mean(lines):.2f}"
    )
    if worst is not None:
        head += f", worst {float(worst['ratio']):.2f} ({worst['op']}, {worst['threads']} thr.)"
    details = ["<details><summary>Every line</summary>", "", *every_line(lines, threads), "", "</details>"]
    return "\n".join([f"{head}.", "", *summary(lines, threads), "", *details])


def insert(document: str, text: str) -> str:
    """The document with the text between the marks."""
    before, _, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the document has not the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.markdown", description="The table of a run for a document.")
    parser.add_argument("results", type=Path, help="a CSV of benchmarks.kernels")
    parser.add_argument("document", type=Path, nargs="?", help="where to put the table, between its two marks")
    options = parser.parse_args()
    text = markdown(options.results)
    if options.document is None:
        print(text)
    else:
        options.document.write_text(insert(options.document.read_text(), text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
