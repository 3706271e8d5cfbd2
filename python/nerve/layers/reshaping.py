"""Layers that only move values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels._numbers import integer, integers
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import data_format_name
from nerve.layers.structure import Shape

__all__ = [
    "Flatten",
    "Identity",
    "Permute",
    "RepeatVector",
    "Rescaling",
    "Reshape",
]


class Flatten(Layer):
    """Everything but the batch in one axis.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        With "channels_first" the channels are moved to the end before, so that the order of the values is that of
        channels-last data.
    """

    def __init__(self, data_format: str | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.data_format = data_format_name(self, data_format)

    def call(self, inputs: Any) -> Any:
        axes = len(inputs.shape)
        if not axes:
            raise ShapeError("expects inputs (batch, ...), got a single number")
        if self.data_format == "channels_first" and axes > 2:
            inputs = ops.transpose(inputs, (0, *range(2, axes), 1))
        return ops.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes = input_shape[1:]
        return (input_shape[0], None if None in sizes else math.prod(size or 0 for size in sizes))


class Reshape(Layer):
    """The same values in another shape.

    Parameters
    ----------
    target_shape : tuple of int
        Without the batch; one size may be -1 and is then what remains.
    """

    def __init__(self, target_shape: Sequence[int], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.target_shape = integers(f"{self.name} (Reshape)", "target_shape", target_shape)
        if self.target_shape.count(-1) > 1 or not all(s >= -1 for s in self.target_shape):
            raise ValueError(
                f"[{self.name} (Reshape)] target_shape must be sizes, one of which may be -1, got {target_shape}"
            )

    def call(self, inputs: Any) -> Any:
        shape = self.compute_output_shape(inputs.shape)
        return ops.reshape(inputs, shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        known = math.prod(size for size in self.target_shape if size != -1)
        if None in input_shape[1:]:
            return (input_shape[0], *(None if size == -1 else size for size in self.target_shape))
        size = math.prod(size or 0 for size in input_shape[1:])
        missing = size // known if known else 0
        shape = tuple(missing if size == -1 else size for size in self.target_shape)
        if math.prod(shape) != size:
            raise ShapeError(f"cannot make {self.target_shape} from the {size} values of a sample of {input_shape[1:]}")
        return (input_shape[0], *shape)


class Permute(Layer):
    """The axes of a sample in another order.

    Parameters
    ----------
    dims : sequence of int
        The axes in their new order, counted from 1: the batch is not among them.
    """

    def __init__(self, dims: Sequence[int], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.dims = integers(f"{self.name} (Permute)", "dims", dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"[{self.name} (Permute)] dims must be the axes 1 to n in some order, got {dims}")

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != len(self.dims) + 1:
            raise ShapeError(f"expects samples of {len(self.dims)} axes, got inputs of shape {input_shape}")
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))


class RepeatVector(Layer):
    """A vector `n` times, one after the other: (batch, features) becomes (batch, n, features).

    Parameters
    ----------
    n : int
    """

    def __init__(self, n: int, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.n = integer(f"{self.name} (RepeatVector)", "n", n, 1)

    def call(self, inputs: Any) -> Any:
        batch, n, features = self.compute_output_shape(inputs.shape)
        return ops.broadcast_to(ops.reshape(inputs, (batch, 1, features)), shape=(batch, n, features))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ShapeError(f"expects inputs (batch, features), got shape {input_shape}")
        return (input_shape[0], self.n, input_shape[1])


class Identity(Layer):
    """The inputs as they are."""

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class Rescaling(Layer):
    """`inputs * scale + offset`, such as pixels brought to [0, 1].

    Parameters
    ----------
    scale, offset : float or sequence of float
        A sequence has one for each channel, the last axis.
    """

    supports_masking = True

    def __init__(
        self, scale: float | Sequence[float], offset: float | Sequence[float] = 0.0, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.scale, self.offset = scale, offset
        self._scale, self._offset = np.asarray(scale, self.dtype), np.asarray(offset, self.dtype)

    def call(self, inputs: Any) -> Any:
        # On the GPU once and for all: a copy from the host's memory cannot be part of a recording.
        self._scale, self._offset = (placed(factor, inputs.array) for factor in (self._scale, self._offset))
        return ops.cast(inputs, dtype=self.dtype) * self._scale + self._offset

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
