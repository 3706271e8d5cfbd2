"""Dropout, differentiable."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array
from nerve.ops._differentiable import Result, differentiable

__all__ = ["dropout"]


@differentiable
def dropout(x: Array, *, rate: float, seed: int, offset: int = 0) -> Result:
    """Zero elements at random; as :func:`nerve.kernels.dropout`. The backward pass draws the same mask again."""
    return kernels.dropout(x, rate=rate, seed=seed, offset=offset), (
        lambda grad: kernels.dropout(grad, rate=rate, seed=seed, offset=offset),
    )
