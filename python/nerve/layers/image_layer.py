"""What all layers that change images at random share: the draws, the two steps, dicts of images and labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Unpack

import numpy as np

from nerve import kernels, ops, random
from nerve.errors import ShapeError
from nerve.kernels._numbers import number
from nerve.layers import context
from nerve.layers.box_formats import Corners, checked_boxes, moved_boxes, optional_format, told_format
from nerve.layers.options import LayerOptions
from nerve.layers.regularization import Noise
from nerve.layers.spatial import data_format_name
from nerve.layers.structure import Shape, flatten
from nerve.layers.symbolic import SymbolicTensor
from nerve.tensor import Tensor

Range = tuple[float, float]
_TRIES = 8  # of which one is taken with a probability of at least 1 - 1e-10


class Draws:
    """Random numbers of one transformation, in kernels, so that a recording draws them anew in every run."""

    def __init__(self, next_offset: Callable[[int], tuple[int, int]], dtype: str) -> None:
        self.next_offset, self.dtype = next_offset, dtype

    def uniform(self, shape: Sequence[int], low: float = 0.0, high: float = 1.0, dtype: str | None = None) -> Tensor:
        """Numbers of [low, high)."""
        seed, offset = self.next_offset(math.prod(shape))
        drawn = kernels.random_uniform(shape, low=low, high=high, seed=seed, offset=offset, dtype=dtype or self.dtype)
        return Tensor(drawn, tracked=False)

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Numbers of the standard normal distribution."""
        seed, offset = self.next_offset(math.prod(shape))
        return Tensor(kernels.random_normal(shape, seed=seed, offset=offset, dtype=self.dtype), tracked=False)

    def signs(self, shape: Sequence[int]) -> Tensor:
        """1 or -1, each half of the time."""
        return ops.where(self.uniform(shape) > 0.5, -1.0, 1.0)

    def whether(self, n: int, factor: Range) -> Tensor:
        """For each image, whether what happens with a probability drawn from a range does."""
        probability = self.uniform((n,), *factor)
        return self.uniform((n,)) < probability

    def order(self, n: int) -> Tensor:
        """A permutation: the ranks of numbers with 53 random bits, which are never equal."""
        drawn = self.uniform((n,), dtype="float64")
        larger = ops.where(ops.reshape(drawn, (n, 1)) > ops.reshape(drawn, (1, n)), 1.0, 0.0)
        ranks: Tensor = ops.cast(ops.sum(larger, axis=1), dtype=np.int64)
        return ranks

    def log_gamma(self, shape: Sequence[int], alpha: Any) -> Tensor:
        """Logarithms of numbers of the gamma distribution.

        Marsaglia and Tsang, "A simple method for generating gamma variables", 2000, with the step for alpha < 1. There
        is a fixed number of candidates, of which the first one accepted counts.
        """
        d = alpha + (1.0 - 1.0 / 3.0)  # of alpha + 1
        c = (d * 9.0) ** -0.5
        result: Any = None
        for _ in range(_TRIES):
            z = self.normal(shape)
            v = (z * c + 1.0) ** 3
            log_v = ops.log(ops.maximum(v, 1e-30))
            accepted = ops.log(1.0 - self.uniform(shape)) < z * z * 0.5 + d - v * d + log_v * d
            candidate = log_v + ops.log(ops.convert_to_tensor(d))
            if result is None:
                result, found = candidate, ops.where(accepted, 1.0, 0.0)
            else:
                result = ops.where(found > 0.5, result, candidate)
                found = ops.maximum(found, ops.where(accepted, 1.0, 0.0))
        logarithm: Tensor = result + ops.log(1.0 - self.uniform(shape)) / alpha
        return logarithm

    def beta(self, shape: Sequence[int], alpha: Any) -> Tensor:
        """Numbers of the distribution Beta(alpha, alpha)."""
        return ops.sigmoid(self.log_gamma(shape, alpha) - self.log_gamma(shape, alpha))


class Sizes(NamedTuple):
    """Of a batch of images; a single one is a batch of one."""

    batch: int
    height: int
    width: int
    channels: int


class ImageOptions(LayerOptions, total=False):
    """What layers that change images take besides their own arguments."""

    bounding_box_format: str | None


