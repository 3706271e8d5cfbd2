"""Windows that end low, by which sequences are multiplied before a Fourier transform."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.kernels._numbers import integer
from nerve.tensor import Tensor

__all__ = ["bartlett", "blackman", "hamming", "hanning", "kaiser"]

_LEVELS = {"hann": 0.5, "hamming": 0.54}


def cosine_window(name: str | None, length: int, period: int | None = None) -> Array:
    """Hann's or Hamming's window, in float64, or ones. Its period is ``length`` if no other is given."""
    level = _LEVELS.get(name or "", 1.0)
    return level - (1 - level) * np.cos(2 * np.pi * np.arange(length) / (period or length))


def _symmetric(name: str, x: Any) -> Tensor:
    length = _length(name, x)
    found = np.ones(length) if length < 2 else cosine_window({"hanning": "hann"}.get(name, name), length, length - 1)
    return _window(found)


def _length(op: str, x: Any) -> int:
    return integer(op, "x", int(x) if isinstance(x, Tensor) else x, 0)


def _window(values: Array) -> Tensor:
    return Tensor(values.astype(np.float32), tracked=False)


def hanning(x: Any) -> Tensor:
    """Hann's window, which is 0 at both ends.

    Parameters
    ----------
    x : int
        How many elements it has. So in all of these.

    Returns
    -------
    Tensor of float32 (x,)

    Raises
    ------
    TypeError, ValueError
        If `x` is no whole number, or negative.
    """
    return _symmetric("hanning", x)


def hamming(x: Any) -> Tensor:
    """Hamming's window, which is 0.08 at both ends."""
    return _symmetric("hamming", x)


def bartlett(x: Any) -> Tensor:
    """Bartlett's window: a triangle, 0 at both ends."""
    return _window(np.bartlett(_length("bartlett", x)))


def blackman(x: Any) -> Tensor:
    """Blackman's window, of two cosines."""
    return _window(np.blackman(_length("blackman", x)))


def kaiser(x: Any, beta: float) -> Tensor:
    """Kaiser's window, of Bessel functions: the larger `beta`, the narrower."""
    return _window(np.kaiser(_length("kaiser", x), float(beta)))
