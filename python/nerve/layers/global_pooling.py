"""Pooling of everything between the batch and the channels."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import kernels, ops
from nerve.layers import masks
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import Spatial, data_format_name
from nerve.layers.structure import Shape

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]


class _GlobalPooling(Spatial):
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.data_format = data_format_name(self, data_format)
        self.keepdims = keepdims

    @property
    def axes(self) -> tuple[int, ...]:
        """Those that are reduced; nothing needs to be transposed for that."""
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def spatial_shape(self, shape: Shape) -> Shape:
        return (shape[0], *(1,) * self.rank, shape[-1]) if self.keepdims else (shape[0], shape[-1])


class GlobalAveragePooling2D(_GlobalPooling):
    """The average over the image, (batch, channels).

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
    keepdims : bool
        Keep rows and columns as axes of size 1.
    """

    def call(self, inputs: Any) -> Any:
        self.last_shape(inputs.shape)
        return ops.mean(inputs, axis=self.axes, keepdims=self.keepdims)


class GlobalAveragePooling3D(GlobalAveragePooling2D):
    """The average over the volume, (batch, channels); options as for `GlobalAveragePooling2D`."""

    rank = 3


class GlobalAveragePooling1D(_GlobalPooling):
    """The average over the steps of a sequence, (batch, features); over those that a mask lets count.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        (batch, steps, features), the default, or (batch, features, steps).
    keepdims : bool
        Keep the steps as an axis of size 1.
    """

    rank = 1
    _passes_masks_on = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        self.last_shape(inputs.shape)
        if mask is None:
            return ops.mean(inputs, axis=self.axes, keepdims=self.keepdims)
        counts = kernels.cast(masks.plain(mask), inputs.dtype)
        weights = counts[:, :, None] if self.data_format == "channels_last" else counts[:, None, :]
        total = ops.sum(inputs * weights, axis=self.axes, keepdims=self.keepdims)
        return total / kernels.sum(weights, self.axes, self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the steps are gone."""
        return None


class GlobalMaxPooling2D(_GlobalPooling):
    """The maximum over the image, (batch, channels).

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
    keepdims : bool
        Keep rows and columns as axes of size 1.
    """

    def call(self, inputs: Any) -> Any:
        self.last_shape(inputs.shape)
        return ops.max(inputs, axis=self.axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(GlobalMaxPooling2D):
    """The maximum over the steps of a sequence, (batch, features).

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        (batch, steps, features), the default, or (batch, features, steps).
    keepdims : bool
        Keep the steps as an axis of size 1.
    """

    rank = 1


class GlobalMaxPooling3D(GlobalMaxPooling2D):
    """The maximum over the volume, (batch, channels); options as for `GlobalMaxPooling2D`."""

    rank = 3


GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D,
)  # fmt: skip
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
