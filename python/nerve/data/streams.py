"""What is done to a stream of elements, or of their numbers, and how elements become batches."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.layers.structure import flatten, map_structure, pack_like
from nerve.tensor import no_gradients

Length = int | float | None  # math.inf without end, None if only reading tells

_DRAWS = 1024  # random numbers drawn at once: one at a time costs more than all the rest


def shuffled(items: Iterator[Any], size: int, generator: np.random.Generator) -> Iterator[Any]:
    """`items` in another order: each is drawn from a buffer of the next `size`."""
    buffer = list(itertools.islice(items, size))
    draws: Iterator[int] = iter(())
    for item in items:
        index = next(draws, None)
        if index is None:
            draws = iter(generator.integers(len(buffer), size=_DRAWS).tolist())
            index = next(draws)
        chosen, buffer[index] = buffer[index], item
        yield chosen
    for index in generator.permutation(len(buffer)).tolist():
        yield buffer[index]


def repeated(source: Callable[[], Iterator[Any]], count: int | None) -> Iterator[Any]:
    """The elements of `count` passes, or of passes without end."""
    for _ in itertools.count() if count is None else range(count):
        empty = True
        for item in source():
            empty = False
            yield item
        if empty:  # and will be again: not a reason to look for ever
            return


def chunks(items: Iterator[Any], size: int, drop_remainder: bool) -> Iterator[list[Any]]:
    """Lists of `size` items; the last may have fewer."""
    while chunk := list(itertools.islice(items, size)):
        if len(chunk) < size and drop_remainder:
            return
        yield chunk


def stack(elements: Sequence[Any]) -> Any:
    """Elements of one nesting as one, whose arrays have an axis more.

    Raises
    ------
    ShapeError
        If the shapes of a leaf differ.
    """
    return _joined("batch", elements, _stacked)


def pad_and_stack(elements: Sequence[Any], value: Any) -> Any:
    """`stack` of arrays that are filled up with `value` to the largest of each of their sizes."""

    def pad(leaves: list[Array]) -> Array:
        shape = np.max([leaf.shape for leaf in leaves], axis=0)
        out = np.full((len(leaves), *shape), value, np.result_type(*leaves))
        for row, leaf in zip(out, leaves, strict=True):
            row[tuple(map(slice, leaf.shape))] = leaf
        return out

    return _joined("padded_batch", elements, lambda leaves: pad(leaves) if leaves[0].ndim else _stacked(leaves))


def _joined(what: str, elements: Sequence[Any], join: Callable[[list[Array]], Array]) -> Any:
    columns = [flatten(element) for element in elements]
    counts = {len(leaves) for leaves in columns}
    if len(counts) > 1:
        raise ShapeError(f"[Dataset.{what}] the elements of a batch must have the same parts, got {sorted(counts)}")
    joined = []
    for leaves in zip(*columns, strict=True):
        arrays = [np.asarray(leaf) for leaf in leaves]
        if len(ranks := {array.ndim for array in arrays}) > 1:
            raise ShapeError(f"[Dataset.{what}] arrays of a batch must have as many axes, got {sorted(ranks)}")
        joined.append(join(arrays))
    return pack_like(elements[0], joined)


def _stacked(leaves: list[Array]) -> Array:
    shapes = dict.fromkeys(leaf.shape for leaf in leaves)
    if len(shapes) > 1:
        found = " and ".join(map(str, list(shapes)[:2]))
        raise ShapeError(f"[Dataset.batch] arrays of a batch must have one shape, got {found}; see padded_batch")
    return np.stack(leaves)


def unstacked(batches: Iterator[Any]) -> Iterator[Any]:
    """The elements that batches are made of."""
    for batch in batches:
        lengths = {len(leaf) for leaf in flatten(batch)}
        if len(lengths) != 1:
            raise ShapeError(f"[Dataset.unbatch] the arrays of a batch must have one length, got {sorted(lengths)}")
        for index in range(lengths.pop()):
            yield map_structure(operator.itemgetter(index), batch)


def as_arrays(tensors: Any) -> Any:
    """Arrays from tensors, frames, lists and numbers, in the nesting of tuples and dicts they come in."""
    if isinstance(tensors, tuple):
        return tuple(map(as_arrays, tensors))
    if isinstance(tensors, dict):
        return {key: as_arrays(value) for key, value in tensors.items()}
    return np.asarray(tensors)


def n_batches(length: Length, size: int, drop_remainder: bool) -> Length:
    """How many batches so many elements make."""
    if length is None or math.isinf(length):
        return length
    return int(length) // size if drop_remainder else -(-int(length) // size)


def called_with_parts(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """`function` of an element, without gradients; the parts of a tuple are its arguments."""

    def call(item: Any) -> Any:
        with no_gradients():
            return function(*item) if isinstance(item, tuple) else function(item)

    return call
