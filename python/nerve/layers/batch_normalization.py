"""Normalization of activations by the statistics of a batch."""

from __future__ import annotations

import math
from typing import Any, Unpack

from nerve import initializers, kernels, ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer, number
from nerve.layers import masks
from nerve.layers.context import add_update
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_shape
from nerve.tensor import Variable

__all__ = [
    "BatchNormalization",
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
    renorm : bool
        Whether training corrects what it normalized by what averages over past batches would have made of it; the
        gradient takes the correction for constant. Outside of training nothing is different.
    renorm_clipping : dict, optional
        Bounds "rmin" and "rmax" of the corrections' factor, and "dmax" of the size of what they add.
    renorm_momentum : float
        Weight of the past in these averages, which are other ones than those that `momentum` is about.
    synchronized : bool
        False: a model computes on one device.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", ICML 2015. Ioffe, "Batch renormalization", NeurIPS 2017.
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
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
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
        if synchronized:
            raise ValueError(f"[{here}] synchronized=True: statistics of several devices, and a model computes on one")
        self.renorm = renorm
        self.renorm_clipping = clipping(here, renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = number(here, "renorm_momentum", renorm_momentum)
        if not 0 <= self.renorm_momentum <= 1:
            raise ValueError(f"[{here}] renorm_momentum must be in [0, 1], got {renorm_momentum}")

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
        if self.renorm:
            self.moving_stddev = self.add_weight(shape, self._stddev, trainable=False, name="moving_stddev")
            self.renorm_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="renorm_mean")
            self.renorm_stddev = self.add_weight(shape, self._stddev, trainable=False, name="renorm_stddev")

    def _stddev(self, shape: tuple[int, ...], dtype: str) -> Array:
        return kernels.sqrt(initializers.get(self.moving_variance_initializer)(shape, dtype))

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
        gamma, beta = (None, None) if self.renorm else (self.gamma, self.beta)
        if counts is None:
            y, mean, variance = ops.batch_norm_training(x, gamma, beta, epsilon=self.epsilon)
        else:
            y, mean, variance = self._normalize_masked(x, counts)
            y = _scaled(y, gamma, beta)
        if self.renorm:
            return self._corrected(y, mean, variance)

        def update() -> None:
            _average(self.moving_mean, mean, self.momentum)
            _average(self.moving_variance, variance, self.momentum)

        add_update(update)
        return y

    def _corrected(self, y: Any, mean: Array, variance: Array) -> Any:
        """Normalized values as past batches would have had them, then scaled and shifted."""
        stddev = kernels.sqrt(kernels.add(variance, self.epsilon))
        past = kernels.maximum(self.renorm_stddev.array, math.sqrt(self.epsilon))  # no division by 0 early on
        bounds = self.renorm_clipping or {}
        factor = kernels.divide(stddev, past)
        factor = kernels.maximum(factor, bounds.get("rmin", 0.0))
        if "rmax" in bounds:
            factor = kernels.minimum(factor, bounds["rmax"])
        shift = kernels.divide(kernels.subtract(mean, self.renorm_mean.array), past)
        if "dmax" in bounds:
            shift = kernels.maximum(kernels.minimum(shift, bounds["dmax"]), -bounds["dmax"])

        def update() -> None:
            _average(self.renorm_mean, mean, self.renorm_momentum)
            _average(self.renorm_stddev, stddev, self.renorm_momentum)
            _average(self.moving_mean, mean, self.momentum)
            _average(self.moving_stddev, stddev, self.momentum)
            squared = kernels.subtract(kernels.square(self.moving_stddev.array), self.epsilon)
            kernels.maximum(squared, 0.0, out=self.moving_variance.array)

        add_update(update)
        return _scaled(y * factor + shift, self.gamma, self.beta)

    def _normalize_masked(self, x: Any, counts: Any) -> tuple[Any, Any, Any]:
        """Statistics of what the mask lets count alone; all values are brought to them, as in Keras."""
        axes = tuple(range(len(x.shape) - 1))
        repeats = math.prod(size for size, given in zip(x.shape[:-1], counts.shape[:-1], strict=True) if given == 1)
        # Nothing that counts: a mean and a variance of 0, not 0 / 0.
        total = kernels.maximum(kernels.multiply(kernels.sum(counts, axes), float(repeats)), 1.0)
        mean = ops.sum(x * counts, axis=axes) / total
        centered = x - mean
        variance = ops.sum(ops.square(centered) * counts, axis=axes) / total
        return centered / ops.sqrt(variance + self.epsilon), mean.array, variance.array

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check(input_shape)
        return input_shape

    def _check(self, shape: Shape) -> None:
        axes = len(shape)
        if not -axes <= self.axis < axes or shape[self.axis] != self.moving_mean.size:
            raise ShapeError(f"expects size {self.moving_mean.size} along axis {self.axis}, got shape {shape}")


def _scaled(y: Any, gamma: Any, beta: Any) -> Any:
    """Times gamma plus beta, where there are any."""
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def _average(average: Variable, new: Array, momentum: float) -> None:
    """Move an average towards what is new."""
    kernels.multiply(average.array, momentum, out=average.array)
    kernels.add(average.array, kernels.multiply(new, 1.0 - momentum), out=average.array)


def clipping(here: str, given: Any) -> dict[str, float]:
    """The bounds of corrections that were given."""
    if not isinstance(given or {}, dict) or set(given or {}) - {"rmin", "rmax", "dmax"}:
        raise ValueError(f"[{here}] renorm_clipping must be a dict of some of rmin, rmax and dmax, got {given!r}")
    bounds = {key: number(here, key, value) for key, value in (given or {}).items() if value is not None}
    if bounds.get("rmin", 0.0) > bounds.get("rmax", math.inf) or bounds.get("dmax", 0.0) < 0:
        raise ValueError(f"[{here}] renorm_clipping expects rmin <= rmax and dmax >= 0, got {given!r}")
    return bounds
