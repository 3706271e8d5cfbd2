"""Losses under Keras 3's names: classes that reduce to one number, and functions that give one number per sample."""

from __future__ import annotations

from typing import Any

from nerve._lookup import names_of, resolve, snake_case
from nerve.losses.boxes import (
    CIoULoss,
    DIoULoss,
    GIoULoss,
    IoULoss,
    ciou_loss,
    diou_loss,
    giou_loss,
    iou_loss,
)
from nerve.losses.circle import Circle, circle
from nerve.losses.classification import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from nerve.losses.embeddings import (
    Contrastive,
    InfoNCE,
    Triplet,
    contrastive,
    info_nce,
    triplet,
)
from nerve.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from nerve.losses.loss import (
    FunctionLoss,
    Loss,
)
from nerve.losses.overlap import (
    Dice,
    Tversky,
    dice,
    tversky,
)
from nerve.losses.probabilistic import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
)
from nerve.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from nerve.losses.sequences import CTC, ctc
from nerve.serialization import functions_for

__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CIoULoss",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "Contrastive",
    "CosineSimilarity",
    "DIoULoss",
    "Dice",
    "FunctionLoss",
    "GIoULoss",
    "Hinge",
    "Huber",
    "InfoNCE",
    "IoULoss",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Triplet",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "ciou_loss",
    "circle",
    "contrastive",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "diou_loss",
    "get",
    "giou_loss",
    "hinge",
    "huber",
    "info_nce",
    "iou_loss",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "triplet",
    "tversky",
]

_NAMES: dict[str, type[Loss]] = names_of(
    [
        CTC, BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy,
        CategoricalGeneralizedCrossEntropy, CategoricalHinge, Circle, CosineSimilarity, Dice, Hinge, Huber,
        KLDivergence, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
        MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy, SquaredHinge, Tversky,
        CIoULoss, Contrastive, DIoULoss, GIoULoss, InfoNCE, IoULoss, Triplet,
    ],
    ciou_loss=CIoULoss, diou_loss=DIoULoss, giou_loss=GIoULoss, iou_loss=IoULoss, info_nce=InfoNCE,
    mse=MeanSquaredError, MSE=MeanSquaredError, mae=MeanAbsoluteError, MAE=MeanAbsoluteError,
    mape=MeanAbsolutePercentageError, MAPE=MeanAbsolutePercentageError,
    msle=MeanSquaredLogarithmicError, MSLE=MeanSquaredLogarithmicError,
    bce=BinaryCrossentropy, BCE=BinaryCrossentropy, kld=KLDivergence, KLD=KLDivergence, logcosh=LogCosh,
    huber_loss=Huber,
)  # fmt: skip


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


serialize, deserialize = functions_for("losses", get)
