"""Models made anew from others, with weights of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nerve import serialization
from nerve.layers import InputLayer, Layer
from nerve.layers.structure import flatten
from nerve.models.functional import replay
from nerve.models.model import Model
from nerve.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """A model of the same structure with layers and weights of its own.

    Parameters
    ----------
    model : Model
    input_tensors : symbolic tensors, optional
        What the new model begins with, instead of inputs like those of `model`.
    clone_function : callable, optional
        Gives the new layer for a layer, inputs apart; if not given, one of the same configuration.
    call_function : callable, optional
        Called as `call_function(layer, *args, **kwargs)` instead of the new layer itself; not for `Sequential`.
    recursive : bool
        Whether `clone_function` gets the layers of models inside the model, instead of these models.

    Returns
    -------
    Model
        With newly drawn weights, not compiled.

    Raises
    ------
    ValueError
        If a model that is no graph is to be cloned with anything but its own `get_config`.
    """
    if model._graph is None and not isinstance(model, Sequential):
        if input_tensors is not None or clone_function is not None or call_function is not None:
            raise ValueError(f"[{model.name}] is no graph of layers: only its own get_config can clone it")
        return type(model).from_config(model.get_config())
    copies: dict[int, Layer] = {}

    def copy(layer: Layer) -> Layer:
        if id(layer) not in copies:
            if recursive and isinstance(layer, Model) and (layer._graph is not None or isinstance(layer, Sequential)):
                copies[id(layer)] = clone_model(
                    layer,
                    clone_function=clone_function,
                    call_function=None if isinstance(layer, Sequential) else call_function,
                    recursive=True,
                )
            else:
                copies[id(layer)] = _same(layer) if clone_function is None else clone_function(layer)
        return copies[id(layer)]

    options: dict[str, Any] = {"name": model.name, "trainable": model.trainable, "dtype": model.dtype}
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError(f"[{model.name}] is Sequential: its layers cannot be called by call_function")
        first = model._tensors[0].node if model._tensors else None
        begin = [] if first is None else [_same(first.layer)]
        begin = begin if input_tensors is None else flatten(input_tensors)
        return Sequential([*begin, *map(copy, model.layers)], **options)
    assert model._graph is not None
    config = model._graph.get_config(of_layers=False)
    layers = [_same(layer) if isinstance(layer, InputLayer) else copy(layer) for layer in model._graph.layers]
    given = None if input_tensors is None else flatten(input_tensors)
    inputs, outputs = replay(config, layers, call_function, given)
    own = type(model) if type(model).__init__ is Model.__init__ else Model
    return own(inputs, outputs, **options)


def _same(layer: Layer) -> Layer:
    """A layer of the same configuration."""
    classes = {type(inner).__name__: type(inner) for _, inner in layer._walk()}
    made: Layer = serialization.deserialize(serialization.serialize(layer), classes)
    return made
