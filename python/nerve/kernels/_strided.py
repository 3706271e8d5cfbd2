"""Views of an array as the sizes and strides that the strided copy takes."""

from __future__ import annotations

import functools

from nerve._typing import Array
from nerve.kernels._arrays import address
from nerve.kernels.shapes import FILLS, MAX_RANK, CopyShape, PadShape

Shape = tuple[int, ...]


def begin_of(view: Array, array: Array) -> int:
    """How many bytes of ``array`` lie before the first element of a view of it."""
    return address(view) - address(array)


@functools.lru_cache(maxsize=4096)
def copy_shape(
    itemsize: int,
    shape: Shape,
    *,
    out_strides: Shape | None = None,
    x_strides: Shape | None = None,
    out_begin: int = 0,
    x_begin: int = 0,
) -> CopyShape:
    """The strided copy with the fewest dimensions: those of size one left out, those that run on made one.

    Strides and beginnings are in bytes, as NumPy has them; no strides stand for a C-contiguous array.
    """
    contiguous: list[int] = []
    step = itemsize
    for size in reversed(shape):
        contiguous.insert(0, step)
        step *= size
    merged: list[list[int]] = []  # [size, out stride, x stride]
    for size, out, x in zip(shape, out_strides or contiguous, x_strides or contiguous, strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1] == size * out and merged[-1][2] == size * x:
            merged[-1] = [merged[-1][0] * size, out, x]
        else:
            merged.append([size, out, x])
    padded = [[1, 0, 0]] * (MAX_RANK - len(merged)) + merged
    sizes, outs, xs = zip(*padded, strict=True)
    in_elements = [tuple(stride // itemsize for stride in strides) for strides in (outs, xs)]
    return CopyShape(sizes, in_elements[0], in_elements[1], out_begin // itemsize, x_begin // itemsize)


@functools.lru_cache(maxsize=4096)
def pad_shape(sizes: Shape, widths: tuple[tuple[int, int], ...], fill: int) -> PadShape:
    """Padding with the fewest axes: those without a border joined to the one before, where it makes no difference.

    Beside a mirror an axis without a border makes elements wider, or more lines; a border of a number has any width.
    """
    axes: list[tuple[int, int, int]] = []  # size, before, after
    for size, (before, after) in zip(sizes, widths, strict=True):
        if axes and not before + after and (fill == FILLS["constant"] or not sum(axes[-1][1:])):
            axes[-1] = tuple(one * size for one in axes[-1])  # type: ignore[assignment]
        else:
            axes.append((size, before, after))
    inner = axes.pop()[0] if axes and fill != FILLS["constant"] and not sum(axes[-1][1:]) else 1
    padded = [(1, 0, 0)] * (MAX_RANK - len(axes)) + axes
    joined, in_front, behind = zip(*padded, strict=True)
    return PadShape(joined, in_front, behind, inner, fill)
