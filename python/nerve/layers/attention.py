"""Attention of several heads, each with its own projections."""

from __future__ import annotations

import math
from typing import Any, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.layers import masks
from nerve.layers.attending import Attending, columns, rows
from nerve.layers.core import positive
from nerve.layers.layer import LayerOptions
from nerve.layers.structure import Shape, is_shape
from nerve.tensor import Variable

__all__ = [
    "MultiHeadAttention",
]


class MultiHeadAttention(Attending):
    """Attention of several heads, each with its own projections: `layer(query, value, key)`.

    `key` is `value` where it is not given; all are (batch, length, features).

    Parameters
    ----------
    num_heads : int
    key_dim : int
        Size of a head's queries and keys.
    value_dim : int, optional
        Size of a head's values; `key_dim` if not given.
    dropout : float
        Fraction of the attention's probabilities that training sets to 0.
    use_bias : bool
        Of all four projections.
    output_shape : int, optional
        Features of the result; those of the query if not given.
    kernel_initializer, bias_initializer : str, Initializer or callable
        Kernels are (features, num_heads, size), the last one (num_heads, value_dim, output_shape).
    activity_regularizer : optional
        Of the results of all four projections, as in Keras.
    seed : int, optional
        A stream of dropout masks of this layer's own; otherwise they come from `nerve.random`'s.

    Notes
    -----
    Called with `attention_mask`, booleans that broadcast to (batch, query_length, key_length), a query sees the keys
    where it is true; `query_mask`, `value_mask` and `key_mask` (batch, length) leave out whole positions;
    `use_causal_mask=True` leaves out what comes later. A query that sees nothing gets zeros before the last projection
    (Keras: the mean of all values). With `return_attention_scores=True` the result is a pair, of which the second is
    (batch, num_heads, query_length, key_length). Without scores and dropout no such matrix is ever made.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017.
    """

    supports_masking = True
    regulated = ("kernel", "bias")
    kernel_regularizer: Any
    kernel_constraint: Any
    bias_regularizer: Any
    bias_constraint: Any

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(dropout, seed, **options)
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = key_dim if value_dim is None else value_dim
        positive(self, num_heads=num_heads, key_dim=key_dim, value_dim=self.value_dim)
        if output_shape is not None:
            positive(self, output_shape=output_shape)
        self.output_shape = output_shape
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

    def build(  # type: ignore[override]  # the shapes of all inputs, as in Keras
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> None:
        shapes = (query_shape, value_shape if key_shape is None else key_shape, value_shape)
        for shape in shapes:
            if not is_shape(shape) or len(shape) != 3 or shape[-1] is None:
                raise ShapeError(f"expects query, value and key (batch, length, features), got shape {shape}")
        (queries, keys, values), heads = (shape[-1] or 0 for shape in shapes), self.num_heads
        features = self.output_shape or queries
        self.query_kernel, self.query_bias = self._projection("query", (queries, heads, self.key_dim), 1)
        self.key_kernel, self.key_bias = self._projection("key", (keys, heads, self.key_dim), 1)
        self.value_kernel, self.value_bias = self._projection("value", (values, heads, self.value_dim), 1)
        self.output_kernel, self.output_bias = self._projection("output", (heads, self.value_dim, features), 2)

    def _projection(self, name: str, shape: tuple[int, ...], summed: int) -> tuple[Variable, Variable | None]:
        """A kernel, whose first `summed` axes a product sums over, and its bias."""
        kernel = self.add_weight(
            shape,
            self.kernel_initializer,
            name=f"{name}_kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if not self.use_bias:
            return kernel, None
        return kernel, self.add_weight(
            shape[summed:],
            self.bias_initializer,
            name=f"{name}_bias",
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def compute_output_shape(  # type: ignore[override]
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shape:
        return (*query_shape[:-1], self.output_shape or query_shape[-1])

    def _build_for(self, args: tuple[Any, ...]) -> None:
        if not self.built:
            query, value, key = args[:3]
            self.build(query.shape, value.shape, None if key is None else key.shape)

    def __call__(self, query: Any, value: Any, key: Any = None, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(query, value, key, *args, **kwargs)

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        mask = masks.every(rows(query_mask), columns(value_mask), columns(key_mask), attention_mask)
        if mask is not None and mask.ndim > 2:
            mask = mask[..., None, :, :]  # the same for every head
        result, scores = self._attend(
            self._heads(query, self.query_kernel, self.query_bias),
            self._heads(key, self.key_kernel, self.key_bias),
            self._heads(value, self.value_kernel, self.value_bias),
            mask,
            use_causal_mask,
            1 / math.sqrt(self.key_dim),
            bool(training),
            return_attention_scores,
        )
        result = self._joined(result)
        return (result, scores) if return_attention_scores else result

    def _joined(self, result: Any) -> Any:
        """The last projection, of all heads together."""
        batch, length = result.shape[:2]
        inner = self.num_heads * self.value_dim
        result = ops.dense(
            ops.reshape(result, (batch, length, inner)),
            ops.reshape(self.output_kernel, (inner, self.output_kernel.shape[-1])),
            self.output_bias,
        )
        self._projected(result)
        return result

    def _heads(self, x: Any, kernel: Any, bias: Any) -> Any:
        """The projection of every head: (batch, length, num_heads, size)."""
        features, heads, size = kernel.shape
        if len(x.shape) != 3 or x.shape[-1] != features:
            raise ShapeError(f"expects inputs (batch, length, {features}), got shape {x.shape}")
        flat = None if bias is None else ops.reshape(bias, (heads * size,))
        y = ops.dense(x, ops.reshape(kernel, (features, heads * size)), flat)
        self._projected(y)
        return ops.reshape(y, (*x.shape[:2], heads, size))

    def _projected(self, y: Any) -> None:
        if self.activity_regularizer is not None:
            super()._penalize(y)

    def _penalize(self, outputs: Any) -> None:
        """Not the outputs again: each projection has been penalized."""
