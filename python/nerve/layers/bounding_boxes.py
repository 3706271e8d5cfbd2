"""Boxes around the things in images."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer
from nerve.layers.hashing import plain
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import is_positive_int

__all__ = [
    "MaxNumBoundingBoxes",
]


class MaxNumBoundingBoxes(Layer):
    """Gives every image the same number of boxes: those too many are left out, those missing are filled in.

    It is called on a dict whose "bounding_boxes" are a dict of "boxes" (batch, n, 4) and "labels" (batch, n), and
    leaves everything else in it as it is. The boxes become NumPy arrays.

    Parameters
    ----------
    max_number : int
    fill_value : int
        Of the numbers of missing boxes and labels.
    """

    autocast = False

    def __init__(self, max_number: int, fill_value: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if not is_positive_int(max_number):
            raise ValueError(f"[{self.name}] max_number must be a positive int, got {max_number!r}")
        self.max_number, self.fill_value = max_number, integer(self.name, "fill_value", fill_value)
        self.built = True

    def call(self, data: Any) -> Any:
        if not isinstance(data, dict) or not {"boxes", "labels"} <= set(data.get("bounding_boxes", ())):
            raise TypeError(f"[{self.name}] expects a dict with bounding_boxes of boxes and labels")
        given = data["bounding_boxes"]
        boxes, labels = plain(given["boxes"]), plain(given["labels"])
        if boxes.ndim != 3 or boxes.shape[2] != 4 or labels.shape != boxes.shape[:2]:
            raise ShapeError(f"expects boxes (batch, n, 4) and labels (batch, n), got {boxes.shape} and {labels.shape}")
        return {**data, "bounding_boxes": {**given, "boxes": self._filled(boxes), "labels": self._filled(labels)}}

    def _filled(self, values: Array) -> Array:
        kept = values[:, : self.max_number]
        missing = [(0, 0), (0, self.max_number - kept.shape[1]), (0, 0)][: values.ndim]
        return np.pad(kept, missing, constant_values=self.fill_value)

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch = input_shape["bounding_boxes"]["boxes"][0]
        shapes = {"boxes": (batch, self.max_number, 4), "labels": (batch, self.max_number)}
        return {**input_shape, "bounding_boxes": {**input_shape["bounding_boxes"], **shapes}}
