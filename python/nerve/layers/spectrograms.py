"""Sound as an image: how much of each frequency there is at each time."""

from __future__ import annotations

import math
from typing import Any, Unpack

import numpy as np

from nerve import initializers, ops
from nerve.errors import DTypeError, ShapeError
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import data_format_name, output_size, padding_name
from nerve.layers.structure import Shape, is_positive_int

__all__ = [
    "STFTSpectrogram",
]

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_EPSILON = 1e-7


class STFTSpectrogram(Layer):
    """A short-time Fourier transform as a convolution, whose kernel can be trained.

    Parameters
    ----------
    mode : {"log", "magnitude", "psd", "real", "imag", "angle", "stft"}
        What of the transform is given: the logarithm of its magnitude; the magnitude; the power spectral density; one
        part; the angle; or both parts, one after the other.
    frame_length : int
        Samples of a window.
    frame_step : int, optional
        From window to window; half a window if not given.
    fft_length : int, optional
        Of the transform, at least `frame_length`; the next power of two if not given.
    window : str, array or None
        A name that `scipy.signal.get_window` knows, or values.
    periodic : bool
        Whether a window by name is made for a periodic signal.
    scaling : {"density", "spectrum"} or None
    padding : {"valid", "same"}
    expand_dims : bool
        Whether frequencies and channels are axes of their own.
    data_format : {"channels_last", "channels_first"}, optional
        Inputs are (batch, time, channels) or (batch, channels, time).
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        here = f"[{self.name} (STFTSpectrogram)]"
        if mode not in _MODES:
            raise ValueError(f"{here} mode must be one of {_MODES}, got {mode!r}")
        if not is_positive_int(frame_length) or frame_length < 2:
            raise ValueError(f"{here} frame_length must be an int of at least 2, got {frame_length!r}")
        if frame_step is not None and not (is_positive_int(frame_step) and frame_step <= frame_length):
            raise ValueError(f"{here} frame_step must be a positive int up to frame_length, got {frame_step!r}")
        if fft_length is not None and not (is_positive_int(fft_length) and fft_length >= frame_length):
            raise ValueError(f"{here} fft_length must be an int from frame_length on, got {fft_length!r}")
        self.mode, self.frame_length, self.expand_dims = mode, frame_length, bool(expand_dims)
        self.frame_step, self.fft_length = frame_step, fft_length
        self._step = frame_step or frame_length // 2
        self._bins = (fft_length or 2 ** math.ceil(math.log2(frame_length))) // 2 + 1
        self.window, self.periodic, self.scaling = window, periodic, scaling
        self._initializers = {
            side: initializers.STFT(side, window, scaling, periodic)
            for side, other in (("real", "imag"), ("imag", "real"))
            if mode != other
        }
        self.padding, self.data_format = padding_name(self, padding), data_format_name(self, data_format)

    def build(self, input_shape: Shape) -> None:
        shape = (self.frame_length, 1, self._bins)
        self._kernels = [
            self.add_weight(shape, initializer, name=f"{side}_kernel")
            for side, initializer in self._initializers.items()
        ]

    def call(self, inputs: Any) -> Any:
        if len(inputs.shape) != 3:
            raise ShapeError(f"expects sounds (batch, time, channels), got shape {tuple(inputs.shape)}")
        if inputs.dtype.kind != "f":
            raise DTypeError(f"expects floats, got dtype {inputs.dtype}")
        if self.data_format == "channels_last":
            inputs = ops.transpose(inputs, (0, 2, 1))
        batch, channels, time = inputs.shape
        sound = ops.reshape(inputs, (batch * channels, time, 1))
        parts = [ops.conv1d(sound, kernel, strides=self._step, padding=self.padding) for kernel in self._kernels]
        y = self._of_parts(parts)
        return self._shaped(ops.reshape(y, (batch, channels, *y.shape[1:])))

    def _of_parts(self, parts: list[Any]) -> Any:
        """What the mode asks for, (sounds, time, frequencies)."""
        if len(parts) == 1:
            return parts[0]
        if self.mode == "stft":
            return ops.concatenate(parts, axis=2)
        if self.mode == "angle":
            return ops.arctan2(parts[1], parts[0])
        power = ops.square(parts[0]) + ops.square(parts[1])
        if self.mode == "psd":
            twice = np.full(self._bins, 2, self.dtype)  # positive and negative frequencies; 0 and the last have no twin
            twice[[0, -1]] = 1
            return power * twice
        magnitude = ops.sqrt(ops.maximum(power, _EPSILON))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, _EPSILON))

    def _shaped(self, y: Any) -> Any:
        """(batch, channels, time, frequencies) in the form that was asked for."""
        batch, channels, time, bins = y.shape
        if self.data_format == "channels_last":
            if self.expand_dims:
                return ops.transpose(y, (0, 2, 3, 1))
            return ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (batch, time, channels * bins))
        if self.expand_dims:
            return y
        return ops.reshape(ops.transpose(y, (0, 1, 3, 2)), (batch, channels * bins, time))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 3:
            raise ShapeError(f"expects sounds (batch, time, channels), got shape {tuple(input_shape)}")
        batch, *rest = input_shape
        size, channels = rest if self.data_format == "channels_last" else rest[::-1]
        time = output_size(size, self.frame_length, self._step, self.padding, "samples")
        bins = self._bins * (2 if self.mode == "stft" else 1)
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return (batch, time, bins, channels) if last else (batch, channels, time, bins)
        together = None if channels is None else channels * bins
        return (batch, time, together) if last else (batch, together, time)
