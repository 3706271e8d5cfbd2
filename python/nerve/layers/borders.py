"""Layers that give images and sequences more pixels or steps, or fewer: padding, cropping, up-sampling."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._arrays import full
from nerve.kernels._numbers import integer
from nerve.layers.layer import Layer, LayerOptions
from nerve.layers.spatial import Spatial, data_format_name, pair
from nerve.layers.structure import Shape, is_shape

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
]

Border = tuple[int, int]


def _border(layer: Layer, name: str, value: Any) -> Border:
    """`3` or `(3, 2)`: so many before and behind."""
    ends = tuple(value) if isinstance(value, list | tuple) else (value, value)
    here = f"{layer.name} ({type(layer).__name__})"
    if len(ends) != 2:
        raise ValueError(f"[{here}] {name} must be an int or a pair of them, got {value!r}")
    return integer(here, name, ends[0], 0), integer(here, name, ends[1], 0)


def _borders(layer: Layer, name: str, value: Any) -> tuple[Border, Border]:
    """`1`, `(1, 2)` or `((1, 2), (3, 4))`: rows above and below, columns left and right."""
    axes = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(axes) != 2:
        raise ValueError(f"[{layer.name} ({type(layer).__name__})] {name} must have two axes, got {value!r}")
    return _border(layer, name, axes[0]), _border(layer, name, axes[1])


def _padded(x: Any, axis: int, border: Border) -> Any:
    before, behind = (full((*x.shape[:axis], size, *x.shape[axis + 1 :]), 0, x.dtype, x.array) for size in border)
    return ops.concatenate([before, x, behind], axis=axis) if any(border) else x


def _cropped(x: Any, axis: int, border: Border) -> Any:
    index = (*(slice(None),) * axis, slice(border[0], x.shape[axis] - border[1]))
    return ops.getitem(x, index) if any(border) else x


def _left(size: int | None, border: Border) -> int | None:
    if size is not None and size <= sum(border):
        raise ShapeError(f"cannot crop {sum(border)} of {size}")
    return None if size is None else size - sum(border)


def _repeated(x: Any, axis: int, times: int) -> Any:
    """Each slice `times` times, one beside the other."""
    if times == 1:
        return x
    before, size, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    wide = ops.broadcast_to(ops.reshape(x, (*before, size, 1, *after)), shape=(*before, size, times, *after))
    return ops.reshape(wide, (*before, size * times, *after))


class _Sequences(Layer):
    """A layer on (batch, steps, features)."""

    def steps(self, shape: Shape) -> int | None:
        if not is_shape(shape) or len(shape) != 3:
            raise ShapeError(f"expects inputs (batch, steps, features), got shape {shape}")
        return shape[1]


class ZeroPadding1D(_Sequences):
    """Zeros before and behind a sequence.

    Parameters
    ----------
    padding : int or pair
        Steps before and behind.
    """

    def __init__(self, padding: int | tuple[int, int] = 1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.padding = _border(self, "padding", padding)

    def call(self, inputs: Any) -> Any:
        self.steps(inputs.shape)
        return _padded(inputs, 1, self.padding)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        steps = self.steps(input_shape)
        return (input_shape[0], None if steps is None else steps + sum(self.padding), input_shape[2])


class Cropping1D(_Sequences):
    """A sequence without its first and last steps.

    Parameters
    ----------
    cropping : int or pair
        Steps at the beginning and at the end.
    """

    def __init__(self, cropping: int | tuple[int, int] = (1, 1), **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.cropping = _border(self, "cropping", cropping)

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)
        return _cropped(inputs, 1, self.cropping)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], _left(self.steps(input_shape), self.cropping), input_shape[2])


class UpSampling1D(_Sequences):
    """Every step `size` times.

    Parameters
    ----------
    size : int
    """

    def __init__(self, size: int = 2, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.size = integer(f"{self.name} (UpSampling1D)", "size", size, 1)

    def call(self, inputs: Any) -> Any:
        self.steps(inputs.shape)
        return _repeated(inputs, 1, self.size)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        steps = self.steps(input_shape)
        return (input_shape[0], None if steps is None else steps * self.size, input_shape[2])


class ZeroPadding2D(Spatial):
    """Zeros around an image.

    Parameters
    ----------
    padding : int, pair or pair of pairs
        Pixels on every side; rows and columns; or ((top, bottom), (left, right)).
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.padding = _borders(self, "padding", padding)
        self.data_format = data_format_name(self, data_format)

    def spatial(self, x: Any) -> Any:
        return _padded(_padded(x, 1, self.padding[0]), 2, self.padding[1])

    def spatial_shape(self, shape: Shape) -> Shape:
        sizes = (None if n is None else n + sum(b) for n, b in zip(shape[1:3], self.padding, strict=True))
        return (shape[0], *sizes, shape[3])


class Cropping2D(Spatial):
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
        super().__init__(**options)
        self.cropping = _borders(self, "cropping", cropping)
        self.data_format = data_format_name(self, data_format)

    def spatial(self, x: Any) -> Any:
        self.spatial_shape(x.shape)
        return _cropped(_cropped(x, 1, self.cropping[0]), 2, self.cropping[1])

    def spatial_shape(self, shape: Shape) -> Shape:
        sizes = (_left(n, border) for n, border in zip(shape[1:3], self.cropping, strict=True))
        return (shape[0], *sizes, shape[3])


class UpSampling2D(Spatial):
    """Every pixel as a block of `size` equal ones.

    Parameters
    ----------
    size : int or pair
        Rows and columns of a block.
    data_format : {"channels_last", "channels_first"}, optional
    interpolation : {"nearest"}
        Keras's others are not there yet.
    """

    def __init__(
        self,
        size: int | tuple[int, int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.size = pair(self, "size", size)
        self.data_format = data_format_name(self, data_format)
        if interpolation != "nearest":
            raise ValueError(f"[{self.name} (UpSampling2D)] interpolation must be 'nearest', got {interpolation!r}")
        self.interpolation = interpolation

    def spatial(self, x: Any) -> Any:
        return _repeated(_repeated(x, 1, self.size[0]), 2, self.size[1])

    def spatial_shape(self, shape: Shape) -> Shape:
        sizes = (None if n is None else n * times for n, times in zip(shape[1:3], self.size, strict=True))
        return (shape[0], *sizes, shape[3])
