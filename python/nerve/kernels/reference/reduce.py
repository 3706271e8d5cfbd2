"""Reductions over the middle axis of (outer, reduced, inner), in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["argmax", "argmin", "max", "mean", "min", "sum"]


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
