"""Pooling of images NHWC, in NumPy: of volumes of one plane."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels.reference import pool3d
from nerve.kernels.shapes import Pool2DShape, Pool3DShape

__all__ = ["average_pool2d", "average_pool2d_backward", "max_pool2d", "max_pool2d_backward"]


def _one_plane(s: Pool2DShape) -> Pool3DShape:
    return Pool3DShape(
        s.batch,
        1,
        *s[1:4],
        1,
        s.pool_height,
        s.pool_width,
        1,
        s.out_height,
        s.out_width,
        1,
        s.stride_height,
        s.stride_width,
        0,
        s.pad_top,
        s.pad_left,
    )


def _corners(s: Pool2DShape) -> tuple[Array, Array]:
    """The first row and the first column of each window, which may lie outside the image."""
    rows, columns = np.ogrid[: s.out_height, : s.out_width]
    top, left = rows * s.stride_height - s.pad_top, columns * s.stride_width - s.pad_left
    return top[..., None], left[..., None]


def max_pool2d(out: Array, index: Array | None, wide_index: Array | None, x: Array, shape: Pool2DShape) -> None:
    in_image = np.zeros(out.shape, np.int64)
    pool3d.max_pool3d(out[:, None], in_image[:, None], x[:, None], _one_plane(shape))
    top, left = _corners(shape)
    for in_window in (index, wide_index):
        if in_window is not None:
            row, column = in_image // shape.width - top, in_image % shape.width - left
            in_window[...] = row * shape.pool_width + column


def max_pool2d_backward(
    grad_x: Array, grad: Array, index: Array | None, wide_index: Array | None, shape: Pool2DShape
) -> None:
    in_window = index if wide_index is None else wide_index
    assert in_window is not None
    top, left = _corners(shape)
    row, column = np.divmod(in_window.astype(np.int64), shape.pool_width)
    in_image = (row + top) * shape.width + column + left
    pool3d.max_pool3d_backward(grad_x[:, None], grad[:, None], in_image[:, None], _one_plane(shape))


def average_pool2d(out: Array, x: Array, shape: Pool2DShape) -> None:
    pool3d.average_pool3d(out[:, None], x[:, None], _one_plane(shape))


def average_pool2d_backward(grad_x: Array, grad: Array, shape: Pool2DShape) -> None:
    pool3d.average_pool3d_backward(grad_x[:, None], grad[:, None], _one_plane(shape))
