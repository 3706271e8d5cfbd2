"""Normalization of activations."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer, number
from nerve.layers.context import add_update
from nerve.layers.layer import Layer, LayerOptions
from nerve.layers.structure import Shape, is_shape


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

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        self._check(inputs.shape)
        axes = len(inputs.shape)
        if self.axis in (-1, axes - 1):
            return self._normalize(inputs, bool(training))
        order = [axis for axis in range(axes) if axis != self.axis % axes] + [self.axis % axes]
        back = [order.index(axis) for axis in range(axes)]
        return ops.transpose(self._normalize(ops.transpose(inputs, order), bool(training)), back)

    def _normalize(self, x: Any, training: bool) -> Any:
        if not (training and self.trainable):
            return ops.batch_norm_inference(
                x, self.moving_mean.array, self.moving_variance.array, self.gamma, self.beta, epsilon=self.epsilon
            )
        y, mean, variance = ops.batch_norm_training(x, self.gamma, self.beta, epsilon=self.epsilon)

        def update() -> None:
            for average, new in ((self.moving_mean.array, mean), (self.moving_variance.array, variance)):
                average *= self.momentum
                average += (1.0 - self.momentum) * new

        add_update(update)
        return y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check(input_shape)
        return input_shape

    def _check(self, shape: Shape) -> None:
        axes = len(shape)
        if not -axes <= self.axis < axes or shape[self.axis] != self.moving_mean.size:
            raise ShapeError(f"expects size {self.moving_mean.size} along axis {self.axis}, got shape {shape}")
