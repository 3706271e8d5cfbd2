"""Images of another size, on NumPy arrays, with the values of TensorFlow's and PyTorch's resizing.

A pixel of the result is a weighted mean of the pixels around its place in the image, whose centres lie at halves
(Keys, "Cubic convolution interpolation", 1981; Turkowski, "Filters for common resampling tasks", 1990). As there,
images that become smaller are not smoothed first, except by "area".
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nerve._typing import Array


def _sinc(radius: int) -> Callable[[Array], Array]:
    return lambda x: np.sinc(x) * np.sinc(x / radius)


def _cubic(b: float, c: float) -> Callable[[Array], Array]:
    """The cubics of Mitchell and Netravali ("Reconstruction filters in computer graphics", 1988)."""

    def weights(x: Array) -> Array:
        near = ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b) / 6
        far = ((-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c) / 6
        return np.where(x < 1, near, far)

    return weights


# Radius in pixels, and the weight of a pixel at a distance below it.
_KERNELS: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "bilinear": (1, lambda x: 1 - x),
    "bicubic": (2, _cubic(0, 0.5)),
    "mitchellcubic": (2, _cubic(1 / 3, 1 / 3)),
    "lanczos3": (3, _sinc(3)),
    "lanczos5": (5, _sinc(5)),
    "gaussian": (1.5, lambda x: np.exp(-2 * x**2)),
}
INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def _taps(size: int, to: int, interpolation: str) -> tuple[Array, Array]:
    """Which pixels of an axis each of the result is made of, and their weights, both (taps, to)."""
    scale = size / to
    places = (np.arange(to) + 0.5) * scale
    if interpolation == "nearest":
        return np.minimum(places.astype(np.intp), size - 1)[None], np.ones((1, to), np.float32)
    if interpolation == "area":
        start = np.arange(to) * scale
        index = start.astype(np.intp) + np.arange(math.ceil(scale) + 1)[:, None]
        weight = np.minimum(start + scale, index + 1) - np.maximum(start, index)
    else:
        radius, kernel = _KERNELS[interpolation]
        first = np.ceil(places - radius - 0.5).astype(np.intp)
        index = first + np.arange(math.ceil(2 * radius))[:, None]
        distance = np.abs(index + 0.5 - places)
        weight = np.where(distance < radius, kernel(distance), 0)
    weight = np.where((index >= 0) & (index < size), np.maximum(weight, 0) if interpolation == "area" else weight, 0)
    return index.clip(0, size - 1), (weight / weight.sum(axis=0)).astype(np.float32)


def resize(image: Array, height: int, width: int, interpolation: str = "bilinear") -> Array:
    """An image of another size.

    Parameters
    ----------
    image : ndarray, (rows, columns, channels)
    height, width : int
    interpolation : str
        One of `INTERPOLATIONS`.

    Returns
    -------
    ndarray of float32, (height, width, channels)
    """
    out = image.astype(np.float32)
    if height != image.shape[0] or interpolation not in ("nearest", "bilinear", "bicubic", "area"):
        index, weight = _taps(image.shape[0], height, interpolation)
        out = sum(w[:, None, None] * out[i] for i, w in zip(index, weight, strict=True))
    if width != image.shape[1] or interpolation not in ("nearest", "bilinear", "bicubic", "area"):
        index, weight = _taps(image.shape[1], width, interpolation)
        out = sum(w[None, :, None] * out[:, i] for i, w in zip(index, weight, strict=True))
    return out
