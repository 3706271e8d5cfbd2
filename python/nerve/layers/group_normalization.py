"""Normalization of every sample by the statistics of groups of its channels."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer, number
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_shape

__all__ = [
    "GroupNormalization",
    "InstanceNormalization",
]


class GroupNormalization(Layer):
    """Brings every group of a sample's channels to mean 0 and variance 1, then scales by `gamma` and shifts by `beta`.

    The same in training and outside of it, whatever the size of the batch.

    Parameters
    ----------
    groups : int
        So many groups of neighbouring channels, all of one size; -1 for a group of each channel.
    axis : int
        The channels.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether there is a `beta`, a `gamma`, one for each channel.
    beta_initializer, gamma_initializer
        Each a str, an Initializer or a callable.

    References
    ----------
    Wu and He, "Group normalization", ECCV 2018.
    """

    regulated = ("gamma", "beta")
    supports_masking = True

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        here = f"{self.name} ({type(self).__name__})"
        self.groups = integer(here, "groups", groups, -1)
        if self.groups == 0:
            raise ValueError(f"[{here}] groups must be a positive int, or -1 for one of each channel, got 0")
        self.axis = integer(here, "axis", axis)
        self.epsilon = number(here, "epsilon", epsilon)
        if not self.epsilon >= 0:
            raise ValueError(f"[{here}] epsilon must not be negative, got {epsilon}")
        self.center = center
        self.scale = scale
        self.beta_initializer = beta_initializer
        self.gamma_initializer = gamma_initializer

    def build(self, input_shape: Shape) -> None:
        axes = len(input_shape)
        if not is_shape(input_shape) or axes < 2 or not -axes < self.axis < axes or self.axis % axes == 0:
            raise ShapeError(f"expects inputs (batch, ...) with channels along axis {self.axis}, got {input_shape}")
        channels = input_shape[self.axis]
        groups = channels if self.groups == -1 else self.groups
        if channels is None or groups is None or channels % (groups or 1):
            raise ShapeError(f"expects a number of channels that {self.groups} groups divide, got shape {input_shape}")
        self._channels, self._groups = channels, groups
        self.gamma = self.add_weight((channels,), self.gamma_initializer, name="gamma") if self.scale else None
        self.beta = self.add_weight((channels,), self.beta_initializer, name="beta") if self.center else None

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)
        axes, axis = len(inputs.shape), self.axis % len(inputs.shape)
        if axis == axes - 1 and axes > 2:
            return ops.group_norm(inputs, self.gamma, self.beta, groups=self._groups, epsilon=self.epsilon)
        # The channels behind the batch: what lies behind them belongs to them, and a group is a row.
        order = [0, axis, *(i for i in range(1, axes) if i != axis)]
        moved = order != list(range(axes)) and self._groups > 1  # all of a sample in one row, in whatever order
        x = ops.transpose(inputs, order) if moved else inputs
        y = ops.reshape(ops.layer_norm(self._rows(x), epsilon=self.epsilon), x.shape)
        if moved:
            y = ops.transpose(y, [order.index(i) for i in range(axes)])
        if self.gamma is None and self.beta is None:
            return y
        if axis == axes - 1:  # both in one pass: a normalization by a mean of 0 and a variance of 1
            zeros, ones = np.zeros(self._channels, y.dtype), np.ones(self._channels, y.dtype)
            return ops.batch_norm_inference(y, zeros, ones, self.gamma, self.beta, epsilon=0.0)
        wide = (self._channels, *(1,) * (axes - 1 - axis))
        if self.gamma is not None:
            y = y * ops.reshape(self.gamma, wide)
        return y if self.beta is None else y + ops.reshape(self.beta, wide)

    def _rows(self, x: Any) -> Any:
        rows = x.shape[0] * self._groups
        return ops.reshape(x, (rows, x.size // rows if rows else 0))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.built and input_shape[self.axis] != self._channels:
            raise ShapeError(f"expects size {self._channels} along axis {self.axis}, got shape {tuple(input_shape)}")
        return input_shape


class InstanceNormalization(GroupNormalization):
    """Brings every channel of every sample to mean 0 and variance 1: group normalization with groups of one channel.

    Keras has it as `GroupNormalization(groups=-1)`.

    Parameters
    ----------
    axis, epsilon, center, scale, beta_initializer, gamma_initializer
        As for `GroupNormalization`.

    References
    ----------
    Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for fast stylization", 2016.
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(-1, axis, epsilon, center, scale, beta_initializer, gamma_initializer, **options)
