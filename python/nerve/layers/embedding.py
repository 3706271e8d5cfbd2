"""Vectors for the entries of a vocabulary."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve import kernels, ops
from nerve.kernels._traced import as_array
from nerve.layers.core import positive
from nerve.layers.layer import Layer, LayerOptions
from nerve.layers.structure import Shape
from nerve.tensor import Tensor

__all__ = [
    "Embedding",
]


class Embedding(Layer):
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
    """

    regulated = ("embeddings",)

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        positive(self, input_dim=input_dim, output_dim=output_dim)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = embeddings_initializer

    def build(self, input_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim), self.embeddings_initializer, name="embeddings"
        )

    def call(self, inputs: Any) -> Any:
        indices = inputs.array if isinstance(inputs, Tensor) else as_array(inputs)
        if indices.dtype.kind not in "iu":  # whole numbers that came as floats
            indices = kernels.cast(indices, np.int64)
        return ops.take(self.embeddings, indices)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)
