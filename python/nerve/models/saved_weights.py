"""Which weights of a model are in its files, and how they come back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nerve.errors import ModelFileError
from nerve.kernels._arrays import placed
from nerve.layers import Layer
from nerve.layers.low_rank import LowRankAdapted

if TYPE_CHECKING:
    from nerve.models.model import Model
    from nerve.tensor import Variable

_OWN = "own variables/"  # between the path of a layer that keeps them itself and the name it has given
Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


def saved_weights(model: Model) -> Arrays:
    """What a file holds of the weights: those that adapt others are merged into these."""
    merged = {id(weight): whole for weight, whole in (layer._merged() for layer in _adapted(model))}
    arrays = {key: merged.get(id(v), v.array) for key, v in _saved_variables(model).items()}
    for prefix, layer in _keeping(model):
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        arrays.update((f"{prefix}{_OWN}{key}", np.asarray(value)) for key, value in store.items())
    return arrays


def _saved_variables(model: Model) -> dict[str, Variable]:
    left_out = {id(v) for layer in _adapted(model) for v in layer._adapting()}
    left_out |= {id(v) for _, layer in _keeping(model) for v in layer._variables()}
    return {key: v for key, v in model._named_weights().items() if id(v) not in left_out}


def _keeping(model: Model) -> list[tuple[str, Layer]]:
    """Layers, with their paths, whose class has its own way to save what they hold."""
    return [
        (prefix, layer)
        for prefix, layer in model._walk()
        if not type(layer).save_own_variables.__module__.startswith("nerve.")
    ]


def _adapted(model: Model) -> list[LowRankAdapted]:
    return [one for _, one in model._walk() if isinstance(one, LowRankAdapted) and one.lora_enabled]


def assign_saved(
    model: Model, arrays: Arrays, skip_mismatch: bool = False, objects_to_skip: Iterable[Layer] | None = None
) -> None:
    """Assign what `saved_weights` gave of this model, or of one that is or was not adapted."""
    variables = _saved_variables(model)
    stores = [
        (layer, {key.removeprefix(own): arrays[key] for key in arrays if key.startswith(own)})
        for layer, own in ((layer, f"{prefix}{_OWN}") for prefix, layer in _keeping(model))
    ]
    arrays = {key: array for key, array in arrays.items() if _OWN not in key}
    if skipped := _prefixes(model, list(objects_to_skip or [])):
        variables = {key: v for key, v in variables.items() if not key.startswith(skipped)}
        arrays = {key: array for key, array in arrays.items() if not key.startswith(skipped)}
    if skip_mismatch:
        arrays, variables = _fitting(model, arrays, variables)
    assign(model, arrays, variables)
    kept = {id(one) for layer in objects_to_skip or [] for _, one in layer._walk()}
    for own_layer, store in stores:
        if id(own_layer) not in kept:
            own_layer.load_own_variables(store)
    assigned = {id(variable) for variable in variables.values()}
    for layer in _adapted(model):
        if any(id(variable) in assigned for variable in layer._variables()):
            layer._restart_lora()


def _prefixes(model: Model, layers: list[Layer]) -> tuple[str, ...]:
    """What the names of the weights of these layers, and of all inside them, begin with."""
    known = {id(layer) for _, layer in model._walk()}
    for layer in layers:
        if id(layer) not in known:
            raise ValueError(f"objects_to_skip must be layers inside of [{model.name}], got {layer!r}")
    inside = {id(one) for layer in layers for _, one in layer._walk()}
    return tuple(prefix for prefix, layer in model._walk() if id(layer) in inside)


def _fitting(model: Model, arrays: Arrays, variables: Mapping[str, Variable]) -> tuple[Arrays, dict[str, Variable]]:
    """Those of the layers whose weights all fit; a warning names the others."""
    owners = dict.fromkeys(key.rpartition("/")[0] for key in (*variables, *sorted(arrays)))
    faults = {}
    for owner in owners:
        theirs, ours = (
            {key: value for key, value in every.items() if key.rpartition("/")[0] == owner}
            for every in (arrays, variables)
        )
        if fault := _mismatch(model, theirs, ours):  # type: ignore[arg-type]
            faults[owner] = fault
    if faults:
        said = "; ".join(f"{owner or model.name!r} (the file {fault})" for owner, fault in faults.items())
        warnings.warn(f"[{model.name}] skips layers that do not fit: {said}", stacklevel=5)
    return (
        {key: array for key, array in arrays.items() if key.rpartition("/")[0] not in faults},
        {key: variable for key, variable in variables.items() if key.rpartition("/")[0] not in faults},
    )


def assign(model: Model, arrays: Arrays, variables: Mapping[str, Variable]) -> None:
    """Assign every weight, after all have been found to fit."""
    if fault := _mismatch(model, arrays, variables):
        raise ModelFileError(fault)
    for key, variable in variables.items():
        variable.assign(placed(arrays[key], variable.array))


def _mismatch(model: Model, arrays: Arrays, variables: Mapping[str, Variable]) -> str | None:
    """What there is against assigning these arrays, if anything."""
    if missing := [key for key in variables if key not in arrays]:
        return f"has no weight {missing[0]!r} ({len(missing)} of {len(variables)} are missing)"
    if extra := sorted(arrays.keys() - variables.keys()):  # in no order of theirs: a file has none
        return f"holds a weight {extra[0]!r} that [{model.name}] does not have ({len(extra)} in all)"
    for key, variable in variables.items():
        if arrays[key].shape != variable.shape:
            return f"has weight {key!r} of shape {arrays[key].shape}, expected {variable.shape}"
    return None
