"""Layers that give sequences, images and volumes more pixels or steps, or fewer: padding and cropping."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer, number
from nerve.kernels.padding import PadMode
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import AXES, Spatial, data_format_name
from nerve.layers.structure import Shape

__all__ = [
    "ConstantPadding1D",
    "ConstantPadding2D",
    "ConstantPadding3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "ReflectionPadding1D",
    "ReflectionPadding2D",
    "ReflectionPadding3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]

Border = tuple[int, int]


def _border(layer: Layer, name: str, value: Any) -> Border:
    """`3` or `(3, 2)`: so many before and behind."""
    ends = tuple(value) if isinstance(value, list | tuple) else (value, value)
    here = f"{layer.name} ({type(layer).__name__})"
    if len(ends) != 2:
        raise ValueError(f"[{here}] {name} must be an int or a pair of them, got {value!r}")
    return integer(here, name, ends[0], 0), integer(here, name, ends[1], 0)


def _borders(layer: Spatial, name: str, value: Any) -> tuple[Border, ...]:
    """`1`, `(1, 2)` or `((1, 2), (3, 4))`: before and behind along every axis; of one axis `1` or `(1, 2)`."""
    if layer.rank == 1:
        return (_border(layer, name, value),)
    axes = tuple(value) if isinstance(value, list | tuple) else (value,) * layer.rank
    if len(axes) != layer.rank:
        count = {2: "two", 3: "three"}[layer.rank]
        raise ValueError(f"[{layer.name} ({type(layer).__name__})] {name} must have {count} axes, got {value!r}")
    return tuple(_border(layer, name, axis) for axis in axes)


class AlongAxes(Spatial):
    """A layer that works along the axes where they are, without transposing."""

    def along(self, x: Any) -> Any:
        """The result for inputs whose first axis that is not batch or channels is `first`."""
        raise NotImplementedError(f"{type(self).__name__}.along")

    @property
    def first(self) -> int:
        """The first of the axes between or behind batch and channels."""
        return 1 if self.data_format == "channels_last" else 2

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)
        return self.along(inputs)


class _Padding(AlongAxes):
    mode: ClassVar[PadMode] = "constant"
    value = 0.0

    def __init__(self, padding: Any = 1, data_format: str | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        borders = _borders(self, "padding", padding)
        self.padding: Any = borders[0] if self.rank == 1 else borders
        self._padded = borders
        self.data_format = data_format_name(self, data_format)

    def along(self, x: Any) -> Any:
        widths: list[Border] = [(0, 0)] * len(x.shape)
        widths[self.first : self.first + self.rank] = self._padded
        return ops.pad(x, widths, self.mode, self.value if self.mode == "constant" else None)

    def spatial_shape(self, shape: Shape) -> Shape:
        inside = list(zip(shape[1:-1], self._padded, strict=True))
        for size, border in inside if self.mode == "reflect" else ():
            if size is not None and max(border) >= size:
                raise ShapeError(f"cannot mirror {max(border)} pixels of {size}: the edge itself is not repeated")
        return (shape[0], *(None if size is None else size + sum(border) for size, border in inside), shape[-1])


class ZeroPadding1D(_Padding):
    """Zeros before and behind a sequence.

    Parameters
    ----------
    padding : int or pair
        Steps before and behind.
    data_format : {"channels_last", "channels_first"}, optional
    """

    rank = 1


class ZeroPadding2D(_Padding):
    """Zeros around an image.

    Parameters
    ----------
    padding : int, pair or pair of pairs
        Pixels on every side; rows and columns; or ((top, bottom), (left, right)).
    data_format : {"channels_last", "channels_first"}, optional
    """


class ZeroPadding3D(_Padding):
    """Zeros around a volume.

    Parameters
    ----------
    padding : int, triple or triple of pairs
        On every side; along depth, rows and columns; or ((front, back), (top, bottom), (left, right)).
    data_format : {"channels_last", "channels_first"}, optional
    """

    rank = 3


class ReflectionPadding1D(_Padding):
    """The mirrored ends of a sequence before and behind it, which Keras has no layer for; as `ZeroPadding1D`."""

    rank = 1
    mode = "reflect"


class ReflectionPadding2D(_Padding):
    """A mirrored image around an image, which Keras has no layer for; options as for `ZeroPadding2D`.

    The edge is the mirror and is not repeated. Used where zeros would be seen, as in style transfer.
    """

    mode = "reflect"


class ReflectionPadding3D(_Padding):
    """A mirrored volume around a volume, which Keras has no layer for; options as for `ZeroPadding3D`."""

    rank = 3
    mode = "reflect"


class _ConstantPadding(_Padding):
    def __init__(
        self, padding: Any = 1, value: float = 0.0, data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(padding, data_format, **options)
        self.value = number(f"{self.name} ({type(self).__name__})", "value", value)


class ConstantPadding1D(_ConstantPadding):
    """A number before and behind a sequence, which Keras has no layer for.

    Parameters
    ----------
    padding, data_format
        As for `ZeroPadding1D`.
    value : float
    """

    rank = 1


class ConstantPadding2D(_ConstantPadding):
    """A number around an image, which Keras has no layer for; options as for `ConstantPadding1D`."""


class ConstantPadding3D(_ConstantPadding):
    """A number around a volume, which Keras has no layer for; options as for `ConstantPadding1D`."""

    rank = 3


class _Cropping(AlongAxes):
    def __init__(self, cropping: Any, data_format: str | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        borders = _borders(self, "cropping", cropping)
        self.cropping: Any = borders[0] if self.rank == 1 else borders
        self._cropped = borders
        self.data_format = data_format_name(self, data_format)

    def along(self, x: Any) -> Any:
        if not any(map(any, self._cropped)):
            return x
        inside = zip(x.shape[self.first :], self._cropped, strict=False)
        cut = (slice(border[0], size - border[1]) for size, border in inside)
        return ops.getitem(x, (*(slice(None),) * self.first, *cut))

    def spatial_shape(self, shape: Shape) -> Shape:
        return (shape[0], *map(_left, shape[1:-1], self._cropped, AXES[self.rank]), shape[-1])


def _left(size: int | None, border: Border, axis: str) -> int | None:
    if size is not None and size <= sum(border):
        raise ShapeError(f"cannot crop {sum(border)} of {size} {axis}")
    return None if size is None else size - sum(border)


class Cropping1D(_Cropping):
    """A sequence without its first and last steps.

    Parameters
    ----------
    cropping : int or pair
        Steps at the beginning and at the end.
    """

    rank = 1

    def __init__(self, cropping: int | tuple[int, int] = (1, 1), **options: Unpack[LayerOptions]) -> None:
        super().__init__(cropping, None, **options)


class Cropping2D(_Cropping):
    """An image without its outer pixels.

    Parameters
    ----------
    cropping : int, pair or pair of pairs
        Pixels on every side; rows and columns; or ((top, bottom), (left, right)).
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(cropping, data_format, **options)


class Cropping3D(_Cropping):
    """A volume without its outer parts.

    Parameters
    ----------
    cropping : int, triple or triple of pairs
        On every side; along depth, rows and columns; or ((front, back), (top, bottom), (left, right)).
    data_format : {"channels_last", "channels_first"}, optional
    """

    rank = 3

    def __init__(
        self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(cropping, data_format, **options)
