"""Pooling: a window's maximum or average stands for the window."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import kernels, ops
from nerve.errors import ShapeError
from nerve.layers import masks
from nerve.layers.layer import Layer, LayerOptions
from nerve.layers.spatial import Spatial, data_format_name, output_size, padding_name, pair
from nerve.layers.structure import Shape, is_shape

__all__ = [
    "AveragePooling2D",
    "AvgPool2D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "MaxPool2D",
    "MaxPooling2D",
]


class _Pooling2D(Spatial):
    def __init__(
        self,
        pool_size: int | tuple[int, int] = (2, 2),
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.pool_size = pair(self, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else pair(self, "strides", strides)
        self.padding = padding_name(self, padding)
        self.data_format = data_format_name(self, data_format)

    def spatial_shape(self, shape: Shape) -> Shape:
        rows = output_size(shape[1], self.pool_size[0], self.strides[0], self.padding)
        columns = output_size(shape[2], self.pool_size[1], self.strides[1], self.padding)
        return (shape[0], rows, columns, shape[3])


class MaxPooling2D(_Pooling2D):
    """The maximum of each window.

    Parameters
    ----------
    pool_size : int or pair
        Rows and columns of a window.
    strides : int or pair, optional
        `pool_size` if not given.
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional
    """

    def spatial(self, x: Any) -> Any:
        return ops.max_pool2d(x, pool_size=self.pool_size, strides=self.strides, padding=self.padding)


class AveragePooling2D(_Pooling2D):
    """The average of each window, over the pixels that are inside of the image.

    Parameters
    ----------
    pool_size : int or pair
        Rows and columns of a window.
    strides : int or pair, optional
        `pool_size` if not given.
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional
    """

    def spatial(self, x: Any) -> Any:
        return ops.average_pool2d(x, pool_size=self.pool_size, strides=self.strides, padding=self.padding)


class _GlobalPooling2D(Spatial):
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.data_format = data_format_name(self, data_format)
        self.keepdims = keepdims

    def spatial_shape(self, shape: Shape) -> Shape:
        return (shape[0], 1, 1, shape[3]) if self.keepdims else (shape[0], shape[3])


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The average over the image, (batch, channels).

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
    keepdims : bool
        Keep rows and columns as axes of size 1.
    """

    def spatial(self, x: Any) -> Any:
        return ops.mean(x, axis=(1, 2), keepdims=self.keepdims)


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The maximum over the image, (batch, channels).

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
    keepdims : bool
        Keep rows and columns as axes of size 1.
    """

    def spatial(self, x: Any) -> Any:
        return ops.max(x, axis=(1, 2), keepdims=self.keepdims)


class _GlobalPooling1D(Layer):
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.data_format = data_format_name(self, data_format)
        self.keepdims = keepdims

    @property
    def _steps(self) -> int:
        return 1 if self.data_format == "channels_last" else 2

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not is_shape(input_shape) or len(input_shape) != 3:
            raise ShapeError(f"expects inputs (batch, steps, features), got shape {input_shape}")
        kept = (1,) if self.keepdims else ()
        return (*input_shape[: self._steps], *kept, *input_shape[self._steps + 1 :])


class GlobalAveragePooling1D(_GlobalPooling1D):
    """The average over the steps of a sequence, (batch, features); over those that a mask lets count.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        (batch, steps, features), the default, or (batch, features, steps).
    keepdims : bool
        Keep the steps as an axis of size 1.
    """

    _passes_masks_on = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        self.compute_output_shape(inputs.shape)
        if mask is None:
            return ops.mean(inputs, axis=self._steps, keepdims=self.keepdims)
        counts = kernels.cast(masks.plain(mask), inputs.dtype)
        weights = counts[:, :, None] if self._steps == 1 else counts[:, None, :]
        total = ops.sum(inputs * weights, axis=self._steps, keepdims=self.keepdims)
        return total / kernels.sum(weights, self._steps, self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the steps are gone."""
        return None


class GlobalMaxPooling1D(_GlobalPooling1D):
    """The maximum over the steps of a sequence, (batch, features).

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        (batch, steps, features), the default, or (batch, features, steps).
    keepdims : bool
        Keep the steps as an axis of size 1.
    """

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)
        return ops.max(inputs, axis=self._steps, keepdims=self.keepdims)


AvgPool2D, MaxPool2D, GlobalAvgPool2D, GlobalMaxPool2D = (
    AveragePooling2D, MaxPooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D,
)  # fmt: skip
GlobalAvgPool1D, GlobalMaxPool1D = GlobalAveragePooling1D, GlobalMaxPooling1D
