"""Pooling: a window's maximum, minimum or average stands for the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Unpack

from nerve import ops
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import Spatial, data_format_name, output_sizes, padding_name, sizes
from nerve.layers.structure import Shape

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "MinPooling1D",
    "MinPooling2D",
    "MinPooling3D",
]


class _Pooling(Spatial):
    pool: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.pool_size = sizes(self, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else sizes(self, "strides", strides, self.rank)
        self.padding = padding_name(self, padding)
        self.data_format = data_format_name(self, data_format)

    def spatial(self, x: Any) -> Any:
        return type(self).pool(x, self.pool_size, self.strides, self.padding)

    def spatial_shape(self, shape: Shape) -> Shape:
        return (shape[0], *output_sizes(shape[1:-1], self.pool_size, self.strides, self.padding), shape[-1])


class MaxPooling2D(_Pooling):
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

    pool = staticmethod(ops.max_pool)


class MaxPooling1D(MaxPooling2D):
    """The maximum of each window of a sequence (batch, steps, features); options as for `MaxPooling2D`."""

    rank = 1


class MaxPooling3D(MaxPooling2D):
    """The maximum of each window of a volume; options as for `MaxPooling2D`, with three sizes each."""

    rank = 3


class MinPooling2D(_Pooling):
    """The minimum of each window, which Keras has no layer for; options as for `MaxPooling2D`.

    On images it is what morphology calls an erosion.
    """

    pool = staticmethod(ops.min_pool)


class MinPooling1D(MinPooling2D):
    """The minimum of each window of a sequence; options as for `MaxPooling1D`."""

    rank = 1


class MinPooling3D(MinPooling2D):
    """The minimum of each window of a volume; options as for `MaxPooling3D`."""

    rank = 3


class AveragePooling2D(_Pooling):
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

    pool = staticmethod(ops.average_pool)


class AveragePooling1D(AveragePooling2D):
    """The average of each window of a sequence (batch, steps, features); options as for `AveragePooling2D`."""

    rank = 1


class AveragePooling3D(AveragePooling2D):
    """The average of each window of a volume; options as for `AveragePooling2D`, with three sizes each."""

    rank = 3


class _AdaptivePooling(Spatial):
    pool: ClassVar[Callable[..., Any]]

    def __init__(
        self, output_size: int | Sequence[int], data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.output_size = sizes(self, "output_size", output_size, self.rank)
        self.data_format = data_format_name(self, data_format)

    def spatial(self, x: Any) -> Any:
        return type(self).pool(x, self.output_size)

    def spatial_shape(self, shape: Shape) -> Shape:
        return (shape[0], *self.output_size, shape[-1])


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """Averages of as many windows as the output has pixels, whatever the size of the image.

    Parameters
    ----------
    output_size : int or pair
        Rows and columns of the result. Window i of n begins at floor(i size / n) and ends before
        ceil((i + 1) size / n), along rows and columns.
    data_format : {"channels_last", "channels_first"}, optional
    """

    pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling1D(AdaptiveAveragePooling2D):
    """Averages of so many windows of a sequence; options as for `AdaptiveAveragePooling2D`."""

    rank = 1


class AdaptiveAveragePooling3D(AdaptiveAveragePooling2D):
    """Averages of so many windows of a volume; options as for `AdaptiveAveragePooling2D`."""

    rank = 3


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """Maxima of as many windows as the output has pixels; options as for `AdaptiveAveragePooling2D`."""

    pool = staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling1D(AdaptiveMaxPooling2D):
    """Maxima of so many windows of a sequence; options as for `AdaptiveAveragePooling1D`."""

    rank = 1


class AdaptiveMaxPooling3D(AdaptiveMaxPooling2D):
    """Maxima of so many windows of a volume; options as for `AdaptiveAveragePooling3D`."""

    rank = 3


AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
