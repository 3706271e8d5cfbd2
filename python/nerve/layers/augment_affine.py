"""Images flipped, turned, shifted, scaled and slanted at random: each is one sampling of the image."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Unpack

from nerve import ops
from nerve.layers.box_formats import Corners, through_map
from nerve.layers.image_layer import ImageLayer, ImageOptions, Range, chosen, flags

__all__ = [
    "RandomFlip",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Sampled",
]

_FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("bilinear", "nearest")


class RandomFlip(ImageLayer):
    """Mirrors half of the images.

    Parameters
    ----------
    mode : {"horizontal_and_vertical", "horizontal", "vertical"}
        Left and right, top and bottom, or both at once.
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        self.mode = self.one_of("mode", mode, ("horizontal", "vertical", "horizontal_and_vertical"))

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        size = self.sizes(data)
        return {
            "flips": self.draws(seed).uniform((size.batch, 1, 1, 1)) <= 0.5,
            "input_shape": self.images_of(data).shape,
        }

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        images = self.floats(images)
        if not training or transformation is None:
            return images
        first = 1 if self.data_format == "channels_last" else 2
        axes = {"horizontal": (first + 1,), "vertical": (first,)}.get(self.mode, (first, first + 1))
        return chosen(transformation["flips"], ops.flip(images, axes), images)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self,
        bounding_boxes: Any,
        transformation: Any,
        training: bool = True,
        image_size: tuple[int, int] | None = None,
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        height, width = size = self.size_before(transformation, image_size)
        flips = flags(transformation["flips"])

        def flip(corners: Corners) -> Corners:
            left, top, right, bottom = corners
            if self.mode != "vertical":
                left, right = ops.where(flips, width - right, left), ops.where(flips, width - left, right)
            if self.mode != "horizontal":
                top, bottom = ops.where(flips, height - bottom, top), ops.where(flips, height - top, bottom)
            return left, top, right, bottom

        return self.moved(bounding_boxes, size, size, flip)


