"""Attention of several heads, each with its own projections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.layers import masks
from nerve.layers.attending import Attending, columns, rows
from nerve.layers.attention_axes import Fold
from nerve.layers.core import positive
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_positive_int, is_shape
from nerve.tensor import Variable

__all__ = [
    "MultiHeadAttention",
]


class MultiHeadAttention(Attending):
    """Attention of several heads, each with its own projections: `layer(query, value, key)`.

    `key` is `value` where it is not given; all are (batch, length, features), or have more axes before the features.

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
    output_shape : int or tuple of int, optional
        Features of the result; those of the query if not given.
    attention_axes : int or tuple of int, optional
        The axes along which positions see each other, all between the batch and the features if not given. Along the
        others they keep apart, and queries and keys must have the same sizes.
    sliding_window : int, optional
        A query sees the keys less than so many positions from it.
    flash_attention : bool, optional
        Whether the matrix of all scores is never made; where dropout and `return_attention_scores` do not ask for it
        if not given. True refuses these two, False always makes it.
    kernel_initializer, bias_initializer : str, Initializer or callable
        Kernels are (features, num_heads, size), the last one (num_heads, value_dim, output_shape).
    activity_regularizer : optional
        Of the results of all projections, as in Keras.
    use_gate : bool
        Whether a sigmoid of one more projection of the query multiplies the heads' results (Qiu et al., "Gated
        attention for large language models", 2025).
    seed : int, optional
        A stream of dropout masks of this layer's own; otherwise they come from `nerve.random`'s.

    Notes
    -----
    Called with `attention_mask`, booleans that broadcast to (batch, query_length, key_length), a query sees the keys
    where it is true; `query_mask`, `value_mask` and `key_mask` (batch, length) leave out whole positions;
    `use_causal_mask=True` leaves out what comes later. A query that sees nothing gets zeros before the last projection
    (Keras: the mean of all values). With `return_attention_scores=True` the result is a pair, of which the second is
    (batch, num_heads, query_length, key_length). Without scores and dropout no such matrix is ever made.

    Of inputs with more axes, masks of positions are (batch, ...) without the features; `attention_mask` ends with the
    axes of attention of the query and then of the key, and before them may have the batch and the axes that keep
    apart; and the scores have all of these, with the heads behind those that keep apart.

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
    _any_rank = True  # whether inputs may have other axes than (batch, length, features)
    _fold: Fold | None = None

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        use_gate: bool = False,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(dropout, seed, **options)
        self._take_flash(flash_attention)
        self.num_heads = self._groups = num_heads
        self.key_dim = key_dim
        self.value_dim = key_dim if value_dim is None else value_dim
        positive(self, num_heads=num_heads, key_dim=key_dim, value_dim=self.value_dim)
        here = f"[{self.name} ({type(self).__name__})]"
        self._features = () if output_shape is None else _several(output_shape)
        if output_shape is not None and not (self._features and all(map(is_positive_int, self._features))):
            raise ValueError(f"{here} output_shape must be a positive int or a tuple of them, got {output_shape!r}")
        axes = () if attention_axes is None else _several(attention_axes)
        if attention_axes is not None and not (axes and all(isinstance(axis, int) for axis in axes)):
            raise ValueError(f"{here} attention_axes must be an int or a tuple of them, got {attention_axes!r}")
        if sliding_window is not None and not is_positive_int(sliding_window):
            raise ValueError(f"{here} sliding_window must be a positive int or None, got {sliding_window!r}")
        self.output_shape = output_shape
        self.attention_axes = attention_axes
        self.sliding_window = sliding_window
        self.use_gate = use_gate
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

    def build(  # type: ignore[override]  # the shapes of all inputs, as in Keras
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> None:
        shapes = (query_shape, value_shape if key_shape is None else key_shape, value_shape)
        self._expect(shapes)
        self._fold = self._folded(shapes)
        (queries, keys, values), heads = (shape[-1] or 0 for shape in shapes), self.num_heads
        groups = self._groups
        features = self._features or (queries,)
        self.query_kernel, self.query_bias = self._projection("query", (queries, heads, self.key_dim), 1)
        self.key_kernel, self.key_bias = self._projection("key", (keys, groups, self.key_dim), 1)
        if self.use_gate:
            self.gate_kernel, self.gate_bias = self._projection("gate", (queries, heads, self.value_dim), 1)
        self.value_kernel, self.value_bias = self._projection("value", (values, groups, self.value_dim), 1)
        self.output_kernel, self.output_bias = self._projection("output", (heads, self.value_dim, *features), 2)

    def _expect(self, shapes: Sequence[Shape]) -> None:
        rank = max(len(shapes[0]), 3) if self._any_rank and is_shape(shapes[0]) else 3
        for shape in shapes:
            if not is_shape(shape) or len(shape) != rank or shape[-1] is None:
                axes = "length" if rank == 3 else f"{rank - 2} axes"
                raise ShapeError(f"expects query, value and key (batch, {axes}, features), got shape {shape}")

    def _folded(self, shapes: Sequence[Shape]) -> Fold | None:
        """How inputs of these shapes become sequences; None if they are, and all of it is attended to."""
        query, key, value = shapes
        rank = len(query)
        given = range(1, rank - 1) if self.attention_axes is None else _several(self.attention_axes)
        axes = [axis + rank if axis < 0 else axis for axis in given]
        if len(set(axes)) < len(axes) or not all(0 < axis < rank - 1 for axis in axes):
            raise ShapeError(f"attention_axes {self.attention_axes} must lie between batch and features of {query}")
        apart = [axis for axis in range(1, rank - 1) if axis not in axes and not _may_equal(query[axis], key[axis])]
        if apart or not all(map(_may_equal, key[1:-1], value[1:-1])):
            where = f"query and key agree along axes {apart}" if apart else "key and value agree but for their features"
            raise ShapeError(f"expects that {where}, got {query}, {key} and {value}")
        return None if rank == 3 else Fold(rank, axes)

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
        return (*query_shape[:-1], *(self._features or query_shape[-1:]))

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
        queries = self._heads(query, self.query_kernel, self.query_bias)
        keys = self._repeated(self._heads(key, self.key_kernel, self.key_bias))
        values = self._repeated(self._heads(value, self.value_kernel, self.value_bias))
        fold = self._fold
        if fold is None:
            positions: tuple[Any, ...] = (query_mask, value_mask, key_mask)
            pairs = self._pairs(attention_mask)
        else:
            queries, keys, values = (fold.fold(x) for x in (queries, keys, values))
            given = {"query_mask": (query_mask, query), "value_mask": (value_mask, value), "key_mask": (key_mask, key)}
            positions = tuple(fold.positions(mask, name, x.shape) for name, (mask, x) in given.items())
            pairs = fold.pairs(attention_mask, query.shape, key.shape)
            if len(fold.axes) > 1 and (use_causal_mask or self.sliding_window is not None):
                raise ShapeError(f"has no order along several attention_axes {fold.axes} for a causal or sliding mask")
        result, scores = self._attend(
            queries,
            keys,
            values,
            self._mask(positions, pairs, queries, keys),
            use_causal_mask,
            1 / math.sqrt(self.key_dim),
            bool(training),
            return_attention_scores,
        )
        if fold is not None:
            result = fold.unfold(result, query.shape)
            scores = scores if scores is None else fold.scores(scores, query.shape, key.shape)
        result = self._joined(result, query)
        return (result, scores) if return_attention_scores else result

    def _repeated(self, x: Any) -> Any:
        return x

    @staticmethod
    def _pairs(mask: Any) -> Any:
        """A mask of scores, the same for every head where it has no axis of heads."""
        found = None if mask is None else masks.plain(mask)
        return found[:, None] if found is not None and found.ndim == 3 else found

    def _mask(self, positions: Sequence[Any], pairs: Any, queries: Any, keys: Any) -> Any:
        """One mask of scores (batch, heads, queries, keys), or of their last axes, or None."""
        mask = masks.every(rows(positions[0]), *map(columns, positions[1:]))
        mask = masks.every(None if mask is None else mask[:, None], pairs)
        if self.sliding_window is None:
            return mask
        return masks.every(mask, self._band(queries, keys.shape[1]))

    def _band(self, queries: Any, keys: int, start: int = 0) -> Any:
        """Which keys lie within the window of which queries, of which the first is at position `start`."""
        distance = np.subtract.outer(start + np.arange(queries.shape[1]), np.arange(keys))
        return placed(np.abs(distance) < (self.sliding_window or 0), queries.array)

    def _joined(self, result: Any, query: Any) -> Any:
        """The last projection, of all heads together, behind the gate."""
        if self.use_gate:
            result = result * self._heads(query, self.gate_kernel, self.gate_bias, "sigmoid")
        inner = self.num_heads * self.value_dim
        features = self.output_kernel.shape[2:]
        several = len(features) > 1
        result = ops.dense(
            ops.reshape(result, (*result.shape[:-2], inner)),
            ops.reshape(self.output_kernel, (inner, math.prod(features))),
            ops.reshape(self.output_bias, (-1,)) if several and self.output_bias is not None else self.output_bias,
        )
        if several:
            result = ops.reshape(result, (*result.shape[:-1], *features))
        self._projected(result)
        return result

    def _heads(self, x: Any, kernel: Any, bias: Any, activation: str | None = None) -> Any:
        """The projection of every head: (batch, length, num_heads, size)."""
        features, heads, size = kernel.shape
        rank = 3 if self._fold is None else self._fold.rank
        if len(x.shape) != rank or x.shape[-1] != features:
            axes = "length" if rank == 3 else "..."
            raise ShapeError(f"expects inputs (batch, {axes}, {features}), got shape {x.shape}")
        flat = None if bias is None else ops.reshape(bias, (heads * size,))
        y = ops.dense(x, ops.reshape(kernel, (features, heads * size)), flat, activation=activation)
        self._projected(y)
        return ops.reshape(y, (*x.shape[:-1], heads, size))

    def _projected(self, y: Any) -> None:
        if self.activity_regularizer is not None:
            super()._penalize(y)

    def _penalize(self, outputs: Any) -> None:
        """Not the outputs again: each projection has been penalized."""


def _several(value: int | Sequence[int]) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, Sequence) else (value,)


def _may_equal(one: int | None, other: int | None) -> bool:
    return one is None or other is None or one == other
