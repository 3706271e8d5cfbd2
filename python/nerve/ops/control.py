"""Loops and branches under Keras's names: Python's own, on tensors.

A recording holds the way that was taken; where it depends on a value that kernels compute, it refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nerve.errors import ShapeError
from nerve.ops._differentiable import composed
from nerve.ops.creation import convert_to_tensor, shape
from nerve.ops.shaping import flip, stack
from nerve.tree import flatten, map_structure

__all__ = [
    "cond",
    "fori_loop",
    "map",
    "scan",
    "switch",
    "vectorized_map",
    "while_loop",
]


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """What one of two functions gives."""
    return true_fn() if bool(pred) else false_fn()


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """What the function with this number gives, the first or the last if there is none."""
    return branches[min(max(int(index), 0), len(branches) - 1)](*operands)


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Call `body` on the loop's variables for as long as `cond` of them holds; gives the last ones."""
    several = isinstance(loop_vars, list | tuple)
    values = tuple(loop_vars) if several else (loop_vars,)
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and bool(cond(*values)):
        found = body(*values)
        values = tuple(found) if isinstance(found, list | tuple) else (found,)
        count += 1
    return values if several else values[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """Call `body_fun(i, value)` for each i from `lower` up to `upper`, which is left out."""
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def _length(op: str, xs: Any) -> int:
    lengths = {shape(leaf)[0] for leaf in flatten(xs) if leaf is not None}
    if len(lengths) != 1:
        raise ShapeError(f"[{op}] expects arrays of one length, got {sorted(lengths)}")
    return int(lengths.pop())


def _each(function: Callable[..., Any], *structures: Any) -> Any:
    return map_structure(function, *structures, none_is_leaf=False)


def _stacked(results: Sequence[Any]) -> Any:
    return _each(lambda *parts: stack(parts, 0), *results)


@composed
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """What `f` makes of each element along the first axis, stacked.

    Parameters
    ----------
    f : callable
    xs : tensor, or list, tuple or dict of them, of one length above 0
    """
    length = _length("map", xs)
    if not length:
        raise ShapeError("[map] expects at least one element")
    return _stacked([f(_at(xs, i)) for i in range(length)])


@composed
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """As :func:`map`: one after the other."""
    return map(function, elements)


@composed
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
) -> tuple[Any, Any]:
    """Call `f(carry, x)`, which gives the next carry and a result, for each element along the first axis.

    Parameters
    ----------
    f : callable
    init : any
        The first carry.
    xs : tensor, or list, tuple or dict of them, optional
    length : int, optional
        The number of calls, if there are no xs.
    reverse : bool
        Whether to begin with the last element. Results are in the order of the elements.
    unroll : int
        Of no account here.

    Returns
    -------
    carry, results
    """
    if xs is None and length is None:
        raise ValueError("[scan] needs xs, or the length")
    count = int(length) if xs is None else _length("scan", xs)  # type: ignore[arg-type]
    carry, results = init, []
    for i in reversed(range(count)) if reverse else range(count):
        carry, result = f(carry, _at(xs, i))
        results.append(result)
    stacked = _stacked(results) if results else None
    return carry, _each(lambda x: flip(x, 0), stacked) if reverse else stacked


def _at(xs: Any, i: int) -> Any:
    return _each(lambda x: convert_to_tensor(x)[i], xs)
