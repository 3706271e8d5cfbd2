"""Categories without a vocabulary: a hash says which bin each belongs to, in the bins of Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.layers.categories import Categorical, Mode, sparse_refused
from nerve.layers.fingerprints import fingerprint64, joined, siphash
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_positive_int
from nerve.layers.symbolic import SymbolicTensor
from nerve.tensor import Tensor

__all__ = [
    "HashedCrossing",
    "Hashing",
]


def plain(value: Any) -> Array:
    """The NumPy array of what a layer was called on; refused in a recording, which cannot hold what is done to it."""
    return value.numpy() if isinstance(value, Tensor) else np.asarray(value)


def as_text(layer: Layer, values: Array) -> Array:
    """Numbers and bytes as strings; floats lose what is behind the point, as in Keras."""
    if values.dtype.kind == "U":
        return values
    if values.dtype.kind == "f":
        values = values.astype(np.int64)
    if values.dtype.kind in "iu":
        return values.astype(str)
    if values.dtype.kind in "SO":
        flat = [v.decode() if isinstance(v, bytes) else v for v in values.reshape(-1)]
        if all(isinstance(v, str) for v in flat):
            return np.array(flat, dtype=str).reshape(values.shape)
    raise DTypeError(f"[{layer.name}] expects strings or integers, got dtype {values.dtype}")


def each_once(function: Callable[[str], int], texts: Array) -> Array:
    """An integer for each string, computed once for each different one."""
    different, places = np.unique(texts, return_inverse=True)
    return np.array([function(str(text)) for text in different], np.int64)[places].reshape(texts.shape)


def salted(layer: Layer, salt: Any) -> list[int] | None:
    """A salt as the two halves of a key."""
    if salt is None:
        return None
    pair = [salt, salt] if isinstance(salt, int) else salt
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(half, int) for half in pair):
        raise ValueError(f"[{layer.name} ({type(layer).__name__})] salt must be one int or two, got {salt!r}")
    return list(pair)


def bins_of(texts: Array, n_bins: int, salt: Sequence[int] | None) -> Array:
    """The bin of each string, by FarmHash64, or by SipHash under a salt."""
    if salt is None:
        return each_once(lambda text: fingerprint64(text.encode()) % n_bins, texts)
    return each_once(lambda text: siphash(text.encode(), salt) % n_bins, texts)


class Hashing(Categorical):
    """Sorts strings and integers into bins by a hash of theirs.

    Parameters
    ----------
    num_bins : int
    mask_value : str or int, optional
        What bin 0 is kept for.
    salt : int or pair of int, optional
        A key for the hash (SipHash64); FarmHash64 without.
    output_mode : {"int", "one_hot", "multi_hot", "count"}
    sparse : bool
        Only False: there are no sparse tensors here.
    """

    modes: tuple[Mode, ...] = ("int", "one_hot", "multi_hot", "count")

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(output_mode, **options)
        sparse_refused(self, sparse)
        if not is_positive_int(num_bins):
            raise ValueError(f"[{self.name} (Hashing)] num_bins must be a positive int, got {num_bins!r}")
        self.num_bins, self.mask_value, self.salt = num_bins, mask_value, salted(self, salt)

    def call(self, inputs: Any) -> Any:
        texts = as_text(self, plain(inputs))
        masked = self.mask_value is not None and self.num_bins > 1
        found = bins_of(texts, self.num_bins - masked, self.salt)
        if masked:
            found = np.where(texts == str(self.mask_value), 0, found + 1)
        return self.encoded(found, self.num_bins, inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.encoded_shape(input_shape, self.num_bins)


class HashedCrossing(Categorical):
    """Sorts combinations of features into bins by a hash of theirs.

    Parameters
    ----------
    num_bins : int
    output_mode : {"int", "one_hot"}
    sparse : bool
        Only False: there are no sparse tensors here.
    """

    modes = ("int", "one_hot")

    def __init__(
        self, num_bins: int, output_mode: str = "int", sparse: bool = False, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(output_mode, **options)
        sparse_refused(self, sparse)
        if not is_positive_int(num_bins):
            raise ValueError(f"[{self.name} (HashedCrossing)] num_bins must be a positive int, got {num_bins!r}")
        self.num_bins = num_bins

    def _as_array(self, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) < 2:
            raise ValueError(f"[{self.name}] expects a list of two or more inputs, got {value!r}")
        return [
            v if isinstance(v, Tensor | SymbolicTensor) else super(HashedCrossing, self)._as_array(v) for v in value
        ]

    def call(self, inputs: Any) -> Any:
        """The bin of each combination; the inputs are strings or integers of one shape: (), (n,) or (n, 1)."""
        features = [plain(x) for x in inputs]
        shape = features[0].shape
        if any(x.shape != shape for x in features) or len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
            raise ShapeError(f"expects inputs of one shape (), (n,) or (n, 1), got {[x.shape for x in features]}")
        found: list[int] = [0xDECAFCAFFE] * features[0].size  # the key that TensorFlow begins with
        for x in features:
            if x.dtype.kind in "iu":
                parts = [int(value) % 2**64 for value in x.reshape(-1)]
            elif x.dtype.kind in "USO":
                parts = [fingerprint64(str(text).encode()) for text in as_text(self, x).reshape(-1)]
            else:
                raise DTypeError(f"[{self.name}] expects strings or integers, got dtype {x.dtype}")
            found = [joined(first, second) for first, second in zip(found, parts, strict=True)]
        bins = np.array([value % self.num_bins for value in found], np.int64).reshape(shape)
        return self.encoded(bins, self.num_bins, inputs[0])

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self.encoded_shape(tuple(input_shape[0]), self.num_bins)
