"""What is done to data before a model gets it, under the names of `keras.utils`; on plain NumPy arrays."""

from __future__ import annotations

from nerve.data import PyDataset
from nerve.utils.arrays import normalize, pad_sequences, set_random_seed, to_categorical

__all__ = ["PyDataset", "normalize", "pad_sequences", "set_random_seed", "to_categorical"]
