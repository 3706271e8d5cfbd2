"""Attention that keeps the keys and values of earlier calls: `CachedMultiHeadAttention`."""

from __future__ import annotations

import math
from typing import Any

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import overwrite
from nerve.layers import masks
from nerve.layers.attention import MultiHeadAttention
from nerve.tensor import Tensor, constant

__all__ = [
    "CachedMultiHeadAttention",
]


class CachedMultiHeadAttention(MultiHeadAttention):
    """`MultiHeadAttention` for generation, where each call adds a few positions; KerasHub's layer of this name.

    Called with `cache`, (batch, 2, max_length, num_heads, key_dim) of keys and values, it gives a pair of the result
    and the cache. With `cache_update_index=i` the keys and values of `value` come into the cache from position i on (in
    place: the array given is the array returned), without it those in the cache are used as they are and `value` is not
    looked at. `attention_mask` is (batch, query_length, max_length). No gradient flows through a cache.

    Notes
    -----
    Only the positions up to the last one written are looked at, if `cache_update_index` is given: what comes later is
    not there yet.
    """

    _any_rank = False

    def call(  # type: ignore[override]
        self,
        query: Any,
        value: Any,
        key: Any = None,
        attention_mask: Any = None,
        cache: Any = None,
        cache_update_index: int | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        if cache is None:
            if cache_update_index is not None:
                raise ValueError(f"[{self.name} (CachedMultiHeadAttention)] cache_update_index needs a cache")
            return super().call(
                query,
                value,
                key,
                attention_mask=attention_mask,
                return_attention_scores=return_attention_scores,
                training=training,
                use_causal_mask=use_causal_mask,
            )
        kept, start = self._kept(cache), 0
        if cache_update_index is not None:
            start = int(cache_update_index)
            kept = self._updated(kept, value if key is None else key, value, start)
        keys, values = (constant(kernels.getitem(kept, (slice(None), part))) for part in (0, 1))
        mask = None if attention_mask is None else self._pairs(attention_mask)[..., : kept.shape[2]]
        if use_causal_mask and query.shape[1] > 1:
            mask = masks.every(mask, array_module(kept).tri(query.shape[1], kept.shape[2], start, dtype=bool))
        queries = self._heads(query, self.query_kernel, self.query_bias)
        if self.sliding_window is not None:
            mask = masks.every(mask, self._band(queries, kept.shape[2], start))
        scale = 1 / math.sqrt(self.key_dim)
        result, scores = self._attend(
            queries, keys, values, mask, False, scale, bool(training), return_attention_scores
        )
        result = self._joined(result, query)
        return (result, scores, cache) if return_attention_scores else (result, cache)

    def _kept(self, cache: Any) -> Array:
        kept: Array = cache.array if isinstance(cache, Tensor) else cache
        if kept.ndim != 5 or kept.shape[1] != 2 or kept.shape[3:] != (self.num_heads, self.key_dim):
            raise ShapeError(
                f"expects a cache (batch, 2, max_length, {self.num_heads}, {self.key_dim}), got shape {kept.shape}"
            )
        return kept

    def _updated(self, kept: Array, key: Any, value: Any, start: int) -> Array:
        """Write new keys and values; gives the part of the cache that is filled."""
        end = start + value.shape[1]
        if not 0 <= start <= end <= kept.shape[2]:
            raise ShapeError(f"expects positions {start} to {end} in a cache of {kept.shape[2]}")
        new = (
            self._heads(key, self.key_kernel, self.key_bias),
            self._heads(value, self.value_kernel, self.value_bias),
        )
        for part, heads in enumerate(new):
            overwrite(kept[:, part, start:end], heads.array)
        return kept[:, :, :end]
