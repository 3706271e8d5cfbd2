"""Images sharpened or blurred at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.layers.augment_color import Colors
from nerve.layers.image_layer import ImageOptions, chosen, clipped
from nerve.layers.structure import is_positive_int
from nerve.ops.image.filters import blurred, gaussian

__all__ = [
    "RandomGaussianBlur",
    "RandomSharpness",
]


class RandomSharpness(Colors):
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
        **options: Unpack[ImageOptions],
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


class RandomGaussianBlur(Colors):
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
        **options: Unpack[ImageOptions],
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
