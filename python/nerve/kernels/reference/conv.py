"""Convolution of images NHWC with kernels HWIO, in NumPy: one product of matrices for each element of the window."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nerve._typing import Array
from nerve.kernels.reference.matmul import activate
from nerve.kernels.shapes import Conv2DShape

__all__ = ["conv2d", "conv2d_backward_input", "conv2d_backward_kernel"]

# In the subscripts: images n, rows i, columns j, groups g, channels c and filters f of a group.


def _taps(s: Conv2DShape, x: Array) -> Iterator[tuple[int, int, Array]]:
    """For each element (p, q) of the window the pixels it meets, (batch, out_height, out_width, groups, channels)."""
    for p in range(s.kernel_height):
        for q in range(s.kernel_width):
            top, left = p * s.dilation_height, q * s.dilation_width
            rows = slice(top, top + (s.out_height - 1) * s.stride_height + 1, s.stride_height)
            columns = slice(left, left + (s.out_width - 1) * s.stride_width + 1, s.stride_width)
            yield p, q, x[:, rows, columns]


def _padded(s: Conv2DShape) -> tuple[Array, Array]:
    """Zeros the size of x with its padding, by groups, and the view of them that is the image."""
    # As many rows and columns as the last window needs, and at least those of the image.
    bottom = (s.out_height - 1) * s.stride_height + (s.kernel_height - 1) * s.dilation_height + 1
    right = (s.out_width - 1) * s.stride_width + (s.kernel_width - 1) * s.dilation_width + 1
    size = max(bottom, s.pad_top + s.height), max(right, s.pad_left + s.width)
    x = np.zeros((s.batch, *size, s.groups, s.channels // s.groups))
    return x, x[:, s.pad_top : s.pad_top + s.height, s.pad_left : s.pad_left + s.width]


def conv2d(out: Array, x: Array, kernel: Array, bias: Array | None, shape: Conv2DShape, activation: int) -> None:
    padded, image = _padded(shape)
    image[...] = x.reshape(image.shape)
    by_group = kernel.reshape(*kernel.shape[:3], shape.groups, shape.filters // shape.groups).astype(np.float64)
    total = np.zeros((*out.shape[:3], shape.groups, shape.filters // shape.groups))
    for p, q, pixels in _taps(shape, padded):
        total += np.einsum("nijgc,cgf->nijgf", pixels, by_group[p, q])
    total = total.reshape(out.shape)
    out[...] = activate(total if bias is None else total + bias, activation)


def conv2d_backward_input(grad_x: Array, grad: Array, kernel: Array, shape: Conv2DShape) -> None:
    padded, image = _padded(shape)
    by_group = kernel.reshape(*kernel.shape[:3], shape.groups, shape.filters // shape.groups).astype(np.float64)
    g = grad.reshape(*grad.shape[:3], shape.groups, shape.filters // shape.groups)
    for p, q, pixels in _taps(shape, padded):
        pixels += np.einsum("nijgf,cgf->nijgc", g, by_group[p, q])
    grad_x[...] = image.reshape(grad_x.shape)


def conv2d_backward_kernel(grad_kernel: Array, grad: Array, x: Array, shape: Conv2DShape) -> None:
    padded, image = _padded(shape)
    image[...] = x.reshape(image.shape)
    g = grad.reshape(*grad.shape[:3], shape.groups, shape.filters // shape.groups)
    for p, q, pixels in _taps(shape, padded):
        grad_kernel[p, q] = np.einsum("nijgc,nijgf->cgf", pixels, g).reshape(grad_kernel.shape[2:])
