"""Functions whose gradient is said by who writes them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import full
from nerve.ops._differentiable import joined
from nerve.tensor import Tensor, no_gradients, recording
from nerve.tree import flatten, pack_like

__all__ = ["custom_gradient"]


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function with a gradient of its own.

    Parameters
    ----------
    f : callable
        Gives, of (nested) tensors, a pair: its (nested) outputs, and a function that gives a gradient for each tensor
        in the arguments, in their order, or a single one. That is called with the arguments and, as `upstream`, the
        gradients of the outputs (a tensor, or a tuple if there are several); or with these alone if it has no such
        parameter.

    Returns
    -------
    callable
        Gives the outputs.

    Raises
    ------
    ValueError, ShapeError
        On the way back, if there is not a gradient for each argument, or one is missing or of another shape.

    Examples
    --------
    >>> @ops.custom_gradient
    ... def log1pexp(x):
    ...     e = ops.exp(x)
    ...
    ...     def grad(*args, upstream):
    ...         return upstream * (1.0 - 1.0 / (1.0 + e))
    ...
    ...     return ops.log(1.0 + e), grad
    """

    @functools.wraps(f)
    def function(*args: Any, **kwargs: Any) -> Any:
        for leaf in flatten([args, kwargs]):
            if hasattr(type(leaf), "__nerve_op__"):
                return leaf.__nerve_op__(function, args, kwargs)
        with no_gradients():
            outputs, grad_fn = f(*args, **kwargs)
        inputs = flatten(list(args))
        wanted = [recording() and isinstance(x, Tensor) and x.tracked for x in inputs]
        results = [Tensor(x, tracked=False) for x in flatten(outputs)]

        def backward(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
            upstream = [
                Tensor(full(y.shape, 0.0, y.dtype, y.array) if grad is None else grad, tracked=False)
                for grad, y in zip(grads, results, strict=True)
            ]
            with no_gradients():
                given = _called(grad_fn, args, upstream)
            gradients = flatten(list(given) if isinstance(given, list | tuple) else [given])
            if len(gradients) != len(inputs):
                raise ValueError(
                    f"[custom_gradient] expects {len(inputs)} gradients of {f.__name__}, one for each argument, got "
                    f"{len(gradients)}"
                )
            arrays = [x.array if isinstance(x, Tensor) else x for x in gradients]
            for x, found, asked in zip(inputs, arrays, wanted, strict=True):
                if asked and not _fits(getattr(found, "shape", None), x.shape):
                    got = f"shape {found.shape}" if hasattr(found, "shape") else repr(found)
                    raise ShapeError(f"[custom_gradient] expects of {f.__name__} a gradient {x.shape}, got {got}")
            return tuple(arrays)

        if any(wanted):
            joined(inputs, wanted, results, backward)
        return pack_like(outputs, results)

    return function


def _fits(shape: tuple[int, ...] | None, wanted: tuple[int, ...]) -> bool:
    """Whether a gradient has a shape, or one to which it was broadcast."""
    try:
        return shape is not None and np.broadcast_shapes(shape, wanted) == shape
    except ValueError:
        return False


def _called(grad_fn: Callable[..., Any], args: tuple[Any, ...], upstream: list[Tensor]) -> Any:
    """By the keyword, as Keras does on PyTorch, or as on TensorFlow and JAX."""
    names = [parameter.name for parameter in inspect.signature(grad_fn).parameters.values()]
    if "upstream" in names[1:]:  # the first one takes it by position
        return grad_fn(*args, upstream=upstream[0] if len(upstream) == 1 else tuple(upstream))
    return grad_fn(*upstream)
