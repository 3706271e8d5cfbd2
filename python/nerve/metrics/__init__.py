"""Metrics under Keras 3's names, kept over batches. For whole arrays, `sklearn.metrics` has many more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nerve._lookup import names_of, resolve
from nerve.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from nerve.metrics.metric import FunctionMetric, Mean, Metric
from nerve.metrics.regression import MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "FunctionMetric",
    "Mean",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "accuracy_for",
    "get",
]

_NAMES: dict[str, type[Metric]] = names_of(
    [
        Accuracy, BinaryAccuracy, CategoricalAccuracy, Mean, MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError,
        SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy,
    ],
    mse=MeanSquaredError,
    MSE=MeanSquaredError,
    mae=MeanAbsoluteError,
    MAE=MeanAbsoluteError,
    rmse=RootMeanSquaredError,
    acc=Accuracy,
)  # fmt: skip


def get(identifier: Any) -> Metric:
    """The metric meant by a name, a config, an instance, a class, or a function of (y_true, y_pred)."""
    if callable(identifier) and not isinstance(identifier, Metric | type):
        return FunctionMetric(identifier, name=getattr(identifier, "__name__", type(identifier).__name__))
    return resolve("metric", identifier, Metric, _NAMES)


def accuracy_for(y_true_shape: Sequence[int], y_pred_shape: Sequence[int], name: str = "accuracy") -> Metric:
    """The metric that "accuracy" means for a model's outputs, after Keras's rule.

    One output per sample is binary, targets of the outputs' shape are one-hot, anything else is integer labels.
    """
    if len(y_pred_shape) < 2 or y_pred_shape[-1] == 1:
        return BinaryAccuracy(name)
    if tuple(y_true_shape) == tuple(y_pred_shape):
        return CategoricalAccuracy(name)
    return SparseCategoricalAccuracy(name)
