"""Initial values that are not random."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.initializers.initializer import Initializer, Shape


class Constant(Initializer):
    """Every element is `value`."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        return np.full(tuple(shape), self.value, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}


class Zeros(Initializer):
    """Every element is 0."""

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        return np.zeros(tuple(shape), dtype)


class Ones(Initializer):
    """Every element is 1."""

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        return np.ones(tuple(shape), dtype)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        if len(shape) != 2:
            raise ShapeError(f"[Identity] makes matrices only, got shape {tuple(shape)}")
        matrix: Array = np.eye(shape[0], shape[1]) * self.gain
        return matrix.astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}
