"""Layers that give sequences, images and volumes more steps or pixels, made of those there are."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.layers.borders import AlongAxes
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import data_format_name, sizes
from nerve.layers.structure import Shape

__all__ = [
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
]

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class _UpSampling(AlongAxes):
    interpolation = "nearest"

    def __init__(self, size: Any, data_format: str | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        times = sizes(self, "size", size, self.rank)
        self.size: Any = times[0] if self.rank == 1 else times
        self._times = times
        self.data_format = data_format_name(self, data_format)

    def along(self, x: Any) -> Any:
        """Every element as a block of equal ones, in one copy."""
        before, after = x.shape[: self.first], x.shape[self.first + self.rank :]
        inside = list(zip(x.shape[self.first :], self._times, strict=False))
        spread = ops.reshape(x, (*before, *(n for size, _ in inside for n in (size, 1)), *after))
        wide = ops.broadcast_to(spread, shape=(*before, *(n for pair in inside for n in pair), *after))
        return ops.reshape(wide, (*before, *(size * times for size, times in inside), *after))

    def spatial_shape(self, shape: Shape) -> Shape:
        inside = zip(shape[1:-1], self._times, strict=True)
        return (shape[0], *(None if size is None else size * times for size, times in inside), shape[-1])


class UpSampling1D(_UpSampling):
    """Every step `size` times.

    Parameters
    ----------
    size : int
    """

    rank = 1

    def __init__(self, size: int = 2, **options: Unpack[LayerOptions]) -> None:
        super().__init__(size, None, **options)


class UpSampling2D(_UpSampling):
    """An image with `size` times as many rows and columns.

    Parameters
    ----------
    size : int or pair
    data_format : {"channels_last", "channels_first"}, optional
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"}
        "nearest": every pixel becomes a block of equal ones. The others: as `nerve.ops.resize` has them.
    """

    def __init__(
        self,
        size: int | tuple[int, int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(size, data_format, **options)
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(
                f"[{self.name} (UpSampling2D)] interpolation must be one of {_INTERPOLATIONS}, got {interpolation!r}"
            )

    def along(self, x: Any) -> Any:
        if self.interpolation == "nearest" and np.dtype(x.dtype).kind != "f":
            return super().along(x)
        rows, columns = (size * times for size, times in zip(x.shape[self.first :], self._times, strict=False))
        return ops.resize(x, (rows, columns), self.interpolation, data_format=self.data_format)


class UpSampling3D(_UpSampling):
    """Every element of a volume as a block of `size` equal ones.

    Parameters
    ----------
    size : int or triple
    data_format : {"channels_last", "channels_first"}, optional
    """

    rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(size, data_format, **options)
