"""Finding where numbers stop being numbers: the layer and the op that first give NaN or infinity."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nerve.indexed_rows import IndexedRows
from nerve.kernels._arrays import host
from nerve.kernels._recording import now
from nerve.tensor import Tensor

__all__ = ["detect_anomaly"]


class Watch:
    """What is looked at while `detect_anomaly` is on in a thread.

    Attributes
    ----------
    place : str
        The layer at work, as errors write it; empty outside of all layers.
    """

    def __init__(self) -> None:
        self.place = ""
        self._made: dict[int, tuple[weakref.ref[Tensor], str, str]] = {}  # by identity, while they live

    def made(self, result: Tensor, op: str, inputs: tuple[Any, ...]) -> None:
        """Note where a tensor was made, and look at its values."""
        key = id(result)
        self._made[key] = weakref.ref(result, lambda _: self._made.pop(key, None)), op, self.place
        if _wrong(result.array):
            given = [one for one in inputs if isinstance(one, Tensor) and _wrong(one.array)]
            source = " from inputs that hold it already" if given else ""
            raise FloatingPointError(f"{_where(self.place)}{op} gives {_first(result.array)}{source}")

    def differentiated(self, node: Tensor, gradient: Any) -> None:
        """Look at a gradient that an op has given one of its inputs."""
        values = gradient.values if isinstance(gradient, IndexedRows) else gradient
        if _wrong(values):
            _, op, place = self._made.get(id(node), (None, "an op", ""))
            raise FloatingPointError(f"{_where(place)}the gradient of {op} has {_first(values)}")


def _wrong(values: Any) -> bool:
    return values.dtype.kind == "f" and not np.isfinite(host(values)).all()


def _first(values: Any) -> str:
    values = host(values)
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
    return f"{values[index]} at index {index} of shape {values.shape}"


def _where(place: str) -> str:
    return f"[{place}] " if place else ""


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Inside this block, the first NaN or infinity of an op or its gradient is an error that names the layer.

    Nothing is recorded or replayed in it, and every value is looked at, which is slow: for finding out, and not for
    training. Infinity that is there on purpose, as in masks of one's own, is an error too.

    Raises
    ------
    FloatingPointError
        `[model/dense (Dense)] exp gives inf at index (3, 0) of shape (32, 10)`, or `the gradient of sqrt has ...`.

    Examples
    --------
    >>> with nerve.detect_anomaly():
    ...     model.fit(x, y)
    """
    outer, now.watch = now.watch, Watch()
    try:
        yield
    finally:
        now.watch = outer
