"""The table of a run for a document: ``python -m benchmarks.markdown results.csv README.md``.

What stands between the two marks of such results in the document is replaced; without a document, the table is printed.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.table import read_csv

BEGIN = "<!-- from python -m benchmarks.markdown -->"
BEGIN_TRAINING = "<!-- from python -m benchmarks.markdown, training -->"
BEGIN_ESTIMATORS = "<!-- from python -m benchmarks.markdown, estimators -->"
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


def every_step(lines: Sequence[Line], threads: Sequence[str]) -> list[str]:
    """A line for each step and peer: times and memory with the first number of threads, the ratios with each."""
    per_count = [f"ratio, {count} thr." for count in threads]
    lined = [row(["step", "against", "its us", "nerve's us", *per_count, "its MB", "nerve's MB"])]
    lined.append(row(["---", "---", "---:", "---:", *("---:" for _ in threads), "---:", "---:"]))
    by_pair: dict[tuple[str, str], dict[str, Line]] = {}
    for line in lines:
        by_pair.setdefault((line["step"], line["peer"]), {})[line["threads"]] = line
    for (step, peer), found in by_pair.items():
        first = found[threads[0]]
        memory = [f"{int(first[name]) / 1e6:.3g}" if first[name] else "" for name in ("peer_bytes", "nerve_bytes")]
        ratios = [f"{float(found[c]['ratio']):.2f}" if c in found else "" for c in threads]
        variant = f"{peer} {first['variant']}".strip()
        lined.append(row([step, variant, number(first["peer_us"]), number(first["nerve_us"]), *ratios, *memory]))
    return lined


def every_fit(lines: Sequence[Line], threads: Sequence[str]) -> list[str]:
    """A line for each piece of work and peer, with what the results are worth."""
    head = ["work", "against", "its ms", "nerve's ms", *(f"ratio, {count} thr." for count in threads)]
    lined = [row([*head, "quality", "its", "nerve's", "its MB", "nerve's MB"])]
    lined.append(row(["---", "---", *("---:" for _ in head[2:]), "---", *["---:"] * 4]))
    by_pair: dict[tuple[str, str], dict[str, Line]] = {}
    for line in lines:
        by_pair.setdefault((line["work"], line["peer"]), {})[line["threads"]] = line
    for (work, peer), found in by_pair.items():
        first = found[threads[0]]
        ratios = [f"{float(found[c]['ratio']):.2f}" if c in found else "" for c in threads]
        worth = [first["quality"], *(f"{float(first[name]):.5g}" for name in ("peer_quality", "nerve_quality"))]
        memory = [f"{int(first[name]) / 1e6:.3g}" if first[name] else "" for name in ("peer_bytes", "nerve_bytes")]
        lined.append(row([work, peer, number(first["peer_ms"]), number(first["nerve_ms"]), *ratios, *worth, *memory]))
    return lined


def fastest(lines: Iterable[Line]) -> list[Line]:
    """Of each piece of work the line with the fastest peer, which has the least ratio."""
    best: dict[tuple[str, str], Line] = {}
    for line in lines:
        key = line["work"], line["threads"]
        best[key] = min(best.get(key, line), line, key=lambda each: float(each["ratio"]))
    return list(best.values())


def markdown(path: Path) -> tuple[str, str]:
    """The text for a file of results, and the mark it is to follow."""
    facts, lines = read_csv(path)
    training, estimators = "step" in lines[0], "work" in lines[0]
    compared = fastest(lines) if estimators else lines
    threads = list(dict.fromkeys(line["threads"] for line in lines))
    worst = min((line for line in lines if line["ratio"]), key=lambda line: float(line["ratio"]), default=None)
    head = (
        f"{facts['cpu']}, level {facts['level']}; {facts['versions']}; commit {facts['commit']}, {facts['date']}. "
        f"Geometric mean of all {len(compared)} ratios {'to the fastest library ' * estimators}{mean(compared):.2f}"
    )
    if worst is not None:
        what = worst["step" if training else "work" if estimators else "op"]
        name = f"{what}, {worst['peer']}" if training or estimators else what
        head += f", worst {float(worst['ratio']):.2f} ({name}, {worst['threads']} thr.)"
    if training:
        return "\n".join([f"{head}.", "", *every_step(lines, threads)]), BEGIN_TRAINING
    if estimators:
        return "\n".join([f"{head}.", "", *every_fit(lines, threads)]), BEGIN_ESTIMATORS
    details = ["<details><summary>Every line</summary>", "", *every_line(lines, threads), "", "</details>"]
    return "\n".join([f"{head}.", "", *summary(lines, threads), "", *details]), BEGIN


def insert(document: str, text: str, begin: str = BEGIN) -> str:
    """The document with the text between the marks."""
    before, _, rest = document.partition(begin)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the document has not the marks {begin} and {END}")
    return f"{before}{begin}\n\n{text}\n\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.markdown", description="The table of a run for a document.")
    parser.add_argument("results", type=Path, help="a CSV of benchmarks.kernels, training or estimators")
    parser.add_argument("document", type=Path, nargs="?", help="where to put the table, between its two marks")
    options = parser.parse_args()
    text, begin = markdown(options.results)
    if options.document is None:
        print(text)
    else:
        options.document.write_text(insert(options.document.read_text(), text, begin))
    return 0


if __name__ == "__main__":
    sys.exit(main())