class ImageLayer(Noise):
    """Base of layers that change images, in training only, each image in another way.

    What happens to a batch is drawn by `get_random_transformation`, and done by `transform_images`, `transform_labels`,
    `transform_bounding_boxes` and `transform_segmentation_masks`. Called on a dict with the keys "images", and
    "labels", "bounding_boxes" or "segmentation_masks", a layer changes all of them alike. Outside a model, a call
    trains unless it says `training=False`, as in Keras. Images are (batch, height, width, channels), or without the
    batch, in any type of number; results are floats.

    Bounding boxes are a dict of "boxes" (batch, n, 4) and "labels" (batch, n), in the format `bounding_box_format` of
    the layer (see `nerve.utils.bounding_boxes.convert_format`). What leaves the image is cut off, and the label of a
    box of which nothing is left becomes -1.
    """

    data_format = "channels_last"
    factor_bounds: ClassVar[Range] = (-1.0, 1.0)
    loses_boxes = False  # whether a thing is in no one box afterwards

    def __init__(
        self,
        seed: int | None = None,
        data_format: str | None = None,
        *,
        bounding_box_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, **options)
        self.data_format = data_format_name(self, data_format)
        self.bounding_box_format = optional_format(self.name, bounding_box_format)

    # Options

    def range_of(self, name: str, value: Any, bounds: Range | None = None, least: float | None = None) -> Range:
        """A number x as (-x, x), cut off at the lower bound (or from `least` on), or a pair as it is, ascending."""
        low, high = bounds or self.factor_bounds
        here = f"{self.name} ({type(self).__name__})"
        pair = isinstance(value, list | tuple)
        numbers = [number(here, name, item) for item in (value if pair else (value,))]
        if len(numbers) != 1 + pair or not all(low <= item <= high for item in numbers):
            raise ValueError(f"[{here}] {name} must be a number in [{low}, {high}] or two of them, got {value!r}")
        if pair:
            return min(numbers), max(numbers)
        size = abs(numbers[0])
        return max(-size, low) if least is None else least, size

    def two_numbers(self, name: str, value: Any) -> Range:
        """A pair such as a value_range, ascending."""
        here = f"{self.name} ({type(self).__name__})"
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError(f"[{here}] {name} must be two numbers, got {value!r}")
        first, second = (number(here, name, item) for item in value)
        return min(first, second), max(first, second)

    def one_of(self, name: str, value: Any, known: Sequence[str]) -> str:
        """An option that has a few values."""
        if value not in known:
            raise ValueError(f"[{self.name} ({type(self).__name__})] {name} must be one of {known}, got {value!r}")
        return str(value)

    # The two steps

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What is to happen to `data`; None if nothing is. With a seed, an int or a stream, always the same."""
        return None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Do it to a batch of images."""
        raise NotImplementedError

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """Do it to the labels, which most transformations leave alone."""
        return labels

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Do it to masks, which changes of colours leave alone."""
        return segmentation_masks

    def transform_bounding_boxes(
        self,
        bounding_boxes: Any,
        transformation: Any,
        training: bool = True,
        image_size: tuple[int, int] | None = None,
    ) -> Any:
        """Do it to boxes, which changes of colours leave alone.

        `image_size`, height and width before, is needed where the transformation does not know it.
        """
        if self.loses_boxes and training and transformation is not None:
            raise ValueError(f"[{self.name} ({type(self).__name__})] does not transform bounding_boxes")
        return bounding_boxes

    def transform_single_bounding_box(
        self,
        bounding_box: Any,
        transformation: Any,
        training: bool = True,
        image_size: tuple[int, int] | None = None,
    ) -> Any:
        """`transform_bounding_boxes` of one image, boxes (n, 4) and labels (n,)."""
        one = {key: ops.expand_dims(bounding_box[key], 0) for key in ("boxes", "labels")}
        found = self.transform_bounding_boxes({**bounding_box, **one}, transformation, training, image_size)
        return {**found, "boxes": found["boxes"][0], "labels": found["labels"][0]}

    def transform_single_image(self, image: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_images` of one image without a batch."""
        changed = self.transform_images(ops.expand_dims(image, 0), transformation, training)
        return ops.reshape(changed, changed.shape[1:])

    def transform_single_label(self, label: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_labels` of one label."""
        return self.transform_labels(ops.expand_dims(label, 0), transformation, training)[0]

    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Any, training: bool = True
    ) -> Any:
        """`transform_segmentation_masks` of one mask."""
        return self.transform_segmentation_masks(ops.expand_dims(segmentation_mask, 0), transformation, training)[0]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **training_by_default(args, kwargs))

    def call(self, data: Any, training: bool = True) -> Any:
        given = data.get("bounding_boxes") if isinstance(data, dict) else None
        if given is not None:
            checked_boxes(self.name, self.bounding_box_format, given, len(self.images_of(data).shape) == 4)
        transformation = self.get_random_transformation(data, training)
        images = self.images_of(data)
        kind = "single_{}" if len(images.shape) == 3 else "{}s"
        size = self.sizes(data)
        changed = {}
        for key, name in (("images", "image"), ("labels", "label"), ("segmentation_masks", "segmentation_mask")):
            if key == "images" or (isinstance(data, dict) and key in data):
                value = images if key == "images" else data[key]
                changed[key] = getattr(self, f"transform_{kind.format(name)}")(value, transformation, training)
        if given is not None:
            transform = self.transform_single_bounding_box if kind[0] == "s" else self.transform_bounding_boxes
            changed["bounding_boxes"] = transform(given, transformation, training, (size.height, size.width))
        return {**data, **changed} if isinstance(data, dict) else changed["images"]

    # Help for subclasses

    @staticmethod
    def images_of(data: Any) -> Any:
        """The images, of whatever the layer was called on."""
        return data["images"] if isinstance(data, dict) else data

    def sizes(self, data: Any) -> Sizes:
        """Batch, height, width and channels."""
        shape = tuple(self.images_of(data).shape)
        if len(shape) not in (3, 4):
            raise ShapeError(f"expects one image or a batch of images, of 3 or 4 axes, got shape {shape}")
        batch, *image = shape if len(shape) == 4 else (1, *shape)
        if self.data_format == "channels_first":
            image = [*image[1:], image[0]]
        return Sizes(batch, *image)

    def size_before(self, transformation: Any, image_size: tuple[int, int] | None) -> tuple[int, int]:
        """Height and width of the images that a transformation was drawn for."""
        if image_size is not None:
            return image_size
        if "image_height" in transformation:
            return transformation["image_height"], transformation["image_width"]
        height, width = (
            transformation["input_shape"][-2:]
            if self.data_format == "channels_first"
            else (transformation["input_shape"][-3:-1])
        )
        return height, width

    def moved(self, bounding_boxes: Any, before: Any, after: Any, move: Callable[[Corners], Corners]) -> Any:
        """Boxes in the layer's format that go where `move` says."""
        found = {**bounding_boxes, "boxes": self.floats(bounding_boxes["boxes"])}
        return moved_boxes(found, self.box_format, before, after, move)

    @property
    def box_format(self) -> str:
        """The format of boxes, if the layer was told one."""
        return told_format(self.name, self.bounding_box_format)

    def draws(self, seed: Any = None) -> Draws:
        """The stream of the layer, or that of a seed."""
        if seed is None:
            return Draws(self._next_offset, self.dtype)
        if isinstance(seed, Draws):
            return seed
        stream = seed if isinstance(seed, random.SeedGenerator) else random.SeedGenerator(seed)
        return Draws(stream.next_offset, self.dtype)

    def floats(self, x: Any) -> Tensor:
        """Images, or numbers of a transformation, in the layer's dtype."""
        if isinstance(x, Tensor) and x.dtype == self._numpy_dtype:
            return x
        found: Tensor = ops.cast(x if isinstance(x, Tensor) else np.asarray(x), dtype=self.dtype)
        return found

    def per_image(self, x: Any) -> Tensor:
        """Numbers, one for each image, in a shape that broadcasts against images."""
        return ops.reshape(self.floats(x), (-1, 1, 1, 1))

    def channels_last(self, images: Any) -> Tensor:
        """Floats with the channels at the end."""
        images = self.floats(images)
        return ops.transpose(images, (0, 2, 3, 1)) if self.data_format == "channels_first" else images

    def as_given(self, images: Any) -> Any:
        """The way back from `channels_last`."""
        return ops.transpose(images, (0, 3, 1, 2)) if self.data_format == "channels_first" else images

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def training_by_default(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call, which trains where nobody says otherwise."""
    if kwargs.get("training") is not None or context.state.training is not None:
        return kwargs
    symbolic = any(isinstance(leaf, SymbolicTensor) for leaf in flatten([args, kwargs]))
    return kwargs if symbolic else {**kwargs, "training": True}


def chosen(condition: Any, images: Any, others: Any) -> Any:
    """`images` where a condition holds for them, `others` elsewhere."""
    values = condition.array if isinstance(condition, Tensor) else np.asarray(condition)
    return ops.where(values.reshape(-1, 1, 1, 1), images, others)


def flags(condition: Any) -> Any:
    """What holds for each image, (batch, 1)."""
    values = condition.array if isinstance(condition, Tensor) else np.asarray(condition)
    return values.reshape(-1, 1)


def rescaled(images: Any, old: Sequence[float], new: Sequence[float]) -> Any:
    """Values of one range as those of another."""
    if tuple(old) == tuple(new):
        return images
    return (images - old[0]) / (old[1] - old[0]) * (new[1] - new[0]) + new[0]


def clipped(images: Any, value_range: Shape | Range) -> Any:
    """No value outside of the range."""
    return ops.clip(images, value_range[0], value_range[1])
