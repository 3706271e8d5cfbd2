"""Images flipped, turned, shifted, scaled and bent at random: each is one sampling of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.kernels.shapes import FILLS
from nerve.layers.image_layer import ImageLayer, Range, chosen, clipped
from nerve.layers.layer import LayerOptions
from nerve.layers.structure import Shape, is_positive_int

__all__ = [
    "RandomCrop",
    "RandomElasticTransform",
    "RandomFlip",
    "RandomPerspective",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
]

_FILL_MODES = ("reflect", "wrap", "constant", "nearest")
_INTERPOLATIONS = ("bilinear", "nearest")


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
        **options: Unpack[LayerOptions],
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


class _Sampled(ImageLayer):
    """Base of layers that look at the image elsewhere; `positions` says where."""

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        seed: int | None,
        fill_value: float,
        data_format: str | None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        self.fill_mode = self.one_of("fill_mode", fill_mode, _FILL_MODES)
        self.interpolation = self.one_of("interpolation", interpolation, _INTERPOLATIONS)
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


def _columns(*columns: Any, like: Any) -> Any:
    """A (batch, 8) matrix from columns, numbers among them; the last two are zero."""
    zero = like * 0.0
    return ops.stack([*(zero + column for column in columns), zero, zero], axis=1)


class RandomRotation(_Sampled):
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
        **options: Unpack[LayerOptions],
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
        matrix = _columns(cos, -sin, (1.0 - cos) * x + sin * y, sin, cos, (1.0 - cos) * y - sin * x, like=cos)
        return {
            "angle": angle,
            "rotation_matrix": matrix,
            "image_height": size.height,
            "image_width": size.width,
            "batch_size": size.batch,
        }

    def matrix(self, transformation: Any, height: int, width: int) -> Any:
        return self.floats(transformation["rotation_matrix"])


class RandomZoom(_Sampled):
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
        **options: Unpack[LayerOptions],
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
        return _columns(x, 0.0, right, 0.0, y, down, like=x)


class RandomTranslation(_Sampled):
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
        **options: Unpack[LayerOptions],
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
        return _columns(1.0, 0.0, -right, 0.0, 1.0, -down, like=right)


class RandomShear(_Sampled):
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
        **options: Unpack[LayerOptions],
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
        return _columns(1.0, x, 0.0, y, 1.0, 0.0, like=x)


class RandomPerspective(_Sampled):
    """Looks at each image from aside: its corners come from elsewhere.

    Parameters
    ----------
    factor : float or (float, float)
        How probable it is that an image is changed.
    scale : float
        How far corners move, as a fraction of their coordinates.
    interpolation, fill_value, seed, data_format
        As for `RandomRotation`; what lies outside of the image is `fill_value`.
    """

    factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__("constant", interpolation, seed, fill_value, data_format, **options)
        self.factor = self.range_of("factor", factor)
        if not 0 <= scale <= 1:
            raise ValueError(f"[{self.name} (RandomPerspective)] scale must be in [0, 1], got {scale!r}")
        self.scale = scale

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, size = self.draws(seed), self.sizes(data)
        applied = draws.whether(size.batch, self.factor)
        moved = draws.uniform((size.batch, 4, 2), -0.5 * self.scale, 0.5 * self.scale)
        right, bottom = size.width - 1.0, size.height - 1.0
        corners = np.array([[[0, 0], [right, 0], [0, bottom], [right, bottom]]], self.dtype)
        start = ops.broadcast_to(corners, (size.batch, 4, 2))
        return {
            "apply_perspective": applied,
            "start_points": start,
            "end_points": start + start * moved,
            "input_shape": self.images_of(data).shape,
        }

    def matrix(self, transformation: Any, height: int, width: int) -> Any:
        end, start = (_from_square(transformation[name]) for name in ("end_points", "start_points"))
        (a, b, c), (d, e, f), (g, h, i) = end
        # To the square from where corners are (the adjugate is the inverse but for a factor), and on to the start.
        inverse = (
            (e * i - f * h, c * h - b * i, b * f - c * e),
            (f * g - d * i, a * i - c * g, c * d - a * f),
            (d * h - e * g, b * g - a * h, a * e - b * d),
        )
        product = [
            [
                sum((row[k] * inverse[k][column] for k in range(1, 3)), row[0] * inverse[0][column])
                for column in range(3)
            ]
            for row in start
        ]
        parts = [product[row][column] / product[2][2] for row in range(3) for column in range(3)][:8]
        return self.floats(ops.stack(parts, axis=1))

    def _sampled(self, images: Any, transformation: Any, interpolation: str) -> Any:
        return chosen(
            transformation["apply_perspective"],
            super()._sampled(images, transformation, interpolation),
            self.floats(images),
        )


def _from_square(points: Any) -> Any:
    """The map that takes the corners of the unit square to four points (batch, 4, 2), row by row of them.

    Heckbert, "Fundamentals of texture mapping and image warping", 1989, section 2.2.3.
    """
    points = ops.cast(points, dtype="float64")
    (x0, y0), (x1, y1), (x3, y3), (x2, y2) = (ops.unstack(p, axis=1) for p in ops.unstack(points, axis=1))
    sum_x, sum_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    right, down = (x1 - x2, y1 - y2), (x3 - x2, y3 - y2)
    area = right[0] * down[1] - down[0] * right[1]
    g, h = (sum_x * down[1] - down[0] * sum_y) / area, (right[0] * sum_y - sum_x * right[1]) / area
    one = g * 0.0 + 1.0
    return (x1 - x0 + g * x1, x3 - x0 + h * x3, x0), (y1 - y0 + g * y1, y3 - y0 + h * y3, y0), (g, h, one)


class RandomElasticTransform(ImageLayer):
    """Bends each image: every pixel comes from a place that is moved a little, neighbours alike.

    Parameters
    ----------
    factor : float or (float, float)
        How probable it is that an image is changed.
    scale : float or (float, float)
        How much the images of a batch are bent, in [0, 1].
    interpolation : {"bilinear", "nearest"}
    fill_mode : {"reflect", "wrap", "constant", "nearest", "mirror"}
    fill_value : float
        For "constant".
    value_range : (float, float)
        What the results are clipped to.
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional

    References
    ----------
    Simard, Steinkraus and Platt, "Best practices for convolutional neural networks", ICDAR 2003.
    """

    factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        self.factor, self.scale = self.range_of("factor", factor), self.range_of("scale", scale)
        self.interpolation = self.one_of("interpolation", interpolation, _INTERPOLATIONS)
        self.fill_mode, self.fill_value = self.one_of("fill_mode", fill_mode, tuple(FILLS)), fill_value
        self.value_range = self.two_numbers("value_range", value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training or self.scale[1] == 0 or self.factor[1] == 0:
            return None
        draws, size = self.draws(seed), self.sizes(data)
        return {
            "apply_transform": draws.whether(size.batch, self.factor),
            "distortion_factor": draws.uniform((), *self.scale),
            "noise": draws.normal((2, size.batch, size.height, size.width)),  # along x, and along y
        }

    def _positions(self, transformation: Any, height: int, width: int) -> Any:
        """Row and column in the image of every pixel of the result, (batch, height, width, 2)."""
        factor = ops.reshape(self.floats(transformation["distortion_factor"]), ())
        alpha, sigma = factor * (0.1 * max(height, width)), factor * (0.05 * min(height, width))
        noise = self.floats(transformation["noise"])
        batch = noise.shape[1]
        fields = ops.reshape(noise, (2 * batch, height, width, 1)) * sigma
        # As many neighbours as the largest sigma needs, of which this one counts those within 3 sigma.
        reach = int(3 * self.scale[1] * 0.05 * min(height, width))
        offsets = np.arange(-reach, reach + 1, dtype=self.dtype)
        near = ops.less_equal(np.abs(offsets), ops.floor(sigma * 3.0))
        weights = ops.where(near, _bell(offsets, sigma), 0.0)
        weights = weights / ops.sum(weights)
        moved = ops.reshape(blurred(fields, weights, weights), (2, batch, height, width)) * alpha
        columns, rows = ops.unstack(moved, axis=0)
        return ops.stack(
            [
                rows + np.arange(height, dtype=self.dtype)[:, np.newaxis],
                columns + np.arange(width, dtype=self.dtype),
            ],
            axis=3,
        )

    def _bent(self, images: Any, transformation: Any, interpolation: str) -> Any:
        images = self.channels_last(images)
        positions = self._positions(transformation, *images.shape[1:3])
        options = {"fill_mode": self.fill_mode, "fill_value": self.fill_value, "interpolation": interpolation}
        return self.as_given(
            chosen(transformation["apply_transform"], ops.grid_sample(images, positions, **options), images)
        )

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return self.floats(images)
        return clipped(self._bent(images, transformation, self.interpolation), self.value_range)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        return self._bent(segmentation_masks, transformation, "nearest")


def _bell(offsets: Any, sigma: Any) -> Any:
    """Gauss's curve at some offsets."""
    ratio = offsets / ops.maximum(sigma, 1e-6)
    return ops.exp(ratio * ratio * -0.5)


