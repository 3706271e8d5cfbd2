"""Pooling of images NHWC, in NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nerve._typing import Array
from nerve.kernels.shapes import Pool2DShape

__all__ = ["average_pool2d", "average_pool2d_backward", "max_pool2d", "max_pool2d_backward"]


def _windows(s: Pool2DShape) -> Iterator[tuple[int, int, slice, slice]]:
    """Each window: its row and column in the output, and the rows and columns of the image inside it."""
    for i in range(s.out_height):
        top = i * s.stride_height - s.pad_top
        for j in range(s.out_width):
            left = j * s.stride_width - s.pad_left
            rows = slice(max(top, 0), min(top + s.pool_height, s.height))
            yield i, j, rows, slice(max(left, 0), min(left + s.pool_width, s.width))


def max_pool2d(out: Array, index: Array | None, wide_index: Array | None, x: Array, shape: Pool2DShape) -> None:
    for i, j, rows, columns in _windows(shape):
        window = x[:, rows, columns]
        height, width = window.shape[1:3]
        out[:, i, j] = window.max(axis=(1, 2))
        first = window.reshape(shape.batch, height * width, shape.channels).argmax(axis=1)
        row = rows.start + first // width - (i * shape.stride_height - shape.pad_top)
        column = columns.start + first % width - (j * shape.stride_width - shape.pad_left)
        for positions in (index, wide_index):
            if positions is not None:
                positions[:, i, j] = row * shape.pool_width + column


def max_pool2d_backward(
    grad_x: Array, grad: Array, index: Array | None, wide_index: Array | None, shape: Pool2DShape
) -> None:
    total = np.zeros(grad_x.shape)
    images, channels = np.ogrid[: shape.batch, : shape.channels]
    positions = index if wide_index is None else wide_index
    assert positions is not None
    for i, j, _, _ in _windows(shape):
        row, column = np.divmod(positions[:, i, j].astype(np.int64), shape.pool_width)
        row += i * shape.stride_height - shape.pad_top
        column += j * shape.stride_width - shape.pad_left
        total[images, row, column, channels] += grad[:, i, j]
    grad_x[...] = total


def average_pool2d(out: Array, x: Array, shape: Pool2DShape) -> None:
    for i, j, rows, columns in _windows(shape):
        out[:, i, j] = x[:, rows, columns].mean(axis=(1, 2), dtype=np.float64)


def average_pool2d_backward(grad_x: Array, grad: Array, shape: Pool2DShape) -> None:
    total = np.zeros(grad_x.shape)
    for i, j, rows, columns in _windows(shape):
        window = total[:, rows, columns]
        window += grad[:, i, j][:, None, None] / (window.shape[1] * window.shape[2])
    grad_x[...] = total
