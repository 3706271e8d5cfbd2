"""Categories as vectors: what layers do that give the number of something, or ones and counts at that number."""

from __future__ import annotations

from typing import Any, Literal, Unpack

import numpy as np

from nerve import kernels, ops
from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._recording import now
from nerve.kernels._traced import as_array
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_positive_int
from nerve.layers.symbolic import SymbolicTensor
from nerve.tensor import Tensor

__all__ = [
    "CategoryEncoding",
]

Mode = Literal["int", "one_hot", "multi_hot", "count", "tf_idf"]


def sparse_refused(layer: Layer, sparse: bool) -> None:
    """Keras's argument of that name, of which there is only one value here."""
    if sparse:
        raise ValueError(f"[{layer.name} ({type(layer).__name__})] gives dense arrays: sparse must be False")


class Categorical(Layer):
    """Base of layers whose result is the number of a category, or a vector made of such numbers.

    A tensor as input gives a tensor; anything else gives a NumPy array. In mode "int" the result is int64.
    """

    autocast = False
    modes: tuple[Mode, ...] = ()

    def __init__(self, output_mode: str, **options: Unpack[LayerOptions]) -> None:
        dtype = options.pop("dtype", None)
        whole = dtype in ("int32", "int64")
        if not whole:
            options["dtype"] = dtype
        super().__init__(**options)
        here = f"[{self.name} ({type(self).__name__})]"
        mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)  # names of older Keras
        if mode not in self.modes:
            raise ValueError(f"{here} output_mode must be one of {self.modes}, got {output_mode!r}")
        self.output_mode: Mode = mode
        if mode == "int":
            self.dtype = dtype if whole and dtype is not None else "int64"
        elif whole:
            raise DTypeError(f"{here} gives floats where output_mode is {mode!r}, got dtype {dtype!r}")
        self.built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Lists and strings become arrays once, and are not walked through."""
        return super().__call__(*map(self._as_array, args), **{key: self._as_array(v) for key, v in kwargs.items()})

    def _as_array(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | Tensor | SymbolicTensor | np.ndarray):
            return value
        try:
            return np.asarray(value)
        except ValueError as error:
            raise ShapeError(f"[{self.name}] expects a rectangular array: {error}") from None

    def encoded(self, indices: Array, depth: int, inputs: Any, weights: Any = None) -> Any:
        """The result in the layer's mode; in NumPy's arrays unless `inputs` is a tensor."""
        result = indices.astype(self.dtype) if self.output_mode == "int" and self.dtype == "int32" else indices
        if self.output_mode != "int":
            result = vectors(self.output_mode, indices, depth, self.dtype, weights)
        return Tensor(result, tracked=False) if isinstance(inputs, Tensor) else result

    def encoded_shape(self, shape: Shape, depth: int | None) -> Shape:
        """Shape of the result for inputs of `shape`."""
        if self.output_mode == "int":
            return tuple(shape)
        if self.output_mode == "one_hot":
            return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
        return (*shape[:-1], depth)


def vectors(mode: Mode, indices: Array, depth: int, dtype: str, weights: Any = None) -> Any:
    """Rows of `depth` values with ones at the indices, or with how often each occurs; what is out of range is left out.

    Parameters
    ----------
    mode : {"one_hot", "multi_hot", "count"}
        A row for each index; or one for all indices along the last of at most two axes.
    indices : ndarray of int
    weights : array_like, optional
        What each index counts, of their shape.
    """
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices.reshape(indices.shape[:-1])
        if now.recording is not None:
            return kernels.one_hot(indices, depth, dtype)
        result = np.zeros((indices.size, depth), dtype)
        rows = np.flatnonzero((indices >= 0) & (indices < depth))
        result[rows, indices.reshape(-1)[rows]] = 1
        return result.reshape(*indices.shape, depth)
    if indices.ndim > 2:
        raise ShapeError(f"expects (samples, indices) where output_mode is {mode!r}, got shape {indices.shape}")
    if now.recording is not None:
        ones = kernels.one_hot(indices, depth, dtype)
        if mode == "multi_hot":
            return kernels.max(ones, axis=-2)
        return kernels.sum(ones if weights is None else ones * weights[..., np.newaxis], axis=-2)
    per_row = indices.reshape(-1, indices.shape[-1]) if indices.ndim else indices.reshape(1, 1)
    rows = np.broadcast_to(np.arange(len(per_row))[:, np.newaxis], per_row.shape)
    known = (per_row >= 0) & (per_row < depth)
    places = (rows * depth + per_row)[known]
    counted = None if weights is None else np.asarray(weights, np.float64).reshape(per_row.shape)[known]
    counts = np.bincount(places, counted, minlength=len(per_row) * depth)
    result = (counts > 0 if mode == "multi_hot" else counts).astype(dtype)
    return result.reshape(*indices.shape[:-1], depth)


class CategoryEncoding(Categorical):
    """Integers as vectors of ones and zeros, or of counts.

    Parameters
    ----------
    num_tokens : int
        Of categories, whose numbers are 0 to num_tokens - 1.
    output_mode : {"multi_hot", "one_hot", "count"}
        One vector for all numbers of a sample, with ones at those that occur; a vector for each number; or one for each
        sample with how often each number occurs.
    sparse : bool
        Only False: there are no sparse tensors here.
    """

    modes = ("one_hot", "multi_hot", "count")

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(output_mode, **options)
        sparse_refused(self, sparse)
        if not is_positive_int(num_tokens):
            raise ValueError(f"[{self.name} (CategoryEncoding)] num_tokens must be a positive int, got {num_tokens!r}")
        self.num_tokens: int = num_tokens  # type: ignore[assignment]

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        """Vectors for `inputs`, (samples,) or (samples, n); `count_weights` says what each counts in mode "count"."""
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"[{self.name}] takes count_weights in mode 'count', not {self.output_mode!r}")
        indices = inputs.array if isinstance(inputs, Tensor) else as_array(inputs)
        if indices.dtype.kind not in "iu":  # whole numbers that came as floats
            indices = kernels.cast(indices, np.int64)
        if now.recording is None and indices.size and not 0 <= indices.min() <= indices.max() < self.num_tokens:
            wrong = indices[(indices < 0) | (indices >= self.num_tokens)].flat[0]
            raise ValueError(f"[{self.name}] expects integers in 0..{self.num_tokens - 1}, got {wrong}")
        weights = None
        if count_weights is not None:
            weights = ops.cast(count_weights, dtype=self.dtype).array
            if weights.shape != indices.shape:
                raise ShapeError(f"count_weights must have the inputs' shape {indices.shape}, got {weights.shape}")
        return self.encoded(indices, self.num_tokens, inputs, weights)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.encoded_shape(input_shape, self.num_tokens)
