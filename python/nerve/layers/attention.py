"""Layers that let positions of a sequence look at each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import kernels, ops, random
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._numbers import number
from nerve.layers import masks
from nerve.layers.core import positive
from nerve.layers.layer import Layer, LayerOptions
from nerve.layers.structure import Shape, is_shape
from nerve.tensor import Variable

__all__ = [
    "Attention",
    "MultiHeadAttention",
]


class _Attending(Layer):
    """What the attention layers share: the core, with dropout of the probabilities, on (batch, length, heads, size)."""

    def __init__(self, dropout: float, seed: int | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        here = f"{self.name} ({type(self).__name__})"
        if not 0 <= number(here, "dropout", dropout) < 1:
            raise ValueError(f"[{here}] dropout must be in [0, 1), got {dropout}")
        self.dropout = float(dropout)
        self.seed = seed
        self._next_offset = random.next_offset if seed is None else random.SeedGenerator(seed).next_offset

    def _attend(
        self, query: Any, key: Any, value: Any, mask: Any, causal: bool, scale: float, training: bool, scores: bool
    ) -> tuple[Any, Any]:
        """The result and, if `scores`, the probabilities (batch, heads, query_length, key_length)."""
        if not scores and not (training and self.dropout):
            return ops.attention(query, key, value, mask, scale=scale, causal=causal), None
        if causal:
            mask = masks.every(mask, array_module(query.array).tri(query.shape[1], key.shape[1], dtype=bool))
        query, key, value = (ops.transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
        return self._weigh(ops.matmul(query * scale, key, transpose_b=True), value, mask, training)

    def _weigh(self, logits: Any, value: Any, mask: Any, training: bool) -> tuple[Any, Any]:
        """Values (batch, heads, key_length, size) weighed by the softmax of their scores, and the weights."""
        if mask is not None:
            logits = ops.where(mask, logits, np.asarray(-1e30, logits.dtype))
        weights = ops.softmax(logits)
        if mask is not None:  # a query that sees no key weighs all of them with zero
            weights = ops.where(mask, weights, np.asarray(0, logits.dtype))
        kept = weights
        if training and self.dropout:
            seed, offset = self._next_offset(weights.size)
            kept = ops.dropout(weights, rate=self.dropout, seed=seed, offset=offset)
        return ops.transpose(ops.matmul(kept, value), (0, 2, 1, 3)), weights


class MultiHeadAttention(_Attending):
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
        mask = masks.every(_rows(query_mask), _columns(value_mask), _columns(key_mask), attention_mask)
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
        batch, length = result.shape[:2]
        inner = self.num_heads * self.value_dim
        result = ops.dense(
            ops.reshape(result, (batch, length, inner)),
            ops.reshape(self.output_kernel, (inner, self.output_kernel.shape[-1])),
            self.output_bias,
        )
        self._projected(result)
        return (result, scores) if return_attention_scores else result

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


class Attention(_Attending):
    """Attention without projections, of one head: `layer([query, value, key])`.

    `key` is `value` where it is not given; query is (batch, query_length, size), the others (batch, length, size).

    Parameters
    ----------
    use_scale : bool
        Whether scores are multiplied by a trained number.
    dropout : float
        Fraction of the attention's probabilities that training sets to 0.
    seed : int, optional
        A stream of dropout masks of this layer's own; otherwise they come from `nerve.random`'s.

    Notes
    -----
    Scores are plain dot products (Luong et al., "Effective approaches to attention-based neural machine translation",
    EMNLP 2015). `mask` is a list of the masks of query and value, booleans (batch, length) or None: positions of value
    that are left out, and positions of the result that become 0.
    """

    def __init__(
        self, use_scale: bool = False, dropout: float = 0.0, seed: int | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(dropout, seed, **options)
        self.use_scale = use_scale

    def build(self, input_shape: Sequence[Shape]) -> None:
        _check_inputs(input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None

    _passes_masks_on = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the query."""
        return mask[0] if isinstance(mask, list | tuple) else None

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        _check_inputs(input_shape)
        return (*input_shape[0][:-1], input_shape[1][-1])

    def call(
        self,
        inputs: Sequence[Any],
        mask: Sequence[Any] | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        _check_inputs([x.shape for x in inputs])
        query, value, *rest = inputs
        key = rest[0] if rest else value
        query_mask, value_mask = mask[:2] if mask is not None else (None, None)
        seen = _columns(value_mask)
        if self.scale is not None:
            query = query * self.scale
        result, scores = self._attend(
            _one_head(query),
            _one_head(key),
            _one_head(value),
            None if seen is None else seen[:, None],
            use_causal_mask,
            1.0,
            bool(training),
            return_attention_scores,
        )
        result = ops.reshape(result, (*result.shape[:2], value.shape[-1]))
        if query_mask is not None:
            result = result * kernels.cast(masks.plain(query_mask), result.dtype)[..., None]
        if not return_attention_scores:
            return result
        return result, ops.reshape(scores, (scores.shape[0], *scores.shape[2:]))


def _one_head(x: Any) -> Any:
    return ops.reshape(x, (*x.shape[:2], 1, x.shape[2]))


def _check_inputs(shapes: Sequence[Shape]) -> None:
    if is_shape(shapes) or len(shapes) not in (2, 3) or any(len(shape) != 3 for shape in shapes):
        raise ShapeError(f"expects a list of query, value and perhaps key (batch, length, size), got shapes {shapes}")


def _rows(mask: Any) -> Any:
    return None if mask is None else masks.plain(mask)[:, :, None]


def _columns(mask: Any) -> Any:
    return None if mask is None else masks.plain(mask)[:, None, :]
