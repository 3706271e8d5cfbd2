"""Losses under Keras 3's names: classes that reduce to one number, and functions that give one number per sample."""

from __future__ import annotations

from typing import Any

from nerve._lookup import names_of, resolve, snake_case
from nerve.losses.classification import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from nerve.losses.loss import FunctionLoss, Loss
from nerve.losses.regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    mean_absolute_error,
    mean_squared_error,
)

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "FunctionLoss",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "sparse_categorical_crossentropy",
]

_NAMES: dict[str, type[Loss]] = names_of(
    [BinaryCrossentropy, CategoricalCrossentropy, MeanAbsoluteError, MeanSquaredError, SparseCategoricalCrossentropy],
    mse=MeanSquaredError,
    MSE=MeanSquaredError,
    mae=MeanAbsoluteError,
    MAE=MeanAbsoluteError,
    bce=BinaryCrossentropy,
    BCE=BinaryCrossentropy,
)


def get(identifier: Any) -> Loss:
    """The loss meant by a name, a config, an instance, a class, or a function of (y_true, y_pred).

    One of this module's own functions gives the class of its name, so that the model can be saved.
    """
    if callable(identifier) and not isinstance(identifier, Loss | type):
        name = getattr(identifier, "__name__", snake_case(type(identifier).__name__))
        if name in __all__ and identifier is globals()[name]:
            return _NAMES[name]()
        return FunctionLoss(identifier, name=name)
    return resolve("loss", identifier, Loss, _NAMES)
