"""Fourier transforms of windows that move along sequences, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import full, placed
from nerve.kernels._numbers import integer
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import ndim, shape
from nerve.ops.elementwise import cast, divide, greater, multiply, square, where
from nerve.ops.fourier import irfft, pair, rfft
from nerve.ops.indexing import added_up, broadcast_to, getitem, reshape, take
from nerve.ops.padding import pad
from nerve.ops.tapers import cosine_window
from nerve.tensor import Tensor

__all__ = ["extract_sequences", "istft", "stft"]


@composed
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Tensor:
    """Parts of the last axis of one length, each so many elements behind the one before it.

    Parameters
    ----------
    x : tensor (..., n)
    sequence_length, sequence_stride : int

    Returns
    -------
    Tensor (..., 1 + (n - sequence_length) // sequence_stride, sequence_length)

    Raises
    ------
    ShapeError
        If there is not one.
    """
    length = integer("extract_sequences", "sequence_length", sequence_length, 1)
    stride = integer("extract_sequences", "sequence_stride", sequence_stride, 1)
    if not ndim(x) or shape(x)[-1] < length:
        raise ShapeError(f"[extract_sequences] expects at least {length} elements in a row, got shape {shape(x)}")
    return take(x, placed(_places(shape(x)[-1], length, stride), as_plain_array(x)), axis=-1)


def _places(size: int, length: int, stride: int) -> Array:
    """Which elements of a sequence lie in each part."""
    begins = np.arange(0, size - length + 1, stride)
    return begins[:, None] + np.arange(length)


@composed
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> tuple[Tensor, ...]:
    """The Fourier transforms of windows that move along the last axis.

    Parameters
    ----------
    x : tensor (..., n)
    sequence_length : int
        Of the window.
    sequence_stride : int
        From window to window.
    fft_length : int
        Of the transforms, at least `sequence_length`; the window lies in the middle, with zeros around it.
    window : {"hann", "hamming"}, tensor (sequence_length,) or None
        None: ones.
    center : bool
        Whether `x` is mirrored at its ends, so that the middle of the first window is its first element.

    Returns
    -------
    real, imag : Tensor (..., windows, fft_length // 2 + 1)

    Raises
    ------
    ValueError
        If `fft_length` is too short, or there is no such window.
    ShapeError
        If `x` is shorter than a transform.
    """
    length = integer("stft", "sequence_length", sequence_length, 1)
    size = integer("stft", "fft_length", fft_length, length)
    if center:
        x = pad(x, [(0, 0)] * (ndim(x) - 1) + [(size // 2, size // 2)], mode="reflect")
    parts = extract_sequences(x, size, sequence_stride)
    return rfft(multiply(parts, _window("stft", window, length, size, as_plain_array(parts))))


@composed
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Tensor:
    """What :func:`stft` turns into `x`; of any other `x` the sequence whose transforms come nearest, by squares.

    Parameters
    ----------
    x : pair of tensors (..., windows, fft_length // 2 + 1)
    sequence_length, sequence_stride, fft_length, window, center
        As for :func:`stft`. Where windows overlap, squares of theirs say how much each counts, at the ends too; Keras
        on PyTorch and TensorFlow takes what they would be in the middle if `fft_length` is not `sequence_length`, and
        does not divide if there is no window.
    length : int, optional
        Of the result: so many elements, or all and zeros behind them.

    Returns
    -------
    Tensor (..., n)
        0 where there is no window, or it is 0.

    Raises
    ------
    ValueError, ShapeError
        As :func:`stft`; or if `x` is no pair with so many frequencies.

    References
    ----------
    Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984.
    """
    taper_length = integer("istft", "sequence_length", sequence_length, 1)
    size = integer("istft", "fft_length", fft_length, taper_length)
    stride = integer("istft", "sequence_stride", sequence_stride, 1)
    real, imag = pair("istft", x, 2)
    *batch, windows, bins = shape(real)
    if bins != size // 2 + 1 or not windows:
        raise ShapeError(f"[istft] expects windows of {size // 2 + 1} frequencies, got shape {shape(real)}")
    parts = irfft((real, imag), size)
    array = as_plain_array(parts)
    taper = _window("istft", window, taper_length, size, array)
    whole = size + stride * (windows - 1)
    places = placed(_places(whole, size, stride).reshape(-1), array)

    def overlapped(frames: Any, rest: list[int]) -> Tensor:
        return added_up(reshape(frames, (*rest, windows * size)), indices=places, size=whole, axis=-1)

    total = overlapped(multiply(parts, taper), batch)
    share = overlapped(broadcast_to(square(taper), (windows, size)), [])
    there = greater(share, 1e-10)
    found = where(there, divide(total, where(there, share, 1.0)), 0.0)
    start = size // 2 if center else 0
    end = whole - size // 2 if center else whole
    if length is not None:
        end = start + integer("istft", "length", length, 0)
        if end > whole:
            found = pad(found, [(0, 0)] * len(batch) + [(0, end - whole)])
    return getitem(found, (..., slice(start, end)))


def _window(op: str, window: Any, length: int, size: int, like: Array) -> Any:
    """The window in the middle of a transform, with zeros around it, in the dtype of an array and where it lies."""
    if window is None:
        window = full((length,), 1.0, like.dtype, like)
    elif isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(f"[{op}] window must be 'hann', 'hamming', an array or None, got {window!r}")
        window = placed(cosine_window(window, length).astype(like.dtype), like)
    elif shape(window) != (length,):
        raise ShapeError(f"[{op}] expects a window of shape ({length},), got {shape(window)}")
    before = (size - length) // 2
    return pad(cast(window, like.dtype.name), (before, size - length - before))
