"""Normalization of activations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer, number
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_shape

__all__ = [
    "LayerNormalization",
]


class LayerNormalization(Layer):
    """Brings the values along some axes to mean 0 and variance 1, then scales by `gamma` and shifts by `beta`.

    The same in training and outside of it.

    Parameters
    ----------
    axis : int or list of int
        The axes of a mean. Others than the last ones are transposed to these and back.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether there is a `beta`, a `gamma`, of the shape of these axes.
    beta_initializer, gamma_initializer
        Each a str, an Initializer or a callable.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", 2016.
    """

    supports_masking = True
    regulated = ("gamma", "beta")

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        here = f"{self.name} (LayerNormalization)"
        self.axis: int | list[int] = (
            [integer(here, "axis", one) for one in axis]
            if isinstance(axis, (list, tuple))
            else integer(here, "axis", axis)
        )
        self.epsilon = number(here, "epsilon", epsilon)
        if not self.epsilon >= 0:
            raise ValueError(f"[{here}] epsilon must not be negative, got {epsilon}")
        self.center = center
        self.scale = scale
        self.beta_initializer = beta_initializer
        self.gamma_initializer = gamma_initializer

    def _places(self, shape: Shape) -> tuple[int, ...]:
        """The axes of a mean in order, counted from the first."""
        axes = len(shape) if is_shape(shape) else 0
        given = self.axis if isinstance(self.axis, list) else [self.axis]
        places = sorted({one % axes for one in given if -axes <= one < axes})
        if not given or len(places) < len(given):
            raise ShapeError(f"expects inputs (batch, ...) that have axis {self.axis}, got shape {shape}")
        return tuple(places)

    def build(self, input_shape: Shape) -> None:
        shape = [input_shape[place] for place in self._places(input_shape)]
        if None in shape:
            raise ShapeError(f"expects inputs with known sizes along axis {self.axis}, got {input_shape}")
        sizes = [size or 0 for size in shape]
        self.gamma = self.add_weight(sizes, self.gamma_initializer, name="gamma") if self.scale else None
        self.beta = self.add_weight(sizes, self.beta_initializer, name="beta") if self.center else None
        self._sizes = tuple(sizes)

    def call(self, inputs: Any) -> Any:
        places = self._check(inputs.shape)
        kept = [axis for axis in range(len(inputs.shape)) if axis not in places]
        order = [*kept, *places]
        moved = order != sorted(order)
        if len(places) == 1 and not moved:
            return ops.layer_norm(inputs, self.gamma, self.beta, epsilon=self.epsilon)
        x = ops.transpose(inputs, order) if moved else inputs
        gamma, beta = (None if weight is None else ops.reshape(weight, (-1,)) for weight in (self.gamma, self.beta))
        rows = ops.reshape(x, (*(x.shape[: len(kept)] or (1,)), math.prod(self._sizes)))
        y = ops.reshape(ops.layer_norm(rows, gamma, beta, epsilon=self.epsilon), x.shape)
        return ops.transpose(y, [order.index(axis) for axis in range(len(order))]) if moved else y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check(input_shape)
        return input_shape

    def _check(self, shape: Shape) -> tuple[int, ...]:
        places = self._places(shape)
        if tuple(shape[place] for place in places) != self._sizes:
            raise ShapeError(f"expects sizes {self._sizes} along axis {self.axis}, got shape {shape}")
        return places
