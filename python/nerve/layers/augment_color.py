"""Images made brighter, greyer, sharper or of other colours at random; where they lie stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.layers.augment_geometric import blurred, gaussian
from nerve.layers.image_layer import ImageLayer, chosen, clipped, rescaled
from nerve.layers.layer import LayerOptions
from nerve.layers.structure import is_positive_int
from nerve.tensor import Tensor

__all__ = [
    "AutoContrast",
    "Equalization",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPosterization",
    "RandomSaturation",
    "RandomSharpness",
    "Solarization",
]


class _Colors(ImageLayer):
    """Base of layers on the colours of images whose values lie in `value_range`."""

    def __init__(
        self, value_range: Any, seed: int | None, data_format: str | None, **options: Unpack[LayerOptions]
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


class RandomBrightness(_Colors):
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
        **options: Unpack[LayerOptions],
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


class RandomContrast(_Colors):
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
        **options: Unpack[LayerOptions],
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
        **options: Unpack[LayerOptions],
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


class RandomColorDegeneration(_Colors):
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
        **options: Unpack[LayerOptions],
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


def to_hsv(images: Any) -> tuple[Any, Any, Any]:
    """Hue and saturation of [0, 1], and value, of RGB images (Smith, "Color gamut transform pairs", SIGGRAPH 1978)."""
    if images.shape[3] != 3:
        raise ShapeError(f"expects images of three channels, got {images.shape[3]}")
    images = ops.where(ops.absolute(images) < float(np.finfo(images.dtype).eps), 0.0, images)
    red, green, blue = ops.unstack(images, axis=3)
    value = ops.maximum(ops.maximum(red, green), blue)
    span = value - ops.minimum(ops.minimum(red, green), blue)
    saturation = ops.where(value > 0.0, span / ops.where(value > 0.0, value, 1.0), 0.0)
    sixth = 1.0 / (ops.where(span > 0.0, span, 1.0) * 6.0)
    hue = ops.where(value == green, sixth * (blue - red) + 2 / 6, sixth * (red - green) + 4 / 6)
    hue = ops.where(value == red, sixth * (green - blue), hue)
    return ops.where(span > 0.0, hue, 0.0) + ops.where(hue < 0.0, 1.0, 0.0), saturation, value


def from_hsv(hue: Any, saturation: Any, value: Any) -> Any:
    """The way back from `to_hsv`."""
    turn = (hue - ops.floor(hue)) * 6.0
    red = ops.clip(ops.absolute(turn - 3.0) - 1.0, 0.0, 1.0)
    green, blue = (ops.clip(2.0 - ops.absolute(turn - middle), 0.0, 1.0) for middle in (2.0, 4.0))
    pale = 1.0 - saturation
    return ops.stack([value * (pale + saturation * part) for part in (red, green, blue)], axis=3)


class RandomHue(_Colors):
    """Turns the colour wheel, for each image by another angle.

    Parameters
    ----------
    factor : float or (float, float)
        Fraction of half a turn, in either direction, in [0, 1]; x stands for (0, x).
    value_range, data_format, seed
        As for `RandomBrightness`.
    """

    factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, shape = self.draws(seed), (self.sizes(data).batch,)
        return {"factor": draws.signs(shape) * draws.uniform(shape, *self.factor) * 0.5}

    def change(self, images: Any, transformation: Any) -> Any:
        hue, saturation, value = to_hsv(rescaled(images, self.value_range, (0, 1)))
        turned = hue + ops.reshape(self.floats(transformation["factor"]), (-1, 1, 1))
        changed = clipped(from_hsv(turned, saturation, value), (0.0, 1.0))
        return rescaled(changed, (0, 1), self.value_range)


class RandomSaturation(_Colors):
    """Makes the colours of each image paler or stronger.

    Parameters
    ----------
    factor : float or (float, float)
        From 0, no colours, over 0.5, the image as it is, to 1, full saturation.
    value_range, data_format, seed
        As for `RandomBrightness`.
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        drawn = self.draws(seed).uniform((self.sizes(data).batch,), *self.factor)
        return {"factor": drawn / (1.0 + 1e-7 - drawn)}

    def change(self, images: Any, transformation: Any) -> Any:
        hue, saturation, value = to_hsv(images)
        stronger = saturation * ops.reshape(self.floats(transformation["factor"]), (-1, 1, 1))
        return from_hsv(hue, clipped(stronger, self.value_range), value)


