"""Vectors for the entries of a vocabulary."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve import kernels, ops
from nerve._typing import Array
from nerve.kernels._arrays import array_module
from nerve.kernels._traced import as_array
from nerve.layers import context, masks
from nerve.layers.core import positive
from nerve.layers.low_rank import LowRankAdapted, adapted
from nerve.layers.options import LayerOptions, float_dtype
from nerve.layers.structure import Shape
from nerve.tensor import Tensor

__all__ = [
    "Embedding",
    "ReversibleEmbedding",
]


class Embedding(LowRankAdapted):
    """A table of vectors, of which the inputs name the rows.

    The gradient of the table holds the rows that were named (:class:`nerve.IndexedRows`); `SGD` without momentum and
    `Adagrad` step only those.

    Parameters
    ----------
    input_dim : int
        Rows of the table: one more than the largest input.
    output_dim : int
        Size of a vector, the last axis of the result.
    embeddings_initializer : str, Initializer or callable
        embeddings is (input_dim, output_dim).
    mask_zero : bool
        Whether 0 fills up sequences: the result carries a mask of the inputs that are not 0.
    input_length : int, optional
        The same as an `input_shape` of ``(input_length,)``.
    lora_rank, lora_alpha : optional
        Freeze the table and learn a change of it of this rank; see `enable_lora`.
    """

    regulated = ("embeddings",)
    _adapts = "embeddings"
    embeddings = adapted("embeddings")

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        mask_zero: bool = False,
        *,
        input_length: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        if input_length is not None:
            options.setdefault("input_shape", (input_length,))
        super().__init__(**options)
        positive(self, input_dim=input_dim, output_dim=output_dim)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = embeddings_initializer
        self.mask_zero = self.supports_masking = bool(mask_zero)

    def build(self, input_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim), self.embeddings_initializer, name="embeddings"
        )
        self._build_lora()

    def call(self, inputs: Any) -> Any:
        indices = self._indices(inputs)
        if context.state.inferring:  # a stand-in for an axis of unknown size may be longer than the table, as positions
            indices = array_module(indices).zeros_like(indices)
        try:
            vectors = ops.take(self._embeddings, indices, axis=0)
        except IndexError as error:
            raise IndexError(f"[{self.name} (Embedding)] has vectors for 0 to {self.input_dim - 1}: {error}") from None
        if self.lora_enabled:
            vectors = vectors + ops.matmul(ops.take(self._lora("a"), indices, axis=0), self._scaled_b())
        return vectors

    @staticmethod
    def _indices(inputs: Any) -> Array:
        indices: Array = inputs.array if isinstance(inputs, Tensor) else as_array(inputs)
        # Whole numbers may come as floats.
        return indices if indices.dtype.kind in "iu" else kernels.cast(indices, np.int64)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where the inputs are not 0, with `mask_zero`."""
        if not self.mask_zero:
            return None
        counts = np.ones(self.input_dim, np.float32)
        counts[0] = 0
        return kernels.cast(kernels.take(counts, self._indices(inputs)), "bool")  # integers of any size, recorded too

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)


class ReversibleEmbedding(Embedding):
    """A table of vectors that also goes the other way: from a vector to a score of every entry of the vocabulary.

    Parameters
    ----------
    input_dim, output_dim, embeddings_initializer, mask_zero
        As for `Embedding`.
    tie_weights : bool
        Whether the way back uses the same table, turned; otherwise there are `reverse_embeddings` of their own.
    reverse_dtype : {"float32", "float64"}, optional
        Of the way back; the layer's if not given.
    logit_soft_cap : float, optional
        Scores become ``cap * tanh(score / cap)``.

    References
    ----------
    Press and Wolf, "Using the output embedding to improve language models", EACL 2017.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        mask_zero: bool = False,
        reverse_dtype: str | None = None,
        logit_soft_cap: float | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(input_dim, output_dim, embeddings_initializer, mask_zero, **options)
        self.tie_weights = bool(tie_weights)
        self.reverse_dtype = None if reverse_dtype is None else float_dtype(reverse_dtype)
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim), self.embeddings_initializer, name="reverse_embeddings"
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            vectors = super().call(inputs)
            if (mask := super().compute_mask(inputs)) is not None:
                masks.attach(vectors, mask)
            return vectors
        table: Any = self.embeddings if self.tie_weights else self.reverse_embeddings
        if self.reverse_dtype not in (None, self.dtype):
            inputs, table = (ops.cast(x, dtype=self.reverse_dtype) for x in (inputs, table))
        scores = ops.matmul(inputs, table, transpose_b=self.tie_weights)
        cap = self.logit_soft_cap
        return scores if cap is None else ops.tanh(scores / cap) * cap

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: there is one only on the way to the vectors, which carry it already."""
        return None

    def compute_output_shape(self, input_shape: Shape, reverse: bool = False) -> Shape:
        return (*input_shape[:-1], self.input_dim) if reverse else super().compute_output_shape(input_shape)
