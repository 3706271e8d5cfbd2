"""Sound as an image: how much of each frequency there is at each time."""

from __future__ import annotations

import math
from typing import Any, Unpack

import numpy as np

from nerve import initializers, ops
from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import data_format_name, output_size, padding_name
from nerve.layers.structure import Shape, is_positive_int
from nerve.tensor import Tensor

__all__ = [
    "MelSpectrogram",
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
        part; the angle, to which no gradient flows and which no recording can hold; or both parts, one after the other.
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
            return Tensor(np.arctan2(parts[1].numpy(), parts[0].numpy()), tracked=False)
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


class MelSpectrogram(Layer):
    """The power of a sound in bands of equal width for the ear, over time.

    The Fourier transform is a matrix product, so gradients flow through it, and steps with it can be recorded.

    Parameters
    ----------
    fft_length : int
        Of the transform, in samples.
    sequence_stride : int
        Samples from one column of the result to the next.
    sequence_length : int, optional
        Samples of a window, up to `fft_length`, which it is if not given.
    window : {"hann", "hamming"}, array of sequence_length values, or None
    sampling_rate : int
        Samples in a second.
    num_mel_bins : int
    min_freq, max_freq : float
        Of the bands, in hertz; half the sampling rate if `max_freq` is not given.
    power_to_db : bool
        Whether the result is in decibels.
    top_db : float
        How far below the largest value the smallest one may be.
    mag_exp : float
        Exponent of the magnitude; 2 is the power.
    min_power, ref_power : float
        The least power, and the one that is 0 decibels.
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        here = f"[{self.name} (MelSpectrogram)]"
        self.fft_length, self.sequence_stride = fft_length, sequence_stride
        self.sequence_length = sequence_length or fft_length
        for name in ("fft_length", "sequence_stride", "sequence_length", "sampling_rate", "num_mel_bins"):
            value = {**vars(self), "sampling_rate": sampling_rate, "num_mel_bins": num_mel_bins}[name]
            if not is_positive_int(value):
                raise ValueError(f"{here} {name} must be a positive int, got {value!r}")
        if self.sequence_length > fft_length:
            raise ValueError(
                f"{here} sequence_length must be at most fft_length={fft_length}, got {self.sequence_length}"
            )
        self.window, self.sampling_rate, self.num_mel_bins = window, sampling_rate, num_mel_bins
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power
        self._waves = self._fourier()
        self._bands = self.linear_to_mel_weight_matrix(
            num_mel_bins, fft_length // 2 + 1, sampling_rate, self.min_freq, self.max_freq, self.dtype
        )

    def _fourier(self) -> Array:
        """Cosines and sines of all frequencies under the window, (sequence_length, 2 bins)."""
        n, bins = self.sequence_length, self.fft_length // 2 + 1
        window = self.window
        if isinstance(window, str):
            if window not in ("hann", "hamming"):
                raise ValueError(
                    f"[{self.name} (MelSpectrogram)] window must be 'hann', 'hamming', values or None, got {window!r}"
                )
            mean = 0.5 if window == "hann" else 0.54
            window = mean - (1 - mean) * np.cos(2 * np.pi * np.arange(n) / n)
        values = np.ones(n) if window is None else np.asarray(window, np.float64)
        if values.shape != (n,):
            raise ShapeError(f"[{self.name} (MelSpectrogram)] window expects shape {(n,)}, got {values.shape}")
        turns = np.outer(np.arange(n), np.arange(bins)) % self.fft_length * (2 * np.pi / self.fft_length)
        waves = np.concatenate([np.cos(turns), np.sin(turns)], axis=1) * values[:, np.newaxis]
        return waves.astype(self.dtype)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Array:
        """The weight of each frequency in each band: triangles on the mel scale, (frequencies, bands).

        O'Shaughnessy, "Speech communication: human and machine", 1987: mel = 1127 log(1 + hertz / 700).
        """

        def mel(hertz: Any) -> Any:
            return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)

        at = mel(np.linspace(0.0, sampling_rate / 2, num_spectrogram_bins))[1:, np.newaxis]
        edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        weights = np.maximum(0.0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))
        matrix: Array = np.concatenate([np.zeros((1, num_mel_bins)), weights]).astype(dtype)  # nothing of frequency 0
        return matrix

    def call(self, inputs: Any) -> Any:
        inputs = ops.cast(inputs, dtype=self.dtype)
        shape = tuple(inputs.shape)
        if not shape or shape[-1] <= self.fft_length // 2:
            raise ShapeError(f"expects sounds of more than fft_length / 2 samples, got shape {shape}")
        frames = ops.take(inputs, self._frames(shape[-1]), axis=-1)  # (..., frames, sequence_length)
        parts = ops.square(ops.matmul(frames, self._waves))
        bins = self.fft_length // 2 + 1
        power = parts[..., :bins] + parts[..., bins:]
        if self.mag_exp != 2:
            power = ops.power(power, self.mag_exp / 2)
        bands = ops.matmul(power, self._bands)
        if self.power_to_db:
            bands = self._decibels(bands)
        axes = list(range(bands.ndim))
        return ops.transpose(bands, (*axes[:-2], axes[-1], axes[-2]))

    def _frames(self, samples: int) -> Array:
        """The samples of each window. Windows are centred, and what they lack at the ends is mirrored."""
        count = samples // self.sequence_stride + 1
        starts = np.arange(count) * self.sequence_stride - self.fft_length // 2
        starts += (self.fft_length - self.sequence_length) // 2  # a short window stands in the middle
        at = np.abs(starts[:, np.newaxis] + np.arange(self.sequence_length))
        mirrored: Array = np.where(at < samples, at, 2 * (samples - 1) - at)
        return mirrored

    def _decibels(self, power: Any) -> Any:
        scale = 10.0 / math.log(10.0)
        level = ops.log(ops.maximum(power, self.min_power)) * scale
        level = level - scale * math.log(max(abs(self.ref_power), self.min_power))
        return ops.maximum(level, ops.max(level) - self.top_db)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        samples = input_shape[-1]
        time = None if samples is None else samples // self.sequence_stride + 1
        return (*input_shape[:-1], self.num_mel_bins, time)
