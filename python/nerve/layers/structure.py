"""The shapes of nested lists, tuples and dicts of tensors, which `nerve.tree` walks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nerve.errors import ShapeError
from nerve.tree import flatten as flatten
from nerve.tree import map_leaves
from nerve.tree import pack_like as pack_like

Shape = tuple[int | None, ...]
map_structure = map_leaves  # which is all that layers need of it


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
