"""Initial values that are not random."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.initializers.initializer import Initializer, Shape


class Constant(Initializer):
    """Every element is `value`."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        return np.full(tuple(shape), self.value, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}


class Zeros(Initializer):
    """Every element is 0."""

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        return np.zeros(tuple(shape), dtype)


class Ones(Initializer):
    """Every element is 1."""

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        return np.ones(tuple(shape), dtype)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        if len(shape) != 2:
            raise ShapeError(f"[Identity] makes matrices only, got shape {tuple(shape)}")
        matrix: Array = np.eye(shape[0], shape[1]) * self.gain
        return matrix.astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


class STFT(Initializer):
    """The kernel of a short-time Fourier transform: waves of all frequencies, under a window.

    Parameters
    ----------
    side : {"real", "imag"}
        Cosines, or negative sines.
    window : str, array or None
        A name that `scipy.signal.get_window` knows, or values.
    scaling : {"density", "spectrum"} or None
        What the window is divided by: the root of the sum of its squares, its sum, or nothing.
    periodic : bool
        Whether a window by name is made for a periodic signal.
    """

    def __init__(
        self, side: str, window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        for name, value, known in (
            ("side", side, ("real", "imag")),
            ("scaling", scaling, (None, "density", "spectrum")),
        ):
            if value not in known:
                raise ValueError(f"[STFT] {name} must be one of {known}, got {value!r}")
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        """A kernel of `shape` (frame_length, 1, fft_length / 2 + 1)."""
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            raise ShapeError(f"[STFT] makes kernels (frame_length, 1, bins) only, got shape {tuple(shape)}")
        length, _, bins = shape
        # Whole turns are taken off before the angle is computed, which keeps its digits.
        turns = np.outer(np.arange(length), np.arange(bins)) % (2 * bins - 2) / (2 * bins - 2)
        kernel: Array = np.cos(2 * np.pi * turns) if self.side == "real" else -np.sin(2 * np.pi * turns)
        if self.window is not None:
            values = np.asarray(self._window(length), np.float64)
            if values.shape != (length,):
                raise ShapeError(f"[STFT] window expects shape {(length,)}, got {values.shape}")
            sums = {None: 1.0, "density": np.sqrt(np.square(values).sum()), "spectrum": np.abs(values).sum()}
            kernel = kernel * (values / sums[self.scaling])[:, np.newaxis]
        return kernel.reshape(tuple(shape)).astype(dtype)

    def _window(self, length: int) -> Any:
        if not isinstance(self.window, str):
            return self.window
        from scipy.signal import get_window

        return get_window(self.window, length, self.periodic)

    def get_config(self) -> dict[str, Any]:
        return {"side": self.side, "window": self.window, "scaling": self.scaling, "periodic": self.periodic}
