"""Metrics of a curve over thresholds: the area under it, and points on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels._numbers import integer, number
from nerve.losses.loss import EPSILON
from nerve.metrics.confusion import Counts, ratio

CURVES = ("ROC", "PR")
METHODS = ("interpolation", "minoring", "majoring")


class Curve(Counts):
    """Base: counts at thresholds spread evenly over [0, 1]."""

    direction = "up"

    def __init__(
        self, num_thresholds: int, thresholds: Sequence[float] | None, name: str | None, dtype: str | None = None
    ) -> None:
        if thresholds is None:
            self.num_thresholds = integer(type(self).__name__, "num_thresholds", num_thresholds, 2)
            inner = np.arange(1, self.num_thresholds - 1) / (self.num_thresholds - 1)
        else:
            inner = np.sort([number(type(self).__name__, "thresholds", value) for value in thresholds])
            self.num_thresholds = len(inner) + 2
            if not ((inner >= 0) & (inner <= 1)).all():
                raise ValueError(f"[{type(self).__name__}] thresholds must be in [0, 1], got {list(thresholds)}")
        self.thresholds = None if thresholds is None else inner.tolist()
        super().__init__([-EPSILON, *inner, 1.0 + EPSILON], name, dtype)

    @property
    def recalls(self) -> Array:
        """True positives over positives, at each threshold."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def precisions(self) -> Array:
        """True positives over what is predicted to be positive, at each threshold."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def specificities(self) -> Array:
        """True negatives over negatives, at each threshold."""
        return ratio(self.true_negatives, self.true_negatives + self.false_positives)


class AUC(Curve):
    """The area under the ROC or the precision-recall curve, from counts at some thresholds.

    Parameters
    ----------
    num_thresholds : int
        The more, the nearer to the area under the curve of all predictions.
    curve : {"ROC", "PR"}
    summation_method : {"interpolation", "minoring", "majoring"}
        Between two thresholds: the trapezoid (for "PR" the curve that Davis and Goadrich interpolate, 2006), the lower
        or the higher end.
    name : str, optional
    thresholds : sequence of float, optional
        Instead of evenly spread ones; 0 and 1 are added.
    multi_label : bool
        Whether the columns of (batch, labels) have a curve each, and the result is the mean of the areas; otherwise all
        values make one curve.
    num_labels : int, optional
        With `multi_label`; found in the first batch if not given.
    label_weights : sequence of float, optional
        Of the labels: in the mean of the areas, or, without `multi_label`, of the values.
    from_logits : bool
        Whether predictions are logits.
    """

    recordable = True

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        *,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(num_thresholds, thresholds, name, dtype)
        if num_labels is not None and not multi_label:
            raise ValueError(f"[{self.name}] num_labels needs multi_label=True")
        self.multi_label = bool(multi_label)
        self.num_labels = None if num_labels is None else integer(self.name, "num_labels", num_labels, 1)
        self.label_weights = None
        if label_weights is not None:
            self.label_weights = [number(self.name, "label_weights", weight) for weight in label_weights]
            if not all(weight >= 0 for weight in self.label_weights) or not sum(self.label_weights):
                raise ValueError(f"[{self.name}] label_weights must not be negative nor all 0, got {label_weights}")
        if self.multi_label:
            self._counts = np.zeros((4, self.num_labels or 0, len(self._thresholds)))
        if curve not in CURVES:
            raise ValueError(f"[{self.name}] curve must be one of {CURVES}, got {curve!r}")
        if summation_method not in METHODS:
            raise ValueError(f"[{self.name}] summation_method must be one of {METHODS}, got {summation_method!r}")
        self.curve, self.summation_method, self.from_logits = curve, summation_method, from_logits

    def chosen(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        return y_true, kernels.sigmoid(y_pred) if self.from_logits else y_pred

    def _weights(self, sample_weight: ArrayLike | None, like: Array) -> Array:
        weights = super()._weights(sample_weight, like)
        if self.label_weights is None:
            return weights
        if like.ndim < 2 or like.shape[-1] != len(self.label_weights):
            raise ShapeError(f"[{self.name}] {len(self.label_weights)} label_weights do not fit shape {like.shape}")
        if self.multi_label:  # they weigh the areas
            return weights
        return kernels.multiply(weights, placed(np.array(self.label_weights), weights))

    def _tallied(self, truth: Array, weights: Array, predicted: Array) -> tuple[Array, Array]:
        if not self.multi_label:
            return super()._tallied(truth, weights, predicted)
        n, labels = predicted.shape if predicted.ndim == 2 else (0, 0)
        if not labels or self._counts.shape[1] not in (0, labels):
            expected = f"(batch, {self._counts.shape[1] or 'labels'})"
            raise ShapeError(f"[{self.name}] expects predictions {expected}, got shape {predicted.shape}")
        if not self._counts.shape[1]:
            self._counts = placed(np.zeros((4, labels, len(self._thresholds))), predicted)
        both = [kernels.multiply(truth, weights).reshape(1, n, labels), weights.reshape(1, n, labels)]
        columns = kernels.transpose(kernels.concatenate(both, axis=0), (2, 0, 1))
        by_label = kernels.transpose(kernels.cast(predicted, "float64")).reshape(labels, 1, n)
        above = kernels.cast(kernels.greater(by_label, self._thresholds[:, np.newaxis]), "float64")
        found = kernels.transpose(kernels.matmul(columns, above, transpose_b=True), (1, 0, 2))
        return found, kernels.transpose(kernels.sum(columns, axis=2)).reshape(2, labels, 1)

    def result(self) -> float:
        areas = self._areas()
        if areas.ndim and not areas.size:
            return 0.0
        weights = self.label_weights if self.multi_label else None
        return float(np.average(areas, weights=weights))

    def _areas(self) -> Array:
        """Under the curve of each label, or under the one there is."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._interpolated_precision()
        if self.curve == "ROC":
            x, y = ratio(self.false_positives, self.false_positives + self.true_negatives), self.recalls
        else:
            x, y = self.recalls, self.precisions
        if self.summation_method == "interpolation":
            heights = (y[..., :-1] + y[..., 1:]) / 2
        else:
            heights = (np.minimum if self.summation_method == "minoring" else np.maximum)(y[..., :-1], y[..., 1:])
        return np.asarray(((x[..., :-1] - x[..., 1:]) * heights).sum(axis=-1))

    def _interpolated_precision(self) -> Array:
        """Between two thresholds true positives grow with what is predicted positive, and precision is their ratio."""
        true, above = self.true_positives, self.true_positives + self.false_positives
        gain = true[..., :-1] - true[..., 1:]
        slope = ratio(gain, np.maximum(above[..., :-1] - above[..., 1:], 0))
        intercept = true[..., 1:] - slope * above[..., 1:]
        both = (above[..., :-1] > 0) & (above[..., 1:] > 0)
        quotient = np.divide(above[..., :-1], above[..., 1:], out=np.ones(slope.shape), where=both)
        positives = np.maximum(true[..., 1:] + self.false_negatives[..., 1:], 0)
        return np.asarray(ratio(slope * (gain + intercept * np.log(quotient)), positives).sum(axis=-1))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "thresholds": self.thresholds,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self.from_logits,
        }


