"""Softmax along an axis, its logarithm, and the cross-entropy of the two, fused with its gradient."""

from __future__ import annotations

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels import _later
from nerve.kernels._arrays import array_module, on_gpu
from nerve.kernels._backend import as_array, as_floats, beside, empty, overwrite, pick
from nerve.kernels._elementwise import apart, output
from nerve.kernels._integers import checked_labels
from nerve.kernels._recording import now
from nerve.kernels.indexing import transpose
from nerve.kernels.reduce import single_axis

__all__ = ["log_softmax", "log_softmax_backward", "softmax", "softmax_backward", "softmax_cross_entropy"]


def softmax(x: ArrayLike, *, axis: int = -1, out: Array | None = None) -> Array:
    """``exp(x) / sum(exp(x))`` along an axis; the maximum is subtracted first, so nothing overflows.

    Parameters
    ----------
    x : array_like
        At least one dimension. A row with NaN or +inf, or of -inf alone, gives NaN throughout; -inf beside finite
        numbers gives 0.
    axis : int
    out : ndarray, optional
        Where to write: C-contiguous, of x's shape and dtype; ``x`` itself computes in place.

    Returns
    -------
    ndarray
        Of the shape of ``x``; ``out`` if given.

    Raises
    ------
    ShapeError
        If the axis does not exist, or ``out`` has another shape.
    DTypeError
        If ``x`` is not an array of real numbers, or ``out`` has another dtype.
    """
    return _along("softmax", axis, out, x)


def softmax_backward(grad: ArrayLike, y: ArrayLike, *, axis: int = -1, out: Array | None = None) -> Array:
    """``y * (grad - sum(grad * y))``, for ``y = softmax(x)``; ``out`` may be ``grad``."""
    return _along("softmax_backward", axis, out, grad, y)


def log_softmax(x: ArrayLike, *, axis: int = -1, out: Array | None = None) -> Array:
    """The logarithm of :func:`softmax`, accurate where that is close to 0 or 1; ``out`` as there."""
    return _along("log_softmax", axis, out, x)


def log_softmax_backward(grad: ArrayLike, y: ArrayLike, *, axis: int = -1, out: Array | None = None) -> Array:
    """``grad - exp(y) * sum(grad)``, for ``y = log_softmax(x)``; ``out`` may be ``grad``."""
    return _along("log_softmax_backward", axis, out, grad, y)


def softmax_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """``-sum(targets * log_softmax(logits))`` over the last axis, and its gradient, in one pass.

    Parameters
    ----------
    logits : array_like, (..., classes)
        Not normalised.
    targets : array_like
        Labels: integers of shape ``logits.shape[:-1]``, each in 0..classes-1. Or probabilities of the shape of the
        logits; where a probability is zero its term is zero, even if the logit is -inf.

    Returns
    -------
    loss : ndarray, (...)
    grad : ndarray, (..., classes)
        Of each loss with respect to its logits: ``softmax(logits) * sum(targets) - targets``.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ValueError
        If a label is out of range or a target is NaN.
    """
    op = "softmax_cross_entropy"
    module = array_module(logits, targets)
    labels = beside(op, module, targets)
    if labels.dtype.kind in "iu" and labels.ndim != beside(op, module, logits).ndim:
        x = as_array(op, logits)
        _check_logits(x)
        if labels.shape != x.shape[:-1]:
            raise ShapeError(f"[{op}] expects labels of shape {x.shape[:-1]} for logits {x.shape}, got {labels.shape}")
        labels = checked_labels(op, labels, x.shape[-1])
        loss, grad = empty(x.shape[:-1], x.dtype, x), empty(x.shape, x.dtype, x)
        pick(x).sparse_softmax_cross_entropy(loss, grad, x, labels, labels.size, x.shape[-1])
        return loss, grad
    x, probabilities = as_floats(op, logits, targets)
    _check_logits(x)
    if probabilities.shape != x.shape:
        raise ShapeError(
            f"[{op}] expects probabilities of shape {x.shape}, or integer labels of shape {x.shape[:-1]}, "
            f"got {probabilities.dtype} of shape {probabilities.shape}"
        )
    loss, grad = empty(x.shape[:-1], x.dtype, x), empty(x.shape, x.dtype, x)
    pick(x).softmax_cross_entropy(loss, grad, x, probabilities, loss.size, x.shape[-1])

    def error() -> ValueError:
        where = tuple(int(i) for i in module.argwhere(module.isnan(probabilities))[0])
        return ValueError(f"[{op}] targets must be probabilities, got nan at position {where}")

    if on_gpu(loss):
        missing = ValueError(f"[{op}] targets must be probabilities, got nan")
        if not _later.noted(module.isnan(probabilities), missing) and bool(module.isnan(probabilities).any()):
            raise error()
    elif now.recording is None:
        # A NaN loss comes from the logits or from the targets; only then is it worth looking which.
        if module.isnan(loss).any() and module.isnan(probabilities).any():
            raise error()
    elif not now.recording.computed(probabilities):
        now.recording.require_numbers(probabilities, error)
    return loss, grad


def _check_logits(x: Array) -> None:
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ShapeError(f"[softmax_cross_entropy] expects logits (..., classes), got shape {x.shape}")


def _along(op: str, axis: int, out: Array | None, *values: ArrayLike) -> Array:
    """A kernel on rows along any axis: another than the last is brought there and back."""
    arrays = as_floats(op, *values)
    first = arrays[0]
    if any(array.shape != first.shape for array in arrays):
        raise ShapeError(f"[{op}] expects arrays of one shape, got {', '.join(str(a.shape) for a in arrays)}")
    at = single_axis(op, axis, first.ndim)
    if at != first.ndim - 1:
        order = (*(i for i in range(first.ndim) if i != at), at)
        back = (*range(at), first.ndim - 1, *range(at, first.ndim - 1))
        if out is not None:
            output(op, out, first.shape, first.dtype, first)  # refused before anything is computed
        found = transpose(_along(op, -1, None, *(transpose(array, order) for array in arrays)), back)
        if out is None:
            return found
        overwrite(out, found)
        return out
    result = output(op, out, first.shape, first.dtype, first)
    if out is not None:
        arrays = tuple(apart(array, out) for array in arrays)
    columns = first.shape[-1]
    getattr(pick(*arrays), op)(result, *arrays, first.size // columns if columns else 0, columns)
    return result
