"""Where in a sequence something stands: `SinePositionEncoding`, `PositionEmbedding`, `RotaryEmbedding`.

The names and arguments are KerasHub's.
"""

from __future__ import annotations

import math
from typing import Any, Unpack

import numpy as np

from nerve import kernels, ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels._traced import as_array
from nerve.layers.core import positive
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_shape

__all__ = [
    "PositionEmbedding",
    "RotaryEmbedding",
    "SinePositionEncoding",
]


def _positions(count: int, start_index: Any, positions: Any) -> Array:
    """(1 or batch, count), float64 where they are known beforehand."""
    if positions is None:
        return np.arange(int(start_index), int(start_index) + count, dtype=np.float64)[np.newaxis]
    array: Array = as_array(getattr(positions, "array", positions))
    return kernels.cast(array.reshape((1, *array.shape)) if array.ndim == 1 else array, "float64")


def _angles(count: int, start_index: Any, positions: Any, scales: Array, like: Array) -> Array:
    """(1 or batch, count, scales): every position times every scale, where `like` lies."""
    found = placed(_positions(count, start_index, positions), like)
    return kernels.multiply(found[..., np.newaxis], placed(scales, like))


class SinePositionEncoding(Layer):
    """Sines and cosines of positions, to be added to (batch, length, size): the same for every input of a shape.

    Element 2i of position p is `sin(p / max_wavelength**(2i / size))`, element 2i + 1 its cosine.

    Parameters
    ----------
    max_wavelength : float

    Notes
    -----
    Called with `start_index=n`, the first position is n; called with `positions`, (length,) or (batch, length), they
    are these.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.
    """

    def __init__(self, max_wavelength: float = 10000, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.max_wavelength = max_wavelength

    def call(self, inputs: Any, start_index: Any = 0, positions: Any = None) -> Any:
        length, size = inputs.shape[-2:]
        index = np.arange(size)
        scales = (1 / self.max_wavelength) ** (2 * (index // 2) / size)
        angles = _angles(length, start_index, positions, scales, inputs.array)
        waves = kernels.where(placed(index % 2 == 0, inputs.array), kernels.sin(angles), kernels.cos(angles))
        return ops.broadcast_to(kernels.cast(waves, self.dtype), tuple(inputs.shape))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


class PositionEmbedding(Layer):
    """A trained vector for every position, to be added to (batch, length, size).

    Parameters
    ----------
    sequence_length : int
        Positions there are vectors for.
    initializer : str, Initializer or callable
        embeddings is (sequence_length, size).

    Notes
    -----
    Called with `start_index=n`, the first position is n; called with `positions`, (length,) or (batch, length), they
    are these.
    """

    def __init__(
        self, sequence_length: int, initializer: Any = "glorot_uniform", **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        positive(self, sequence_length=sequence_length)
        self.sequence_length = sequence_length
        self.initializer = initializer

    def build(self, input_shape: Shape) -> None:
        if not is_shape(input_shape) or len(input_shape) < 2 or input_shape[-1] is None:
            raise ShapeError(f"expects inputs (batch, length, size) with a known size, got shape {input_shape}")
        self.position_embeddings = self.add_weight(
            (self.sequence_length, input_shape[-1]), self.initializer, name="embeddings"
        )

    def call(self, inputs: Any, start_index: Any = 0, positions: Any = None) -> Any:
        if positions is not None:
            rows = ops.take(self.position_embeddings, kernels.cast(_positions(0, 0, positions), "int64"), axis=0)
        else:
            start, end = int(start_index), int(start_index) + inputs.shape[-2]
            if not 0 <= start <= end <= self.sequence_length:
                raise ShapeError(f"has {self.sequence_length} positions, got {start} to {end}")
            rows = self.position_embeddings[start:end]
        return ops.broadcast_to(rows, tuple(inputs.shape))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


class RotaryEmbedding(Layer):
    """Turns pairs of features by angles that grow with the position, so that dot products see distances.

    Features i and i + size / 2 of position p are turned by `p / max_wavelength**(2i / size)`.

    Parameters
    ----------
    max_wavelength : float
    scaling_factor : float
        How much longer sequences are than those that training saw.
    rope_type : {"linear", "dynamic", "yarn"}
        How frequencies are scaled: all alike, by a power of the factor, or the slow ones alone.
    beta_fast, beta_slow : float
        Turns within `original_max_position_embeddings` from which on, and up to which, "yarn" takes frequencies as fast
        and as slow.
    original_max_position_embeddings : int
    truncate : bool
        Whether "yarn" rounds the range between them to whole dimensions.
    sequence_axis, feature_axis : int
    denominator_dim : int, optional
        In place of the size in the exponent.

    Notes
    -----
    Called with `start_index=n`, the first position is n; called with `positions`, (length,) or (batch, length), they
    are these.

    References
    ----------
    Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021; Peng et al., "YaRN: efficient
    context window extension of large language models", 2023.
    """

    supports_masking = True

    def __init__(
        self,
        max_wavelength: float = 10000,
        scaling_factor: float = 1.0,
        rope_type: str = "linear",
        beta_fast: float = 32.0,
        beta_slow: float = 1.0,
        original_max_position_embeddings: int = 4096,
        truncate: bool = True,
        sequence_axis: int = 1,
        feature_axis: int = -1,
        denominator_dim: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        if rope_type not in ("linear", "dynamic", "yarn"):
            here = f"[{self.name} (RotaryEmbedding)]"
            raise ValueError(f"{here} rope_type must be 'linear', 'dynamic' or 'yarn', got {rope_type!r}")
        self.max_wavelength = max_wavelength
        self.scaling_factor = scaling_factor
        self.rope_type = rope_type
        self.beta_fast = beta_fast
        self.beta_slow = beta_slow
        self.original_max_position_embeddings = original_max_position_embeddings
        self.truncate = truncate
        self.sequence_axis = sequence_axis
        self.feature_axis = feature_axis
        self.denominator_dim = denominator_dim

    def call(self, inputs: Any, start_index: Any = 0, positions: Any = None) -> Any:
        rank = len(inputs.shape)
        axes = [self.sequence_axis % rank, self.feature_axis % rank]
        if axes[0] == axes[1] or 0 in axes:
            raise ShapeError(f"expects a sequence axis and a feature axis behind the batch, got {axes}")
        size = inputs.shape[axes[1]]
        if size % 2:
            raise ShapeError(f"expects an even number of features, got shape {tuple(inputs.shape)}")
        first, *between = (axis for axis in range(rank) if axis not in axes)
        order = [first, axes[0], *between, axes[1]]
        x = ops.transpose(inputs, order) if order != list(range(rank)) else inputs
        angles = _angles(x.shape[1], start_index, positions, self._frequencies(size), inputs.array)
        angles = angles.reshape((*angles.shape[:2], *(1,) * len(between), size // 2))
        temper = 0.1 * math.log(self.scaling_factor) + 1 if self.rope_type == "yarn" else 1.0
        cos, sin = (
            kernels.cast(kernels.multiply(wave(angles), temper), self.dtype) for wave in (kernels.cos, kernels.sin)
        )
        left, right = x[..., : size // 2], x[..., size // 2 :]
        y = ops.concatenate([left * cos - right * sin, right * cos + left * sin], axis=-1)
        return ops.transpose(y, [int(i) for i in np.argsort(order)]) if x is not inputs else y

    def _frequencies(self, size: int) -> Array:
        """How much a position turns each pair."""
        exponents = np.arange(0, size, 2) / (self.denominator_dim or size)
        if self.rope_type != "yarn":
            power = 1.0 if self.rope_type == "linear" else size / max(1, size - 2)
            scaled: Array = self.max_wavelength**-exponents / self.scaling_factor**power
            return scaled
        plain = self.max_wavelength ** -(np.arange(0, size, 2) / size)
        low, high = (
            size
            * math.log(self.original_max_position_embeddings / (turns * 2 * math.pi))
            / (2 * math.log(self.max_wavelength))
            for turns in (self.beta_fast, self.beta_slow)
        )
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, size - 1)
        slow = np.clip((np.arange(size // 2) - low) / max(high - low, 0.001), 0, 1)
        mixed: Array = plain / self.scaling_factor * slow + plain * (1 - slow)
        return mixed

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)
