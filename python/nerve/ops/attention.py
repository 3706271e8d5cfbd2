"""Attention, differentiable."""

from __future__ import annotations

import math
from typing import Any

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.ops._differentiable import Result, as_plain_array, composed, differentiable, once
from nerve.ops.creation import ndim, shape
from nerve.ops.elementwise import multiply, where
from nerve.ops.indexing import broadcast_to, reshape, transpose
from nerve.ops.matmul import matmul
from nerve.ops.softmax import softmax
from nerve.tensor import Tensor

__all__ = ["attention", "dot_product_attention"]


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


@composed
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """`softmax(scale * query @ key.T + bias) @ value` for every head.

    Parameters
    ----------
    query : tensor (batch, query_length, heads, size)
    key, value : tensor (batch, key_length, groups, size)
        The number of groups divides that of heads.
    bias : tensor, optional
        Broadcasts to (batch, heads, query_length, key_length); with it all scores are in memory at once.
    mask : array of bool, optional
        Of that shape, too: which scores count.
    scale : float, optional
        1 / sqrt(size) if not given.
    is_causal : bool
    flash_attention : bool, optional
        True refuses a bias; without one scores are never in memory at once anyway.
    attn_logits_soft_cap : None

    Returns
    -------
    Tensor, of query's shape
    """
    op = "dot_product_attention"
    if attn_logits_soft_cap is not None:
        raise ValueError(f"[{op}] attn_logits_soft_cap must be None")
    if any(ndim(x) != 4 for x in (query, key, value)):
        shapes = ", ".join(str(shape(x)) for x in (query, key, value))
        raise ShapeError(f"[{op}] expects query, key and value (batch, length, heads, size), got {shapes}")
    if flash_attention and bias is not None:
        raise ValueError(f"[{op}] flash_attention=True has no scores that a bias could be added to")
    heads, groups = shape(query)[2], shape(key)[2]
    if heads != groups:
        key, value = (_repeated(op, x, heads) for x in (key, value))
    scale = 1 / math.sqrt(shape(query)[-1]) if scale is None else scale
    if bias is None:
        seen = None if mask is None else as_plain_array(mask)
        found: Tensor = attention(query, key, value, seen, scale=scale, causal=is_causal)
        return found
    q, k, v = (transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
    logits = matmul(multiply(q, scale), k, transpose_b=True) + bias
    if mask is not None:
        logits = where(as_plain_array(mask), logits, -1e30)
    if is_causal:
        logits = where(array_module(logits.array).tri(*logits.shape[-2:], dtype=bool), logits, -1e30)
    return transpose(matmul(softmax(logits), v), (0, 2, 1, 3))


def _repeated(op: str, x: Any, heads: int) -> Tensor:
    batch, length, groups, size = shape(x)
    if heads % groups:
        raise ShapeError(f"[{op}] {heads} heads are no multiple of {groups}")
    wide = broadcast_to(reshape(x, (batch, length, groups, 1, size)), (batch, length, groups, heads // groups, size))
    return reshape(wide, (batch, length, heads, size))
