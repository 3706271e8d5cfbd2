"""Objects as plain data and back, for model files.

An object becomes `{"class_name": ..., "config": ...}` with what its `get_config` gives, a function
`{"function": name}`. On the way back a name is looked up in the modules of nerve listed here and in the
`custom_objects` of the caller, nowhere else: nothing is imported or called because a file says so.
"""

from __future__ import annotations

import base64
import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from nerve.errors import ModelFileError

__all__ = ["custom_object_scope", "deserialize", "serialize"]

# Where a class may come from. The module is written beside the name, for `metrics` and `losses` share some.
_CLASS_MODULES = (
    "layers", "models", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers",
    "optimizers.schedules",
)  # fmt: skip
_FUNCTION_MODULES = ("activations", "ops", "losses")


class _Scope(threading.local):
    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}


_scope = _Scope()


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Inside this block, `deserialize` also knows these classes and functions, by their names."""
    outer = _scope.objects
    _scope.objects = {**outer, **(custom_objects or {})}
    try:
        yield
    finally:
        _scope.objects = outer


def serialize(value: Any) -> Any:
    """`value` as dicts, lists, strings, numbers, booleans and None.

    Parameters
    ----------
    value
        Plain data, tuples, slices, arrays, dtypes, objects with a `get_config`, functions that have a name, and lists
        and dicts of these.

    Raises
    ------
    TypeError
        If it holds anything else.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list):
        return [serialize(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [serialize(item) for item in value]}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"cannot save a dict whose keys are not strings: {list(value)[:3]}")
        return {key: serialize(item) for key, item in value.items()}
    if isinstance(value, slice):
        return {"slice": [serialize(item) for item in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {"array": data, "dtype": value.dtype.str, "shape": list(value.shape)}
    if hasattr(value, "get_config") and not isinstance(value, type):
        entry = {"class_name": type(value).__name__, "config": serialize(value.get_config())}
        module = _module_of(type(value), _CLASS_MODULES)
        return entry | ({"module": module} if module else {})
    if callable(value) and not isinstance(value, type) and getattr(value, "__name__", "<lambda>") != "<lambda>":
        module = _module_of(value, _FUNCTION_MODULES)
        return {"function": value.__name__} | ({"module": module} if module else {})
    raise TypeError(
        f"cannot save {value!r}: use a name, a named function, or an object with get_config and from_config"
    )


def deserialize(data: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What `serialize` was given; an object that is one already stays as it is.

    Raises
    ------
    ModelFileError
        If a name is unknown, or the data is not what `serialize` writes.
    """
    with custom_object_scope(custom_objects):
        return _decode(data)


def _decode(data: Any) -> Any:
    if isinstance(data, list):
        return [_decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    keys = set(data)
    if keys == {"tuple"}:
        return tuple(_decode(item) for item in data["tuple"])
    if keys == {"slice"}:
        return slice(*map(_decode, data["slice"]))
    if keys == {"ellipsis"}:
        return Ellipsis
    if keys == {"array", "dtype", "shape"}:
        return _decode_array(data)
    if keys in ({"function"}, {"function", "module"}):
        return _find(data["function"], data.get("module"), _FUNCTION_MODULES, "function")
    if keys in ({"class_name", "config"}, {"class_name", "config", "module"}):
        cls: Any = _find(data["class_name"], data.get("module"), _CLASS_MODULES, "class")
        if not hasattr(cls, "from_config") or not isinstance(data["config"], dict):
            raise ModelFileError(f"{data['class_name']!r} cannot be made from a configuration")
        return cls.from_config({key: _decode(item) for key, item in data["config"].items()})
    return {key: _decode(item) for key, item in data.items()}


def _decode_array(data: dict[str, Any]) -> Any:
    try:
        flat = np.frombuffer(base64.b64decode(data["array"], validate=True), np.dtype(data["dtype"]))
        return flat.reshape(data["shape"]).copy()
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"holds an array that cannot be read: {error}") from None


def _public(module: str) -> dict[str, Any]:
    """The public names of one of nerve's own modules; `module` comes from the lists above, never from a file."""
    loaded = importlib.import_module(f"nerve.{module}")
    names = getattr(loaded, "__all__", None) or [name for name in vars(loaded) if not name.startswith("_")]
    return {name: getattr(loaded, name) for name in names}


def _module_of(value: Any, modules: tuple[str, ...]) -> str | None:
    name = value.__name__
    return next((module for module in modules if _public(module).get(name) is value), None)


def _find(name: Any, module: Any, modules: tuple[str, ...], kind: str) -> Callable[..., Any]:
    """The class or function called `name`; the caller's own come first, as in Keras."""
    if not isinstance(name, str):
        raise ModelFileError(f"names a {kind} by {name!r}")
    found = _scope.objects.get(name)
    if found is None:
        places = modules if module is None else tuple(place for place in modules if place == module)
        found = next((_public(place)[name] for place in places if name in _public(place)), None)
    if found is None:
        raise ModelFileError(
            f"uses the {kind} {name!r}, which is not part of nerve: pass custom_objects={{{name!r}: ...}}"
        )
    if not callable(found) or (kind == "class") != isinstance(found, type):
        raise ModelFileError(f"uses {name!r} as a {kind}, which it is not")
    return found  # type: ignore[no-any-return]
