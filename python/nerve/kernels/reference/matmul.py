"""Matrix products, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve.kernels._backend import Array
from nerve.kernels.shapes import MatmulShape

__all__ = ["matmul"]


def activate(x: Array, activation: int) -> Array:
    """The activations a product may end with, by the numbers of ``nerve.kernels.shapes.ACTIVATIONS``."""
    if activation == 1:
        return np.maximum(x, 0)
    if activation == 2:
        return np.exp(-np.logaddexp(0, -x))
    if activation == 3:
        return np.tanh(x)
    return x


def matmul(out: Array, a: Array, b: Array, bias: Array | None, shape: MatmulShape, activation: int) -> None:
    """``out = activation(a @ b + bias)``."""
    x = a.astype(np.float64).reshape(
        -1, *((shape.inner, shape.rows) if shape.transpose_a else (shape.rows, shape.inner))
    )
    y = b.astype(np.float64).reshape(
        -1, *((shape.columns, shape.inner) if shape.transpose_b else (shape.inner, shape.columns))
    )
    x = x.swapaxes(1, 2) if shape.transpose_a else x
    y = y.swapaxes(1, 2) if shape.transpose_b else y
    product = np.matmul(x, y)
    if bias is not None:
        product += bias
    out[...] = activate(product, activation).reshape(out.shape)
