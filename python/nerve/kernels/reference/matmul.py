"""Matrix products, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels.shapes import MatmulShape

__all__ = ["matmul", "matmul_packed", "pack"]


def activate(x: Array, activation: int) -> Array:
    """The activations a product may end with, by the numbers of ``nerve.kernels.shapes.ACTIVATIONS``."""
    if activation == 1:
        return np.maximum(x, 0)
    if activation == 2:
        return np.exp(-np.logaddexp(0, -x))
    if activation == 3:
        return np.tanh(x)
    return x


def _matrices(x: Array, count: int, size: tuple[int, int], transposed: bool) -> Array:
    """``x`` as (count, *size) in float64."""
    matrices = x.astype(np.float64).reshape(count, *(size[::-1] if transposed else size))
    return matrices.swapaxes(1, 2) if transposed else matrices


def matmul(out: Array, a: Array, b: Array, bias: Array | None, shape: MatmulShape, activation: int) -> None:
    """``out = activation(a @ b + bias)``."""
    x = _matrices(a, shape.batch if shape.a_batch_stride else 1, (shape.rows, shape.inner), bool(shape.transpose_a))
    y = _matrices(b, shape.batch if shape.b_batch_stride else 1, (shape.inner, shape.columns), bool(shape.transpose_b))
    product = np.matmul(x, y)
    if bias is not None:
        product += bias
    out[...] = activate(product, activation).reshape(out.shape)


def pack(packed: Array, b: Array, inner: int, columns: int, transposed: bool) -> None:
    """``packed`` starts with ``b`` in row-major order."""
    packed[: inner * columns] = (b.reshape(columns, inner).T if transposed else b).reshape(-1)


def matmul_packed(out: Array, a: Array, packed: Array, bias: Array | None, shape: MatmulShape, activation: int) -> None:
    """``out = activation(a @ b + bias)`` for the b that was packed."""
    b = packed[: shape.inner * shape.columns]
    matmul(out, a, b, bias, shape._replace(b_batch_stride=0, transpose_b=0), activation)
