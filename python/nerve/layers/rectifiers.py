"""Rectifiers with options or weights, as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from nerve import kernels, ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import integers, number
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.regularization import Noise
from nerve.layers.structure import Shape

__all__ = [
    "ELU",
    "LeakyReLU",
    "PReLU",
    "RReLU",
]


class ELU(Layer):
    """x where x > 0, else `alpha * (exp(x) - 1)` (Clevert et al., 2016).

    Parameters
    ----------
    alpha : float
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.alpha = number(f"{self.name} (ELU)", "alpha", alpha)

    def call(self, inputs: Any) -> Any:
        return ops.elu(inputs, alpha=self.alpha)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class LeakyReLU(Layer):
    """x where x > 0, else `negative_slope * x`.

    Parameters
    ----------
    negative_slope : float
    alpha : float, optional
        An older name of `negative_slope`.
    """

    supports_masking = True

    def __init__(
        self, negative_slope: float = 0.3, *, alpha: float | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        negative_slope = negative_slope if alpha is None else alpha
        self.negative_slope = number(f"{self.name} (LeakyReLU)", "negative_slope", negative_slope)

    def call(self, inputs: Any) -> Any:
        return ops.leaky_relu(inputs, self.negative_slope)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class PReLU(Layer):
    """x where x > 0, else `alpha * x` with a learned alpha (He et al., 2015).

    Parameters
    ----------
    alpha_initializer : str, Initializer or callable
        alpha has the shape of a sample.
    shared_axes : int or sequence of int, optional
        Axes along which there is one alpha for all, counted with the batch as 0: (1, 2) for one per channel of images.
    """

    supports_masking = True
    regulated = ("alpha",)

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        shared_axes: int | Sequence[int] | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.alpha_initializer = alpha_initializer
        self.shared_axes = (
            None if shared_axes is None else integers(f"{self.name} (PReLU)", "shared_axes", shared_axes, 1)
        )

    def build(self, input_shape: Shape) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            if axis > len(shape):
                raise ShapeError(f"has no axis {axis} to share in inputs of shape {input_shape}")
            shape[axis - 1] = 1
        if None in shape:
            raise ShapeError(f"expects inputs of known sizes but for shared_axes, got shape {input_shape}")
        self.alpha = self.add_weight([size or 0 for size in shape], self.alpha_initializer, name="alpha")

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class RReLU(Noise):
    """x where x > 0, else x times a slope that is drawn anew for every value in training, and their mean otherwise.

    Keras does not have it; PyTorch does, with these arguments.

    Parameters
    ----------
    lower, upper : float
        The slopes are drawn uniformly from between them.
    seed : int, optional
        A stream of slopes of this layer's own; otherwise they come from `nerve.random`'s.

    References
    ----------
    Xu, Wang, Chen and Li, "Empirical evaluation of rectified activations in convolutional network", 2015.
    """

    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, seed: int | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(seed, **options)
        here = f"{self.name} (RReLU)"
        self.lower, self.upper = number(here, "lower", lower), number(here, "upper", upper)
        if not self.lower <= self.upper:
            raise ValueError(f"[{here}] lower must not be above upper, got {lower} and {upper}")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training:
            return ops.leaky_relu(inputs, (self.lower + self.upper) / 2)
        seed, offset = self._next_offset(inputs.size)
        slopes = kernels.random_uniform(
            inputs.shape, low=self.lower, high=self.upper, seed=seed, offset=offset, dtype=inputs.dtype
        )
        return ops.relu(inputs) - slopes * ops.relu(-inputs)
