"""Optimizers under Keras 3's names; each step is one kernel call over all parameters."""

from __future__ import annotations

from typing import Any

from nerve._lookup import names_of, resolve
from nerve.optimizers import schedules
from nerve.optimizers.adam import Adam, Adamax, AdamW, Nadam
from nerve.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from nerve.optimizers.optimizer import Optimizer
from nerve.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
]

_CLASSES: list[type[Optimizer]] = [Adadelta, Adagrad, Adam, AdamW, Adamax, Nadam, RMSprop, SGD]
_NAMES: dict[str, type[Optimizer]] = names_of(_CLASSES, **{c.__name__.lower(): c for c in _CLASSES})


def get(identifier: Any) -> Optimizer:
    """The optimizer meant by a name in any case, a config, an instance or a class."""
    if isinstance(identifier, str) and identifier.lower() in _NAMES:
        identifier = identifier.lower()
    return resolve("optimizer", identifier, Optimizer, _NAMES)
