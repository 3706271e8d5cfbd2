"""Reductions, differentiable."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels.reduce import reduced_axes
from nerve.ops._differentiable import Result, differentiable, plain

__all__ = ["argmax", "argmin", "max", "mean", "min", "sum"]

Axes = int | Sequence[int] | None


def _kept(shape: tuple[int, ...], axis: Axes) -> tuple[int, ...]:
    """``shape`` with the reduced axes left in place at size one."""
    axes = reduced_axes("reduce", axis, len(shape))
    return tuple(1 if i in axes else size for i, size in enumerate(shape))


def _spread(grad: Array, shape: tuple[int, ...], axis: Axes) -> Array:
    """Repeat a reduced gradient along the axes that were reduced."""
    return kernels.broadcast_to(grad.reshape(_kept(shape, axis)), shape)


@differentiable
def sum(x: Array, axis: Axes = None, keepdims: bool = False) -> Result:
    y, shape = kernels.sum(x, axis, keepdims), np.shape(x)
    return y, (lambda grad: _spread(grad, shape, axis),)


@differentiable
def mean(x: Array, axis: Axes = None, keepdims: bool = False) -> Result:
    y, shape = kernels.mean(x, axis, keepdims), np.shape(x)
    count = math.prod(shape) // (math.prod(_kept(shape, axis)) or 1)
    return y, (lambda grad: _spread(kernels.divide(grad, float(count)), shape, axis),)


def _extremum(x: Array, y: Array, axis: Axes, keepdims: bool, initial: Any, combine: Callable[..., Array]) -> Result:
    """The gradient of a maximum or minimum goes in equal parts to the elements that reach it."""
    if initial is not None:
        y = combine(y, initial)

    def gradient(grad: Array) -> Array:
        reached = kernels.where(kernels.equal(x, y), np.ones((), x.dtype), 0.0)
        count = kernels.sum(reached, axis, True)
        if initial is not None:  # which may be what was found
            count = kernels.maximum(count, 1.0)
        return kernels.multiply(reached, kernels.divide(grad.reshape(y.shape), count))

    return y if keepdims else np.squeeze(y, reduced_axes("reduce", axis, y.ndim)), (gradient,)


@differentiable
def max(x: Array, axis: Axes = None, keepdims: bool = False, initial: Any = None) -> Result:
    """The largest along axes or of all, and of `initial` if that is given."""
    return _extremum(x, kernels.max(x, axis, True), axis, keepdims, initial, kernels.maximum)


@differentiable
def min(x: Array, axis: Axes = None, keepdims: bool = False, initial: Any = None) -> Result:
    """The smallest along axes or of all, and of `initial` if that is given."""
    return _extremum(x, kernels.min(x, axis, True), axis, keepdims, initial, kernels.minimum)


def _place(find: Callable[..., Array], x: Any, axis: int | None, keepdims: bool) -> Array:
    found = find(x, axis)
    if not keepdims:
        return found
    return found.reshape(_kept(np.shape(x), axis))


@plain
def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Position of the first maximum along an axis; as :func:`nerve.kernels.argmax`."""
    return _place(kernels.argmax, x, axis, keepdims)


@plain
def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Position of the first minimum along an axis; as :func:`nerve.kernels.argmin`."""
    return _place(kernels.argmin, x, axis, keepdims)
