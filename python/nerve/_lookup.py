"""Turn what a user may write into the object meant, and say what may have been meant where a name is unknown."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


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
    if isinstance(name, str) and name in names:
        return names[name]
    raise unplaced(ValueError(f"unknown {kind} {name!r}: {suggestion(name, names)}"))


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
    raise unplaced(TypeError(f"expected a name or an instance of {kind}, got {identifier!r}"))


def suggestion(name: str, known: Iterable[str]) -> str:
    """The names in `known` that are close to `name`, as the end of a message; all of them if none is."""
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=3)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else f"known are {', '.join(sorted(known))}"


class Spelled:
    """Base of classes whose constructors say what a misspelt argument may have been, and whose argument it was."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = spelled(cls.__init__)  # type: ignore[method-assign]

    @classmethod
    def _other_keywords(cls) -> Iterable[str]:
        """Keywords that the constructor takes and no signature names."""
        return ()

    def _check_arguments(self, names: list[str]) -> None:
        """Look at arguments that a constructor of nerve has taken."""


def spelled(function: F) -> F:
    """A method that, given an unknown keyword, says which may have been meant."""
    own = function.__module__.startswith("nerve.") and function.__name__ == "__init__"
    names: list[str] = []
    if own:  # without a signature, which takes long for the hundreds of classes of an import
        code = function.__code__
        names = list(code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount])

    @functools.wraps(function)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            result = function(self, *args, **kwargs)
            if own:
                self._check_arguments(names)
        except (TypeError, ValueError) as error:
            if isinstance(error, TypeError) and kwargs:
                _explain(error, function, type(self), kwargs)
            if function.__name__ == "__init__" and getattr(error, "unplaced", False):
                error.unplaced = False  # type: ignore[union-attr]
                name, kind = vars(self).get("name"), type(self).__name__
                error.args = (f"[{f'{name} ({kind})' if name else kind}] {error}",)
            raise
        return result

    return wrapped  # type: ignore[return-value]


def unplaced(error: T) -> T:
    """Mark an error that the constructor in which it comes up shall begin with its object's name."""
    error.unplaced = True  # type: ignore[attr-defined]
    return error


def _explain(error: TypeError, function: Callable[..., Any], owner: type, kwargs: dict[str, Any]) -> None:
    """Name the closest keywords, if `error` comes from one in `kwargs` that there is not."""
    found = re.search(r"got an unexpected keyword argument '(\w+)'", str(error))
    name = found.group(1) if found else None
    known = keywords(function, owner)
    # Called without one that it needs, under whose name in another spelling a value has come.
    if name is None and re.search(r"missing \d+ required", str(error)) and set(kwargs) - set(known):
        name = min(set(kwargs) - set(known))
    if name is None or name not in kwargs or name in known or hasattr(error, "explained"):
        return
    call = owner.__name__ if function.__name__ == "__init__" else f"{owner.__name__}.{function.__name__}"
    error.args = (f"{call}() got an unexpected keyword argument {name!r}: {suggestion(name, known)}",)
    error.explained = True  # type: ignore[attr-defined]


def keywords(function: Callable[..., Any], owner: type) -> list[str]:
    """The keywords that `function` takes; of a constructor also those that it hands to the classes above."""
    if function.__name__ != "__init__":
        functions = [function]
    else:
        functions = [cls.__dict__["__init__"] for cls in owner.__mro__ if "__init__" in cls.__dict__]
    found: list[str] = []
    for one in functions:
        if one is object.__init__:
            break
        parameters = list(inspect.signature(one).parameters.values())[1:]
        found += [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    if function.__name__ == "__init__" and issubclass(owner, Spelled):
        found += owner._other_keywords()
    return list(dict.fromkeys(found))
