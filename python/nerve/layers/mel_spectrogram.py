"""Sound in bands of equal width for the ear: `MelSpectrogram`."""

from __future__ import annotations

import math
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_positive_int
from nerve.ops.tapers import cosine_window

__all__ = [
    "MelSpectrogram",
]


class MelSpectrogram(Layer):
    """The power of a sound in bands of equal width for the ear, over time.

    The Fourier transform is two matrix products, of factors of its length (Cooley and Tukey, "An algorithm for the
    machine calculation of complex Fourier series", 1965), so gradients flow through it, and steps can be recorded.

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
        self.window, self.sampling_rate, self.num_mel_bins = window, sampling_rate, num_mel_bins
        for name in ("fft_length", "sequence_stride", "sequence_length", "sampling_rate", "num_mel_bins"):
            if not is_positive_int(value := getattr(self, name)):
                raise ValueError(f"{here} {name} must be a positive int, got {value!r}")
        if self.sequence_length > fft_length:
            raise ValueError(
                f"{here} sequence_length must be at most fft_length={fft_length}, got {self.sequence_length}"
            )
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power
        self._short, self._long = _factors(fft_length)
        self._taper = self._window()
        self._inner, self._real, self._imaginary = _transforms(self._short, self._long, self.dtype)
        bands = self.linear_to_mel_weight_matrix(
            num_mel_bins, fft_length // 2 + 1, sampling_rate, self.min_freq, self.max_freq, self.dtype
        )
        self._bands = _by_parts(bands, self._short, self._long)

    def _window(self) -> Array:
        """What each sample of a frame is multiplied by, in the order in which the transform reads them."""
        n = self.sequence_length
        window = self.window
        if isinstance(window, str):
            if window not in ("hann", "hamming"):
                raise ValueError(
                    f"[{self.name} (MelSpectrogram)] window must be 'hann', 'hamming', values or None, got {window!r}"
                )
            window = cosine_window(window, n)
        values = np.ones(n) if window is None else np.asarray(window, np.float64)
        if values.shape != (n,):
            raise ShapeError(f"[{self.name} (MelSpectrogram)] window expects shape {(n,)}, got {values.shape}")
        whole = np.zeros(self.fft_length)
        start = (self.fft_length - n) // 2  # a short window stands in the middle
        whole[start : start + n] = values
        ordered: Array = whole.reshape(self._long, self._short).T.astype(self.dtype)
        return np.ascontiguousarray(ordered)

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
        short, long = self._short, self._long
        x = ops.take(inputs, self._frames(shape[-1]), axis=-1)  # (..., frames, short, long)
        before = tuple(x.shape[:-2])
        many = math.prod(before)
        # One name for all that is large, so that memory is free again for what comes next.
        x = ops.matmul(ops.reshape(x * self._taper, (many * short, long)), self._inner)
        x = ops.transpose(ops.reshape(x, (many, short, -1, 2)), (2, 0, 1, 3))
        x = ops.reshape(x, (-1, many, 2 * short))  # frequencies of the first product, frames, both parts
        x = ops.square(ops.matmul(x, self._real)) + ops.square(ops.matmul(x, self._imaginary))
        power = ops.reshape(ops.transpose(x, (1, 0, 2)), (*before, -1))
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
        at = np.abs(starts[:, np.newaxis] + np.arange(self.fft_length))
        mirrored = np.where(at < samples, at, 2 * (samples - 1) - at)
        return np.ascontiguousarray(mirrored.reshape(count, self._long, self._short).swapaxes(1, 2))

    def _decibels(self, power: Any) -> Any:
        scale = 10.0 / math.log(10.0)
        level = ops.log(ops.maximum(power, self.min_power)) * scale
        level = level - scale * math.log(max(abs(self.ref_power), self.min_power))
        return ops.maximum(level, ops.max(level) - self.top_db)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        samples = input_shape[-1]
        time = None if samples is None else samples // self.sequence_stride + 1
        return (*input_shape[:-1], self.num_mel_bins, time)


def _factors(n: int) -> tuple[int, int]:
    """Two numbers of which n is the product and a transform costs least: n (long + 2 short) multiplications."""
    pairs = [(n // long, long) for long in range(1, n + 1) if n % long == 0]
    return min(pairs, key=lambda pair: pair[1] + 2 * pair[0])


def _transforms(short: int, long: int, dtype: str) -> tuple[Array, Array, Array]:
    """The products of the transform of short * long real samples.

    Sample a + short * b of a frame lies in row a and column b. The rows are transformed to the frequencies 0 to
    long / 2, whose two parts stand side by side: (long, frequencies * 2). Of each, the samples a, turned, are
    transformed to every long-th frequency of the whole: (frequencies, short * 2, short) for the real and the
    imaginary part.
    """
    kept = np.arange(long // 2 + 1)
    turns = np.outer(np.arange(long), kept) % long / long
    inner = np.stack([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], axis=-1).reshape(long, -1)
    samples, found = np.arange(short), kept[:, np.newaxis] + long * np.arange(short)
    turns = samples[:, np.newaxis] * found[:, np.newaxis] % (short * long) / (short * long)
    cosine, sine = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)  # (kept, samples, frequencies)
    outer = (np.stack(pair, axis=2).reshape(len(kept), 2 * short, short) for pair in ((cosine, sine), (-sine, cosine)))
    real, imaginary = (part.astype(dtype) for part in outer)
    return inner.astype(dtype), real, imaginary


def _by_parts(bands: Array, short: int, long: int) -> Array:
    """Weights (bins, bands) of the frequencies in the order in which `_transforms` gives them.

    Frequency n - k is the mirror image of k; where both are given one counts.
    """
    n = short * long
    found = (np.arange(long // 2 + 1)[:, np.newaxis] + long * np.arange(short)).reshape(-1)
    bins = np.minimum(found, n - found)
    _, first = np.unique(bins, return_index=True)
    counts = np.zeros(len(bins), bool)
    counts[first] = True
    weighted: Array = np.where(counts[:, np.newaxis], bands[bins], 0).astype(bands.dtype)
    return weighted
