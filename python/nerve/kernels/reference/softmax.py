"""Softmax along rows, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = [
    "log_softmax",
    "log_softmax_backward",
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]


def _log_softmax(x: Array) -> Array:
    x = x.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted: Array = x - x.max(axis=1, keepdims=True)
        shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def log_softmax(out: Array, x: Array, rows: int, columns: int) -> None:
    if out.size:
        out.reshape(rows, columns)[...] = _log_softmax(x.reshape(rows, columns))


def softmax(out: Array, x: Array, rows: int, columns: int) -> None:
    if out.size:
        out.reshape(rows, columns)[...] = np.exp(_log_softmax(x.reshape(rows, columns)))


def softmax_backward(grad_x: Array, grad: Array, y: Array, rows: int, columns: int) -> None:
    weighted = (grad.astype(np.float64) * y).sum(axis=-1, keepdims=True)
    grad_x[...] = y * (grad - weighted)


def log_softmax_backward(grad_x: Array, grad: Array, y: Array, rows: int, columns: int) -> None:
    grad_x[...] = grad - np.exp(y.astype(np.float64)) * grad.sum(axis=-1, keepdims=True, dtype=np.float64)


def softmax_cross_entropy(
    loss: Array, grad: Array | None, logits: Array, targets: Array, rows: int, columns: int
) -> None:
    if not logits.size:
        return
    log_p, t = _log_softmax(logits.reshape(rows, columns)), targets.reshape(rows, columns)
    with np.errstate(invalid="ignore"):
        loss.reshape(-1)[...] = -np.where(t == 0, 0, t * log_p).sum(axis=1)
    if grad is not None:
        total = t.sum(axis=1, keepdims=True, dtype=np.float64)
        grad.reshape(rows, columns)[...] = np.exp(log_p) * total - t


def sparse_softmax_cross_entropy(
    loss: Array, grad: Array | None, logits: Array, labels: Array, rows: int, columns: int
) -> None:
    targets = labels.reshape(-1, 1) == np.arange(columns)
    softmax_cross_entropy(loss, grad, logits, targets.astype(np.float64), rows, columns)
