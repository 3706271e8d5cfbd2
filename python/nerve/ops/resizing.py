"""Padding, and images of another size, differentiable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import rectangular
from nerve.kernels._interpolation import INTERPOLATIONS, taps
from nerve.kernels._numbers import integer, integers
from nerve.ops._differentiable import Result, composed, differentiable
from nerve.ops.creation import shape
from nerve.ops.indexing import getitem, reshape, take
from nerve.tensor import Tensor

__all__ = ["pad", "resize"]


@composed
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """More elements at the ends of the axes.

    Parameters
    ----------
    x : tensor or array_like
    pad_width : int, (before, after) or ((before, after), ...)
        One pair for all axes, or one for each.
    mode : {"constant", "reflect", "symmetric"}
        "reflect" mirrors at the last element, which is not repeated; "symmetric" behind it.
    constant_values : float, optional
        0 if not given; only with "constant".

    Returns
    -------
    Tensor

    Raises
    ------
    ShapeError
        If there is not a pair for each axis, or an axis is too short to be mirrored so far.
    ValueError
        If pad_width, mode or constant_values are none of the above.
    """
    sizes = shape(x)
    widths = _widths(pad_width, len(sizes))
    if mode == "constant":
        return _constant(x, pad_width=widths, value=0.0 if constant_values is None else constant_values)
    if mode not in ("reflect", "symmetric") or constant_values is not None:
        raise ValueError(
            f"[pad] mode expects 'constant', or 'reflect' or 'symmetric' without constant_values, got {mode!r} with "
            f"{constant_values!r}"
        )
    edge = 1 if mode == "reflect" else 0
    for axis, (before, after) in enumerate(widths):
        if max(before, after) > sizes[axis] - edge:
            raise ShapeError(f"[pad] cannot mirror {max(before, after)} of the {sizes[axis]} elements of axis {axis}")
        if before or after:
            places = np.arange(sizes[axis])
            start, end = places[edge : before + edge][::-1], places[::-1][edge : after + edge]
            x = take(x, np.concatenate([start, places, end]), axis=axis)
    result: Tensor = x if isinstance(x, Tensor) else Tensor(np.asarray(x), tracked=False)
    return result


@differentiable
def _constant(x: Array, *, pad_width: tuple[tuple[int, int], ...], value: float) -> Result:
    x = rectangular("pad", x)
    inside = tuple(slice(before, before + size) for size, (before, _) in zip(x.shape, pad_width, strict=True))
    return kernels.pad(x, pad_width, constant_values=value), (lambda grad: kernels.getitem(grad, inside),)


def _widths(pad_width: Any, axes: int) -> tuple[tuple[int, int], ...]:
    if not isinstance(pad_width, (list, tuple)):
        pad_width = (pad_width, pad_width)
    pairs = [pad_width] if not any(isinstance(one, (list, tuple)) for one in pad_width) else list(pad_width)
    widths = [integers("pad", "pad_width", one, 0) for one in pairs]
    widths = [one * 2 if len(one) == 1 else one for one in widths]
    if any(len(one) != 2 for one in widths):
        raise ValueError(f"[pad] pad_width expects an int, a pair or pairs (before, after), got {pad_width!r}")
    if len(widths) not in (1, axes):
        raise ShapeError(f"[pad] pad_width expects {axes} pairs, one for each axis, got {len(widths)}")
    return tuple((before, after) for before, after in (widths * axes if len(widths) == 1 else widths))


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
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"[{op}] interpolation expects one of {INTERPOLATIONS}, got {interpolation!r}")
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
    sizes = shape(images)
    batch, channels = math.prod(sizes[:first]), math.prod(sizes[first + 2 :])
    flat = reshape(images, (batch, *sizes[first : first + 2], channels))
    resized = _resized(flat, size=(rows, columns), interpolation=interpolation, antialias=antialias)
    return reshape(resized, (*sizes[:first], rows, columns, *sizes[first + 2 :]))


@differentiable
def _resized(x: Array, **options: Any) -> Result:
    kept = {key: value for key, value in options.items() if key != "size"}
    shape = np.shape(x)
    return kernels.resize(x, **options), (lambda grad: kernels.resize_backward(grad, input_shape=shape, **kept),)
