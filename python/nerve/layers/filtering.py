"""Weighted sums over the neighbours of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve import ops


def bell(offsets: Any, sigma: Any) -> Any:
    """Gauss's curve at some offsets."""
    ratio = offsets / ops.maximum(sigma, 1e-6)
    return ops.exp(ratio * ratio * -0.5)


def gaussian(size: int, sigma: Any, dtype: str) -> Any:
    """`size` weights of Gauss's curve, of sum 1."""
    weights = bell(np.arange(size, dtype=dtype) - (size - 1) / 2, sigma)
    return weights / ops.sum(weights)


def blurred(images: Any, down: Any, across: Any) -> Any:
    """Images, channels last, weighted over their neighbours along the height and along the width; zeros lie outside."""
    channels = images.shape[3]
    for weights, shape in ((down, (-1, 1, 1, 1)), (across, (1, -1, 1, 1))):
        kernel = ops.reshape(weights, shape)
        kernel = ops.broadcast_to(kernel, (*kernel.shape[:3], channels))
        images = ops.conv2d(images, kernel, padding="same", groups=channels)
    return images
