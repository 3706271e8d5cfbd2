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
from nerve.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from nerve.metrics.confusion_matrix import (
    ConfusionMatrix,
)
from nerve.metrics.curves import (
    AUC,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from nerve.metrics.detection import (
    MeanAveragePrecision,
)
from nerve.metrics.from_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from nerve.metrics.language import (
    Bleu,
    Perplexity,
)
from nerve.metrics.metric import (
    FunctionMetric,
    Mean,
    Metric,
    Sum,
)
from nerve.metrics.overlap import (
    BinaryIoU,
    F1Score,
    FBetaScore,
    IoU,
    MeanIoU,
    OneHotIoU,
    OneHotMeanIoU,
)
from nerve.metrics.regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    R2Score,
    RootMeanSquaredError,
)

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "Bleu",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConfusionMatrix",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "FunctionMetric",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanAveragePrecision",
    "MeanIoU",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "Perplexity",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "accuracy_for",
    "get",
]

_NAMES: dict[str, type[Metric]] = names_of(
    [
        AUC, Accuracy, BinaryAccuracy, BinaryCrossentropy, BinaryIoU, CategoricalAccuracy,
        CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, F1Score, FBetaScore, FalseNegatives,
        FalsePositives, Hinge, IoU, KLDivergence, LogCoshError, Mean, MeanAbsoluteError,
        MeanAbsolutePercentageError, MeanIoU, MeanSquaredError, MeanSquaredLogarithmicError, OneHotIoU,
        OneHotMeanIoU, Poisson, Precision, PrecisionAtRecall, R2Score, Recall, RecallAtPrecision,
        RootMeanSquaredError, SensitivityAtSpecificity, SparseCategoricalAccuracy,
        SparseCategoricalCrossentropy, SparseTopKCategoricalAccuracy, SpecificityAtSensitivity, SquaredHinge,
        Sum, TopKCategoricalAccuracy, TrueNegatives, TruePositives, Bleu, ConfusionMatrix, MeanAveragePrecision,
        Perplexity,
    ],
    mse=MeanSquaredError, MSE=MeanSquaredError, mae=MeanAbsoluteError, MAE=MeanAbsoluteError, rmse=RootMeanSquaredError,
    mape=MeanAbsolutePercentageError, MAPE=MeanAbsolutePercentageError, msle=MeanSquaredLogarithmicError,
    MSLE=MeanSquaredLogarithmicError, bce=BinaryCrossentropy, BCE=BinaryCrossentropy, kld=KLDivergence,
    KLD=KLDivergence, logcosh=LogCoshError, acc=Accuracy,
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
