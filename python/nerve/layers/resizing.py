"""Images brought to one size."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import number
from nerve.layers.core import positive
from nerve.layers.layer import Layer, LayerOptions
from nerve.layers.spatial import data_format_name
from nerve.layers.structure import Shape, is_shape
from nerve.tensor import Tensor

__all__ = [
    "CenterCrop",
    "Resizing",
]

_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


class _Sized(Layer):
    """A layer on images (batch, rows, columns, channels), or one without the batch, in any type of number."""

    def __init__(self, height: int, width: int, data_format: str | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        positive(self, height=height, width=width)
        self.height, self.width = height, width
        self.data_format = data_format_name(self, data_format)

    def sized(self, images: Any, interpolation: str | None = None) -> Any:
        """The images, as floats, in the size of the layer."""
        raise NotImplementedError(f"{type(self).__name__}.sized")

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, dict):
            return self._kept(inputs)
        if unknown := sorted(set(inputs) - {"images", "labels", "segmentation_masks"}):
            raise ValueError(f"[{self.name}] takes images, labels and segmentation_masks, not {unknown[0]}")
        found = {**inputs, "images": self._kept(inputs["images"])}
        if "segmentation_masks" in inputs:  # classes, which have no means
            found["segmentation_masks"] = self._kept(inputs["segmentation_masks"], "nearest")
        return found

    def _kept(self, images: Any, interpolation: str | None = None) -> Any:
        """Integers stay integers: rounded, and none out of the range of their dtype."""
        self.compute_output_shape(images.shape)
        dtype = np.dtype(images.dtype)
        if dtype.kind == "f":
            return self.sized(images, interpolation)
        y = ops.round(self.sized(ops.cast(images, dtype=self.dtype), interpolation))
        if dtype.kind in "iu":
            y = ops.clip(y, float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))
        if dtype in (np.int64, np.bool_):
            return ops.cast(y, dtype=dtype)
        return Tensor(y.array.astype(dtype), tracked=False)  # no kernel makes these, and no recording holds them

    def compute_output_shape(self, input_shape: Any) -> Any:
        if isinstance(input_shape, dict):
            resized = ("images", "segmentation_masks")
            return {k: self.compute_output_shape(one) if k in resized else one for k, one in input_shape.items()}
        if not is_shape(input_shape) or len(input_shape) not in (3, 4):
            raise ShapeError(f"expects one image or a batch of images, of 3 or 4 axes, got shape {tuple(input_shape)}")
        first = self._first(input_shape)
        return (*input_shape[:first], self.height, self.width, *input_shape[first + 2 :])

    def _first(self, shape: Shape) -> int:
        """The axis of the rows."""
        return len(shape) - (2 if self.data_format == "channels_first" else 3)


class Resizing(_Sized):
    """Images of another size.

    Called on a dict, `images` and `segmentation_masks` are resized, the latter by their nearest pixels.

    Parameters
    ----------
    height, width : int
    interpolation : {"bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"}
    crop_to_aspect_ratio, pad_to_aspect_ratio : bool
        Cut off what does not fit the ratio of the result, or put `fill_value` beside it, instead of distorting.
    fill_mode : {"constant"}
    fill_value : float
    antialias : bool
        Whether images that become smaller are smoothed first.
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(height, width, data_format, **options)
        here = f"[{self.name} (Resizing)]"
        if interpolation not in _INTERPOLATIONS:
            raise ValueError(f"{here} interpolation must be one of {_INTERPOLATIONS}, got {interpolation!r}")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError(f"{here} crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be true")
        if fill_mode != "constant":
            raise ValueError(f"{here} fill_mode must be 'constant', got {fill_mode!r}")
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = bool(crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = bool(pad_to_aspect_ratio)
        self.fill_mode, self.fill_value = fill_mode, number(here, "fill_value", fill_value)
        self.antialias = bool(antialias)

    def sized(self, images: Any, interpolation: str | None = None) -> Any:
        return ops.resize(
            images,
            (self.height, self.width),
            interpolation or self.interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )


class CenterCrop(_Sized):
    """The middle of images; of images that are too small, the middle of the right ratio, resized.

    Parameters
    ----------
    height, width : int
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(height, width, data_format, **options)

    def sized(self, images: Any, interpolation: str | None = None) -> Any:
        size = (self.height, self.width)
        first = self._first(images.shape)
        have = images.shape[first : first + 2]
        if have[0] < size[0] or have[1] < size[1]:
            return ops.resize(
                images, size, interpolation or "bilinear", crop_to_aspect_ratio=True, data_format=self.data_format
            )
        begin = [(one - wanted) // 2 for one, wanted in zip(have, size, strict=True)]
        cut = (slice(at, at + wanted) for at, wanted in zip(begin, size, strict=True))
        return ops.getitem(images, (*(slice(None),) * first, *cut))
