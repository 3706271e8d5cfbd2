"""What convolutions and pooling share: pairs of sizes, padding, the place of the channels."""

from __future__ import annotations

from typing import Any

from nerve import ops
from nerve.errors import ShapeError
from nerve.layers.layer import Layer
from nerve.layers.structure import Shape, is_positive_int, is_shape

Pair = tuple[int, int]


def pair(layer: Layer, name: str, value: Any) -> Pair:
    """`3` or `(3, 3)` as a pair of ints of at least 1."""
    sizes = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(sizes) != 2 or not all(map(is_positive_int, sizes)):
        raise ValueError(
            f"[{layer.name} ({type(layer).__name__})] {name} must be a positive int or a pair of them, got {value!r}"
        )
    return sizes[0], sizes[1]


def padding_name(layer: Layer, value: str) -> str:
    """The padding, "valid" or "same", which may be written in any case."""
    padding = str(value).lower()
    if padding not in ("valid", "same"):
        raise ValueError(f"[{layer.name} ({type(layer).__name__})] padding must be 'valid' or 'same', got {value!r}")
    return padding


def data_format_name(layer: Layer, value: str | None) -> str:
    """The format, "channels_last" (also for None) or "channels_first"."""
    if value not in (None, "channels_last", "channels_first"):
        raise ValueError(
            f"[{layer.name} ({type(layer).__name__})] data_format must be 'channels_last' or 'channels_first', "
            f"got {value!r}"
        )
    return value or "channels_last"


def output_size(size: int | None, window: int, stride: int, padding: str) -> int | None:
    """Number of windows along an axis of `size`."""
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    if size < window:
        raise ShapeError(f"expects at least {window} pixels along each axis (padding is 'valid'), got {size}")
    return (size - window) // stride + 1


class Spatial(Layer):
    """A layer on images; `spatial` sees them as (batch, rows, columns, channels), whatever `data_format` says."""

    data_format = "channels_last"

    def spatial(self, x: Any) -> Any:
        """Outputs for channels-last inputs."""
        raise NotImplementedError(f"{type(self).__name__}.spatial")

    def spatial_shape(self, shape: Shape) -> Shape:
        """Shape of `spatial`'s outputs."""
        raise NotImplementedError(f"{type(self).__name__}.spatial_shape")

    def last_shape(self, shape: Shape) -> Shape:
        """An input's shape with the channels last."""
        if not is_shape(shape) or len(shape) != 4:
            axes = "rows, columns, channels" if self.data_format == "channels_last" else "channels, rows, columns"
            raise ShapeError(f"expects inputs (batch, {axes}), got shape {tuple(shape)}")
        return (shape[0], *shape[2:], shape[1]) if self.data_format == "channels_first" else tuple(shape)

    def call(self, inputs: Any) -> Any:
        if len(inputs.shape) != 4:
            self.last_shape(inputs.shape)
        if self.data_format == "channels_last":
            return self.spatial(inputs)
        y = self.spatial(ops.transpose(inputs, (0, 2, 3, 1)))
        return ops.transpose(y, (0, 3, 1, 2)) if y.ndim == 4 else y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = self.spatial_shape(self.last_shape(input_shape))
        if self.data_format == "channels_first" and len(shape) == 4:
            return (shape[0], shape[3], *shape[1:3])
        return shape