class RandomColorJitter(_Colors):
    """Brightness, contrast, saturation and hue, one after another.

    Parameters
    ----------
    value_range : (float, float)
    brightness_factor, contrast_factor, saturation_factor, hue_factor : float or (float, float), optional
        As for `RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue`; those not given are left out.
    seed, data_format
        As for `RandomBrightness`.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        factors = {
            RandomBrightness: brightness_factor,
            RandomContrast: contrast_factor,
            RandomSaturation: saturation_factor,
            RandomHue: hue_factor,
        }
        self.steps: list[_Colors] = [
            kind(factor, value_range=value_range, data_format=data_format, dtype=self.dtype)
            for kind, factor in factors.items()
            if factor is not None
        ]

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """One transformation for each step."""
        draws = self.draws(seed)
        return [step.get_random_transformation(data, training, draws) for step in self.steps] if training else None

    def change(self, images: Any, transformation: Any) -> Any:
        for step, drawn in zip(self.steps, transformation, strict=True):
            images = step.change(images, drawn)
        return images


class RandomInvert(_Colors):
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
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        return {"apply_inversion": self.draws(seed).whether(self.sizes(data).batch, self.factor)}

    def change(self, images: Any, transformation: Any) -> Any:
        return chosen(transformation["apply_inversion"], self.value_range[1] - images, images)


class RandomPosterization(_Colors):
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
        **options: Unpack[LayerOptions],
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


class RandomSharpness(_Colors):
    """Blurs or sharpens each image: goes from it towards its smoothed form, or the other way.

    Parameters
    ----------
    factor : float or (float, float)
        From 0, smoothed, over 0.5, the image as it is, to 1, sharpened; x stands for (0, x).
    value_range, data_format, seed
        As for `RandomBrightness`.
    """

    factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        return {"factor": self.draws(seed).uniform((self.sizes(data).batch,), *self.factor)}

    def change(self, images: Any, transformation: Any) -> Any:
        kernel = np.full((3, 3, 1, images.shape[3]), 1 / 13, self.dtype)
        kernel[1, 1] = 5 / 13
        smooth = ops.conv2d(images, kernel, padding="same", groups=images.shape[3])
        changed = images + (1.0 - self.per_image(transformation["factor"]) * 2.0) * (smooth - images)
        return clipped(changed, self.value_range)


class RandomGaussianBlur(_Colors):
    """Blurs some images.

    Parameters
    ----------
    factor : float or (float, float)
        How probable it is, for each image.
    kernel_size : int or (int, int)
        Of the weighted neighbours, odd, along the width and along the height.
    sigma : float or (float, float)
        Range of the width of Gauss's curve, in [0, 1] pixels; x stands for (0, x).
    value_range, data_format, seed
        As for `RandomBrightness`.
    """

    factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor, self.sigma = self.range_of("factor", factor), self.range_of("sigma", sigma)
        sizes = tuple(kernel_size) if isinstance(kernel_size, list | tuple) else (kernel_size, kernel_size)
        if len(sizes) != 2 or not all(is_positive_int(size) and size % 2 for size in sizes):
            raise ValueError(
                f"[{self.name} (RandomGaussianBlur)] kernel_size must be an odd int or two, got {kernel_size!r}"
            )
        self.kernel_size = sizes

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws = self.draws(seed)
        applied = draws.whether(self.sizes(data).batch, self.factor)
        return {"should_apply_blur": applied, "blur_factor": draws.uniform((2,), *self.sigma) + 1e-6}

    def change(self, images: Any, transformation: Any) -> Any:
        sigma = self.floats(transformation["blur_factor"])
        across, down = (gaussian(n, sigma[i : i + 1], self.dtype) for i, n in enumerate(self.kernel_size))
        changed = chosen(transformation["should_apply_blur"], blurred(images, down, across), images)
        return clipped(changed, self.value_range)


class Solarization(_Colors):
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
        **options: Unpack[LayerOptions],
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


class AutoContrast(_Colors):
    """Stretches each channel of an image over the whole range. It does so in inference too, as in Keras.

    Parameters
    ----------
    value_range : (float, float)
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, None, data_format, **options)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = self.channels_last(images)
        low = ops.min(images, axis=(1, 2), keepdims=True)
        span = ops.max(images, axis=(1, 2), keepdims=True) - low
        first, last = self.value_range
        stretched = (images - low) / ops.where(span > 0.0, span, 1.0) * float(last - first) + float(first)
        return self.as_given(ops.where(span > 0.0, clipped(stretched, self.value_range), images))


class Equalization(_Colors):
    """Makes all brightnesses equally frequent, in each channel of a batch.

    Parameters
    ----------
    value_range : (float, float)
    bins : int
        Of the histogram.
    data_format : {"channels_last", "channels_first"}, optional
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, None, data_format, **options)
        if not is_positive_int(bins) or bins < 2:
            raise ValueError(f"[{self.name} (Equalization)] bins must be an int of at least 2, got {bins!r}")
        self.bins = bins

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return self.floats(images)
        # A histogram has no kernel: in a recording this is refused, and steps with it run in Python.
        values = self.channels_last(images).numpy()
        channels = [self._equalized(values[..., c]) for c in range(values.shape[-1])]
        return self.as_given(Tensor(np.stack(channels, axis=-1), tracked=False))

    def _equalized(self, channel: Array) -> Array:
        bytes_ = rescaled(channel, self.value_range, (0, 255)).astype(np.float32)
        places = np.clip(bytes_ * np.float32(self.bins - 1) / np.float32(255), 0, self.bins - 1).astype(np.int64)
        counts = np.bincount(places.reshape(-1), minlength=self.bins)
        if np.count_nonzero(counts) <= 1:
            return channel
        sums = np.cumsum(counts)
        least = sums[np.flatnonzero(sums)[0]]
        table = np.clip(np.round((sums - least) * 255 / max(sums[-1] - least, 1)), 0, 255)
        equal: Array = rescaled(table[places], (0, 255), self.value_range).astype(channel.dtype)
        return equal
