"""Images of another size: their rows, then their columns, as weighted sums of neighbours."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_array, empty, pick
from nerve.kernels._interpolation import INTERPOLATIONS, table
from nerve.kernels._numbers import integers
from nerve.kernels._windows import expect_rank
from nerve.kernels.shapes import ResizeShape

__all__ = ["resize", "resize_backward"]


def resize(x: ArrayLike, size: Sequence[int], *, interpolation: str = "bilinear", antialias: bool = False) -> Array:
    """Images of another size.

    Pixels are squares whose centres lie at halves, as in TensorFlow and JAX, and in PyTorch with
    ``align_corners=False``. What lies outside of an image does not count.

    Parameters
    ----------
    x : array_like (batch, height, width, channels), float32 or float64
    size : (rows, columns)
    interpolation : {"bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area", "gaussian", "mitchellcubic"}
        "bicubic" is Keys's with a = -0.5.
    antialias : bool
        Whether images that become smaller are smoothed first.

    Returns
    -------
    ndarray (batch, rows, columns, channels)

    Raises
    ------
    ShapeError
        If x has not four dimensions, or no pixels.
    ValueError
        If size is not two positive integers, or interpolation none of the above.
    DTypeError
        If x holds no real numbers.
    """
    op = "resize"
    x = as_array(op, x)
    expect_rank(op, "x", x.shape, 4, "(batch, height, width, channels)")
    sizes = integers(op, "size", size, 1)
    if len(sizes) != 2:
        raise ValueError(f"[{op}] size expects (rows, columns), got {size!r}")
    return _resized(op, x, x.shape, sizes, interpolation, antialias, transposed=False)


def resize_backward(
    grad: ArrayLike, *, input_shape: Sequence[int], interpolation: str = "bilinear", antialias: bool = False
) -> Array:
    """Gradient of :func:`resize`: every pixel of x gathers from the pixels that it has a part in.

    Parameters
    ----------
    grad : array_like (batch, rows, columns, channels)
    input_shape : (batch, height, width, channels)
        Shape of the input of the forward pass.
    interpolation, antialias
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``input_shape``

    Raises
    ------
    ShapeError
        If grad has not four dimensions, or does not fit ``input_shape``.
    ValueError
        If interpolation is none of those of :func:`resize`.
    """
    op = "resize_backward"
    grad = as_array(op, grad)
    expect_rank(op, "grad", grad.shape, 4, "(batch, rows, columns, channels)")
    shape = integers(op, "input_shape", input_shape, 0)
    if len(shape) != 4 or (shape[0], shape[3]) != (grad.shape[0], grad.shape[3]) or 0 in grad.shape[1:3]:
        raise ShapeError(f"[{op}] grad of shape {grad.shape} does not fit input_shape {shape}")
    return _resized(op, grad, shape, grad.shape[1:3], interpolation, antialias, transposed=True)


def _resized(
    op: str,
    x: Array,
    input_shape: tuple[int, ...],
    sizes: tuple[int, ...],
    interpolation: str,
    antialias: bool,
    *,
    transposed: bool,
) -> Array:
    """x, or a gradient back in the shape of the input."""
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"[{op}] interpolation expects one of {INTERPOLATIONS}, got {interpolation!r}")
    tables, shape = _plan(op, input_shape, sizes, interpolation, bool(antialias), transposed, x.dtype, array_module(x))
    out = empty(shape.out_shape, x.dtype, x)
    pick(x).resize(out, x, *tables, shape)
    return out


@functools.lru_cache(maxsize=256)
def _plan(
    op: str,
    input_shape: tuple[int, ...],
    sizes: tuple[int, ...],
    interpolation: str,
    antialias: bool,
    transposed: bool,
    dtype: np.dtype[Any],
    module: Any,
) -> tuple[tuple[Array, ...], ResizeShape]:
    """Starts and weights of the rows, those of the columns, and the sizes of what the kernel reads and writes."""
    batch, *have, channels = input_shape
    if 0 in have:
        raise ShapeError(f"[{op}] images have no pixels: shape {input_shape}")
    rows, columns = (
        table(one, to, interpolation, antialias, transposed, dtype, module) for one, to in zip(have, sizes, strict=True)
    )
    (height, width), (high, wide) = (sizes, have) if transposed else (have, sizes)
    taps = rows[1].shape[1], columns[1].shape[1]
    return (*rows, *columns), ResizeShape(batch, height, width, channels, high, wide, *taps)
