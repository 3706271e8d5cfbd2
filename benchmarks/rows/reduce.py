"""Sums and positions of maxima, along rows and columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.row import Row, floats, numpy, simple, torch
from nerve import kernels


def row(op: str, axis: int, rows: int, columns: int) -> Row:
    def nerve(x: np.ndarray) -> Any:
        return getattr(kernels, op)(x, axis=axis)

    along = "rows" if axis else "columns"
    return Row(
        f"{op} of {along} {rows}x{columns}", "reduce", floats(rows, columns), nerve, 4 * rows * columns, "GB/s",
        (
            simple(lambda: lambda x: getattr(torch, "amax" if op == "max" else op)(x, dim=axis)),
            numpy(lambda x: getattr(np, op)(x, axis=axis)),
        ),
    )  # fmt: skip


ROWS = [row(op, axis, 1024, 1024) for op in ("sum", "max", "argmax") for axis in (1, 0)]
