"""Data and small things around models, under the names of `keras.utils`.

Left out: `get_file` (nothing here is fetched from a network), `FeatureSpace` (the layers it is made of are there),
`audio_dataset_from_directory`. Tables are read with `numpy.loadtxt`, `pandas.read_csv` or `polars.read_csv`.
"""

from __future__ import annotations

from nerve.data import PyDataset
from nerve.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from nerve.utils import bounding_boxes
from nerve.utils.arrays import normalize, pad_sequences, to_categorical
from nerve.utils.diagram import plot_model
from nerve.utils.from_directory import image_dataset_from_directory, text_dataset_from_directory
from nerve.utils.images import array_to_img, img_to_array, load_img, save_img
from nerve.utils.progbar import Progbar
from nerve.utils.session import (
    clear_session,
    is_keras_tensor,
    pack_x_y_sample_weight,
    set_random_seed,
    standardize_dtype,
    unpack_x_y_sample_weight,
)
from nerve.utils.timeseries import split_dataset, timeseries_dataset_from_array

Sequence = PyDataset  # the name that Keras has kept from its second version

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "image_dataset_from_directory",
    "img_to_array",
    "is_keras_tensor",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
