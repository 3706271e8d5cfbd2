"""Measure kernels and steps on the GPU of this machine.

    python -m benchmarks.gpu --seconds 240 --csv benchmarks/results/gpu-h200.csv

Every row is verified first, and written when it is done. Rows that the time does not reach are left out, and named.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nerve
from benchmarks.gpu.machine import Gpu
from benchmarks.gpu.rows import Row, all_rows, with_precision
from benchmarks.gpu.steps import all_steps
from benchmarks.machine import facts
from benchmarks.row import WrongResult

FIELDS = ("family", "name", "nerve_us", "rate", "unit", "of_copy", "peer", "peer_us", "ratio", "target", "error")


def verified(gpu: Gpu, row: Row) -> float:
    """The largest difference, relative to the largest number; WrongResult where that is too much."""
    result = row.first(with_precision(row)())
    got = result if isinstance(result, gpu.torch.Tensor) else gpu.theirs(result)
    want = row.expect()
    want = row.first(want) if isinstance(want, tuple) else want
    if tuple(got.shape) != tuple(want.shape):
        raise WrongResult(f"{row.name}: a result of shape {tuple(got.shape)}, not {tuple(want.shape)}")
    got, want = got.double().cpu(), want.double().cpu()
    error = float((got - want).abs().max() / want.abs().max())
    if not error <= row.tolerance:
        raise WrongResult(f"{row.name}: differs by {error:.1e} of its largest number, more than {row.tolerance:.0e}")
    return error


def measured(gpu: Gpu, row: Row, copied: float | None) -> dict[str, Any]:
    """A line of the table."""
    error = verified(gpu, row)
    ours = gpu.seconds(with_precision(row))
    peers = {name: gpu.seconds(call) for name, call in row.peers.items()}
    peer = min(peers, key=lambda name: peers[name]) if peers else ""
    rate = row.work / ours / (1 if row.unit == "steps/s" else 1e9)
    return {
        "family": row.family,
        "name": row.name,
        "nerve_us": f"{1e6 * ours:.2f}",
        "rate": f"{rate:.1f}",
        "unit": row.unit,
        "of_copy": f"{rate / copied:.2f}" if copied and row.unit == "GB/s" else "",
        "peer": peer,
        "peer_us": f"{1e6 * peers[peer]:.2f}" if peer else "",
        "ratio": f"{peers[peer] / ours:.2f}" if peer else "",
        "target": "" if row.target is None else f"{row.target}",
        "error": f"{error:.1e}",
    }


def main(arguments: Sequence[str] | None = None, gpu: Gpu | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only", nargs="*", help="families: copy matmul conv norm pool softmax random optim kmeans steps"
    )
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no row after so many")
    parser.add_argument("--csv", type=Path, help="where the lines go")
    options = parser.parse_args(arguments)
    gpu = Gpu() if gpu is None else gpu
    begun, lines, late, wrong = time.monotonic(), [], [], 0
    copied: float | None = None
    head = {**facts(("torch", "cupy-cuda13x")), **gpu.facts()}
    makes = [*all_steps(), *all_rows()]
    for family, make in makes:
        if options.only and family not in options.only:
            continue
        if time.monotonic() - begun > options.seconds:
            late.append(family)
            continue
        try:
            line = measured(gpu, make(gpu), copied)
        except Exception:  # a row that fails says so, and the others are measured
            wrong += 1
            traceback.print_exc()
            continue
        if family == "copy":
            copied = float(line["rate"])
        lines.append(line)
        print(" | ".join(f"{line[name]:>9}" if name != "name" else f"{line[name]:<44}" for name in FIELDS), flush=True)
        if options.csv:
            write(options.csv, head, lines)
    nerve.set_matmul_precision("high")
    if late:
        print(f"not measured for want of time: {len(late)} rows of {', '.join(sorted(set(late)))}")
    return 1 if wrong else 0


def write(path: Path, head: dict[str, str], lines: list[dict[str, Any]]) -> None:
    """The whole table, so that an end at any time leaves what was measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in head.items())
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


if __name__ == "__main__":
    sys.exit(main())
