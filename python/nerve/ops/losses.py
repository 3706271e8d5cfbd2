"""Losses of elements and of classes, under Keras's names: made of other ops."""

from __future__ import annotations

import math
from typing import Any

from nerve.errors import ShapeError
from nerve.kernels.reduce import single_axis
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import ndim, shape
from nerve.ops.elementwise import add, divide, log, maximum, minimum, multiply, negative, softplus, square, subtract
from nerve.ops.indexing import one_hot
from nerve.ops.reduce import mean, sum
from nerve.ops.softmax import log_softmax
from nerve.tensor import Tensor

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "psnr",
    "sparse_categorical_crossentropy",
]

_EPSILON = 1e-7


@composed
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """`-target log(output) - (1 - target) log(1 - output)`, element by element; of logits without overflow."""
    other = subtract(1.0, target)
    if from_logits:
        # Two terms of one sign: nothing cancels. The usual max(x, 0) - x y + log(1 + exp(-|x|)) has, composed of
        # relu and abs, a wrong derivative at x = 0, where every model with zero weights starts.
        return add(multiply(target, softplus(negative(output))), multiply(other, softplus(output)))
    p = _clipped(output)
    return negative(add(multiply(target, log(p)), multiply(other, log(subtract(1.0, p)))))


def _clipped(probabilities: Any) -> Tensor:
    return minimum(maximum(probabilities, _EPSILON), 1.0 - _EPSILON)


@composed
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`-sum(target log(output))` along an axis; probabilities are made to sum to one first."""
    if shape(target) != shape(output):
        raise ShapeError(f"[categorical_crossentropy] expects one shape, got {shape(target)} and {shape(output)}")
    return multiply(sum(multiply(_log_probabilities(output, from_logits, axis), target), axis=axis), -1.0)


@composed
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`-log(output)` of the class that an integer names; as :func:`categorical_crossentropy`."""
    sizes, place = shape(output), single_axis("sparse_categorical_crossentropy", axis, ndim(output))
    labels, rest = as_plain_array(target), tuple(n for i, n in enumerate(sizes) if i != place)
    if labels.ndim == len(sizes) and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if labels.shape != rest:
        raise ShapeError(f"[sparse_categorical_crossentropy] expects labels of shape {rest}, got {labels.shape}")
    logs = _log_probabilities(output, from_logits, place)
    return multiply(sum(multiply(logs, one_hot(labels, sizes[place], axis=place, dtype=logs.dtype)), axis=place), -1.0)


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return log_softmax(output, axis=axis)
    return log(_clipped(divide(output, sum(output, axis=axis, keepdims=True))))


@composed
def psnr(x1: Any, x2: Any, max_val: float) -> Tensor:
    """The ratio of `max_val` to the root mean square of the difference, in decibels."""
    error = mean(square(subtract(x1, x2)))
    return multiply(log(error), -10 / math.log(10)) + 20 * math.log10(max_val)
