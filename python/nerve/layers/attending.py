"""What attention layers share: the core, with dropout of the probabilities, and masks in its shapes."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve import ops, random
from nerve.kernels._arrays import array_module
from nerve.kernels._numbers import number
from nerve.layers import masks
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions


class Attending(Layer):
    """What the attention layers share: the core, with dropout of the probabilities, on (batch, length, heads, size)."""

    flash_attention: bool | None = None

    def __init__(self, dropout: float, seed: int | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        here = f"{self.name} ({type(self).__name__})"
        if not 0 <= number(here, "dropout", dropout) < 1:
            raise ValueError(f"[{here}] dropout must be in [0, 1), got {dropout}")
        self.dropout = float(dropout)
        self.seed = seed
        self._next_offset = random.next_offset if seed is None else random.SeedGenerator(seed).next_offset

    def _take_flash(self, flash_attention: bool | None) -> None:
        """Whether there is never a matrix of all scores: None where that can be, True always, False never."""
        here = f"[{self.name} ({type(self).__name__})]"
        if flash_attention not in (None, True, False):
            raise ValueError(f"{here} flash_attention must be None, True or False, got {flash_attention!r}")
        if flash_attention and self.dropout:
            raise ValueError(f"{here} flash_attention=True has no scores that dropout={self.dropout} could drop")
        self.flash_attention = None if flash_attention is None else bool(flash_attention)

    def _attend(
        self, query: Any, key: Any, value: Any, mask: Any, causal: bool, scale: float, training: bool, scores: bool
    ) -> tuple[Any, Any]:
        """The result and, if `scores`, the probabilities (batch, heads, query_length, key_length)."""
        if self.flash_attention and scores:
            here = f"[{self.name} ({type(self).__name__})]"
            raise ValueError(
                f"{here} flash_attention=True has no scores that return_attention_scores=True could return"
            )
        if self.flash_attention is not False and not scores and not (training and self.dropout):
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


def rows(mask: Any) -> Any:
    """A mask of queries, as one of scores."""
    return None if mask is None else masks.plain(mask)[:, :, None]


def columns(mask: Any) -> Any:
    """A mask of keys, as one of scores."""
    return None if mask is None else masks.plain(mask)[:, None, :]
