"""Objects as plain data and back, for model files.

An object becomes `{"class_name": ..., "config": ...}` with what its `get_config` gives, a function
`{"function": name}`. On the way back a name is looked up in the modules of nerve listed here and in the
`custom_objects` of the caller, or among what the program has registered (`register_keras_serializable`), nowhere else:
nothing is imported or called because a file says so.
"""

from __future__ import annotations

import base64
import importlib
import threading
from collections.abc import Callable, Mapping
from contextlib import ContextDecorator
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from nerve.errors import ModelFileError

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "register_keras_serializable",
    "serialize",
    "serialize_keras_object",
]

T = TypeVar("T")

# Where a class may come from. The module is written beside the name, for `metrics` and `losses` share some.
_CLASS_MODULES = (
    "layers", "models", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers",
    "optimizers.schedules",
)  # fmt: skip
_FUNCTION_MODULES = ("activations", "ops", "ops.image", "losses", "metrics")
_NOT_IN_FILES = {"deserialize", "get", "serialize"}  # functions, but none that a model computes with


class _Scope(threading.local):
    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}


_scope = _Scope()


_registered: dict[str, Any] = {}  # "package>name" of everything registered, and what the program put in itself


class CustomObjectScope(ContextDecorator):
    """Inside this block, `deserialize` also knows these classes and functions, by their names."""

    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._outer: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._outer.append(_scope.objects)
        _scope.objects = {**_scope.objects, **self.custom_objects}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        _scope.objects = self._outer.pop()


custom_object_scope = CustomObjectScope


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """A decorator that makes a class or function known to files by `package>name`, without `custom_objects`.

    Parameters
    ----------
    package : str
    name : str, optional
        Its own name if not given.

    Raises
    ------
    ValueError
        If a class has no `get_config`.
    """

    def register(item: T) -> T:
        if isinstance(item, type) and not hasattr(item, "get_config"):
            raise ValueError(f"[register_keras_serializable] {item.__name__} needs a get_config to be saved")
        _registered[f"{package}>{name or getattr(item, '__name__', None)}"] = item
        return item

    return register


def get_custom_objects() -> dict[str, Any]:
    """The dict of what is registered; what is put in is known to files by its key."""
    return _registered


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function is registered, else its own."""
    found = next((key for key, value in _registered.items() if value is obj), None)
    return obj.__name__ if found is None else found


def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What is registered under a name, or in scope; None if nothing is."""
    found = (custom_objects or {}).get(name, _scope.objects.get(name))
    return _registered.get(name) if found is None else found


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
        entry = {"class_name": get_registered_name(type(value)), "config": serialize(value.get_config())}
        module = _module_of(type(value), _CLASS_MODULES)
        if _builds_itself(value):
            entry["build_config"] = serialize(value.get_build_config())
        return entry | ({"module": module} if module else {})
    if callable(value) and not isinstance(value, type) and getattr(value, "__name__", "<lambda>") != "<lambda>":
        module = _module_of(value, _FUNCTION_MODULES)
        return {"function": get_registered_name(value)} | ({"module": module} if module else {})
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


serialize_keras_object = serialize


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """`deserialize` under Keras's name.

    Raises
    ------
    ValueError
        For ``safe_mode=False``: no configuration of nerve holds code, so there is nothing unsafe to allow.
    """
    if not safe_mode:
        raise ValueError("[deserialize_keras_object] safe_mode is always on: code is never read from a configuration")
    return deserialize(config, custom_objects)


def functions_for(module: str, get: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], Callable[..., Any]]:
    """`serialize` and `deserialize` of one of nerve's modules, as Keras has them in each.

    Parameters
    ----------
    module : str
        Where names are looked up that do not say where they belong.
    get : callable
        What makes an object of a name.
    """

    def serialize_one(value: Any) -> Any:
        """An object as plain data; see `nerve.serialization.serialize`."""
        return serialize(value)

    def deserialize_one(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The object that `serialize` was given, or one of the name `config`.

        Raises
        ------
        ModelFileError, ValueError
            If a name is unknown.
        """
        if isinstance(config, dict) and "class_name" in config:
            config = {"module": module, **config}
        with custom_object_scope(custom_objects):
            if isinstance(config, str):
                found = get_registered_object(config)
                return get(config) if found is None else found
            return _decode(config)

    serialize_one.__name__, deserialize_one.__name__ = "serialize", "deserialize"
    serialize_one.__module__ = deserialize_one.__module__ = f"nerve.{module}"
    return serialize_one, deserialize_one


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
    if {"class_name", "config"} <= keys <= {"class_name", "config", "module", "build_config"}:
        cls: Any = _find(data["class_name"], data.get("module"), _CLASS_MODULES, "class")
        if not hasattr(cls, "from_config") or not isinstance(data["config"], dict):
            raise ModelFileError(f"{data['class_name']!r} cannot be made from a configuration")
        made = cls.from_config({key: _decode(item) for key, item in data["config"].items()})
        if data.get("build_config") is not None and _builds_itself(made, built=False):
            made.build_from_config(_decode(data["build_config"]))
        return made
    return {key: _decode(item) for key, item in data.items()}


def _builds_itself(value: Any, built: bool = True) -> bool:
    """Whether an object's class, one of the program, has its own way to be built again."""
    method = getattr(type(value), "build_from_config", None)
    return method is not None and not method.__module__.startswith("nerve.") and value.built is built


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
    return {name: getattr(loaded, name) for name in names if name not in _NOT_IN_FILES}


def _module_of(value: Any, modules: tuple[str, ...]) -> str | None:
    name = value.__name__
    if any(known is value for known in _registered.values()):
        return None
    return next((module for module in modules if _public(module).get(name) is value), None)


def _find(name: Any, module: Any, modules: tuple[str, ...], kind: str) -> Callable[..., Any]:
    """The class or function called `name`; the caller's own come first, as in Keras."""
    if not isinstance(name, str):
        raise ModelFileError(f"names a {kind} by {name!r}")
    found = get_registered_object(name)
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
