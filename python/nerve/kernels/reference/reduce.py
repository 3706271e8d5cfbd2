"""Reductions over the middle axis of (outer, reduced, inner), in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["accumulate_mean", "argmax", "argmax_is", "argmin", "max", "mean", "min", "sum"]


def sum(out: Array, x: Array, outer: int, reduced: int, inner: int) -> None:
    out[...] = x.sum(axis=1, dtype=np.float64)


def mean(out: Array, x: Array, outer: int, reduced: int, inner: int) -> None:
    out[...] = x.sum(axis=1, dtype=np.float64) / reduced


def max(out: Array, x: Array, outer: int, reduced: int, inner: int) -> None:
    out[...] = x.max(axis=1)


def min(out: Array, x: Array, outer: int, reduced: int, inner: int) -> None:
    out[...] = x.min(axis=1)


def argmax(out: Array, x: Array, outer: int, reduced: int, inner: int) -> None:
    out[...] = x.argmax(axis=1)


def argmin(out: Array, x: Array, outer: int, reduced: int, inner: int) -> None:
    out[...] = x.argmin(axis=1)


def argmax_is(out: Array, x: Array, labels: Array, rows: int, columns: int) -> None:
    out[...] = (x.reshape(rows, columns).argmax(axis=1) == labels.reshape(rows)).reshape(out.shape)


def accumulate_mean(totals: Array, values: Array, weights: Array | None, rows: int, weighted: int, inner: int) -> None:
    means = values.reshape(rows, weighted, inner).mean(axis=2, dtype=np.float64)
    factors = np.ones((rows, weighted)) if weights is None else weights.reshape(rows, weighted).astype(np.float64)
    totals += (means * factors).mean(axis=1).sum(), factors.mean(axis=1).sum()
