"""Images brought to one size."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import number
from nerve.layers.box_formats import checked_boxes, moved_boxes, optional_format, through_window
from nerve.layers.core import positive
from nerve.layers.image_layer import ImageOptions
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import data_format_name
from nerve.layers.structure import Shape, is_shape
from nerve.ops.resizing import fitted
from nerve.tensor import Tensor

__all__ = [
    "CenterCrop",
    "Resizing",
]

_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


class _Sized(Layer):
    """A layer on images (batch, rows, columns, channels), or one without the batch, in any type of number."""

    def __init__(
        self,
        height: int,
        width: int,
        data_format: str | None,
        *,
        bounding_box_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.bounding_box_format = optional_format(self.name, bounding_box_format)
        positive(self, height=height, width=width)
        self.height, self.width = height, width
        self.data_format = data_format_name(self, data_format)

    def sized(self, images: Any, interpolation: str | None = None) -> Any:
        """The images, as floats, in the size of the layer."""
        raise NotImplementedError(f"{type(self).__name__}.sized")

    def window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, rows and columns of what becomes the result; it may reach beyond the images."""
        raise NotImplementedError(f"{type(self).__name__}.window")

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, dict):
            return self._kept(inputs)
        if unknown := sorted(set(inputs) - {"images", "labels", "bounding_boxes", "segmentation_masks"}):
            raise ValueError(
                f"[{self.name}] takes images, labels, bounding_boxes and segmentation_masks, not {unknown[0]}"
            )
        found = {**inputs, "images": self._kept(inputs["images"])}
        if "bounding_boxes" in inputs:
            found["bounding_boxes"] = self._boxes(inputs["bounding_boxes"], inputs["images"].shape)
        if "segmentation_masks" in inputs:  # classes, which have no means
            found["segmentation_masks"] = self._kept(inputs["segmentation_masks"], "nearest")
        return found

    def _boxes(self, given: Any, shape: Shape) -> Any:
        """Boxes where the things in images of a shape have gone."""
        given = checked_boxes(self.name, self.bounding_box_format, given, len(shape) == 4)
        first = self._first(shape)
        before, after = (int(shape[first] or 0), int(shape[first + 1] or 0)), (self.height, self.width)
        found = {**given, "boxes": ops.cast(given["boxes"], dtype=self.dtype)}
        return moved_boxes(
            found, self.bounding_box_format or "", before, after, through_window(self.window(*before), after)
        )

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

    Called on a dict, `images` and `segmentation_masks` are resized, the latter by their nearest pixels, and
    `bounding_boxes`, of which what is cut off is left out (see `ImageLayer`).

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
    bounding_box_format : str, optional
        Of boxes in dicts, as `nerve.utils.bounding_boxes.convert_format` knows it.
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
        **options: Unpack[ImageOptions],
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

    def window(self, height: int, width: int) -> tuple[int, int, int, int]:
        return fitted(height, width, self.height, self.width, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio)

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
    bounding_box_format : str, optional
        Of boxes in dicts, as `nerve.utils.bounding_boxes.convert_format` knows it.
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **options: Unpack[ImageOptions]
    ) -> None:
        super().__init__(height, width, data_format, **options)

    def window(self, height: int, width: int) -> tuple[int, int, int, int]:
        if height < self.height or width < self.width:
            return fitted(height, width, self.height, self.width, crop=True)
        return (height - self.height) // 2, (width - self.width) // 2, self.height, self.width

    def sized(self, images: Any, interpolation: str | None = None) -> Any:
        size = (self.height, self.width)
        first = self._first(images.shape)
        have = images.shape[first : first + 2]
        if have[0] < size[0] or have[1] < size[1]:
            return ops.resize(
                images, size, interpolation or "bilinear", crop_to_aspect_ratio=True, data_format=self.data_format
            )
        begin = self.window(*have)[:2]
        cut = (slice(at, at + wanted) for at, wanted in zip(begin, size, strict=True))
        return ops.getitem(images, (*(slice(None),) * first, *cut))
