"""Images made brighter, greyer, negative or of fewer levels at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.errors import ShapeError
from nerve.layers.image_layer import ImageLayer, ImageOptions, chosen, clipped, rescaled
from nerve.tensor import Tensor

__all__ = [
    "Colors",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomContrast",
    "RandomGrayscale",
    "RandomInvert",
    "RandomPosterization",
    "Solarization",
]


class Colors(ImageLayer):
    """Base of layers on the colours of images whose values lie in `value_range`."""

    def __init__(
        self, value_range: Any, seed: int | None, data_format: str | None, **options: Unpack[ImageOptions]
    ) -> None:
        super().__init__(seed, data_format, **options)
        self.value_range = self.two_numbers("value_range", value_range)

    def change(self, images: Any, transformation: Any) -> Any:
        """The change, of floats with the channels last."""
        raise NotImplementedError

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return self.floats(images)
        return self.as_given(self.change(self.channels_last(images), transformation))


class RandomBrightness(Colors):
    """Adds a number to each image.

    Parameters
    ----------
    factor : float or (float, float)
        A fraction of the value range, in [-1, 1]; x stands for (-x, x).
    value_range : (float, float)
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        drawn = self.draws(seed).uniform((self.sizes(data).batch, 1, 1, 1), *self.factor)
        return {"rgb_delta": drawn * float(self.value_range[1] - self.value_range[0])}

    def change(self, images: Any, transformation: Any) -> Any:
        return clipped(images + self.per_image(transformation["rgb_delta"]), self.value_range)


class RandomContrast(Colors):
    """Brings the values of each channel of an image further from their mean, or nearer.

    Parameters
    ----------
    factor : float or (float, float)
        Differences are multiplied by a number in [1 - lower, 1 + upper]; x stands for (0, x).
    value_range, seed, data_format
        As for `RandomBrightness`.
    """

    factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        low, high = 1.0 - self.factor[0], 1.0 + self.factor[1]
        shape = (self.sizes(data).batch, 1, 1, 1)
        return {"contrast_factor": self.draws(seed).uniform(shape, low, high)}

    def change(self, images: Any, transformation: Any) -> Any:
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        changed = (images - mean) * self.per_image(transformation["contrast_factor"]) + mean
        return clipped(changed, self.value_range)


def gray(images: Any) -> Any:
    """The luminance of each pixel (ITU-R BT.601), as one channel; one channel stays as it is."""
    if images.shape[3] == 1:
        return images
    if images.shape[3] != 3:
        raise ShapeError(f"expects images of one or three channels, got {images.shape[3]}")
    weights = np.array([0.2989, 0.587, 0.114], images.dtype)
    return ops.sum(images * weights, axis=3, keepdims=True)


class RandomGrayscale(ImageLayer):
    """Takes the colours from some images.

    Parameters
    ----------
    factor : float
        How probable it is, for each image.
    data_format : {"channels_last", "channels_first"}, optional
    seed : int, optional
    """

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        if not 0 <= factor <= 1:
            raise ValueError(f"[{self.name} (RandomGrayscale)] factor must be in [0, 1], got {factor!r}")
        self.factor = factor

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        return self.draws(seed).uniform((self.sizes(data).batch,)) < self.factor

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        images = self.channels_last(images)
        if training and transformation is not None:
            images = chosen(transformation, ops.broadcast_to(gray(images), images.shape), images)
        return self.as_given(images)


class RandomColorDegeneration(Colors):
    """Takes a part of the colours from each image.

    Parameters
    ----------
    factor : float or (float, float)
        From 0, the image as it is, to 1, its grey; x stands for (-x, x), where negative numbers strengthen colours.
    value_range, data_format, seed
        As for `RandomBrightness`.
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        return {"factor": self.draws(seed).uniform((self.sizes(data).batch, 1, 1, 1), *self.factor)}

    def change(self, images: Any, transformation: Any) -> Any:
        changed = images + self.per_image(transformation["factor"]) * (gray(images) - images)
        return clipped(changed, self.value_range)


class RandomInvert(Colors):
    """Makes negatives of some images.

    Parameters
    ----------
    factor : float or (float, float)
        How probable it is, for each image.
    value_range, seed, data_format
        As for `RandomBrightness`.
    """

    factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        return {"apply_inversion": self.draws(seed).whether(self.sizes(data).batch, self.factor)}

    def change(self, images: Any, transformation: Any) -> Any:
        return chosen(transformation["apply_inversion"], self.value_range[1] - images, images)


class RandomPosterization(Colors):
    """Leaves fewer levels of brightness: so many bits of eight.

    Parameters
    ----------
    factor : int or (int, int)
        Of bits, 1 to 8, the upper one not drawn where they differ; x stands for (1, x).
    value_range, data_format, seed
        As for `RandomBrightness`.
    """

    factor_bounds = (1.0, 8.0)

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        bits = ops.floor(self.draws(seed).uniform((self.sizes(data).batch,), *self.factor))
        return {"shift_factor": ops.cast(8.0 - bits, dtype=np.int64)}

    def change(self, images: Any, transformation: Any) -> Any:
        shifts = transformation["shift_factor"]
        shifts = shifts if isinstance(shifts, Tensor) else np.asarray(shifts).astype(np.int64)
        levels = ops.take(2.0 ** np.arange(9, dtype=self.dtype), shifts)  # exact, as a computed power need not be
        step = ops.reshape(levels, (-1, 1, 1, 1))
        bytes_ = ops.floor(rescaled(images, self.value_range, (0, 255)))
        return rescaled(ops.floor(bytes_ / step) * step, (0, 255), self.value_range)


class Solarization(Colors):
    """Makes a negative of what is brighter than a threshold, after adding to everything.

    Parameters
    ----------
    addition_factor, threshold_factor : float or (float, float)
        Fractions of 255 in [0, 1]; x stands for (0, x).
    value_range, seed, data_format
        As for `RandomBrightness`.
    """

    factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.addition_factor = self.range_of("addition_factor", addition_factor)
        self.threshold_factor = self.range_of("threshold_factor", threshold_factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, shape = self.draws(seed), (self.sizes(data).batch, 1, 1, 1)
        # The lower bound is not scaled, in Keras either.
        ranges = ((low, max(low, 255.0 * high)) for low, high in (self.addition_factor, self.threshold_factor))
        return dict(zip(("additions", "thresholds"), (draws.uniform(shape, *r) for r in ranges), strict=True))

    def change(self, images: Any, transformation: Any) -> Any:
        bytes_ = rescaled(images, self.value_range, (0, 255)) + self.per_image(transformation["additions"])
        bytes_ = clipped(bytes_, (0.0, 255.0))
        kept = ops.less(bytes_, self.per_image(transformation["thresholds"]))
        return rescaled(ops.where(kept, bytes_, 255.0 - bytes_), (0, 255), self.value_range)
