"""Images of another size, differentiable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._interpolation import taps
from nerve.kernels._numbers import integer
from nerve.ops._differentiable import Result, composed, differentiable
from nerve.ops.creation import shape
from nerve.ops.indexing import getitem, reshape, take
from nerve.ops.padding import pad
from nerve.tensor import Tensor

__all__ = ["resize"]


def fitted(
    height: int, width: int, rows: int, columns: int, crop: bool = False, pad: bool = False
) -> tuple[int, int, int, int]:
    """The part of an image, or the padded image, that has the ratio of a result: top, left, rows and columns of it."""
    fit = int(width * rows / columns), int(height * columns / rows)
    if crop:
        part = [max(min(have, want), 1) for have, want in zip((height, width), fit, strict=True)]
        begin = [int((have - want) / 2) for have, want in zip((height, width), part, strict=True)]
        return begin[0], begin[1], part[0], part[1]
    if pad:
        beside = [int((max(have, want) - have) / 2) for have, want in zip((height, width), fit, strict=True)]
        return -beside[0], -beside[1], height + 2 * beside[0], width + 2 * beside[1]
    return 0, 0, height, width


@composed
def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images of another size: their rows and their columns as weighted sums of neighbours.

    Parameters
    ----------
    images : tensor (batch, rows, columns, channels) or (rows, columns, channels)
    size : (rows, columns)
    interpolation : {"bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area", "gaussian", "mitchellcubic"}
        The first five are Keras's. "bicubic" is Keys's with a = -0.5, as in TensorFlow and JAX.
    antialias : bool
        Whether images that become smaller are smoothed first.
    crop_to_aspect_ratio, pad_to_aspect_ratio : bool
        Cut off what does not fit the ratio of `size`, or put `fill_value` beside it; otherwise images are distorted.
    fill_mode : {"constant"}
    fill_value : float
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ShapeError
        If images have not 3 or 4 axes, or no pixel.
    ValueError
        If an option is none of the above.
    """
    op = "resize"
    sizes = shape(images)
    if len(sizes) not in (3, 4):
        raise ShapeError(f"[{op}] images expects one image or a batch, of 3 or 4 axes, got shape {sizes}")
    if fill_mode != "constant" or (crop_to_aspect_ratio and pad_to_aspect_ratio):
        raise ValueError(f"[{op}] expects fill_mode='constant', and a crop or a padding, not both")
    if len(tuple(size)) != 2:
        raise ValueError(f"[{op}] size expects (rows, columns), got {size!r}")
    rows, columns = (integer(op, "size", one, 1) for one in size)
    first = len(sizes) - (2 if data_format == "channels_first" else 3)
    height, width = sizes[first : first + 2]
    if not height or not width:
        raise ShapeError(f"[{op}] images have no pixels: shape {sizes}")
    top, left, high, wide = fitted(height, width, rows, columns, crop_to_aspect_ratio, pad_to_aspect_ratio)
    if crop_to_aspect_ratio:
        cut = slice(top, top + high), slice(left, left + wide)
        images = getitem(images, (*(slice(None),) * first, *cut))
    elif pad_to_aspect_ratio:
        borders = [(0, 0)] * len(sizes)
        borders[first], borders[first + 1] = (-top, -top), (-left, -left)
        images = pad(images, borders, constant_values=fill_value)
    if interpolation == "nearest" and np.dtype(getattr(images, "dtype", float)).kind != "f":  # which stay what they are
        for axis, to in ((first, rows), (first + 1, columns)):
            if (have := shape(images)[axis]) != to:
                images = take(images, taps(have, to, "nearest")[0][0], axis=axis)
        return images  # type: ignore[no-any-return]
    options = {"size": (rows, columns), "interpolation": interpolation, "antialias": antialias}
    sizes = shape(images)
    if len(sizes) == 4 and first == 1:
        return _resized(images, **options)
    batch, channels = math.prod(sizes[:first]), math.prod(sizes[first + 2 :])
    resized = _resized(reshape(images, (batch, *sizes[first : first + 2], channels)), **options)
    return reshape(resized, (*sizes[:first], rows, columns, *sizes[first + 2 :]))


@differentiable
def _resized(x: Array, **options: Any) -> Result:
    kept = {key: value for key, value in options.items() if key != "size"}
    shape = np.shape(x)
    return kernels.resize(x, **options), (lambda grad: kernels.resize_backward(grad, input_shape=shape, **kept),)
