"""Images of other hues, and paler or stronger colours, at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.layers.augment_color import Colors, RandomBrightness, RandomContrast
from nerve.layers.image_layer import ImageOptions, clipped, rescaled
from nerve.ops.image.colors import from_hsv, to_hsv

__all__ = [
    "RandomColorJitter",
    "RandomHue",
    "RandomSaturation",
]


def _to_hsv(images: Any) -> tuple[Any, Any, Any]:
    if images.shape[3] != 3:
        raise ShapeError(f"expects images of three channels, got {images.shape[3]}")
    return to_hsv(*ops.unstack(images, axis=3))


def _from_hsv(hue: Any, saturation: Any, value: Any) -> Any:
    return ops.stack(from_hsv(hue, saturation, value), axis=3)


class RandomHue(Colors):
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
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, shape = self.draws(seed), (self.sizes(data).batch,)
        return {"factor": draws.signs(shape) * draws.uniform(shape, *self.factor) * 0.5}

    def change(self, images: Any, transformation: Any) -> Any:
        hue, saturation, value = _to_hsv(rescaled(images, self.value_range, (0, 1)))
        turned = hue + ops.reshape(self.floats(transformation["factor"]), (-1, 1, 1))
        changed = clipped(_from_hsv(turned, saturation, value), (0.0, 1.0))
        return rescaled(changed, (0, 1), self.value_range)


class RandomSaturation(Colors):
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
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        drawn = self.draws(seed).uniform((self.sizes(data).batch,), *self.factor)
        return {"factor": drawn / (1.0 + 1e-7 - drawn)}

    def change(self, images: Any, transformation: Any) -> Any:
        hue, saturation, value = _to_hsv(images)
        stronger = saturation * ops.reshape(self.floats(transformation["factor"]), (-1, 1, 1))
        return _from_hsv(hue, clipped(stronger, self.value_range), value)


class RandomColorJitter(Colors):
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
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, seed, data_format, **options)
        factors = {
            RandomBrightness: brightness_factor,
            RandomContrast: contrast_factor,
            RandomSaturation: saturation_factor,
            RandomHue: hue_factor,
        }
        self.steps: list[Colors] = [
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
