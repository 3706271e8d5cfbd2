"""Views of an array as the sizes and strides that the strided copy takes."""

from __future__ import annotations

import functools

from nerve.kernels._backend import Array
from nerve.kernels.shapes import MAX_RANK, CopyShape

Shape = tuple[int, ...]


def layout(array: Array, view: Array) -> tuple[int, Shape]:
    """Where a view begins in its array, and its strides, in elements."""
    item = array.itemsize
    begin: int = view.__array_interface__["data"][0] - array.__array_interface__["data"][0]
    return begin // item, tuple(stride // item for stride in view.strides)


@functools.lru_cache(maxsize=4096)
def copy_shape(shape: Shape, out_strides: Shape, x_strides: Shape, out_offset: int, x_offset: int) -> CopyShape:
    """The strided copy with the fewest dimensions: those of size one left out, those that run on made one."""
    merged: list[list[int]] = []  # [size, out stride, x stride]
    for size, out, x in zip(shape, out_strides, x_strides, strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1] == size * out and merged[-1][2] == size * x:
            merged[-1] = [merged[-1][0] * size, out, x]
        else:
            merged.append([size, out, x])
    padded = [[1, 0, 0]] * (MAX_RANK - len(merged)) + merged
    sizes, outs, xs = zip(*padded, strict=True)
    return CopyShape(sizes, outs, xs, out_offset, x_offset)