class Sampled(ImageLayer):
    """Base of layers that look at the image elsewhere; `positions` says where."""

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        seed: int | None,
        fill_value: float,
        data_format: str | None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        self.fill_mode = self.one_of("fill_mode", fill_mode, _FILL_MODES)
        self.interpolation = self.one_of("interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def matrix(self, transformation: Any, height: int, width: int) -> Any:
        """The maps from the result to the images, (batch, 8)."""
        raise NotImplementedError

    def _sampled(self, images: Any, transformation: Any, interpolation: str) -> Any:
        images = self.channels_last(images)
        batch, height, width, _ = images.shape
        maps = ops.reshape(self.matrix(transformation, height, width), (-1, 8))
        maps = ops.broadcast_to(maps, (batch, 8))
        options = {"fill_mode": self.fill_mode, "fill_value": self.fill_value, "interpolation": interpolation}
        return self.as_given(ops.affine_sample(images, maps, **options))

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return self.floats(images)
        return self._sampled(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        return self._sampled(segmentation_masks, transformation, "nearest")

    def transform_bounding_boxes(
        self,
        bounding_boxes: Any,
        transformation: Any,
        training: bool = True,
        image_size: tuple[int, int] | None = None,
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        size = self.size_before(transformation, image_size)
        return self.moved(bounding_boxes, size, size, self._moves(transformation, *size))

    def _moves(self, transformation: Any, height: int, width: int) -> Callable[[Corners], Corners]:
        """Where boxes go."""
        return through_map(ops.reshape(self.matrix(transformation, height, width), (-1, 8)))


def as_maps(*columns: Any, like: Any) -> Any:
    """A (batch, 8) matrix from columns, numbers among them; the last two are zero."""
    zero = like * 0.0
    return ops.stack([*(zero + column for column in columns), zero, zero], axis=1)


class RandomRotation(Sampled):
    """Turns each image about its middle.

    Parameters
    ----------
    factor : float or (float, float)
        Fraction of a whole turn, counter-clockwise: x stands for (-x, x).
    fill_mode : {"reflect", "wrap", "constant", "nearest"}
        What comes into the corners.
    interpolation : {"bilinear", "nearest"}
    seed : int, optional
    fill_value : float
        For "constant".
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        size = self.sizes(data)
        low, high = (360.0 * factor for factor in self.factor)
        angle = self.draws(seed).uniform((size.batch,), low, high)
        turn = angle * (math.pi / 180.0)
        cos, sin = ops.cos(turn), ops.sin(turn)
        x, y = 0.5 * (size.width - 1), 0.5 * (size.height - 1)
        matrix = as_maps(cos, -sin, (1.0 - cos) * x + sin * y, sin, cos, (1.0 - cos) * y - sin * x, like=cos)
        return {
            "angle": angle,
            "rotation_matrix": matrix,
            "image_height": size.height,
            "image_width": size.width,
            "batch_size": size.batch,
        }

    def matrix(self, transformation: Any, height: int, width: int) -> Any:
        return self.floats(transformation["rotation_matrix"])


class RandomZoom(Sampled):
    """Brings each image nearer or further off.

    Parameters
    ----------
    height_factor : float or (float, float)
        How much more of the image is seen along its height: 0.2 and so out, -0.2 and so in; x stands for (-x, x).
    width_factor : float or (float, float), optional
        Along its width; the same as along its height if not given.
    fill_mode, interpolation, seed, fill_value, data_format
        As for `RandomRotation`.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        bounds = (-0.999999, 1.0)  # nothing is seen at -1
        self._height = self.range_of("height_factor", height_factor, bounds)
        self._width = None if width_factor is None else self.range_of("width_factor", width_factor, bounds)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, shape = self.draws(seed), (self.sizes(data).batch, 1)
        height = draws.uniform(shape, 1.0 + self._height[0], 1.0 + self._height[1])
        width = height if self._width is None else draws.uniform(shape, 1.0 + self._width[0], 1.0 + self._width[1])
        return {"height_zoom": height, "width_zoom": width, "input_shape": self.images_of(data).shape}

    def matrix(self, transformation: Any, height: int, width: int) -> Any:
        y, x = (ops.reshape(self.floats(transformation[f"{side}_zoom"]), (-1,)) for side in ("height", "width"))
        right, down = (1.0 - x) * ((width - 1.0) / 2.0), (1.0 - y) * ((height - 1.0) / 2.0)
        return as_maps(x, 0.0, right, 0.0, y, down, like=x)


class RandomTranslation(Sampled):
    """Shifts each image.

    Parameters
    ----------
    height_factor, width_factor : float or (float, float)
        How far down and to the right, as fractions of height and width; x stands for (-x, x).
    fill_mode, interpolation, seed, fill_value, data_format
        As for `RandomRotation`.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height = self.range_of("height_factor", height_factor)
        self._width = self.range_of("width_factor", width_factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, size = self.draws(seed), self.sizes(data)
        down = draws.uniform((size.batch, 1), *self._height) * float(size.height)
        right = draws.uniform((size.batch, 1), *self._width) * float(size.width)
        return {"translations": ops.concatenate([right, down], axis=1), "input_shape": self.images_of(data).shape}

    def matrix(self, transformation: Any, height: int, width: int) -> Any:
        right, down = ops.unstack(self.floats(transformation["translations"]), axis=1)
        return as_maps(1.0, 0.0, -right, 0.0, 1.0, -down, like=right)


class RandomShear(Sampled):
    """Slants each image.

    Parameters
    ----------
    x_factor, y_factor : float or (float, float)
        How far a row is from the one above it along x, and a column from the one before it along y, in [0, 1] and in
        either direction; x stands for (-x, x).
    interpolation, fill_mode, fill_value, data_format, seed
        As for `RandomRotation`.
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.x_factor, self.y_factor = (
            self._slant(name, f) for name, f in (("x_factor", x_factor), ("y_factor", y_factor))
        )

    def _slant(self, name: str, value: Any) -> Range:
        low, high = self.range_of(name, value, (0.0, 1.0))
        return (low, high) if isinstance(value, list | tuple) else (-high, high)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, shape = self.draws(seed), (self.sizes(data).batch, 1)
        signs = draws.signs(shape)
        y, x = draws.uniform(shape, *self.y_factor), draws.uniform(shape, *self.x_factor)
        return {"shear_factor": ops.concatenate([x, y], axis=1) * signs, "input_shape": self.images_of(data).shape}

    def matrix(self, transformation: Any, height: int, width: int) -> Any:
        x, y = ops.unstack(self.floats(transformation["shear_factor"]), axis=1)
        return as_maps(1.0, x, 0.0, y, 1.0, 0.0, like=x)
