"""Pooling of volumes NDHWC and adaptive windows, in NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nerve._typing import Array
from nerve.kernels.shapes import Pool3DShape

__all__ = ["average_pool3d", "average_pool3d_backward", "max_pool3d", "max_pool3d_backward"]


def _spans(size: int, count: int, pool: int, stride: int, pad: int) -> list[slice]:
    if stride == 0:
        return [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
    begins = [i * stride - pad for i in range(count)]
    return [slice(max(begin, 0), min(begin + pool, size)) for begin in begins]


def _windows(s: Pool3DShape) -> Iterator[tuple[int, int, int, slice, slice, slice]]:
    """Each window: its place in the output, and the positions of the volume inside it."""
    depths = _spans(s.depth, s.out_depth, s.pool_depth, s.stride_depth, s.pad_front)
    rows = _spans(s.height, s.out_height, s.pool_height, s.stride_height, s.pad_top)
    columns = _spans(s.width, s.out_width, s.pool_width, s.stride_width, s.pad_left)
    for i, depth in enumerate(depths):
        for j, height in enumerate(rows):
            for k, width in enumerate(columns):
                yield i, j, k, depth, height, width


def max_pool3d(out: Array, index: Array | None, x: Array, shape: Pool3DShape) -> None:
    numbers = np.arange(shape.depth * shape.height * shape.width).reshape(shape.depth, shape.height, shape.width)
    for i, j, k, depth, height, width in _windows(shape):
        window, positions = x[:, depth, height, width], numbers[depth, height, width]
        out[:, i, j, k] = window.max(axis=(1, 2, 3))
        if index is not None:
            first = window.reshape(shape.batch, positions.size, shape.channels).argmax(axis=1)
            index[:, i, j, k] = positions.ravel()[first]


def max_pool3d_backward(grad_x: Array, grad: Array, index: Array, shape: Pool3DShape) -> None:
    total = np.zeros((shape.batch, shape.depth * shape.height * shape.width, shape.channels))
    images, channels = np.ogrid[: shape.batch, : shape.channels]
    for i, j, k, *_ in _windows(shape):
        total[images, index[:, i, j, k], channels] += grad[:, i, j, k]
    grad_x[...] = total.reshape(grad_x.shape)


def average_pool3d(out: Array, x: Array, shape: Pool3DShape) -> None:
    for i, j, k, depth, height, width in _windows(shape):
        out[:, i, j, k] = x[:, depth, height, width].mean(axis=(1, 2, 3), dtype=np.float64)


def average_pool3d_backward(grad_x: Array, grad: Array, shape: Pool3DShape) -> None:
    total = np.zeros(grad_x.shape)
    for i, j, k, depth, height, width in _windows(shape):
        window = total[:, depth, height, width]
        window += grad[:, i, j, k][:, None, None, None] / (window.shape[1] * window.shape[2] * window.shape[3])
    grad_x[...] = total
