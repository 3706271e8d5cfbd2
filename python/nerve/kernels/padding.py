"""Padding with a number, or with a mirrored array."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Literal

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_array, empty, pick
from nerve.kernels._numbers import integer, number
from nerve.kernels._strided import copy_shape, pad_shape
from nerve.kernels.indexing import movable
from nerve.kernels.shapes import FILLS, MAX_RANK, CopyShape, PadShape

__all__ = ["pad", "pad_backward"]

Widths = tuple[tuple[int, int], ...]
PadMode = Literal["constant", "reflect", "symmetric"]

_FILLS = {"constant": FILLS["constant"], "reflect": FILLS["mirror"], "symmetric": FILLS["reflect"]}


def pad(
    x: ArrayLike, pad_width: Sequence[tuple[int, int]], *, mode: PadMode = "constant", constant_values: float = 0.0
) -> Array:
    """An array in a larger one, with a number or its mirror image all around.

    Parameters
    ----------
    x : array_like
    pad_width : sequence of (before, after)
        For every axis, how many elements are added at its ends.
    mode : {"constant", "reflect", "symmetric"}
        "reflect" mirrors at the last element, which is not repeated; "symmetric" behind it.
    constant_values : float
        With "constant".

    Returns
    -------
    ndarray
        Arrays of integers keep their dtype.

    Raises
    ------
    ShapeError
        If there is not one pair for each axis, or an axis is too short to be mirrored so far.
    ValueError
        If a width is negative, mode is none of those, or constant_values is no number.
    """
    op = "pad"
    array = movable(op, x)
    widths = _widths(op, pad_width, array.ndim, mode)
    shape, plan = _plan(op, array.shape, widths, mode)
    value = number(op, "constant_values", constant_values)
    if array.dtype.kind != "f":
        module = array_module(array)
        options = {"constant_values": value} if mode == "constant" else {}
        padded: Array = module.pad(array, widths, mode, **options)
        return padded
    out = empty(shape, array.dtype, array)
    pick(array).pad(out, array, plan, value)
    return out


def pad_backward(grad: ArrayLike, pad_width: Sequence[tuple[int, int]], *, mode: PadMode = "constant") -> Array:
    """The gradient of :func:`pad` with respect to ``x``.

    Parameters
    ----------
    grad : array_like
        Of the shape that ``pad`` returned.
    pad_width, mode
        As for :func:`pad`.

    Returns
    -------
    ndarray
        Of the shape of ``x``: for each element the sum over the places where it was seen, its own first.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`pad`; if grad is smaller than its border.
    """
    op = "pad_backward"
    array = as_array(op, grad)
    widths = _widths(op, pad_width, array.ndim, mode)
    shape, plan = _backward_plan(op, array.shape, array.strides, array.itemsize, widths, mode)
    grad_x = empty(shape, array.dtype, array)
    native = pick(array)
    (native.copy if mode == "constant" else native.pad_backward)(grad_x, array, plan)
    return grad_x


def _widths(op: str, pad_width: Sequence[tuple[int, int]], axes: int, mode: str) -> Widths:
    """The widths as integers, once the mode is found to be one."""
    if not isinstance(mode, str) or mode not in _FILLS:
        raise ValueError(f"[{op}] mode expects one of {list(_FILLS)}, got {mode!r}")
    widths = tuple(
        (a, b)
        if type(a) is int is type(b) and a >= 0 <= b  # what takes no time to see
        else (integer(op, "pad_width", a, 0), integer(op, "pad_width", b, 0))
        for a, b in pad_width
    )
    if len(widths) != axes:
        raise ShapeError(f"[{op}] pad_width expects {axes} pairs, one for each axis, got {len(widths)}")
    if axes > MAX_RANK:
        raise ShapeError(f"[{op}] expects at most {MAX_RANK} dimensions, got {axes}")
    return widths


@functools.lru_cache(maxsize=4096)
def _plan(op: str, sizes: tuple[int, ...], widths: Widths, mode: str) -> tuple[tuple[int, ...], PadShape]:
    """The shape of the padded array, and what the kernel is told, once every axis is long enough for the mode."""
    edge = 1 if mode == "reflect" else 0
    for axis, (size, width) in enumerate(zip(sizes, widths, strict=True)) if mode != "constant" else ():
        if max(width) > max(size - edge, 0):
            raise ShapeError(f"[{op}] cannot mirror {max(width)} of the {size} elements of axis {axis}")
    shape = tuple(size + before + after for size, (before, after) in zip(sizes, widths, strict=True))
    return shape, pad_shape(sizes, widths, _FILLS[mode])


@functools.lru_cache(maxsize=4096)
def _backward_plan(
    op: str, padded: tuple[int, ...], strides: tuple[int, ...], itemsize: int, widths: Widths, mode: str
) -> tuple[tuple[int, ...], PadShape | CopyShape]:
    """The shape without its borders, and what the kernel is told: of a border of numbers, the copy of a part."""
    shape = tuple(size - before - after for size, (before, after) in zip(padded, widths, strict=True))
    if min(shape, default=0) < 0:
        raise ShapeError(f"[{op}] a gradient of shape {padded} has no room for the borders {widths}")
    if mode != "constant":
        return shape, _plan(op, shape, widths, mode)[1]
    begin = sum([before * stride for (before, _), stride in zip(widths, strides, strict=True)])
    return shape, copy_shape(itemsize, shape, x_strides=strides, x_begin=begin)
