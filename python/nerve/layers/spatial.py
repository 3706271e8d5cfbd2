"""What convolutions and pooling share: sizes along the axes, padding, the place of the channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nerve import ops
from nerve.errors import ShapeError
from nerve.layers.layer import Layer
from nerve.layers.structure import Shape, is_int_from, is_shape

Pair = tuple[int, int]
AXES = {1: ("steps",), 2: ("rows", "columns"), 3: ("depth", "rows", "columns")}


def sizes(layer: Layer, name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """`3` or `(3, 3)` as so many ints of at least `least` as there are axes."""
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    if len(values) != rank or not all(is_int_from(least, size) for size in values):
        kind = "positive int" if least == 1 else f"int of at least {least}"
        more = {1: "", 2: " or a pair of them"}.get(rank, f" or {rank} of them")
        raise ValueError(f"[{layer.name} ({type(layer).__name__})] {name} must be a {kind}{more}, got {value!r}")
    return tuple(int(size) for size in values)


def pair(layer: Layer, name: str, value: Any) -> Pair:
    """`3` or `(3, 3)` as a pair of ints of at least 1."""
    rows, columns = sizes(layer, name, value, 2)
    return rows, columns


def padding_name(layer: Layer, value: str, known: tuple[str, ...] = ("valid", "same")) -> str:
    """The padding, "valid" or "same", which may be written in any case."""
    padding = str(value).lower()
    if padding not in known:
        names = " or ".join(map(repr, known)) if len(known) < 3 else f"one of {known}"
        raise ValueError(f"[{layer.name} ({type(layer).__name__})] padding must be {names}, got {value!r}")
    return padding


def data_format_name(layer: Layer, value: str | None) -> str:
    """The format, "channels_last" (also for None) or "channels_first"."""
    if value not in (None, "channels_last", "channels_first"):
        raise ValueError(
            f"[{layer.name} ({type(layer).__name__})] data_format must be 'channels_last' or 'channels_first', "
            f"got {value!r}"
        )
    return value or "channels_last"


def output_sizes(space: Sequence[int | None], windows: Any, strides: Any, padding: str) -> list[int | None]:
    """Numbers of windows along the axes between the batch and the channels."""
    every = zip(space, windows, strides, AXES[len(space)], strict=True)
    return [output_size(size, window, stride, padding, axis) for size, window, stride, axis in every]


def output_size(size: int | None, window: int, stride: int, padding: str, axis: str) -> int | None:
    """Number of windows along an axis of `size`."""
    if size is None:
        return None
    if padding in ("same", "causal"):
        return -(-size // stride)
    if size < window:
        raise ShapeError(f"expects at least {window} {axis} where padding is 'valid', got {size}")
    return (size - window) // stride + 1


class Spatial(Layer):
    """A layer on sequences, images or volumes; `spatial` sees the channels last, whatever `data_format` says."""

    rank = 2  # axes between the batch and the channels
    data_format = "channels_last"

    def spatial(self, x: Any) -> Any:
        """Outputs for channels-last inputs."""
        raise NotImplementedError(f"{type(self).__name__}.spatial")

    def spatial_shape(self, shape: Shape) -> Shape:
        """Shape of `spatial`'s outputs."""
        raise NotImplementedError(f"{type(self).__name__}.spatial_shape")

    def last_shape(self, shape: Shape) -> Shape:
        """An input's shape with the channels last."""
        if not is_shape(shape) or len(shape) != self.rank + 2:
            channels = "features" if self.rank == 1 else "channels"
            axes = (*AXES[self.rank], channels) if self.data_format == "channels_last" else (channels, *AXES[self.rank])
            raise ShapeError(f"expects inputs (batch, {', '.join(axes)}), got shape {tuple(shape)}")
        return (shape[0], *shape[2:], shape[1]) if self.data_format == "channels_first" else tuple(shape)

    def call(self, inputs: Any) -> Any:
        axes = self.rank + 2
        if len(inputs.shape) != axes:
            self.last_shape(inputs.shape)
        if self.data_format == "channels_last":
            return self.spatial(inputs)
        y = self.spatial(ops.transpose(inputs, (0, *range(2, axes), 1)))
        return ops.transpose(y, (0, axes - 1, *range(1, axes - 1))) if y.ndim == axes else y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = self.spatial_shape(self.last_shape(input_shape))
        if self.data_format == "channels_first" and len(shape) == self.rank + 2:
            return (shape[0], shape[-1], *shape[1:-1])
        return shape
