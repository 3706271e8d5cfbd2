"""Functions of numbers, or of small arrays, as functions of arrays of them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from nerve.errors import ShapeError
from nerve.ops._differentiable import composed
from nerve.ops.creation import convert_to_tensor
from nerve.ops.indexing import broadcast_to, getitem, reshape
from nerve.ops.shaping import stack
from nerve.tensor import Tensor

__all__ = ["vectorize"]

_AXES = r"\(\s*(?:\w+\s*(?:,\s*\w+\s*)*)?\)"


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function of arrays that calls one of single elements for each, one after the other.

    Parameters
    ----------
    pyfunc : callable
        Of tensors () if there is no signature. Gives a tensor, or a tuple of them.
    excluded : set of int or str, optional
        Positions and names of arguments that are handed on as they are.
    signature : str, optional
        The axes that the function takes and gives, as in `"(m,n),(n)->(m)"`; those before them are gone through.

    Returns
    -------
    callable
        Arguments broadcast along the axes gone through; keywords are handed on as they are.

    Raises
    ------
    ValueError
        If `pyfunc` cannot be called, or the signature is none; when called, if arguments do not fit it.
    """
    if not callable(pyfunc):
        raise ValueError(f"[vectorize] expects a function, got {pyfunc!r}")
    kept = set(excluded or ())
    inner = None if signature is None else _parsed(signature)

    @composed
    @functools.wraps(pyfunc)
    def function(*args: Any, **kwargs: Any) -> Any:
        places = [i for i, x in enumerate(args) if i not in kept and x is not None]
        tensors = [convert_to_tensor(args[i]) for i in places]
        axes: list[tuple[str, ...]] = [()] * len(tensors) if inner is None else inner
        if len(axes) != len(tensors) or not tensors:
            raise ValueError(f"[vectorize] expects {len(axes) or 'some'} arrays, got {len(tensors)}")
        loops = _loops(tensors, axes)
        outer = np.broadcast_shapes(*loops)
        if 0 in outer:
            raise ShapeError(f"[vectorize] expects at least one element, got shapes {[x.shape for x in tensors]}")
        wide = [broadcast_to(x, (*outer, *x.shape[len(loop) :])) for x, loop in zip(tensors, loops, strict=True)]
        results = []
        for index in np.ndindex(*outer):
            given = list(args)
            for place, x in zip(places, wide, strict=True):
                given[place] = getitem(x, index) if index else x
            results.append(pyfunc(*given, **kwargs))
        if not isinstance(results[0], tuple):
            return _gathered(results, outer)
        return tuple(_gathered(list(each), outer) for each in zip(*results, strict=True))

    return function


def _gathered(results: list[Any], outer: tuple[int, ...]) -> Tensor:
    found = stack(results, 0)
    return reshape(found, (*outer, *found.shape[1:]))


def _loops(tensors: list[Tensor], axes: list[tuple[str, ...]]) -> list[tuple[int, ...]]:
    """The axes of each that are gone through; the others have one size for each name."""
    sizes: dict[str, int] = {}
    loops = []
    for x, names in zip(tensors, axes, strict=True):
        if x.ndim < len(names):
            raise ShapeError(f"[vectorize] expects at least the axes ({','.join(names)}), got shape {x.shape}")
        split = x.ndim - len(names)
        for name, size in zip(names, x.shape[split:], strict=True):
            if sizes.setdefault(name, size) != size:
                raise ShapeError(f"[vectorize] axis {name!r} is {sizes[name]} and {size} in one call")
        loops.append(x.shape[:split])
    return loops


def _parsed(signature: str) -> list[tuple[str, ...]]:
    """The names of the axes of each argument."""
    if not re.fullmatch(rf"\s*{_AXES}(?:\s*,\s*{_AXES})*\s*->\s*{_AXES}(?:\s*,\s*{_AXES})*\s*", signature):
        raise ValueError(f"[vectorize] signature expects axes such as '(m,n),(n)->(m)', got {signature!r}")
    taken = signature.split("->")[0]
    return [tuple(re.findall(r"\w+", group)) for group in re.findall(_AXES, taken)]
