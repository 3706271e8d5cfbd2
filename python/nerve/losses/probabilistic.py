"""Losses of probabilities beside plain cross-entropy: divergence, and cross-entropies for lopsided or noisy labels."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from nerve import kernels, ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import number
from nerve.losses.classification import SmoothedCrossentropy, as_labels, classes_last, smoothed
from nerve.losses.loss import EPSILON, FormulaLoss, as_predictions, matched
from nerve.tensor import Tensor

Values = ArrayLike | Tensor


def _within(x: Tensor, least: float, most: float) -> Tensor:
    """`x` kept in an interval; on its ends, where a saturated softmax is, the gradient still flows."""
    return ops.where(x < least, least, ops.where(x > most, most, x))


def kl_divergence(y_true: Values, y_pred: Any) -> Tensor:
    """sum(y_true log(y_true / y_pred)) over the last axis (Kullback and Leibler, 1951).

    Parameters
    ----------
    y_true, y_pred : array or Tensor, (batch, ..., n_classes)
        Probabilities, kept between 1e-7 and 1.

    Returns
    -------
    Tensor, (batch, ...)

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    targets, predictions = matched("kl_divergence", y_true, y_pred)
    p, q = _within(targets, EPSILON, 1.0), _within(predictions, EPSILON, 1.0)
    return ops.sum(p * ops.log(p / q), axis=-1)


def binary_focal_crossentropy(
    y_true: Values,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Binary cross-entropy times (1 - p of the label)**gamma, averaged over `axis` (Lin et al., "Focal loss", 2017).

    Parameters
    ----------
    y_true : array or Tensor, (batch, ..., n)
        Probabilities of the positive class, mostly 0 and 1.
    y_pred : array or Tensor, (batch, ..., n)
        Probabilities, or logits.
    apply_class_balancing : bool
        Weigh positives by `alpha` and negatives by `1 - alpha`.
    alpha, gamma : float
        With a `gamma` of 0 nothing is left but the weights; the larger, the less easy samples count.
    from_logits : bool
        Whether `y_pred` is logits.
    label_smoothing : float
        Targets become `y (1 - label_smoothing) + label_smoothing / 2`.
    axis : int

    Returns
    -------
    Tensor
        The shape without `axis`.

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    targets, predictions = matched("binary_focal_crossentropy", y_true, y_pred)
    y = smoothed(targets, label_smoothing, 2)
    p = ops.sigmoid(predictions) if from_logits else predictions
    clipped = _within(p, EPSILON, 1.0 - EPSILON)
    losses = -(y * ops.log(clipped) + (1.0 - y) * ops.log(1.0 - clipped))
    losses = ops.power(1.0 - (y * p + (1.0 - y) * (1.0 - p)), gamma) * losses
    if apply_class_balancing:
        losses = (y * alpha + (1.0 - y) * (1.0 - alpha)) * losses
    return ops.mean(losses, axis=axis)


def categorical_focal_crossentropy(
    y_true: Values,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """sum(-alpha (1 - p)**gamma y log(p)) over the classes, which lie along `axis` (Lin et al., 2017).

    Parameters are those of :func:`binary_focal_crossentropy`, but for `alpha`, which weighs every class alike; targets
    are one-hot or probabilities, predictions are scaled to sum to one.
    """
    targets, predictions = matched("categorical_focal_crossentropy", y_true, y_pred)
    y, predictions = classes_last(targets, axis), classes_last(predictions, axis)
    y = smoothed(y, label_smoothing, y.shape[-1])
    p = ops.softmax(predictions) if from_logits else predictions
    p = _within(p / ops.sum(p, axis=-1, keepdims=True), EPSILON, 1.0 - EPSILON)
    return -alpha * ops.sum(ops.power(1.0 - p, gamma) * y * ops.log(p), axis=-1)


def categorical_generalized_cross_entropy(y_true: Values, y_pred: Any, q: float) -> Tensor:
    """(1 - p[label]**q) / q: between cross-entropy (q to 0) and the absolute error (q = 1) (Zhang and Sabuncu, 2018).

    Parameters
    ----------
    y_true : array of int, (batch, ...)
        Labels, of which some may be wrong.
    y_pred : array or Tensor, (batch, ..., n_classes)
        Probabilities.
    q : float

    Returns
    -------
    Tensor, (batch, ...)
    """
    name = "categorical_generalized_cross_entropy"
    predictions = as_predictions(y_pred)
    labels = as_labels(name, y_true)
    if labels.shape != predictions.shape[:-1]:
        raise ShapeError(f"[{name}] y_true must have the shape of y_pred without the classes, {predictions.shape[:-1]}")
    right = kernels.one_hot(labels, predictions.shape[-1], predictions.dtype)
    return (1.0 - ops.power(ops.sum(predictions * right, axis=-1), q)) / q


class KLDivergence(FormulaLoss):
    """`kl_divergence`, reduced."""

    formula = staticmethod(kl_divergence)


class BinaryFocalCrossentropy(SmoothedCrossentropy):
    """`binary_focal_crossentropy`, reduced."""

    formula = staticmethod(binary_focal_crossentropy)
    options = ("apply_class_balancing", "alpha", "gamma", *SmoothedCrossentropy.options)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype=dtype)
        self.apply_class_balancing = apply_class_balancing
        self.alpha, self.gamma = number(self.name, "alpha", alpha), number(self.name, "gamma", gamma)


class CategoricalFocalCrossentropy(SmoothedCrossentropy):
    """`categorical_focal_crossentropy`, reduced."""

    formula = staticmethod(categorical_focal_crossentropy)
    options = ("alpha", "gamma", *SmoothedCrossentropy.options)

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype=dtype)
        self.alpha, self.gamma = number(self.name, "alpha", alpha), number(self.name, "gamma", gamma)


class CategoricalGeneralizedCrossEntropy(FormulaLoss):
    """`categorical_generalized_cross_entropy`, reduced."""

    formula = staticmethod(categorical_generalized_cross_entropy)
    options = ("q",)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        self.q = number(self.name, "q", q)
        if not 0.0 < self.q < 1.0:
            raise ValueError(f"[{self.name}] q must be in (0, 1), got {q}")
