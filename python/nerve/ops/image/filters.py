"""Weighted sums over the neighbours of pixels: images blurred, their edges, and how alike two of them look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels._numbers import integer, integers
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.conv import conv2d
from nerve.ops.creation import convert_to_tensor, shape
from nerve.ops.elementwise import divide, exp, maximum, multiply, square
from nerve.ops.image.layout import batched
from nerve.ops.indexing import broadcast_to, getitem, reshape
from nerve.ops.reduce import mean, sum
from nerve.tensor import Tensor

__all__ = ["gaussian_blur", "sobel_edges", "ssim"]

_DOWN = ((-1, -2, -1), (0, 0, 0), (1, 2, 1))


def bell(offsets: Any, sigma: Any) -> Any:
    """Gauss's curve at some offsets."""
    ratio = divide(offsets, maximum(sigma, 1e-6))
    return exp(multiply(square(ratio), -0.5))


def gaussian(size: int, sigma: Any, dtype: Any) -> Any:
    """`size` weights of Gauss's curve, of sum 1."""
    offsets = placed(np.arange(size, dtype=dtype) - np.asarray((size - 1) / 2, dtype), as_plain_array(sigma))
    weights = bell(offsets, sigma)
    return divide(weights, sum(weights))


def blurred(images: Any, down: Any, across: Any, padding: str = "same") -> Any:
    """Images, channels last, weighted over their neighbours along the height and along the width; zeros lie outside."""
    channels = shape(images)[3]
    for weights, sizes in ((down, (-1, 1, 1, 1)), (across, (1, -1, 1, 1))):
        kernel = reshape(weights, sizes)
        kernel = broadcast_to(kernel, (*kernel.shape[:3], channels))
        images = conv2d(images, kernel, padding=padding, groups=channels)
    return images


def _floats(images: Any) -> Tensor:
    """Numbers that convolutions take, where they are."""
    x = convert_to_tensor(images)
    return x if x.dtype.kind == "f" else multiply(x, 1.0)


@composed
def gaussian_blur(
    images: Any, kernel_size: Sequence[int] = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Tensor:
    """Images weighted over the neighbours of each pixel by Gauss's curve; zeros lie outside.

    Parameters
    ----------
    images : tensor (batch, height, width, channels), or one image without the batch
    kernel_size : (int, int)
        How many neighbours count along the width and along the height, the pixel included.
    sigma : (float, float) or tensor (2,)
        The width of the curve along the width and along the height, in pixels; gradients flow to it.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor, as `images`

    Raises
    ------
    ShapeError, ValueError
        If images have not 3 or 4 axes, or there are not two sizes and widths.
    """
    op = "gaussian_blur"
    sizes = integers(op, "kernel_size", kernel_size, 1)
    if len(sizes) != 2 or shape(sigma) != (2,):
        raise ValueError(f"[{op}] expects two numbers of neighbours and two sigma, got {kernel_size!r} and {sigma!r}")
    x, back = batched(op, images, data_format)
    x = _floats(x)
    widths = sigma if isinstance(sigma, Tensor) else placed(np.asarray(sigma, x.dtype), x.array)
    across, down = (gaussian(n, getitem(widths, slice(i, i + 1)), x.dtype) for i, n in enumerate(sizes))
    return back(blurred(x, down, across))


@composed
def sobel_edges(images: Any, data_format: str | None = None) -> Tensor:
    """How fast images become brighter downwards and to the right; zeros lie outside.

    Parameters
    ----------
    images : tensor (batch, height, width, channels), or one image without the batch
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor (*images.shape, 2)
        Downwards, and to the right.

    Raises
    ------
    ShapeError
        If images have not 3 or 4 axes.
    """
    x, back = batched("sobel_edges", images, data_format)
    x = _floats(x)
    channels = x.shape[3]
    both = np.stack([np.array(_DOWN), np.array(_DOWN).T], axis=-1)
    kernel = np.tile(both, channels).reshape(3, 3, 1, 2 * channels).astype(x.dtype)
    edges = conv2d(x, placed(kernel, x.array), padding="same", groups=channels)
    return back(reshape(edges, (*x.shape, 2)))


@composed
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """The structural similarity of pairs of images: 1 where they are the same, less the more they differ.

    Parameters
    ----------
    image1, image2 : tensors (batch, height, width, channels), or one image each without the batch
    max_val : float
        From the darkest to the brightest pixel that there can be.
    filter_size, filter_sigma : int, float
        Windows, of rows and columns, that are compared, and the width of Gauss's curve by which pixels count in them.
    k1, k2 : float
        What keeps the quotients of brightness and of contrast from growing where both images are dark or flat.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor (batch,), or () of one pair

    Raises
    ------
    ShapeError
        If the images differ in shape, or no window fits.
    ValueError
        If `filter_size` is not odd.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    IEEE Transactions on Image Processing 13 (2004).
    """
    op = "ssim"
    if shape(image1) != shape(image2):
        raise ShapeError(f"[{op}] expects images of one shape, got {shape(image1)} and {shape(image2)}")
    if not integer(op, "filter_size", filter_size, 1) % 2:
        raise ValueError(f"[{op}] filter_size must be odd, got {filter_size}")
    x, y = (_floats(batched(op, images, data_format)[0]) for images in (image1, image2))
    if min(x.shape[1:3]) < filter_size:
        raise ShapeError(f"[{op}] expects images of at least {filter_size} x {filter_size} pixels, got {shape(image1)}")
    weights = gaussian(filter_size, placed(np.full(1, filter_sigma, x.dtype), x.array), x.dtype)

    def near(values: Any) -> Any:
        return blurred(values, weights, weights, padding="valid")

    mean_x, mean_y = near(x), near(y)
    squares, product = square(mean_x) + square(mean_y), mean_x * mean_y
    spread, together = near(square(x) + square(y)) - squares, near(x * y) - product
    dark, flat = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    alike = (product * 2.0 + dark) * (together * 2.0 + flat) / ((squares + dark) * (spread + flat))
    found = mean(alike, axis=(1, 2, 3))
    return found if len(shape(image1)) == 4 else reshape(found, ())
