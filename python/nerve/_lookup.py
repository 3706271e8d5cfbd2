"""Turn what a user may write for an initializer, a loss, a metric or an optimizer into the object meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def snake_case(name: str) -> str:
    """`GlorotUniform` -> `glorot_uniform`, `MaxPooling2D` -> `max_pooling2d`, as Keras writes them."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def names_of(classes: Iterable[type[T]], **aliases: type[T]) -> dict[str, type[T]]:
    """Every accepted spelling of `classes`: the class name, its snake case, and `aliases`."""
    classes = list(classes)
    return {c.__name__: c for c in classes} | {snake_case(c.__name__): c for c in classes} | aliases


def lookup(kind: str, name: str, names: Mapping[str, T]) -> T:
    """The entry of `names` called `name`.

    Raises
    ------
    ValueError
        If there is none; the message offers the closest names.
    """
    if name in names:
        return names[name]
    close = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"known are {', '.join(sorted(names))}"
    raise ValueError(f"unknown {kind} {name!r}: {hint}")


def resolve(kind: str, identifier: Any, base: type[T], names: Mapping[str, type[T]]) -> T:
    """An instance of `base` from an instance, a class, a name, or `{"class_name": ..., "config": ...}`.

    Raises
    ------
    ValueError
        If a name is unknown.
    TypeError
        If `identifier` is none of these.
    """
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, str):
        return lookup(kind, identifier, names)()
    if isinstance(identifier, type) and issubclass(identifier, base):
        return identifier()
    if isinstance(identifier, dict) and set(identifier) >= {"class_name", "config"}:
        cls: Any = lookup(kind, identifier["class_name"], names)
        made: T = cls.from_config(identifier["config"])
        return made
    raise TypeError(f"expected a name or an instance of {kind}, got {identifier!r}")
