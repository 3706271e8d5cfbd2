"""Metrics of classes: F scores, and how much of two segmentations is common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer, number
from nerve.losses.loss import EPSILON
from nerve.metrics.accuracy import whole
from nerve.metrics.confusion import ratio
from nerve.metrics.metric import Metric, host_array

AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """(1 + beta**2) precision recall / (beta**2 precision + recall): recall counts `beta` times as much.

    Parameters
    ----------
    average : {None, "micro", "macro", "weighted"}
        A score for each class; one from the counts of all classes; the mean of the classes, or weighted by how often
        each is true.
    beta : float
    threshold : float, optional
        Outputs above it are positive; without it the largest of each row is.
    name : str, optional
    """

    direction = "up"
    _state = ("_counts",)

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        if average not in AVERAGES:
            raise ValueError(f"[{self.name}] average must be one of {AVERAGES}, got {average!r}")
        if not number(self.name, "beta", beta) > 0:
            raise ValueError(f"[{self.name}] beta must be positive, got {beta}")
        if threshold is not None and not 0 < number(self.name, "threshold", threshold) <= 1:
            raise ValueError(f"[{self.name}] threshold must be in (0, 1], got {threshold}")
        self.average, self.beta, self.threshold = average, beta, threshold
        self._counts = np.zeros((3, 0))  # true positives, what is predicted to be positive, positives; by class

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch of one-hot targets and of outputs, both (batch, n_classes).

        Raises
        ------
        ShapeError
            If the shapes or the weights do not fit.
        """
        truth, outputs = host_array(y_true).astype(np.float64), host_array(y_pred)
        if truth.shape != outputs.shape or truth.ndim != 2:
            raise ShapeError(
                f"[{self.name}] y_true and y_pred must have one shape (batch, n_classes), got {truth.shape} and "
                f"{outputs.shape}"
            )
        classes = truth.shape[1]
        if self._counts.shape[1] not in (0, classes):
            raise ShapeError(f"[{self.name}] has seen {self._counts.shape[1]} classes, got {classes}")
        if self.threshold is None:
            positive = (outputs >= outputs.max(axis=-1, keepdims=True)) & (np.abs(outputs) > 1e-9)
        else:
            positive = outputs > self.threshold
        weights = np.ones(len(truth)) if sample_weight is None else host_array(sample_weight).astype(np.float64)
        if weights.reshape(-1).shape != (len(truth),):
            raise ShapeError(f"[{self.name}] sample_weight of shape {weights.shape} does not fit {len(truth)} samples")
        added = weights.reshape(-1) @ np.stack([positive * truth, positive, truth])
        self._counts = self._counts + added if self._counts.size else added

    def result(self) -> Any:
        true, predicted, positives = self._counts.sum(1, keepdims=True) if self.average == "micro" else self._counts
        precision, recall = true / (predicted + EPSILON), true / (positives + EPSILON)
        square = self.beta**2
        scores = (1 + square) * precision * recall / (square * precision + recall + EPSILON)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return float((scores * positives / (positives.sum() + EPSILON)).sum())
        return float(scores.mean()) if scores.size else 0.0

    def reset_state(self) -> None:
        self._counts = np.zeros((3, 0))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall: `FBetaScore` with a beta of 1."""

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config


class IoU(Metric):
    """Intersection over union of some classes, averaged over those that occur, from a confusion matrix.

    Parameters
    ----------
    num_classes : int
    target_class_ids : sequence of int
        The classes that count.
    name : str, optional
    ignore_class : int, optional
        Targets of this label do not count.
    sparse_y_true, sparse_y_pred : bool
        Whether they are labels; if not, the largest along `axis` is taken.
    axis : int

    Attributes
    ----------
    total_cm : ndarray (num_classes, num_classes)
        Weights of the samples by true class and predicted class.
    """

    direction = "up"
    _state = ("total_cm",)

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        *,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.num_classes = integer(self.name, "num_classes", num_classes, 1)
        self.target_class_ids = [integer(self.name, "target_class_ids", i, 0) for i in target_class_ids]
        if max(self.target_class_ids, default=0) >= self.num_classes:
            raise ValueError(f"[{self.name}] target_class_ids must be below {num_classes}, got {target_class_ids}")
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.total_cm = np.zeros((self.num_classes, self.num_classes))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch; labels outside of the classes do not count.

        Raises
        ------
        ShapeError
            If the shapes or the weights do not fit.
        """
        truth, predicted = self.labels(host_array(y_true), self.sparse_y_true), self.predicted(host_array(y_pred))
        if truth.size != predicted.size:
            raise ShapeError(f"[{self.name}] got {truth.size} labels in y_true and {predicted.size} in y_pred")
        weights = np.ones(()) if sample_weight is None else host_array(sample_weight).astype(np.float64)
        if weights.size not in (1, truth.size):
            raise ShapeError(f"[{self.name}] sample_weight of shape {weights.shape} does not fit {truth.size} labels")
        weights = np.broadcast_to(weights.reshape(-1), truth.shape)
        known = (truth >= 0) & (truth < self.num_classes) & (predicted >= 0) & (predicted < self.num_classes)
        if self.ignore_class is not None:
            known &= truth != self.ignore_class
        cells = truth[known] * self.num_classes + predicted[known]
        self.total_cm += np.bincount(cells, weights[known], self.num_classes**2).reshape(self.total_cm.shape)

    def labels(self, y: Array, sparse: bool) -> Array:
        """Labels in a row."""
        return (whole(y) if sparse else kernels.argmax(y, axis=self.axis)).reshape(-1)

    def predicted(self, y_pred: Array) -> Array:
        """The labels that predictions stand for."""
        return self.labels(y_pred, self.sparse_y_pred)

    def result(self) -> float:
        common = np.diagonal(self.total_cm)
        union = self.total_cm.sum(0) + self.total_cm.sum(1) - common
        chosen = self.target_class_ids
        occurring = union[chosen] > 1e-9
        return float(ratio(common[chosen], union[chosen]).sum() / max(occurring.sum(), 1))

    def reset_state(self) -> None:
        self.total_cm[...] = 0.0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


class MeanIoU(IoU):
    """`IoU` averaged over all classes."""

    def __init__(self, num_classes: int, name: str | None = None, dtype: str | None = None, **options: Any) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, **options)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["target_class_ids"]
        return config


class BinaryIoU(IoU):
    """`IoU` of two classes; a prediction of at least `threshold` is of class 1."""

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = number(self.name, "threshold", threshold)

    def predicted(self, y_pred: Array) -> Array:
        return (y_pred >= self.threshold).astype(np.int64).reshape(-1)

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), "target_class_ids": self.target_class_ids, "threshold": self.threshold}


class OneHotIoU(IoU):
    """`IoU` of one-hot targets and of outputs of which the largest is taken."""

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, **{"sparse_y_true": False, "sparse_y_pred": False, **options}
        )


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets and of outputs of which the largest is taken."""

    def __init__(self, num_classes: int, name: str | None = None, dtype: str | None = None, **options: Any) -> None:
        super().__init__(num_classes, name, dtype, **{"sparse_y_true": False, "sparse_y_pred": False, **options})
