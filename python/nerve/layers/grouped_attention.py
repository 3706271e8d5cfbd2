"""Attention whose heads share keys and values: `GroupQueryAttention`."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import ops
from nerve.layers.attention import MultiHeadAttention
from nerve.layers.core import positive
from nerve.layers.options import LayerOptions

__all__ = [
    "GroupQueryAttention",
    "GroupedQueryAttention",
]


class GroupQueryAttention(MultiHeadAttention):
    """Attention in which groups of query heads see the same keys and values: `layer(query, value, key)`.

    One group is multi-query attention; as many groups as heads are `MultiHeadAttention`. It is called as that, and
    its `query_kernel` and so on have the same axes.

    Parameters
    ----------
    head_dim : int
        Size of a head's queries, keys and values.
    num_query_heads : int
    num_key_value_heads : int
        The number of groups; divides `num_query_heads`.
    dropout : float
        Fraction of the attention's probabilities that training sets to 0.
    use_bias : bool
        Of all projections.
    sliding_window : int, optional
        A query sees the keys less than so many positions from it.
    flash_attention : bool, optional
        Whether the matrix of all scores is never made; where dropout and `return_attention_scores` do not ask for it
        if not given. True refuses these two, False always makes it.
    kernel_initializer, bias_initializer : str, Initializer or callable
    use_gate : bool
        Whether a sigmoid of one more projection of the query multiplies the heads' results (Qiu et al., "Gated
        attention for large language models", 2025).
    seed : int, optional
        A stream of dropout masks of this layer's own; otherwise they come from `nerve.random`'s.

    References
    ----------
    Ainslie et al., "GQA: training generalized multi-query transformer models from multi-head checkpoints", EMNLP 2023.
    """

    _any_rank = False

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        use_gate: bool = False,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            num_query_heads,
            head_dim,
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            use_gate=use_gate,
            seed=seed,
            **options,
        )
        here = f"[{self.name} (GroupQueryAttention)]"
        positive(self, num_key_value_heads=num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(f"{here} num_query_heads ({num_query_heads}) must be a multiple of {num_key_value_heads}")
        self.head_dim = head_dim
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads
        self._groups = num_key_value_heads

    def _repeated(self, x: Any) -> Any:
        """A group's keys or values for each of its heads."""
        batch, length, groups, size = x.shape
        repeats = self.num_query_heads // groups
        if repeats == 1:
            return x
        spread = ops.broadcast_to(
            ops.reshape(x, (batch, length, groups, 1, size)), (batch, length, groups, repeats, size)
        )
        return ops.reshape(spread, (batch, length, groups * repeats, size))


GroupedQueryAttention = GroupQueryAttention
