"""Convolution of volumes NDHWC with kernels DHWIO, in NumPy: one product of matrices for each element of the window.

An image NHWC is a volume of one plane.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nerve._typing import Array
from nerve.kernels.reference.matmul import activate
from nerve.kernels.shapes import Conv2DShape, Conv3DShape

__all__ = [
    "conv2d",
    "conv2d_backward_input",
    "conv2d_backward_kernel",
    "conv3d",
    "conv3d_backward_input",
    "conv3d_backward_kernel",
]

# In the subscripts: volumes n, planes d, rows i, columns j, groups g, channels c and filters f of a group.


def _one_plane(s: Conv2DShape) -> Conv3DShape:
    return Conv3DShape(
        s.batch,
        1,
        *s[1:4],
        1,
        *s[4:8],
        1,
        s.out_height,
        s.out_width,
        1,
        s.stride_height,
        s.stride_width,
        1,
        s.dilation_height,
        s.dilation_width,
        0,
        s.pad_top,
        s.pad_left,
    )


def conv2d(out: Array, x: Array, kernel: Array, bias: Array | None, shape: Conv2DShape, activation: int) -> None:
    conv3d(out[:, None], x[:, None], kernel[None], bias, _one_plane(shape), activation)


def conv2d_backward_input(grad_x: Array, grad: Array, kernel: Array, shape: Conv2DShape) -> None:
    conv3d_backward_input(grad_x[:, None], grad[:, None], kernel[None], _one_plane(shape))


def conv2d_backward_kernel(grad_kernel: Array, grad: Array, x: Array, shape: Conv2DShape) -> None:
    conv3d_backward_kernel(grad_kernel[None], grad[:, None], x[:, None], _one_plane(shape))


def _taps(s: Conv3DShape, x: Array) -> Iterator[tuple[tuple[int, int, int], Array]]:
    """For each element of the window the pixels it meets, (batch, *out, groups, channels)."""
    outs = s.out_depth, s.out_height, s.out_width
    strides = s.stride_depth, s.stride_height, s.stride_width
    rates = s.dilation_depth, s.dilation_height, s.dilation_width
    for tap in np.ndindex(s.kernel_depth, s.kernel_height, s.kernel_width):
        seen = (
            slice(i * rate, i * rate + (out - 1) * stride + 1, stride)
            for i, rate, out, stride in zip(tap, rates, outs, strides, strict=True)
        )
        yield tap, x[:, *seen]


def _padded(s: Conv3DShape) -> tuple[Array, Array]:
    """Zeros the size of x with its padding, by groups, and the view of them that is the volume."""
    axes = (
        (s.depth, s.out_depth, s.stride_depth, s.kernel_depth, s.dilation_depth, s.pad_front),
        (s.height, s.out_height, s.stride_height, s.kernel_height, s.dilation_height, s.pad_top),
        (s.width, s.out_width, s.stride_width, s.kernel_width, s.dilation_width, s.pad_left),
    )
    sizes = (
        max((out - 1) * stride + (taps - 1) * rate + 1, before + size) for size, out, stride, taps, rate, before in axes
    )
    x = np.zeros((s.batch, *sizes, s.groups, s.channels // s.groups))
    return x, x[:, *(slice(axis[5], axis[5] + axis[0]) for axis in axes)]


def conv3d(out: Array, x: Array, kernel: Array, bias: Array | None, shape: Conv3DShape, activation: int) -> None:
    padded, volume = _padded(shape)
    volume[...] = x.reshape(volume.shape)
    by_group = kernel.reshape(*kernel.shape[:4], shape.groups, shape.filters // shape.groups).astype(np.float64)
    total = np.zeros((*out.shape[:4], shape.groups, shape.filters // shape.groups))
    for tap, pixels in _taps(shape, padded):
        total += np.einsum("ndijgc,cgf->ndijgf", pixels, by_group[tap])
    total = total.reshape(out.shape)
    out[...] = activate(total if bias is None else total + bias, activation)


def conv3d_backward_input(grad_x: Array, grad: Array, kernel: Array, shape: Conv3DShape) -> None:
    padded, volume = _padded(shape)
    by_group = kernel.reshape(*kernel.shape[:4], shape.groups, shape.filters // shape.groups).astype(np.float64)
    g = grad.reshape(*grad.shape[:4], shape.groups, shape.filters // shape.groups)
    for tap, pixels in _taps(shape, padded):
        pixels += np.einsum("ndijgf,cgf->ndijgc", g, by_group[tap])
    grad_x[...] = volume.reshape(grad_x.shape)


def conv3d_backward_kernel(grad_kernel: Array, grad: Array, x: Array, shape: Conv3DShape) -> None:
    padded, volume = _padded(shape)
    volume[...] = x.reshape(volume.shape)
    g = grad.reshape(*grad.shape[:4], shape.groups, shape.filters // shape.groups)
    for tap, pixels in _taps(shape, padded):
        grad_kernel[tap] = np.einsum("ndijgc,ndijgf->cgf", pixels, g).reshape(grad_kernel.shape[3:])
