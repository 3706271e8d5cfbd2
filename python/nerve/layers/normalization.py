"""Normalization of activations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

from nerve import kernels, ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer, number
from nerve.layers import masks
from nerve.layers.context import add_update
from nerve.layers.layer import Layer, LayerOptions
from nerve.layers.structure import Shape, is_shape

__all__ = [
    "BatchNormalization",
    "LayerNormalization",
]


class BatchNormalization(Layer):
    """Brings every channel to mean 0 and variance 1, then scales it by `gamma` and shifts it by `beta`.

    In training with the mean and variance of the batch, of which moving averages are kept; otherwise, and when
    `trainable` is False, with these averages.

    Parameters
    ----------
    axis : int
        The channels.
    momentum : float
        Weight of the past in the moving averages.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether there is a `beta`, a `gamma`.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer
        Each a str, an Initializer or a callable.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", ICML 2015.
    """

    supports_masking = True
    regulated = ("gamma", "beta")

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        here = f"{self.name} (BatchNormalization)"
        self.axis = integer(here, "axis", axis)
        self.momentum = number(here, "momentum", momentum)
        self.epsilon = number(here, "epsilon", epsilon)
        if not (0 <= self.momentum <= 1 and self.epsilon >= 0):
            raise ValueError(f"[{here}] momentum must be in [0, 1] and epsilon not negative, got {momentum}, {epsilon}")
        self.center = center
        self.scale = scale
        self.beta_initializer = beta_initializer
        self.gamma_initializer = gamma_initializer
        self.moving_mean_initializer = moving_mean_initializer
        self.moving_variance_initializer = moving_variance_initializer

    def build(self, input_shape: Shape) -> None:
        axes = len(input_shape)
        if not is_shape(input_shape) or axes < 2 or not -axes <= self.axis < axes or input_shape[self.axis] is None:
            raise ShapeError(f"expects inputs (batch, ...) with a known size along axis {self.axis}, got {input_shape}")
        shape = (input_shape[self.axis] or 0,)
        self.gamma = self.add_weight(shape, self.gamma_initializer, name="gamma") if self.scale else None
        self.beta = self.add_weight(shape, self.beta_initializer, name="beta") if self.center else None
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(
            shape, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        self._check(inputs.shape)
        axes = len(inputs.shape)
        counts = None
        if mask is not None and training and self.trainable:
            counts = kernels.cast(masks.plain(mask), inputs.dtype)
            if counts.shape != tuple(inputs.shape[: counts.ndim]):
                raise ShapeError(f"expects a mask of the first axes of its inputs {inputs.shape}, got {counts.shape}")
            counts = counts.reshape(counts.shape + (1,) * (axes - counts.ndim))
        if self.axis in (-1, axes - 1):
            return self._normalize(inputs, bool(training), counts)
        order = [axis for axis in range(axes) if axis != self.axis % axes] + [self.axis % axes]
        back = [order.index(axis) for axis in range(axes)]
        if counts is not None:
            counts = kernels.transpose(counts, order)
        return ops.transpose(self._normalize(ops.transpose(inputs, order), bool(training), counts), back)

    def _normalize(self, x: Any, training: bool, counts: Any) -> Any:
        if not (training and self.trainable):
            return ops.batch_norm_inference(
                x, self.moving_mean.array, self.moving_variance.array, self.gamma, self.beta, epsilon=self.epsilon
            )
        if counts is None:
            y, mean, variance = ops.batch_norm_training(x, self.gamma, self.beta, epsilon=self.epsilon)
        else:
            y, mean, variance = self._normalize_masked(x, counts)

        def update() -> None:
            for average, new in ((self.moving_mean.array, mean), (self.moving_variance.array, variance)):
                kernels.multiply(average, self.momentum, out=average)
                kernels.add(average, kernels.multiply(new, 1.0 - self.momentum), out=average)

        add_update(update)
        return y

    def _normalize_masked(self, x: Any, counts: Any) -> tuple[Any, Any, Any]:
        """Statistics of what the mask lets count alone; all values are brought to them, as in Keras."""
        axes = tuple(range(len(x.shape) - 1))
        repeats = math.prod(size for size, given in zip(x.shape[:-1], counts.shape[:-1], strict=True) if given == 1)
        # Nothing that counts: a mean and a variance of 0, not 0 / 0.
        total = kernels.maximum(kernels.multiply(kernels.sum(counts, axes), float(repeats)), 1.0)
        mean = ops.sum(x * counts, axis=axes) / total
        centered = x - mean
        variance = ops.sum(ops.square(centered) * counts, axis=axes) / total
        y = centered / ops.sqrt(variance + self.epsilon)
        if self.gamma is not None:
            y = y * self.gamma
        if self.beta is not None:
            y = y + self.beta
        return y, mean.array, variance.array

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check(input_shape)
        return input_shape

    def _check(self, shape: Shape) -> None:
        axes = len(shape)
        if not -axes <= self.axis < axes or shape[self.axis] != self.moving_mean.size:
            raise ShapeError(f"expects size {self.moving_mean.size} along axis {self.axis}, got shape {shape}")


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
