"""Optimizers under Keras 3's names; a step of most is one kernel call over all parameters.

`LossScaleOptimizer` is not among them: it keeps gradients of 16 bits from vanishing, and all of ours have 32 or 64.
(`loss_scale_factor` is an argument of every optimizer.)
"""

from __future__ import annotations

from typing import Any

from nerve._lookup import names_of, resolve
from nerve.optimizers import schedules
from nerve.optimizers.adam import Adam, Adamax, AdamW, Nadam, ScheduleFreeAdamW
from nerve.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from nerve.optimizers.composed import Adafactor, Lamb, Muon
from nerve.optimizers.lbfgs import LBFGS
from nerve.optimizers.multi_optimizer import MultiOptimizer, OptimizerMap
from nerve.optimizers.optimizer import Optimizer
from nerve.optimizers.sgd import SGD, Lion
from nerve.serialization import functions_for

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_CLASSES: list[type[Optimizer]] = [
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, LBFGS, Lamb, Lion, MultiOptimizer, Muon, Nadam,
    RMSprop, ScheduleFreeAdamW, SGD,
]  # fmt: skip
_NAMES: dict[str, type[Optimizer]] = names_of(_CLASSES, **{c.__name__.lower(): c for c in _CLASSES})


def get(identifier: Any) -> Optimizer:
    """The optimizer meant by a name in any case, a config, an instance or a class."""
    if isinstance(identifier, str) and identifier.lower() in _NAMES:
        identifier = identifier.lower()
    return resolve("optimizer", identifier, Optimizer, _NAMES)


serialize, deserialize = functions_for("optimizers", get)
