"""Models as plain data: what a file or a JSON string holds of them besides weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nerve import serialization
from nerve.errors import ModelFileError

if TYPE_CHECKING:
    from nerve.models.model import Model


def configuration(model: Model) -> dict[str, Any]:
    """What makes the model again, weights and `compile` not included."""
    config = {"model": serialization.serialize(model)}
    if model._build_shape is not None:
        config["build_shape"] = serialization.serialize(model._build_shape)
        if model._build_texts is not None:
            config["build_texts"] = model._build_texts
    return config


def described(config: dict[str, Any], custom_objects: Mapping[str, Any] | None) -> Model:
    """The model that `configuration` described, built if it was."""
    from nerve.models.model import Model

    model = serialization.deserialize(config["model"], custom_objects)
    if not isinstance(model, Model):
        raise ModelFileError(f"config.json describes no model, but {type(model).__name__}")
    if "build_shape" in config:
        model._build_texts = config.get("build_texts")
        model.build(serialization.deserialize(config["build_shape"]))
    return model


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `Model.to_json` described, with new weights.

    Parameters
    ----------
    json_string : str
    custom_objects : dict of str to class or function, optional
        Everything of your own that the model uses, by name.

    Raises
    ------
    ModelFileError
        If it is no JSON of nerve's, or uses something unknown.
    """
    try:
        config = json.loads(json_string)
    except ValueError as error:
        raise ModelFileError(f"is not JSON: {error}") from error
    if not isinstance(config, dict) or "model" not in config:
        raise ModelFileError("describes no model: expected what Model.to_json gives")
    return described(config, custom_objects)
