"""What all layers take besides their own arguments: a name, a dtype, regulators of weights; and how they tell them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self, TypedDict

import numpy as np

from nerve import constraints, regularizers
from nerve.errors import DTypeError


class LayerOptions(TypedDict, total=False):
    """What layers take besides their own arguments; regularizers and constraints only of the weights they have."""

    name: str | None
    trainable: bool
    dtype: str | None
    input_shape: Any
    activity_regularizer: Any
    kernel_regularizer: Any
    kernel_constraint: Any
    recurrent_regularizer: Any
    recurrent_constraint: Any
    embeddings_regularizer: Any
    embeddings_constraint: Any
    bias_regularizer: Any
    bias_constraint: Any
    gamma_regularizer: Any
    gamma_constraint: Any
    beta_regularizer: Any
    beta_constraint: Any
    alpha_regularizer: Any
    alpha_constraint: Any
    depthwise_regularizer: Any
    depthwise_constraint: Any
    pointwise_regularizer: Any
    pointwise_constraint: Any


REGULATORS: dict[str, Callable[[Any], Any]] = {"regularizer": regularizers.get, "constraint": constraints.get}
BASE_OPTIONS = ("name", "trainable", "dtype")
OF_MODELS = ("input_shape", "input_dim")  # said of a layer, and kept by the model that it is the first of
_name_counts: dict[str, int] = {}


def unique_name(prefix: str) -> str:
    """`dense`, then `dense_1`, `dense_2`, ... in this process."""
    count = _name_counts.get(prefix, 0)
    _name_counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def reset_names() -> None:
    """Count from the beginning again."""
    _name_counts.clear()


def float_dtype(dtype: Any) -> str:
    """`dtype` as a name; weights are float32 or float64."""
    try:
        name = np.dtype(dtype or "float32").name
    except TypeError:
        name = repr(dtype)
    if name not in ("float32", "float64"):
        raise DTypeError(f"a layer computes in float32 or float64, got dtype {name}")
    return name


def _of_nerve(cls: type) -> bool:
    return cls.__module__.startswith("nerve.")


class MadeByInit:
    """Stands for an attribute of an instance until `Layer.__init__` makes it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type) -> Any:
        if layer is None:
            return self
        raise AttributeError(
            f"{owner.__name__} has no {self.name!r} yet: its __init__ must call super().__init__() first"
        )


class Described:
    """The part of a layer that tells its arguments again."""

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this layer again, weights not included.

        Made from the arguments that the constructor got; a subclass whose constructor takes `*args` writes its own.
        A class of one's own that has a `get_config` gets its name, dtype and whether it is trained from
        `super().get_config()`, as in Keras, and adds its arguments itself.
        """
        config: dict[str, Any] = {key: getattr(self, key) for key in BASE_OPTIONS}
        bases = type(self).__mro__
        describing = next(base for base in bases if "get_config" in vars(base))
        if not _of_nerve(describing) and next(base for base in bases if _of_nerve(base)).__name__ in ("Layer", "Model"):
            return config
        args, kwargs = self._arguments
        signature = inspect.signature(type(self).__init__)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        for name, value in list(bound.arguments.items())[1:]:
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                raise NotImplementedError(f"{type(self).__name__} takes *{name}: it needs a get_config of its own")
            given = {name: value}
            if kind is inspect.Parameter.VAR_KEYWORD:
                given = {key: item for key, item in value.items() if key not in OF_MODELS}
            config.update((key, item) for key, item in given.items() if key not in BASE_OPTIONS)
        return config

    def get_build_config(self) -> dict[str, Any] | None:
        """What `build_from_config` needs: the shape that the layer was built for; None if it was not built by itself.

        Files have it of layers of one's own whose class has a `build_from_config`.
        """
        shape = getattr(self, "_built_for", None)
        return None if shape is None else {"input_shape": shape}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Build the layer as `get_build_config` of another described."""
        if config:
            self.build(config["input_shape"])  # type: ignore[attr-defined]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the layer that `get_config` described."""
        parameters = inspect.signature(cls.__init__).parameters
        config = dict(config)
        later = {}
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            later = {key: config.pop(key) for key in BASE_OPTIONS if key in config and key not in parameters}
        layer = cls(**config)
        for key, value in later.items():
            setattr(layer, key, value)
        return layer
