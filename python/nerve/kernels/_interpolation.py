"""Which elements of a line each of a longer or shorter one is made of.

A pixel of the result is a weighted mean of the pixels around its place in the image, whose centres lie at halves
(Keys, "Cubic convolution interpolation", 1981; Turkowski, "Filters for common resampling tasks", 1990), as in
TensorFlow and JAX.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

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


def taps(size: int, to: int, interpolation: str, antialias: bool = False) -> tuple[Array, Array]:
    """Which elements of a line of `size` each of `to` is made of, and their weights, both (taps, to).

    With `antialias` a line that becomes shorter is smoothed: the kernel is as wide as the distance of the results.
    """
    scale = size / to
    places = (np.arange(to) + 0.5) * scale
    if interpolation == "nearest":
        return np.minimum(places.astype(np.intp), size - 1)[None], np.ones((1, to))
    if interpolation == "area":
        start = np.arange(to) * scale
        index = start.astype(np.intp) + np.arange(math.ceil(scale) + 1)[:, None]
        weight = np.minimum(start + scale, index + 1) - np.maximum(start, index)
    else:
        radius, kernel = _KERNELS[interpolation]
        width = max(scale, 1.0) if antialias else 1.0
        first = np.ceil(places - radius * width - 0.5).astype(np.intp)
        index = first + np.arange(math.ceil(2 * radius * width))[:, None]
        distance = np.abs(index + 0.5 - places) / width
        weight = np.where(distance < radius, kernel(distance), 0)
    weight = np.where((index >= 0) & (index < size), np.maximum(weight, 0) if interpolation == "area" else weight, 0)
    return index.clip(0, size - 1), weight / weight.sum(axis=0)


@functools.lru_cache(maxsize=256)
def table(
    size: int, to: int, interpolation: str, antialias: bool, transposed: bool, dtype: np.dtype[Any], module: Any
) -> tuple[Array, Array]:
    """The same for a kernel: where each element of the result begins in the line, and the weights from there on.

    Parameters
    ----------
    size, to, interpolation, antialias
        As for :func:`taps`.
    transposed : bool
        From `to` elements back to `size`, with the weights of the way there.
    dtype : numpy.dtype
        Of the weights.
    module : numpy or cupy
        Whose arrays they are; not to be written to.

    Returns
    -------
    starts : int64, (results,)
        They never decrease.
    weights : (results, taps)
    """
    if size == to:  # whatever the interpolation
        source = result = np.arange(size)
        weight = np.ones(size)
    else:
        index, weight = taps(size, to, interpolation, antialias)
        used = weight != 0
        source, result, weight = index[used], np.broadcast_to(np.arange(to), index.shape)[used], weight[used]
    if transposed:
        source, result, size, to = result, source, to, size
    first, last = np.full(to, size), np.full(to, -1)
    np.minimum.at(first, result, source)
    np.maximum.at(last, result, source)
    first = np.minimum.accumulate(first[::-1])[::-1]
    count = max(int((last - first).max()) + 1, 1)
    starts = np.minimum(first, size - count)
    weights = np.zeros((to, count))
    np.add.at(weights, (result, source - starts[result]), weight)
    return module.asarray(starts.astype(np.int64)), module.asarray(weights.astype(dtype))
