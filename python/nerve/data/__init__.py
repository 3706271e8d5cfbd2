"""Data for training, piece by piece: `Dataset`, after TensorFlow's `tf.data`, and Keras's `PyDataset`.

Tables in files are read with `numpy.loadtxt`, `pandas.read_csv` or `polars.read_csv`: `model.fit` takes frames as they
are, and `Dataset.from_tensor_slices` arrays and dicts of columns.
"""

from __future__ import annotations

from nerve.data.dataset import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset
from nerve.data.py_dataset import PyDataset

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset", "PyDataset"]
