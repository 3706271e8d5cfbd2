"""Scaled dot-product attention that never holds its matrix of scores."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_floats, beside, empty, pick
from nerve.kernels._numbers import number
from nerve.kernels._traced import required
from nerve.kernels.elementwise import repeated_condition
from nerve.kernels.shapes import AttentionShape

__all__ = ["attention", "attention_backward"]


def attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    scale: float | None = None,
    causal: bool = False,
) -> tuple[Array, Array]:
    """``softmax(scale * query @ key.T) @ value`` for every head, in tiles that stay in cache.

    Parameters
    ----------
    query : array_like (batch, query_length, heads, key_size)
    key : array_like (batch, key_length, key_heads, key_size)
        ``heads`` is a multiple of ``key_heads``: consecutive query heads share one (grouped-query attention).
    value : array_like (batch, key_length, key_heads, value_size)
    mask : array_like of bool, optional
        Broadcasts to (batch, heads, query_length, key_length); a query sees the keys where it is true.
    scale : float, optional
        ``1 / sqrt(key_size)`` if not given.
    causal : bool
        Query i sees only keys 0..i.

    Returns
    -------
    out : ndarray (batch, query_length, heads, value_size)
        Zero for a query that sees no key.
    logsumexp : ndarray (batch, heads, query_length)
        Logarithm of the softmax's denominator, for :func:`attention_backward`; -inf where no key is seen.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    DTypeError
        If the mask is not boolean.

    References
    ----------
    Rabe and Staats, "Self-attention does not need O(n^2) memory", arXiv 2112.05682, 2021.
    Dao et al., "FlashAttention: fast and memory-efficient exact attention", NeurIPS 2022.
    """
    q, k, v = as_floats("attention", query, key, value)
    shape, seen, factor = _plan("attention", q, k, v, mask, scale)
    out = empty((shape.batch, shape.query_length, shape.heads, shape.value_size), q.dtype, q)
    logsumexp = empty((shape.batch, shape.heads, shape.query_length), q.dtype, q)
    pick(q, k, v, seen).attention(out, logsumexp, q, k, v, seen, shape, factor, bool(causal))
    return out, logsumexp


def attention_backward(
    grad: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    out: ArrayLike,
    logsumexp: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    scale: float | None = None,
    causal: bool = False,
) -> tuple[Array, Array, Array]:
    """Gradients of :func:`attention` with respect to query, key and value.

    Parameters
    ----------
    grad : array_like (batch, query_length, heads, value_size)
        Of ``out``.
    query, key, value, mask, scale, causal
        As given to :func:`attention`.
    out, logsumexp : array_like
        What it returned.

    Returns
    -------
    grad_query, grad_key, grad_value : ndarray
    """
    op = "attention_backward"
    g, q, k, v, o, lse = as_floats(op, grad, query, key, value, out, logsumexp)
    shape, seen, factor = _plan(op, q, k, v, mask, scale)
    expected = (shape.batch, shape.query_length, shape.heads, shape.value_size)
    rows = (shape.batch, shape.heads, shape.query_length)
    for name, array, needed in (("grad", g, expected), ("out", o, expected), ("logsumexp", lse, rows)):
        if array.shape != needed:
            raise ShapeError(f"[{op}] {name} expects shape {needed}, got {array.shape}")
    grads = tuple(empty(array.shape, q.dtype, q) for array in (q, k, v))
    pick(g, q, k, v, o, lse, seen).attention_backward(*grads, g, q, k, v, o, lse, seen, shape, factor, bool(causal))
    return grads  # type: ignore[return-value]


def _plan(
    op: str, q: Array, k: Array, v: Array, mask: ArrayLike | None, scale: float | None
) -> tuple[AttentionShape, Array | None, float]:
    """The sizes of the call, the mask as an array of whole rows of keys, the scale."""
    shapes = f"query {q.shape}, key {k.shape}, value {v.shape}"
    if not q.ndim == k.ndim == v.ndim == 4:
        raise ShapeError(f"[{op}] expects query, key and value (batch, length, heads, size), got {shapes}")
    batch, query_length, heads, key_size = q.shape
    key_length, key_heads = k.shape[1], k.shape[2]
    if k.shape[0] != batch or k.shape[3] != key_size or v.shape[:3] != k.shape[:3]:
        raise ShapeError(
            f"[{op}] expects one batch, keys of the size of queries, and a value for each key, got {shapes}"
        )
    if heads % key_heads if key_heads else heads:
        raise ShapeError(f"[{op}] the heads of the query must be a multiple of the key's, got {heads} and {key_heads}")
    factor = number(op, "scale", scale) if scale is not None else 1 / math.sqrt(max(key_size, 1))
    sizes = (batch, query_length, key_length, heads, key_heads, key_size, v.shape[3])
    if mask is None:
        return AttentionShape(*sizes, 0, 0, 0), None, factor
    module = array_module(q, mask)
    seen = beside(op, module, mask)
    if seen.dtype != np.bool_:
        raise DTypeError(f"[{op}] mask expects booleans, true where a key is seen, got dtype {seen.dtype}")
    full = (batch, heads, query_length, key_length)
    if seen.ndim > 4 or any(have not in (1, want) for have, want in zip(seen.shape[::-1], full[::-1], strict=False)):
        raise ShapeError(f"[{op}] mask expects a shape that broadcasts to {full}, got {seen.shape}")
    seen = seen.reshape((1,) * (4 - seen.ndim) + seen.shape)
    seen = required(repeated_condition(seen, (*seen.shape[:3], key_length)))
    steps = (math.prod(seen.shape[axis + 1 :]) if seen.shape[axis] > 1 else 0 for axis in range(3))
    return AttentionShape(*sizes, *steps), seen, factor