class _Best(Curve):
    """Base: the highest of one curve at the thresholds where another is at least so high; 0 where it nowhere is."""

    def __init__(
        self, least: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: str | None = None
    ) -> None:
        count = integer(type(self).__name__, "num_thresholds", num_thresholds, 1)
        super().__init__(max(count, 2), None, name, dtype)
        self.num_thresholds = count
        inner = self._thresholds[1:-1]
        self._set_thresholds([0.5] if count == 1 else [0.0, *inner, 1.0])
        self.class_id = None if class_id is None else integer(self.name, "class_id", class_id, 0)
        if not 0 <= number(self.name, "the least value", least) <= 1:
            raise ValueError(f"[{self.name}] expects a number in [0, 1], got {least}")
        self._least = least

    def chosen(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        return self.of_class(self.class_id, y_true, y_pred)

    def best(self, wanted: Array, constrained: Array) -> float:
        enough = constrained >= self._least
        return float(wanted[enough].max()) if enough.any() else 0.0

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_thresholds": self.num_thresholds, "class_id": self.class_id}


class SensitivityAtSpecificity(_Best):
    """The best sensitivity (recall) at a specificity of at least `specificity`."""

    recordable = True

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        return self.best(self.recalls, self.specificities)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "specificity": self._least}


class SpecificityAtSensitivity(_Best):
    """The best specificity at a sensitivity (recall) of at least `sensitivity`."""

    recordable = True

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        return self.best(self.specificities, self.recalls)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sensitivity": self._least}


class PrecisionAtRecall(_Best):
    """The best precision at a recall of at least `recall`."""

    recordable = True

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        return self.best(self.precisions, self.recalls)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "recall": self._least}


class RecallAtPrecision(_Best):
    """The best recall at a precision of at least `precision`."""

    recordable = True

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        return self.best(self.recalls, self.precisions)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "precision": self._least}
