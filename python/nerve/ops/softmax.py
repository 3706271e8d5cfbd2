"""Softmax and its relatives, differentiable."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, rectangular
from nerve.kernels.reduce import single_axis
from nerve.ops._differentiable import Result, differentiable
from nerve.tensor import Gradient

__all__ = ["log_softmax", "softmax", "softmax_cross_entropy", "sparsemax"]


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


@differentiable
def sparsemax(x: Array, axis: int = -1) -> Result:
    """The point with elements that are not negative and sum to one that is nearest to x along an axis.

    Of small elements it makes zeros: the others are lowered by one number. That number, for which the rest sums to one,
    is found by halving the interval it lies in until it is as narrow as the floats are, rather than by sorting; it is
    then computed from the elements above it.

    Parameters
    ----------
    x : array_like
    axis : int

    Raises
    ------
    ShapeError
        If x has no such axis, or no element along it.

    References
    ----------
    Martins and Astudillo, "From softmax to sparsemax", ICML 2016.
    """
    (x,) = as_floats("sparsemax", x)
    axis = single_axis("sparsemax", axis, x.ndim)
    if x.shape[axis] == 0:
        raise ShapeError(f"[sparsemax] expects elements along axis {axis}, got shape {x.shape}")
    below = kernels.subtract(x, kernels.max(x, axis, True))
    low: Array = kernels.subtract(kernels.max(below, axis, True), 1.0)
    step = 0.5
    for _ in range(24 if x.dtype.itemsize == 4 else 53):
        middle = kernels.add(low, step)
        rest = kernels.sum(kernels.relu(kernels.subtract(below, middle)), axis, True)
        low = kernels.where(kernels.greater_equal(rest, 1.0), middle, low)
        step /= 2
    support = kernels.where(kernels.greater(below, low), kernels.add(kernels.multiply(below, 0.0), 1.0), 0.0)
    count = kernels.sum(support, axis, True)
    kept = kernels.sum(kernels.multiply(support, below), axis, True)
    y = kernels.relu(kernels.subtract(below, kernels.divide(kernels.subtract(kept, 1.0), count)))

    def gradient(grad: Array) -> Array:
        mean = kernels.divide(kernels.sum(kernels.multiply(grad, support), axis, True), count)
        return kernels.multiply(support, kernels.subtract(grad, mean))

    return y, (gradient,)
