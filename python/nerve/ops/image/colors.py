"""Colours of images: their brightness, and hue and saturation."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import placed
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import shape
from nerve.ops.elementwise import absolute, floor, maximum, minimum, multiply, where
from nerve.ops.image.layout import channel_axis
from nerve.ops.indexing import reshape, unstack
from nerve.ops.logic import clip
from nerve.ops.reduce import sum
from nerve.ops.shaping import stack
from nerve.tensor import Tensor

__all__ = ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]

_LUMA = (0.2989, 0.5870, 0.1140)  # ITU-R BT.601


def _three_channels(op: str, images: Any, data_format: str | None) -> int:
    axis = channel_axis(op, images, data_format)
    if shape(images)[axis] != 3:
        raise ShapeError(f"[{op}] expects three channels, got shape {shape(images)}")
    return axis


@composed
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Tensor:
    """The brightness of images of three channels, as one channel."""
    axis = _three_channels("rgb_to_grayscale", images, data_format)
    luma = placed(np.array(_LUMA, np.float32), as_plain_array(images))
    weights = reshape(luma, (3, 1, 1) if data_format == "channels_first" else (3,))
    return sum(multiply(images, weights), axis=axis, keepdims=True)


@composed
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value in place of red, green and blue.

    Parameters
    ----------
    images : tensor of floats (batch, height, width, 3), or one image without the batch
        In [0, 1].
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor, as `images`
        Hue and saturation in [0, 1]; a hue of 1 would be that of 0.

    Raises
    ------
    ShapeError
        If there are not three channels.
    DTypeError
        If there are no floats.

    References
    ----------
    Smith, "Color gamut transform pairs", SIGGRAPH 1978.
    """
    return _of_floats("rgb_to_hsv", images, data_format, to_hsv)


@composed
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Tensor:
    """The way back from :func:`rgb_to_hsv`; hues beyond [0, 1] go round the colour wheel."""
    return _of_floats("hsv_to_rgb", images, data_format, from_hsv)


def _of_floats(op: str, images: Any, data_format: str | None, convert: Any) -> Tensor:
    axis = _three_channels(op, images, data_format)
    if (dtype := as_plain_array(images).dtype).kind != "f":
        raise DTypeError(f"[{op}] expects floats in [0, 1], got dtype {dtype}")
    return stack(convert(*unstack(images, axis=axis)), axis)


def to_hsv(red: Any, green: Any, blue: Any) -> tuple[Any, Any, Any]:
    """Hue and saturation, in [0, 1], and value of colours."""
    smallest = float(np.finfo(red.dtype).eps)
    red, green, blue = (where(absolute(part) < smallest, 0.0, part) for part in (red, green, blue))
    value = maximum(maximum(red, green), blue)
    span = value - minimum(minimum(red, green), blue)
    saturation = where(value > 0.0, span / where(value > 0.0, value, 1.0), 0.0)
    sixth = 1.0 / (where(span > 0.0, span, 1.0) * 6.0)
    hue = where(value == green, sixth * (blue - red) + 2 / 6, sixth * (red - green) + 4 / 6)
    hue = where(value == red, sixth * (green - blue), hue)
    return where(span > 0.0, hue, 0.0) + where(hue < 0.0, 1.0, 0.0), saturation, value


def from_hsv(hue: Any, saturation: Any, value: Any) -> tuple[Any, Any, Any]:
    """The way back from `to_hsv`."""
    turn = (hue - floor(hue)) * 6.0
    red = clip(absolute(turn - 3.0) - 1.0, 0.0, 1.0)
    green, blue = (clip(2.0 - absolute(turn - middle), 0.0, 1.0) for middle in (2.0, 4.0))
    pale = 1.0 - saturation
    red, green, blue = (value * (pale + saturation * part) for part in (red, green, blue))
    return red, green, blue
