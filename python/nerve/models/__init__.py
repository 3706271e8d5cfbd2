"""Models: functional, sequential or by subclassing; training, files."""

from __future__ import annotations

from nerve.models.cloning import clone_model
from nerve.models.description import model_from_json
from nerve.models.model import Model
from nerve.models.saving import load_model, save_model
from nerve.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