def gaussian(size: int, sigma: Any, dtype: str) -> Any:
    """`size` weights of Gauss's curve, of sum 1."""
    weights = _bell(np.arange(size, dtype=dtype) - (size - 1) / 2, sigma)
    return weights / ops.sum(weights)


def blurred(images: Any, down: Any, across: Any) -> Any:
    """Images, channels last, weighted over their neighbours along the height and along the width; zeros lie outside."""
    channels = images.shape[3]
    for weights, shape in ((down, (-1, 1, 1, 1)), (across, (1, -1, 1, 1))):
        kernel = ops.reshape(weights, shape)
        kernel = ops.broadcast_to(kernel, (*kernel.shape[:3], channels))
        images = ops.conv2d(images, kernel, padding="same", groups=channels)
    return images


class RandomCrop(ImageLayer):
    """Cuts a piece out of the images, at the same place in all images of a batch.

    In inference, and where the images are no larger than the piece, the largest window of its proportions is taken from
    the middle and resized.

    Parameters
    ----------
    height, width : int
        Of the piece.
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        if not is_positive_int(height) or not is_positive_int(width):
            raise ValueError(
                f"[{self.name} (RandomCrop)] expects positive ints, got height={height!r}, width={width!r}"
            )
        self.height, self.width = height, width

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        size = self.sizes(data)
        if not (training and size.height > self.height and size.width > self.width):
            return None
        draws = self.draws(seed)
        starts = (draws.uniform((), 0.0, float(n + 1)) for n in (size.height - self.height, size.width - self.width))
        return tuple(ops.floor(start) for start in starts)

    def _cut(self, images: Any, transformation: Any, interpolation: str) -> Any:
        images = self.channels_last(images)
        batch, height, width, _ = images.shape
        if transformation is None:
            rows = min(max(width * self.height // self.width, 1), height)
            columns = min(max(height * self.width // self.height, 1), width)
            y, x = rows / self.height, columns / self.width
            # From the middle of a pixel of the result to that of its window.
            top, left = (height - rows) // 2 + 0.5 * y - 0.5, (width - columns) // 2 + 0.5 * x - 0.5
            maps: Any = np.array([[x, 0, left, 0, y, top, 0, 0]], self.dtype)
        else:
            top, left = (ops.reshape(self.floats(start), (1,)) for start in transformation)
            maps, interpolation = _columns(1.0, 0.0, left, 0.0, 1.0, top, like=left), "nearest"
        options = {"size": (self.height, self.width), "fill_mode": "nearest", "interpolation": interpolation}
        return self.as_given(ops.affine_sample(images, ops.broadcast_to(maps, (batch, 8)), **options))

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        return self._cut(images, transformation, "bilinear")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self._cut(segmentation_masks, transformation, "nearest")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.data_format == "channels_first":
            return (*input_shape[:-2], self.height, self.width)
        return (*input_shape[:-3], self.height, self.width, input_shape[-1])
