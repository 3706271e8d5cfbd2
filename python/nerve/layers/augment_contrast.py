"""Images whose brightnesses are spread over their whole range. Histograms have no kernel: no recording holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve._typing import Array
from nerve.layers.augment_color import Colors
from nerve.layers.image_layer import ImageOptions, clipped, rescaled
from nerve.layers.structure import is_positive_int
from nerve.tensor import Tensor

__all__ = [
    "AutoContrast",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Equalization",
]


class AutoContrast(Colors):
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
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, None, data_format, **options)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = self.channels_last(images)
        low = ops.min(images, axis=(1, 2), keepdims=True)
        span = ops.max(images, axis=(1, 2), keepdims=True) - low
        first, last = self.value_range
        stretched = (images - low) / ops.where(span > 0.0, span, 1.0) * float(last - first) + float(first)
        return self.as_given(ops.where(span > 0.0, clipped(stretched, self.value_range), images))


class Equalization(Colors):
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
        **options: Unpack[ImageOptions],
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


class ContrastLimitedAdaptiveHistogramEqualization(Colors):
    """Equalizes the brightnesses of each part of an image by its own histogram, whose peaks are cut off ("CLAHE").

    It does so in inference too, as in Keras. A histogram has no kernel, so steps with it are not recorded.

    Parameters
    ----------
    value_range : (float, float)
    clip_limit : float
        How often a brightness may occur, in multiples of the mean; 0: as often as it does.
    tile_grid_size : (int, int)
        How many parts there are along height and width.
    data_format : {"channels_last", "channels_first"}, optional

    References
    ----------
    Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Sequence[int] = (8, 8),
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, None, data_format, **options)
        grid = tuple(tile_grid_size) if isinstance(tile_grid_size, list | tuple) else ()
        if len(grid) != 2 or not all(map(is_positive_int, grid)):
            raise ValueError(f"[{self.name}] tile_grid_size must be two positive ints, got {tile_grid_size!r}")
        self.clip_limit, self.tile_grid_size = clip_limit, grid

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        values = self.channels_last(images).numpy()
        equal = self._equalized(rescaled(values, self.value_range, (0, 255)).astype(np.float32))
        back = rescaled(equal, (0, 255), self.value_range).astype(self.dtype)
        return self.as_given(Tensor(np.ascontiguousarray(back), tracked=False))

    def _equalized(self, images: Array) -> Array:
        batch, height, width, channels = images.shape
        tiles = [-(-size // n) for size, n in zip((height, width), self.tile_grid_size, strict=True)]
        whole = [tile * n for tile, n in zip(tiles, self.tile_grid_size, strict=True)]
        padding = ((0, 0), (0, whole[0] - height), (0, whole[1] - width), (0, 0))
        levels = np.clip(np.pad(images, padding, "symmetric"), 0, 255).astype(np.int64)
        tables = self._tables(levels, tiles)
        # Between the middles of four parts the four tables are mixed.
        lows, highs, weights = [], [], []
        for tile, n, size in zip(tiles, self.tile_grid_size, whole, strict=True):
            at = (np.arange(size, dtype=np.float32) - np.float32(tile / 2)) / np.float32(tile)
            lows.append(np.clip(np.floor(at).astype(np.int64), 0, n - 1))
            highs.append(np.clip(np.floor(at).astype(np.int64) + 1, 0, n - 1))
            weights.append(at - np.floor(at))
        image, channel = np.arange(batch).reshape(-1, 1, 1, 1), np.arange(channels)
        down, across = weights[0].reshape(-1, 1, 1), weights[1].reshape(-1, 1)

        def looked_up(rows: Array, columns: Array) -> Array:
            found: Array = tables[image, rows.reshape(-1, 1, 1), columns.reshape(-1, 1), channel, levels]
            return found

        top = looked_up(lows[0], lows[1]) * (1 - across) + looked_up(lows[0], highs[1]) * across
        bottom = looked_up(highs[0], lows[1]) * (1 - across) + looked_up(highs[0], highs[1]) * across
        result: Array = (top * (1 - down) + bottom * down)[:, :height, :width]
        return result

    def _tables(self, levels: Array, tiles: list[int]) -> Array:
        """What each level becomes in each part, (batch, rows, columns, channels, 256)."""
        batch, _, _, channels = levels.shape
        rows, columns = self.tile_grid_size
        parts = levels.reshape(batch, rows, tiles[0], columns, tiles[1], channels).transpose(0, 1, 3, 5, 2, 4)
        pixels = tiles[0] * tiles[1]
        flat = parts.reshape(-1, pixels) + 256 * np.arange(batch * rows * columns * channels)[:, np.newaxis]
        counts = np.bincount(flat.reshape(-1), minlength=flat.shape[0] * 256).reshape(-1, 256).astype(np.float32)
        if self.clip_limit > 0:
            cut = np.minimum(counts, np.float32(self.clip_limit * pixels / 256))
            counts = cut + (counts - cut).sum(axis=1, keepdims=True) / 256
        sums = counts.cumsum(axis=1)
        least = sums.min(axis=1, keepdims=True)
        span = pixels - least
        tables = np.clip((sums - least) * 255 / np.where(span == 0, 1, span), 0, 255)
        found: Array = tables.reshape(batch, rows, columns, channels, 256)
        return found
