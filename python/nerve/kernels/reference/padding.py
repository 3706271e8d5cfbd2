"""Padding: NumPy's, and its gradient one axis after the other, by the indices that NumPy's shows."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels.shapes import FILLS, PadShape

__all__ = ["pad", "pad_backward"]

_MODES = {FILLS["mirror"]: "reflect", FILLS["reflect"]: "symmetric"}


def pad(out: Array, x: Array, shape: PadShape, value: float) -> None:
    array = x.reshape(*shape.sizes, shape.inner)
    widths = [*zip(shape.before, shape.after, strict=True), (0, 0)]
    if shape.fill in _MODES:
        padded = np.pad(array, widths, _MODES[shape.fill])  # type: ignore[call-overload]
    else:
        padded = np.pad(array, widths, constant_values=value)
    out.reshape(-1)[...] = padded.reshape(-1)


def pad_backward(grad_x: Array, grad: Array, shape: PadShape) -> None:
    widths = list(zip(shape.before, shape.sizes, shape.after, strict=True))
    total = grad.astype(np.float64).reshape(*map(sum, widths), shape.inner)
    for axis, (before, size, after) in enumerate(widths):
        if shape.fill in _MODES:
            shown = np.pad(np.arange(size), (before, after), _MODES[shape.fill])  # type: ignore[call-overload]
            sums = np.zeros((size, *np.moveaxis(total, axis, 0).shape[1:]))
            np.add.at(sums, shown, np.moveaxis(total, axis, 0))
            total = np.moveaxis(sums, 0, axis)
        else:
            total = total.take(range(before, before + size), axis)
    grad_x.reshape(-1)[...] = total.reshape(-1)
