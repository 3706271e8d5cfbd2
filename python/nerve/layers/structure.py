"""Nested lists, tuples and dicts of tensors, and the shapes they have.

A dict is walked in the order of its keys, so that two dicts with the same keys match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nerve.errors import ShapeError

Shape = tuple[int | None, ...]


def flatten(structure: Any) -> list[Any]:
    """The leaves, left to right. None is a leaf."""
    if isinstance(structure, list | tuple):
        return [leaf for item in structure for leaf in flatten(item)]
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    return [structure]


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """`function` of every leaf, in the same nesting."""
    if isinstance(structure, list | tuple):
        items = [map_structure(function, item) for item in structure]
        # A named tuple takes its fields one by one.
        return type(structure)(*items) if hasattr(structure, "_fields") else type(structure)(items)
    if isinstance(structure, dict):
        return {key: map_structure(function, structure[key]) for key in sorted(structure)}
    return function(structure)


def pack_like(structure: Any, leaves: list[Any]) -> Any:
    """`leaves` in the nesting of `structure`."""
    remaining: Iterator[Any] = iter(leaves)
    return map_structure(lambda _: next(remaining), structure)


def is_positive_int(value: object) -> bool:
    """Whether `value` is an int of at least 1, NumPy's included and bool not."""
    return is_int_from(1, value)


def is_int_from(least: int, value: object) -> bool:
    """Whether `value` is an int of at least `least`, NumPy's included and bool not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def is_shape(value: Any) -> bool:
    """Whether `value` is one shape: a list or tuple of nothing but ints and Nones."""
    return isinstance(value, list | tuple) and all(item is None or isinstance(item, int) for item in value)


def first_shape(layer: Any, shape: Any, size: Any) -> Shape | None:
    """What the first layer of a `Sequential` says of its inputs, `input_shape` or one size, `input_dim`."""
    sizes = (shape if isinstance(shape, list | tuple) else (shape,)) if size is None else (size,)
    if not all(one is None or is_positive_int(one) for one in sizes):
        here, got = f"{layer.name} ({type(layer).__name__})", shape if size is None else size
        raise ShapeError(f"[{here}] input_shape must be the sizes of one sample, without the batch, got {got!r}")
    return None if shape is None and size is None else tuple(sizes)


def map_shapes(function: Callable[[Shape], Any], shapes: Any) -> Any:
    """`function` of every shape in a structure whose leaves are shapes."""
    if is_shape(shapes):
        return function(tuple(shapes))
    if isinstance(shapes, dict):
        return {key: map_shapes(function, shapes[key]) for key in sorted(shapes)}
    return type(shapes)(map_shapes(function, item) for item in shapes)


def flatten_shapes(shapes: Any) -> list[Shape]:
    """The shapes in a structure whose leaves are shapes."""
    found: list[Shape] = []
    map_shapes(found.append, shapes)
    return found
