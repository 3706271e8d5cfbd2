"""Nested lists, tuples and dicts, under the names of `keras.tree`. A dict is walked in the order of its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = [
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


def is_nested(structure: Any) -> bool:
    """Whether it is a list, tuple or dict."""
    return isinstance(structure, list | tuple | dict)


def _children(structure: Any) -> list[tuple[Any, Any]]:
    if isinstance(structure, dict):
        return [(key, structure[key]) for key in sorted(structure)]
    return list(enumerate(structure))


def _alike(structure: Any, items: list[Any]) -> Any:
    """A list or tuple of the same kind; a named tuple takes its fields one by one."""
    return type(structure)(*items) if hasattr(structure, "_fields") else type(structure)(items)


def flatten(structure: Any) -> list[Any]:
    """The leaves, left to right. None is a leaf."""
    if isinstance(structure, list | tuple):
        return [leaf for item in structure for leaf in flatten(item)]
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    return [structure]


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves, each with the keys and indices that lead to it."""
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), leaf) for key, child in _children(structure) for path, leaf in flatten_with_path(child)]


def assert_same_structure(a: Any, b: Any) -> None:
    """Refuse two structures of another nesting.

    Raises
    ------
    ValueError
        If lists, tuples or dicts of one are not where they are in the other, or have not as many items.
    """
    if (is_nested(a) or is_nested(b)) and type(a) is not type(b):
        raise ValueError(f"structures differ: {type(a).__name__} and {type(b).__name__}")
    if not is_nested(a):
        return
    keys, others = ([key for key, _ in _children(each)] for each in (a, b))
    if keys != others:
        raise ValueError(f"structures differ: {keys} and {others}")
    for (_, one), (_, other) in zip(_children(a), _children(b), strict=True):
        assert_same_structure(one, other)


def map_leaves(func: Callable[[Any], Any], structure: Any) -> Any:
    """What `func` makes of every leaf, in the same nesting; :func:`map_structure` of one structure."""
    if isinstance(structure, list | tuple):
        return _alike(structure, [map_leaves(func, item) for item in structure])
    if isinstance(structure, dict):
        return {key: map_leaves(func, structure[key]) for key in sorted(structure)}
    return func(structure)


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """What `func` makes of the leaves that are in the same place of all structures, in their nesting.

    Parameters
    ----------
    func : callable
    *structures : nested
    none_is_leaf : bool
        Whether `func` is called on None, which else stays.

    Raises
    ------
    ValueError
        If the structures differ.
    """
    if not structures:
        raise ValueError("[map_structure] needs a structure")
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    leaves = zip(*map(flatten, structures), strict=True)
    found = [None if not none_is_leaf and all(x is None for x in each) else func(*each) for each in leaves]
    return pack_like(structures[0], found)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """As :func:`map_structure`, but what stands where the first structure has a leaf is not looked into."""
    if not is_nested(shallow_structure):
        return func(*structures)
    if isinstance(shallow_structure, dict):
        return {
            key: map_structure_up_to(child, func, *(each[key] for each in structures))
            for key, child in _children(shallow_structure)
        }
    items = [map_structure_up_to(child, func, *(s[i] for s in structures)) for i, child in _children(shallow_structure)]
    return _alike(shallow_structure, items)


def pack_like(structure: Any, leaves: list[Any]) -> Any:
    """As many `leaves` as a structure has, in its nesting."""
    remaining: Iterator[Any] = iter(leaves)
    return map_leaves(lambda _: next(remaining), structure)


def pack_sequence_as(structure: Any, flat_sequence: Sequence[Any]) -> Any:
    """Leaves in the nesting of a structure.

    Raises
    ------
    ValueError
        If there are not as many as it has.
    """
    count = len(flatten(structure))
    if len(flat_sequence) != count:
        raise ValueError(f"[pack_sequence_as] the structure has {count} leaves, got {len(flat_sequence)}")
    return pack_like(structure, list(flat_sequence))


def lists_to_tuples(structure: Any) -> Any:
    """The same with a tuple for every list."""
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Call `func` on every structure inside, and on leaves; what it gives stands in its place, if it is not None.

    Parameters
    ----------
    func : callable
    structure : nested
    top_down : bool
        Whether it is called on a structure before what is inside, which it then replaces.
    """
    if top_down and (found := func(structure)) is not None:
        return found
    if is_nested(structure):
        if isinstance(structure, dict):
            structure = {key: traverse(func, child, top_down) for key, child in _children(structure)}
        else:
            structure = _alike(structure, [traverse(func, child, top_down) for child in structure])
    if not top_down and (found := func(structure)) is not None:
        return found
    return structure
