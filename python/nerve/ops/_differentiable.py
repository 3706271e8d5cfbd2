"""How an op becomes differentiable: it computes on arrays and says, input by input, how its gradient goes back."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from nerve._typing import Array
from nerve.kernels._recording import now
from nerve.kernels._traced import as_array
from nerve.tensor import Gradient, Joint, Tensor, recording

F = TypeVar("F", bound=Callable[..., Any])

#: What an op returns: its output (or a tuple: the output and further plain arrays), and a gradient function for each
#: positional argument, None where nothing flows back.
Result = tuple[Any, tuple[Gradient | None, ...]]

#: What an op of several differentiable outputs returns: these, and a function from their gradients (None where the loss
#: does not depend on one) to those of the inputs (None where not wanted).
JointResult = tuple[tuple[Array, ...], Callable[[tuple[Array | None, ...]], tuple[Array | None, ...]]]


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
        if kwargs and len(args) < len(names):
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
        if now.watch is not None:
            now.watch.made(result, function.__name__, args)
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


def differentiable_jointly(function: Callable[..., JointResult]) -> Callable[..., tuple[Tensor, ...]]:
    """As :func:`differentiable`, for a function of several outputs through all of which gradients flow.

    Its keyword ``wanted`` is filled in here: whether each input's gradient may be asked for.
    """
    signature = inspect.signature(function)
    parameters = [parameter for name, parameter in signature.parameters.items() if name != "wanted"]
    positions = [parameter for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]

    @functools.wraps(function)
    def op(*args: Any, **kwargs: Any) -> Any:
        inputs = list(args)
        for parameter in positions[len(args) :]:  # given by name, or left out
            if parameter.name in kwargs or parameter.default is None:
                inputs.append(kwargs.pop(parameter.name, None))
        for value in inputs:
            if hasattr(type(value), "__nerve_op__"):
                return value.__nerve_op__(op, tuple(inputs), kwargs)
        on = recording()
        wanted = tuple(on and isinstance(value, Tensor) and value.tracked for value in inputs)
        arrays = [value.array if isinstance(value, Tensor) else value for value in inputs]
        outputs, backward = function(*arrays, wanted=wanted, **kwargs)
        results = tuple(Tensor(output, tracked=False) for output in outputs)
        if now.watch is not None:
            for result in results:
                now.watch.made(result, function.__name__, args)
        if any(wanted):
            joined(inputs, wanted, results, backward)
        return results

    op.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return op


def joined(
    inputs: Sequence[Any],
    wanted: Sequence[bool],
    results: Sequence[Tensor],
    backward: Callable[[tuple[Array | None, ...]], tuple[Array | None, ...]],
) -> None:
    """Put a node between results and inputs, which collects the gradients of the former."""
    node = Joint(np.zeros(()), tracked=True)
    received: list[Array | None] = [None] * len(results)
    found: list[Array | None] = [None] * len(inputs)

    def collect(index: int) -> Gradient:
        def gradient(grad: Array) -> Array:
            received[index] = grad
            return node.array  # of no account: it only leads on to the node

        return gradient

    def hand_on(index: int) -> Gradient:
        def gradient(_: Array) -> Array:
            if any(grad is not None for grad in received):  # the first input of this pass
                found[:] = backward(tuple(received))
                received[:] = [None] * len(results)
            result = found[index]
            assert result is not None
            return result

        return gradient

    node.parents = tuple((value, hand_on(i)) for i, value in enumerate(inputs) if wanted[i])
    for index, result in enumerate(results):
        result.parents, result.tracked = ((node, collect(index)),), True


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


def composed(function: F) -> F:
    """An op made of others: on symbolic tensors it becomes one step of a model, so that it sees whole shapes."""

    @functools.wraps(function)
    def op(*args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            for leaf in value if isinstance(value, list | tuple) else (value,):
                if hasattr(type(leaf), "__nerve_op__"):
                    return leaf.__nerve_op__(op, args, kwargs)
        return function(*args, **kwargs)

    return op  # type: ignore[return-value]


def as_plain_array(x: Any) -> Array:
    """The array of a tensor, or of anything NumPy understands; CuPy's arrays and guarded ones as they are."""
    return x.array if isinstance(x, Tensor) else as_array(x)
