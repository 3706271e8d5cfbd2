"""Images turned and scaled, beside PyTorch's affine_grid and grid_sample, whose positions are those of nerve's map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.layouts import channels_first, peers
from benchmarks.row import Row, torch
from nerve import kernels


def turned(batch: int, size: int) -> np.ndarray:
    """Maps that turn each image about its middle, by another angle, and enlarge it a little."""
    angle, middle = np.linspace(-0.4, 0.4, batch), (size - 1) / 2
    c, s, zero = 0.8 * np.cos(angle), 0.8 * np.sin(angle), np.zeros(batch)
    shift = middle - middle * (c - s), middle - middle * (s + c)
    return np.stack([c, -s, shift[0], s, c, shift[1], zero, zero], axis=1).astype(np.float32)


def row(batch: int, size: int, channels: int) -> Row:
    shape = (batch, size, size, channels)

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return rng.standard_normal(shape, dtype=np.float32), turned(batch, size)

    def prepare(layout: str, x: np.ndarray, maps: np.ndarray) -> Callable[[], Any]:
        # From -1 to 1 between the middles of the outermost pixels: shifts are of another middle, slopes the same.
        theta = torch.tensor(maps[:, [[0, 1, 2], [3, 4, 5]]])
        theta[:, :, 2] = 0
        pictures, options = channels_first(x, layout), {"padding_mode": "reflection", "align_corners": True}
        f = torch.nn.functional
        return lambda: f.grid_sample(pictures, f.affine_grid(theta, pictures.shape, align_corners=True), **options)

    return Row(
        f"affine_sample {channels} @{size} x {batch}", "sampling", draw,
        lambda x, maps: kernels.affine_sample(x, maps, fill_mode="mirror"), 8.0 * float(np.prod(shape)), "GB/s",
        peers(prepare), tolerance=1e-4,  # positions up to 224 in float32; observed 1.8e-5 for nerve
    )  # fmt: skip


ROWS = [row(16, 224, 3), row(128, 32, 3), row(64, 28, 1), row(8, 56, 64)]
