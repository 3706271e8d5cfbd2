"""Softmax and its relatives, differentiable."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._backend import rectangular
from nerve.ops._differentiable import Result, differentiable
from nerve.tensor import Gradient

__all__ = ["log_softmax", "softmax", "softmax_cross_entropy"]


@differentiable
def softmax(x: Array, axis: int = -1) -> Result:
    """``exp(x) / sum(exp(x))`` along an axis; as :func:`nerve.kernels.softmax`."""
    y = kernels.softmax(x, axis=axis)
    return y, (lambda grad: kernels.softmax_backward(grad, y, axis=axis),)


@differentiable
def log_softmax(x: Array, axis: int = -1) -> Result:
    """The logarithm of :func:`softmax`; as :func:`nerve.kernels.log_softmax`."""
    y = kernels.log_softmax(x, axis=axis)
    return y, (lambda grad: kernels.log_softmax_backward(grad, y, axis=axis),)


@differentiable
def softmax_cross_entropy(logits: Array, targets: Array) -> Result:
    """The loss of each row; targets and errors as in :func:`nerve.kernels.softmax_cross_entropy`."""
    loss, grad_logits = kernels.softmax_cross_entropy(logits, targets)
    # Only probabilities have a gradient: -log p.
    grad_targets: Gradient | None = None
    if rectangular("softmax_cross_entropy", targets).dtype.kind == "f":
        grad_targets = lambda grad: kernels.multiply(kernels.log_softmax(logits), kernels.negative(grad)[..., None])  # noqa: E731
    return loss, (lambda grad: kernels.multiply(grad_logits, grad[..., None]), grad_targets)
