"""Gradients that are no longer than they may be."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array


class Clipping:
    """The part of an optimizer that shortens gradients; its parameters are explained in `Optimizer`."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None

    @property
    def _limits(self) -> bool:
        """Whether gradients are clipped."""
        return any(limit is not None for limit in (self.clipvalue, self.clipnorm, self.global_clipnorm))

    def _clipped(self, gradients: list[Array]) -> list[Array]:
        if self.clipvalue is not None:
            return [kernels.minimum(kernels.maximum(g, -self.clipvalue), self.clipvalue) for g in gradients]
        if self.clipnorm is not None:
            return [_shortened(g, self.clipnorm, kernels.sum(kernels.square(g))) for g in gradients]
        if self.global_clipnorm is not None:
            # In float32 whatever the gradients' dtypes, unless all are float64.
            squares = kernels.concatenate([kernels.sum(kernels.square(g)).reshape(1) for g in gradients])
            squared = kernels.sum(squares)
            return [_shortened(g, self.global_clipnorm, squared) for g in gradients]
        return gradients


def _shortened(gradient: Array, limit: float, squared_norm: Array) -> Array:
    """`gradient`, scaled if its norm, or that of all, is above `limit`."""
    factor = kernels.divide(limit, kernels.maximum(kernels.sqrt(squared_norm), limit)) if limit else 0.0
    return kernels.multiply(gradient, factor)
