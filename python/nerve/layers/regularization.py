"""Layers that disturb training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

from nerve import kernels, ops, random, regularizers
from nerve.errors import ShapeError
from nerve.kernels._arrays import full
from nerve.kernels._numbers import number
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import data_format_name
from nerve.layers.structure import Shape

__all__ = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]


class ActivityRegularization(Layer):
    """Gives its inputs, and adds l1 sum(|x|) + l2 sum(x**2) of them, per sample of the batch, to the loss.

    Parameters
    ----------
    l1, l2 : float
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        options.setdefault("activity_regularizer", regularizers.L1L2(l1, l2))
        super().__init__(**options)
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Any) -> Any:
        return inputs


class Noise(Layer):
    """Base of layers that draw random numbers in training: from a stream of their own if they have a seed."""

    supports_masking = True

    def __init__(self, seed: int | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.seed = seed
        self._next_offset = random.next_offset if seed is None else random.SeedGenerator(seed).next_offset

    def fraction(self, rate: Any) -> float:
        """`rate`, if it is in [0, 1)."""
        here = f"{self.name} ({type(self).__name__})"
        if not 0 <= number(here, "rate", rate) < 1:
            raise ValueError(f"[{here}] rate must be in [0, 1), got {rate}")
        return float(rate)

    def normal(self, like: Any, mean: float, stddev: float) -> Any:
        """Normal random numbers of the shape and dtype of a tensor."""
        seed, offset = self._next_offset(like.size)
        return kernels.random_normal(
            like.shape, mean=mean, stddev=stddev, seed=seed, offset=offset, dtype=like.dtype, like=like.array
        )

    def kept(self, shape: Sequence[int], like: Any, rate: float) -> Any:
        """1 / (1 - rate) with that probability, else 0; where a tensor lies, and in its dtype."""
        ones = full(tuple(shape), 1, like.dtype, like.array)
        seed, offset = self._next_offset(ones.size)
        return ops.dropout(ones, rate=rate, seed=seed, offset=offset)

    def mask_shape(self, noise_shape: Sequence[int | None], inputs: Any) -> list[int]:
        """`noise_shape` with the sizes of the inputs where it has None."""
        if len(noise_shape) != len(inputs.shape):
            raise ShapeError(f"expects inputs of {len(noise_shape)} axes, as noise_shape has, got {inputs.shape}")
        return [have if size is None else size for size, have in zip(noise_shape, inputs.shape, strict=True)]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class _Dropping(Noise):
    """Base of the layers with a mask of what is dropped."""

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, **options)
        self.rate = self.fraction(rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)


class Dropout(_Dropping):
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

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training or self.rate == 0:
            return inputs
        if self.noise_shape is None:
            seed, offset = self._next_offset(inputs.size)
            return ops.dropout(inputs, rate=self.rate, seed=seed, offset=offset)
        return inputs * self.kept(self.mask_shape(self.noise_shape, inputs), inputs, self.rate)


class _SpatialDropout(Noise):
    axes: int

    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(seed, **options)
        self.rate, self.data_format = self.fraction(rate), data_format_name(self, data_format)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if len(inputs.shape) != self.axes + 2:
            raise ShapeError(f"expects inputs of {self.axes + 2} axes, got shape {inputs.shape}")
        if not training or self.rate == 0:
            return inputs
        batch, *sizes = inputs.shape
        ones = (1,) * self.axes
        shape = (batch, *ones, sizes[-1]) if self.data_format == "channels_last" else (batch, sizes[0], *ones)
        return inputs * self.kept(shape, inputs, self.rate)


class SpatialDropout1D(_SpatialDropout):
    """In training, drops a fraction of the features of a sequence in all its steps (Tompson et al., 2015).

    Parameters
    ----------
    rate : float
    seed : int, optional
    """

    axes = 1

    def __init__(self, rate: float, seed: int | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(rate, seed=seed, **options)


class SpatialDropout2D(_SpatialDropout):
    """In training, drops a fraction of the channels of an image as a whole (Tompson et al., 2015).

    Parameters
    ----------
    rate : float
    data_format : {"channels_last", "channels_first"}, optional
    seed : int, optional
    """

    axes = 2


class SpatialDropout3D(_SpatialDropout):
    """In training, drops a fraction of the channels of a volume as a whole; as `SpatialDropout2D`."""

    axes = 3


class GaussianNoise(Noise):
    """In training, adds normal random numbers.

    Parameters
    ----------
    stddev : float
    seed : int, optional
    """

    def __init__(self, stddev: float, seed: int | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(seed, **options)
        if not number(f"{self.name} (GaussianNoise)", "stddev", stddev) >= 0:
            raise ValueError(f"[{self.name} (GaussianNoise)] stddev must not be negative, got {stddev}")
        self.stddev = float(stddev)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return inputs + self.normal(inputs, 0.0, self.stddev) if training and self.stddev else inputs


class GaussianDropout(Noise):
    """In training, multiplies by normal random numbers around 1 with the variance that dropout has.

    Parameters
    ----------
    rate : float
        That of the dropout; the deviation is sqrt(rate / (1 - rate)).
    seed : int, optional

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014, section 10.
    """

    def __init__(self, rate: float, seed: int | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(seed, **options)
        self.rate = self.fraction(rate)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training or self.rate == 0:
            return inputs
        return inputs * self.normal(inputs, 1.0, math.sqrt(self.rate / (1.0 - self.rate)))


class AlphaDropout(_Dropping):
    """Dropout for SELU networks: dropped values take SELU's lower limit, and mean and variance stay as they are.

    Parameters
    ----------
    rate : float
    noise_shape : tuple of int or None, optional
        Shape of the mask, as for `Dropout`.
    seed : int, optional

    References
    ----------
    Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training or self.rate == 0:
            return inputs
        shape = self.mask_shape(self.noise_shape or inputs.shape, inputs)
        mask = self.kept(shape, inputs, self.rate) * (1.0 - self.rate)
        lowest = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
        factor = ((1.0 - self.rate) * (1.0 + self.rate * lowest**2)) ** -0.5
        return factor * (inputs * mask + lowest * (1.0 - mask)) - factor * lowest * self.rate
