"""The base of all initializers, and the sizes they look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

from nerve._lookup import Spelled
from nerve._typing import Array
from nerve.random import SeedGenerator

Shape = Sequence[int]
Seed = int | SeedGenerator | None


def compute_fans(shape: Shape) -> tuple[int, int]:
    """Inputs and outputs of one unit: `(fan_in, fan_out)`.

    Parameters
    ----------
    shape : sequence of int
        (inputs, outputs) of a dense kernel, or (..., channels, filters) of a convolution kernel (HWIO), whose window
        counts once in both fans. A vector's size is both its fans.
    """
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


class Initializer(Spelled):
    """Base of all initializers; a subclass defines `__call__` and `get_config`."""

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        raise NotImplementedError(f"{type(self).__name__}.__call__")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this initializer again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the initializer that `get_config` described."""
        return cls(**config)
