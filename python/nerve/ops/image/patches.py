"""The pixels of windows of images and volumes, as channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve.kernels._arrays import placed
from nerve.kernels._numbers import integers
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import shape
from nerve.ops.image.layout import batched
from nerve.ops.windows import conv
from nerve.tensor import Tensor

__all__ = ["extract_patches", "extract_patches_3d"]


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
        Volumes as for :func:`extract_patches_3d` if three sizes are given.
    size : int or pair
    strides : int or pair, optional
        `size` if not given.
    dilation_rate : int or pair
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor (batch, rows, columns, height of a window * width * channels)

    Raises
    ------
    ShapeError
        If images have too few or too many axes.
    ValueError
        If an option is none of the above.
    """
    if isinstance(size, Sequence) and len(size) == 3:
        return extract_patches_3d(images, size, strides, dilation_rate, padding, data_format)
    return _patches("extract_patches", images, 2, size, strides, dilation_rate, padding, data_format)


@composed
def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The voxels of windows of volumes, as channels.

    Parameters
    ----------
    volumes : tensor (batch, depth, height, width, channels), or one volume without the batch
    size : int or three
    strides : int or three, optional
        `size` if not given.
    dilation_rate : int or three
    padding, data_format
        As for :func:`extract_patches`.

    Returns
    -------
    Tensor (batch, depth, rows, columns, depth of a window * height * width * channels)

    Raises
    ------
    ShapeError, ValueError
        As :func:`extract_patches`.
    """
    return _patches("extract_patches_3d", volumes, 3, size, strides, dilation_rate, padding, data_format)


def _patches(
    op: str, x: Any, rank: int, size: Any, strides: Any, dilation_rate: Any, padding: str, data_format: str | None
) -> Tensor:
    x, back = batched(op, x, data_format, rank)
    window = integers(op, "size", size, 1)
    window = window * rank if len(window) == 1 else window
    if len(window) != rank:
        raise ValueError(f"[{op}] size expects one integer or {rank}, got {size!r}")
    count = math.prod(window) * shape(x)[-1]
    array = as_plain_array(x)
    picking = np.eye(count, dtype=array.dtype if array.dtype.kind == "f" else np.float32)
    kernel = placed(picking.reshape(*window, shape(x)[-1], count), array)
    return back(conv(x, kernel, window if strides is None else strides, padding, None, dilation_rate))
