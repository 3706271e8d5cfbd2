"""Images, under the names of `keras.ops.image`."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from nerve.errors import ShapeError
from nerve.ops._differentiable import composed
from nerve.ops.creation import shape
from nerve.ops.elementwise import multiply
from nerve.ops.indexing import getitem, reshape, transpose
from nerve.ops.padding import pad
from nerve.ops.reduce import sum
from nerve.ops.resizing import resize
from nerve.ops.windows import conv
from nerve.tensor import Tensor

__all__ = ["crop_images", "extract_patches", "pad_images", "resize", "rgb_to_grayscale"]

_LUMA = (0.2989, 0.5870, 0.1140)  # ITU-R BT.601


def _first(op: str, images: Any, data_format: str | None) -> int:
    """The axis of the rows."""
    if len(shape(images)) not in (3, 4):
        raise ShapeError(f"[{op}] images expects one image or a batch, of 3 or 4 axes, got shape {shape(images)}")
    return len(shape(images)) - (2 if data_format == "channels_first" else 3)


@composed
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Tensor:
    """The brightness of images of three channels, as one channel."""
    axis = len(shape(images)) - 3 if data_format == "channels_first" else -1
    if shape(images)[axis] != 3:
        raise ShapeError(f"[rgb_to_grayscale] expects three channels, got shape {shape(images)}")
    weights = reshape(_LUMA, (3, 1, 1) if data_format == "channels_first" else (3,))
    return sum(multiply(images, weights), axis=axis, keepdims=True)


@composed
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Zeros around images: two of the three numbers are needed for each axis."""
    op, first = "pad_images", _first("pad_images", images, data_format)
    height, width = shape(images)[first : first + 2]
    borders = [(0, 0)] * len(shape(images))
    borders[first] = _both(op, height, top_padding, bottom_padding, target_height, 1)
    borders[first + 1] = _both(op, width, left_padding, right_padding, target_width, 1)
    return pad(images, borders)


@composed
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images without some rows and columns: two of the three numbers are needed for each axis."""
    op, first = "crop_images", _first("crop_images", images, data_format)
    height, width = shape(images)[first : first + 2]
    top, bottom = _both(op, height, top_cropping, bottom_cropping, target_height, -1)
    left, right = _both(op, width, left_cropping, right_cropping, target_width, -1)
    cut = slice(top, height - bottom), slice(left, width - right)
    return getitem(images, (*(slice(None),) * first, *cut))


def _both(op: str, size: int, before: int | None, after: int | None, target: int | None, sign: int) -> tuple[int, int]:
    """How much comes or goes before and after, of which two of three numbers say all."""
    given = [x is not None for x in (before, after, target)]
    if builtins.sum(given) != 2:
        raise ValueError(f"[{op}] expects two of before, after and target along an axis, got {before, after, target}")
    if before is None:
        before = sign * ((target or 0) - size) - (after or 0)
    if after is None:
        after = sign * ((target or 0) - size) - before
    if before < 0 or after < 0:
        raise ValueError(f"[{op}] a size of {size} cannot become {target} with {before} before and {after} after")
    return before, after


@composed
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The pixels of windows of images, as channels.

    Parameters
    ----------
    images : tensor (batch, height, width, channels), or one image without the batch
    size : int or pair
    strides : int or pair, optional
        `size` if not given.
    dilation_rate : int or pair
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor (batch, rows, columns, height of a window * width * channels)
    """
    _first("extract_patches", images, data_format)
    rows, columns = (size, size) if isinstance(size, int) else size
    single = len(shape(images)) == 3
    x = reshape(images, (1, *shape(images))) if single else images
    x = transpose(x, (0, 2, 3, 1)) if data_format == "channels_first" else x
    channels = shape(x)[-1]
    count = rows * columns * channels
    picking = np.eye(count, dtype="float32").reshape(rows, columns, channels, count)
    y = conv(x, picking, (rows, columns) if strides is None else strides, padding, None, dilation_rate)
    y = transpose(y, (0, 3, 1, 2)) if data_format == "channels_first" else y
    return reshape(y, y.shape[1:]) if single else y
