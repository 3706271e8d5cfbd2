"""Functions of `nerve.utils` under the names that Keras has kept from its second version."""

from __future__ import annotations

from nerve.preprocessing import image, sequence
from nerve.utils import image_dataset_from_directory, text_dataset_from_directory, timeseries_dataset_from_array

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]
