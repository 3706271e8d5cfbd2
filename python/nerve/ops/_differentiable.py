"""How an op becomes differentiable: it computes on arrays and says, input by input, how its gradient goes back."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.tensor import Gradient, Tensor, recording

#: What an op returns: its output (or a tuple: the output and further plain arrays), and a gradient function for each
#: positional argument, None where nothing flows back.
Result = tuple[Any, tuple[Gradient | None, ...]]


def differentiable(function: Callable[..., Result]) -> Callable[..., Tensor]:
    """Turn ``function`` of arrays into an op on tensors.

    Positional parameters are the op's inputs: they arrive as arrays (or whatever else was passed, such as numbers or
    None). Keyword-only parameters are attributes. Arrays given in place of tensors are constants. An argument whose
    type defines ``__nerve_op__(op, args, kwargs)`` takes over the call, like ``__array_function__`` in NumPy.
    """
    names = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]

    @functools.wraps(function)
    def op(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args, kwargs = _inputs_first(names, args, kwargs)
        arrays: list[Any] = []
        tracked = False
        for value in args:
            if isinstance(value, Tensor):
                arrays.append(value.array)
                tracked = tracked or value.tracked
            elif hasattr(type(value), "__nerve_op__"):
                return value.__nerve_op__(op, args, kwargs)
            else:
                arrays.append(value)
        output, gradients = function(*arrays, **kwargs)
        further: tuple[Array, ...] = ()
        if isinstance(output, tuple):
            output, *rest = output
            further = tuple(rest)
        result = Tensor(output, tracked=False)
        if tracked and recording():
            result.parents = tuple(
                (value, gradient)
                for value, gradient in zip(args, gradients, strict=False)  # inputs left out are the last ones
                if gradient is not None and isinstance(value, Tensor) and value.tracked
            )
            result.tracked = bool(result.parents)
        return (result, *further) if further else result

    return op


def differentiable_first(function: Callable[..., Result]) -> Callable[..., tuple[Any, ...]]:
    """As :func:`differentiable`, for a function whose output is a tuple: a gradient flows through its first array."""
    return differentiable(function)  # type: ignore[return-value]


def _inputs_first(
    names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs given by name take their positions."""
    values = list(args)
    for name in names[len(args) :]:
        if name not in kwargs:
            break
        values.append(kwargs[name])
    taken = names[len(args) : len(values)]
    return tuple(values), {name: value for name, value in kwargs.items() if name not in taken}


def once(function: Callable[[Array], tuple[Array, ...]]) -> Callable[[int], Gradient]:
    """Gradient functions that share one computation: ``shared(i)`` is the i-th result of ``function(grad)``."""
    last: list[Any] = [None, None]

    def shared(index: int) -> Gradient:
        def gradient(grad: Array) -> Array:
            if last[0] is not grad:
                last[:] = grad, function(grad)
            result: Array = last[1][index]
            return result

        return gradient

    return shared


def plain(function: Callable[..., Array]) -> Callable[..., Tensor]:
    """An op through which no gradient flows."""

    @functools.wraps(function)
    def compute(*args: Any, **kwargs: Any) -> Result:
        output = function(*args, **kwargs)
        return output, (None,) * len(args)

    return differentiable(compute)


def as_plain_array(x: Any) -> Array:
    """The array of a tensor, or of anything NumPy understands."""
    return x.array if isinstance(x, Tensor) else np.asarray(x)
