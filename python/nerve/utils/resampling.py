"""Images of another size, on NumPy arrays, with the values of TensorFlow's and PyTorch's resizing.

As there, images that become smaller are not smoothed first, except by "area".
"""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels._interpolation import INTERPOLATIONS as INTERPOLATIONS
from nerve.kernels._interpolation import taps


def resize(image: Array, height: int, width: int, interpolation: str = "bilinear") -> Array:
    """An image of another size.

    Parameters
    ----------
    image : ndarray, (rows, columns, channels)
    height, width : int
    interpolation : str
        One of `INTERPOLATIONS`.

    Returns
    -------
    ndarray of float32, (height, width, channels)
    """
    out = image.astype(np.float32)
    if height != image.shape[0] or interpolation not in ("nearest", "bilinear", "bicubic", "area"):
        index, weight = taps(image.shape[0], height, interpolation)
        out = sum(w[:, None, None] * out[i] for i, w in zip(index, weight.astype(np.float32), strict=True))
    if width != image.shape[1] or interpolation not in ("nearest", "bilinear", "bicubic", "area"):
        index, weight = taps(image.shape[1], width, interpolation)
        out = sum(w[None, :, None] * out[:, i] for i, w in zip(index, weight.astype(np.float32), strict=True))
    return out
