"""Attention, differentiable."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array
from nerve.ops._differentiable import Result, differentiable, once

__all__ = ["attention"]


@differentiable
def attention(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None = None,
    *,
    scale: float | None = None,
    causal: bool = False,
) -> Result:
    """``softmax(scale * query @ key.T) @ value`` for every head; as :func:`nerve.kernels.attention`.

    The backward pass makes the probabilities again, tile by tile; no matrix of them is stored.
    """
    out, logsumexp = kernels.attention(query, key, value, mask, scale=scale, causal=causal)
    shared = once(
        lambda grad: kernels.attention_backward(
            grad, query, key, value, out, logsumexp, mask, scale=scale, causal=causal
        )
    )
    return out, (shared(0), shared(1), shared(2), None)
