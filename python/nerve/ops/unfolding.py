"""Windows of images as columns, and the way back: Keras's `unfold` and `fold`, which have the channels first."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels._numbers import integers
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import ndim, shape
from nerve.ops.indexing import added_up, getitem, reshape, take
from nerve.ops.padding import pad
from nerve.tensor import Tensor

__all__ = ["fold", "unfold"]

Pair = tuple[int, int]


def _pair(op: str, name: str, value: Any, least: int) -> Pair:
    found = integers(op, name, value, least)
    if len(found) not in (1, 2):
        raise ValueError(f"[{op}] {name} expects one integer or two, got {value!r}")
    return found[0], found[-1]


def _places(op: str, sizes: Pair, kernel: Pair, dilation: Pair, stride: Pair) -> Array:
    """Which pixel, numbered row by row, each element of each window is: (elements of a window, windows)."""
    lines = []
    for size, count, apart, step in zip(sizes, kernel, dilation, stride, strict=True):
        begins = np.arange(0, size - apart * (count - 1), step)
        if not begins.size:
            raise ShapeError(f"[{op}] no window of {kernel}, {dilation} apart, fits into {sizes} pixels")
        lines.append(apart * np.arange(count)[:, None] + begins)
    rows, columns = lines
    found = rows[:, None, :, None] * sizes[1] + columns[None, :, None, :]
    return found.reshape(kernel[0] * kernel[1], -1)


@composed
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The pixels of windows of images, each window a column.

    Parameters
    ----------
    x : tensor (batch, channels, height, width)
    kernel_size : int or pair
        Rows and columns of a window.
    dilation : int or pair
        How far apart these are.
    padding : int or pair
        Zeros above and below, and on the left and on the right.
    stride : int or pair
        From window to window.

    Returns
    -------
    Tensor (batch, channels * rows * columns, windows)

    Raises
    ------
    ShapeError
        If there are not four axes, or no window fits.
    ValueError
        If an option is none of the above.
    """
    op = "unfold"
    if ndim(x) != 4:
        raise ShapeError(f"[{op}] expects x (batch, channels, height, width), got shape {shape(x)}")
    kernel, apart = _pair(op, "kernel_size", kernel_size, 1), _pair(op, "dilation", dilation, 1)
    down, across = _pair(op, "padding", padding, 0)
    if down or across:
        x = pad(x, ((0, 0), (0, 0), (down, down), (across, across)))
    batch, channels, height, width = shape(x)
    places = _places(op, (height, width), kernel, apart, _pair(op, "stride", stride, 1))
    flat = reshape(x, (batch, channels, height * width))
    found = take(flat, placed(places.reshape(-1), as_plain_array(x)), axis=2)
    return reshape(found, (batch, channels * len(places), places.shape[1]))


@composed
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Images of their windows, which are added where they overlap; what :func:`unfold` is transposed.

    Parameters
    ----------
    x : tensor (batch, channels * rows * columns, windows)
    output_size : int or pair
        Height and width of the images.
    kernel_size, dilation, padding, stride
        As for :func:`unfold`.

    Returns
    -------
    Tensor (batch, channels, height, width)

    Raises
    ------
    ShapeError
        If there are not three axes, or not as many elements and windows as images of that size have.
    ValueError
        If an option is none of the above.
    """
    op = "fold"
    kernel, apart = _pair(op, "kernel_size", kernel_size, 1), _pair(op, "dilation", dilation, 1)
    (down, across), (height, width) = _pair(op, "padding", padding, 0), _pair(op, "output_size", output_size, 1)
    rows, columns = height + 2 * down, width + 2 * across
    places = _places(op, (rows, columns), kernel, apart, _pair(op, "stride", stride, 1))
    sizes = shape(x)
    if len(sizes) != 3 or sizes[1] % len(places) or sizes[2] != places.shape[1]:
        raise ShapeError(f"[{op}] expects x (batch, channels * {len(places)}, {places.shape[1]}), got shape {sizes}")
    batch, channels = sizes[0], sizes[1] // len(places)
    flat = reshape(x, (batch, channels, places.size))
    where = placed(places.reshape(-1), as_plain_array(x))
    images = reshape(added_up(flat, indices=where, size=rows * columns, axis=2), (batch, channels, rows, columns))
    if not down and not across:
        return images
    return getitem(images, (..., slice(down, down + height), slice(across, across + width)))
