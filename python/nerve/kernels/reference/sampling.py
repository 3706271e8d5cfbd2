"""Images sampled at positions between their pixels, in NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nerve._typing import Array
from nerve.kernels.shapes import FILLS, SampleShape

__all__ = ["affine_sample", "affine_sample_backward", "grid_sample", "grid_sample_backward"]

_NAMES = {code: name for name, code in FILLS.items()}
_FURTHEST = 1e9  # where positions further out, and NaN, are taken to lie


def _affine_positions(transforms: Array, shape: SampleShape) -> tuple[Array, Array]:
    """Row and column of every pixel of the result, (batch, out_height, out_width)."""
    i, j = np.meshgrid(np.arange(shape.out_height), np.arange(shape.out_width), indexing="ij")
    a0, a1, a2, b0, b1, b2, c0, c1 = transforms.astype(np.float64).T[:, :, np.newaxis, np.newaxis]
    with np.errstate(all="ignore"):
        k = c0 * j + c1 * i + 1
        return (b0 * j + b1 * i + b2) / k, (a0 * j + a1 * i + a2) / k


def _pixel_for(index: Array, size: int, fill: str) -> Array:
    """The pixel that stands for an index, -1 where there is none."""
    if fill == "constant":
        return np.where((index >= 0) & (index < size), index, -1)
    if fill == "nearest" or size == 1:
        return np.clip(index, 0, size - 1)
    if fill == "wrap":
        return index % size
    period = 2 * size - (2 if fill == "mirror" else 0)
    at = index % period
    return np.where(at < size, at, period - at - (fill == "reflect"))


def _corners(row: Array, column: Array, shape: SampleShape) -> Iterator[tuple[Array, Array, Array]]:
    """Row, column and weight of the pixels that have a part in each."""
    row, column = (
        np.nan_to_num(np.clip(x.astype(np.float64), -_FURTHEST, _FURTHEST), nan=-_FURTHEST) for x in (row, column)
    )
    fill = _NAMES[shape.fill]
    if not shape.bilinear:
        at = np.round(row).astype(np.int64), np.round(column).astype(np.int64)
        yield _pixel_for(at[0], shape.height, fill), _pixel_for(at[1], shape.width, fill), np.ones(row.shape)
        return
    top, left = np.floor(row), np.floor(column)
    below, right = row - top, column - left
    for a, down in enumerate((1 - below, below)):
        for b, across in enumerate((1 - right, right)):
            rows = _pixel_for(top.astype(np.int64) + a, shape.height, fill)
            yield rows, _pixel_for(left.astype(np.int64) + b, shape.width, fill), down * across


def _sample(out: Array, x: Array, row: Array, column: Array, shape: SampleShape, fill_value: float) -> None:
    if not out.size:
        return
    total = np.zeros(out.shape)
    image = np.arange(shape.batch)[:, np.newaxis, np.newaxis]
    for r, c, weight in _corners(row, column, shape):
        inside = ((r >= 0) & (c >= 0))[..., np.newaxis]
        total += weight[..., np.newaxis] * np.where(inside, x[image, r, c].astype(np.float64), fill_value)
    out[...] = total


def _sample_backward(grad_x: Array, grad: Array, row: Array, column: Array, shape: SampleShape) -> None:
    total = np.zeros(grad_x.shape)
    if grad.size:
        image = np.broadcast_to(np.arange(shape.batch)[:, np.newaxis, np.newaxis], row.shape)
        for r, c, weight in _corners(row, column, shape):
            inside = (r >= 0) & (c >= 0)
            np.add.at(total, (image[inside], r[inside], c[inside]), (weight[..., np.newaxis] * grad)[inside])
    grad_x[...] = total


def affine_sample(out: Array, x: Array, transforms: Array, shape: SampleShape, fill_value: float) -> None:
    _sample(out, x, *_affine_positions(transforms, shape), shape, fill_value)


def affine_sample_backward(grad_x: Array, grad: Array, transforms: Array, shape: SampleShape) -> None:
    _sample_backward(grad_x, grad, *_affine_positions(transforms, shape), shape)


def grid_sample(out: Array, x: Array, positions: Array, shape: SampleShape, fill_value: float) -> None:
    _sample(out, x, positions[..., 0], positions[..., 1], shape, fill_value)


def grid_sample_backward(grad_x: Array, grad: Array, positions: Array, shape: SampleShape) -> None:
    _sample_backward(grad_x, grad, positions[..., 0], positions[..., 1], shape)
