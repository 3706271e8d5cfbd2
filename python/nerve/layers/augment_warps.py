"""Images seen from aside, bent, or cut out at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.kernels._arrays import on_gpu
from nerve.kernels._recording import now
from nerve.kernels.shapes import FILLS
from nerve.layers.augment_affine import INTERPOLATIONS, Sampled
from nerve.layers.box_formats import Corners, through_window
from nerve.layers.image_layer import ImageLayer, ImageOptions, chosen, clipped, flags
from nerve.layers.structure import Shape, is_positive_int
from nerve.ops.image.filters import bell, blurred
from nerve.ops.image.homography import projective
from nerve.tensor import Tensor

__all__ = [
    "RandomCrop",
    "RandomElasticTransform",
    "RandomPerspective",
]


class RandomPerspective(Sampled):
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
        **options: Unpack[ImageOptions],
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
        return self.floats(projective(transformation["start_points"], transformation["end_points"]))

    def _sampled(self, images: Any, transformation: Any, interpolation: str) -> Any:
        return chosen(
            transformation["apply_perspective"],
            super()._sampled(images, transformation, interpolation),
            self.floats(images),
        )

    def _moves(self, transformation: Any, height: int, width: int) -> Callable[[Corners], Corners]:
        applied, move = flags(transformation["apply_perspective"]), super()._moves(transformation, height, width)

        def moved_if_applied(corners: Corners) -> Corners:
            left, top, right, bottom = (ops.where(applied, *two) for two in zip(move(corners), corners, strict=True))
            return left, top, right, bottom

        return moved_if_applied


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

    loses_boxes = True  # bent, and anywhere near

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
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        self.factor, self.scale = self.range_of("factor", factor), self.range_of("scale", scale)
        self.interpolation = self.one_of("interpolation", interpolation, INTERPOLATIONS)
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
        weights = ops.where(near, bell(offsets, sigma), 0.0)
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


class RandomCrop(ImageLayer):
    """Cuts a piece out of the images, at the same place in all images of a batch.

    In inference, and where the images are no larger than the piece, the largest window of its proportions is taken from
    the middle and resized. A piece may be a view of the images that were given.

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
        **options: Unpack[ImageOptions],
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

    def _middle(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, rows and columns of the largest window in the middle that has the proportions of the piece."""
        rows = min(max(width * self.height // self.width, 1), height)
        columns = min(max(height * self.width // self.height, 1), width)
        return (height - rows) // 2, (width - columns) // 2, rows, columns

    def _window(self, images: Any, transformation: Any) -> Tensor | None:
        """The piece as a view, where nothing but its place is needed: no recording, no gradient, no copy."""
        array = getattr(images, "array", images)
        if transformation is None or now.recording is not None or on_gpu(array) or getattr(images, "tracked", False):
            return None
        top, left = (int(start) for start in transformation)
        places = slice(top, top + self.height), slice(left, left + self.width)
        last = self.data_format == "channels_last"
        return Tensor(np.asarray(array)[(..., *places, slice(None)) if last else (..., *places)], tracked=False)

    def _cut(self, images: Any, transformation: Any, interpolation: str) -> Any:
        window = self._window(images, transformation)
        if window is not None:
            return self.floats(window)
        images = self.channels_last(images)
        batch, height, width, _ = images.shape
        if transformation is None:
            top, left, rows, columns = self._middle(height, width)
            y, x = rows / self.height, columns / self.width
            # From the middle of a pixel of the result to that of its window.
            down, right = top + 0.5 * y - 0.5, left + 0.5 * x - 0.5
            maps: Any = np.array([[x, 0, right, 0, y, down, 0, 0]], self.dtype)
        else:
            first_row, first = (ops.reshape(self.floats(start), (1,)) for start in transformation)
            zero = first * 0.0
            one = zero + 1.0
            maps = ops.reshape(ops.concatenate([one, zero, first, zero, one, first_row, zero, zero]), (1, 8))
            interpolation = "nearest"  # by whole pixels, for which the kernel copies rows
        options = {"size": (self.height, self.width), "fill_mode": "nearest", "interpolation": interpolation}
        return self.as_given(ops.affine_sample(images, ops.broadcast_to(maps, (batch, 8)), **options))

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        return self._cut(images, transformation, "bilinear")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self._cut(segmentation_masks, transformation, "nearest")

    def transform_bounding_boxes(
        self,
        bounding_boxes: Any,
        transformation: Any,
        training: bool = True,
        image_size: tuple[int, int] | None = None,
    ) -> Any:
        window: Any = None
        if transformation is not None:
            top, left = (ops.reshape(self.floats(start), (1, 1)) for start in transformation)
            window = top, left, self.height, self.width
        elif image_size is not None:
            window = self._middle(*image_size)
        if image_size is None and (transformation is None or self.box_format.startswith("rel_")):
            raise ValueError(f"[{self.name}] needs image_size, the height and width of the images, to move these boxes")
        after = self.height, self.width
        return self.moved(bounding_boxes, image_size, after, through_window(window, after))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.data_format == "channels_first":
            return (*input_shape[:-2], self.height, self.width)
        return (*input_shape[:-3], self.height, self.width, input_shape[-1])
