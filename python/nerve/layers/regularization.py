"""Layers that disturb training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops, random
from nerve.errors import ShapeError
from nerve.kernels._numbers import number
from nerve.layers.layer import Layer, LayerOptions
from nerve.layers.structure import Shape


class Dropout(Layer):
    """In training, sets a fraction of the values to 0 and divides the others by what is left.

    Parameters
    ----------
    rate : float
        The fraction, 0 <= rate < 1.
    noise_shape : tuple of int or None, optional
        Shape of the mask; axes of size 1 are dropped or kept as a whole. None stands for the size of the input.
    seed : int, optional
        A stream of masks of this layer's own; otherwise they come from `nerve.random`'s.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        if not 0 <= number(f"{self.name} (Dropout)", "rate", rate) < 1:
            raise ValueError(f"[{self.name} (Dropout)] rate must be in [0, 1), got {rate}")
        self.rate = float(rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self._next_offset = random.next_offset if seed is None else random.SeedGenerator(seed).next_offset

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training or self.rate == 0:
            return inputs
        if self.noise_shape is None:
            seed, offset = self._next_offset(inputs.size)
            return ops.dropout(inputs, rate=self.rate, seed=seed, offset=offset)
        if len(self.noise_shape) != len(inputs.shape):
            raise ShapeError(f"expects inputs of {len(self.noise_shape)} axes, as noise_shape has, got {inputs.shape}")
        shape = [have if size is None else size for size, have in zip(self.noise_shape, inputs.shape, strict=True)]
        ones = np.ones(shape, inputs.dtype)
        seed, offset = self._next_offset(ones.size)
        return inputs * ops.dropout(ones, rate=self.rate, seed=seed, offset=offset)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
