"""Attention with its whole matrix of probabilities, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.kernels.shapes import AttentionShape

__all__ = ["attention", "attention_backward"]


def _scores(query: Array, key: Array, mask: Array | None, s: AttentionShape, scale: float, causal: bool) -> Array:
    """(batch, heads, query_length, key_length), -inf where a key is not seen."""
    scores: Array = scale * np.einsum("bihd,bjhd->bhij", query, key)
    seen = np.ones(scores.shape, bool)
    if mask is not None:
        strides = (s.mask_batch_stride, s.mask_head_stride, s.mask_query_stride, 1)
        seen &= np.lib.stride_tricks.as_strided(mask, seen.shape, strides, writeable=False)  # a bool is a byte
    if causal:
        seen &= np.tri(s.query_length, s.key_length, dtype=bool)
    return np.where(seen, scores, -np.inf)


def _heads(query: Array, key: Array, value: Array, s: AttentionShape) -> tuple[Array, Array, Array]:
    """In float64, each key and value beside every query head that shares it."""
    group = s.heads // s.key_heads if s.key_heads else 0
    q = query.astype(np.float64).reshape(s.batch, s.query_length, s.heads, s.key_size)
    k = key.astype(np.float64).reshape(s.batch, s.key_length, s.key_heads, s.key_size)
    v = value.astype(np.float64).reshape(s.batch, s.key_length, s.key_heads, s.value_size)
    return q, k.repeat(group, axis=2), v.repeat(group, axis=2)


def attention(
    out: Array,
    logsumexp: Array,
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None,
    shape: AttentionShape,
    scale: float,
    causal: bool,
) -> None:
    if not out.size and not logsumexp.size:
        return
    q, k, v = _heads(query, key, value, shape)
    scores = _scores(q, k, mask, shape, scale, causal)
    with np.errstate(invalid="ignore", divide="ignore"):
        highest = scores.max(axis=-1, keepdims=True, initial=-np.inf)
        weights = np.exp(scores - np.where(highest == -np.inf, 0, highest))
        total = weights.sum(axis=-1, keepdims=True)
        logsumexp[...] = (highest + np.log(total))[..., 0]
        weights /= np.where(total == 0, 1, total)  # a query that sees no key: zeros
    out[...] = np.einsum("bhij,bjhd->bihd", weights, v)


def attention_backward(
    grad_query: Array,
    grad_key: Array,
    grad_value: Array,
    grad: Array,
    query: Array,
    key: Array,
    value: Array,
    out: Array,
    logsumexp: Array,
    mask: Array | None,
    shape: AttentionShape,
    scale: float,
    causal: bool,
) -> None:
    if not grad.size:
        for array in (grad_query, grad_key, grad_value):
            array[...] = 0
        return
    q, k, v = _heads(query, key, value, shape)
    g = grad.astype(np.float64)
    scores = _scores(q, k, mask, shape, scale, causal)
    lse = logsumexp.astype(np.float64)[..., None]
    with np.errstate(invalid="ignore"):
        weights = np.exp(scores - np.where(lse == -np.inf, np.inf, lse))
    delta = np.einsum("bihd,bihd->bhi", g, out.astype(np.float64))
    grad_scores = weights * (np.einsum("bihd,bjhd->bhij", g, v) - delta[..., None])
    grad_query[...] = scale * np.einsum("bhij,bjhd->bihd", grad_scores, k)
    group = (shape.batch, shape.key_length, shape.key_heads, shape.heads // shape.key_heads)
    for target, size, left, right in (
        (grad_key, shape.key_size, scale * grad_scores, q),
        (grad_value, shape.value_size, weights, g),
    ):
        each_head = np.einsum("bhij,bihd->bjhd", left, right)
        target[...] = each_head.reshape(*group, size).sum(axis=3)
