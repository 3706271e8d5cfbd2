"""Metrics of yes and no: counts of true and false positives and negatives, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import full, host, placed
from nerve.kernels._numbers import integer, number
from nerve.kernels._recording import reading
from nerve.metrics.accuracy import exact
from nerve.metrics.metric import Metric, as_array, records

Thresholds = float | Sequence[float] | None
TRUE_POSITIVES, FALSE_POSITIVES, POSITIVES, ALL = range(4)


class Counts(Metric):
    """Base: weights of true positives and false positives at some thresholds, of all positives, and of everything.

    A prediction above the threshold is positive. Negatives follow from these.
    """

    _state = ("_counts",)

    def __init__(self, thresholds: Sequence[float], name: str | None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self._set_thresholds(thresholds)

    def _set_thresholds(self, thresholds: Sequence[float]) -> None:
        self._thresholds = np.asarray(thresholds, np.float64)
        self._counts = np.zeros((4, len(self._thresholds)))  # in place, so that recordings keep them

    def reset_state(self) -> None:
        self._counts[...] = 0.0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch of targets, whose positives are what is not zero, and of predictions of the same shape.

        Raises
        ------
        ShapeError
            If the shapes or the weights do not fit.
        """
        if not records(self):
            reading(f"the metric {self.name!r}")
        truth, predicted = self.chosen(*self._matched(as_array(y_true), exact(as_array(y_pred))))
        self._counts, self._thresholds = placed(self._counts, truth), placed(self._thresholds, truth)
        weights = self._weights(sample_weight, predicted)
        found, totals = self._tallied(kernels.cast(kernels.not_equal(exact(truth), 0.0), "float64"), weights, predicted)
        kernels.add(self._counts[:1], found[:1], out=self._counts[:1])
        false = kernels.subtract(found[1:], found[:1])
        kernels.add(self._counts[1:2], false, out=self._counts[1:2])
        kernels.add(self._counts[2:], totals, out=self._counts[2:])

    def _tallied(self, truth: Array, weights: Array, predicted: Array) -> tuple[Array, Array]:
        """True positives and all above, (2, ..., thresholds); positives and everything, (2, ..., 1)."""
        size = predicted.size
        weights = weights.reshape(size)
        weighted = kernels.multiply(truth.reshape(size), weights)
        above = kernels.greater(kernels.cast(predicted, "float64").reshape(1, size), self._thresholds[:, np.newaxis])
        above = kernels.cast(above, "float64")
        columns = kernels.concatenate([weighted.reshape(1, size), weights.reshape(1, size)], axis=0)
        return kernels.matmul(columns, above, transpose_b=True), kernels.sum(columns, axis=1).reshape(2, 1)

    def chosen(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """The part of targets and predictions that counts."""
        return y_true, y_pred

    def of_class(self, class_id: int | None, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Targets and predictions of one class, if one is meant."""
        if class_id is None:
            return y_true, y_pred
        if class_id >= y_pred.shape[-1]:
            raise ShapeError(f"[{self.name}] class_id {class_id} is beyond the classes of {y_pred.shape}")
        return kernels.getitem(exact(y_true), (..., class_id)), kernels.getitem(y_pred, (..., class_id))

    def _matched(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        a, b = y_true.shape, y_pred.shape
        if a != b:
            if len(a) + 1 == len(b) and b[-1] == 1:
                y_true = y_true.reshape(b)
            elif len(b) + 1 == len(a) and a[-1] == 1:
                y_pred = y_pred.reshape(a)
            if y_true.shape != y_pred.shape:
                raise ShapeError(f"[{self.name}] y_true and y_pred must have one shape (batch, ...), got {a} and {b}")
        return y_true, y_pred

    def _weights(self, sample_weight: ArrayLike | None, like: Array) -> Array:
        given_none = sample_weight is None
        weights = full((), 1, "float64", like) if given_none else kernels.cast(as_array(sample_weight), "float64")
        given = weights.shape
        if weights.ndim == like.ndim + 1 and given[-1] == 1:
            weights = weights.reshape(given[:-1])
        weights = weights.reshape(weights.shape + (1,) * (like.ndim - weights.ndim))
        try:
            return kernels.broadcast_to(weights, like.shape)
        except ShapeError:
            raise ShapeError(f"[{self.name}] sample_weight of shape {given} does not fit shape {like.shape}") from None

    @property
    def true_positives(self) -> Array:
        """At each threshold."""
        return np.array(host(self._counts)[TRUE_POSITIVES])

    @property
    def false_positives(self) -> Array:
        """At each threshold."""
        return np.array(host(self._counts)[FALSE_POSITIVES])

    @property
    def false_negatives(self) -> Array:
        """At each threshold."""
        counts = host(self._counts)
        return np.asarray(counts[POSITIVES] - counts[TRUE_POSITIVES])

    @property
    def true_negatives(self) -> Array:
        """At each threshold."""
        counts = host(self._counts)
        return np.asarray(counts[ALL] - counts[POSITIVES] - counts[FALSE_POSITIVES])


class _AtThresholds(Counts):
    """Thresholds as they are given: none stands for 0.5, a single one for a number as the result."""

    direction: str | None = "up"

    def __init__(self, thresholds: Thresholds = None, name: str | None = None, dtype: str | None = None) -> None:
        self.thresholds = thresholds
        values = [0.5] if thresholds is None else [thresholds] if np.ndim(thresholds) == 0 else list(thresholds)  # type: ignore[arg-type]
        super().__init__([number(type(self).__name__, "thresholds", value) for value in values], name, dtype)
        if not ((self._thresholds >= 0) & (self._thresholds <= 1)).all():
            raise ValueError(f"[{self.name}] thresholds must be in [0, 1], got {thresholds}")

    def _as_result(self, values: Array) -> Any:
        return float(values[0]) if len(values) == 1 else values

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.thresholds}


class TruePositives(_AtThresholds):
    """The weight of the samples that are positive and predicted to be."""

    recordable = True

    def result(self) -> Any:
        return self._as_result(self.true_positives)


class FalsePositives(_AtThresholds):
    """The weight of the samples that are predicted to be positive and are not."""

    direction = "down"
    recordable = True

    def result(self) -> Any:
        return self._as_result(self.false_positives)


class TrueNegatives(_AtThresholds):
    """The weight of the samples that are negative and predicted to be."""

    recordable = True

    def result(self) -> Any:
        return self._as_result(self.true_negatives)


class FalseNegatives(_AtThresholds):
    """The weight of the samples that are positive and not predicted to be."""

    direction = "down"
    recordable = True

    def result(self) -> Any:
        return self._as_result(self.false_negatives)


class _OfClass(_AtThresholds):
    """Counts over all outputs, over those of one class, or with the k largest of each row as its positives."""

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(thresholds, name, dtype)
        self.top_k = None if top_k is None else integer(self.name, "top_k", top_k, 1)
        self.class_id = None if class_id is None else integer(self.name, "class_id", class_id, 0)
        if top_k is not None and thresholds is None:
            self._thresholds[:] = -np.inf  # whatever is among the largest is positive

    def chosen(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        if self.top_k is not None:
            reading("top_k of a metric")
            k = min(self.top_k, y_pred.shape[-1])
            outputs = host(y_pred)
            kept = np.argpartition(-outputs, k - 1, axis=-1)[..., :k]
            among = np.full(outputs.shape, -np.inf)
            np.put_along_axis(among, kept, np.take_along_axis(outputs, kept, -1), -1)
            y_pred = placed(among, y_pred)
        return self.of_class(self.class_id, y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "top_k": self.top_k, "class_id": self.class_id}


class Precision(_OfClass):
    """Of what is predicted to be positive, the part that is."""

    recordable = True

    def result(self) -> Any:
        return self._as_result(ratio(self.true_positives, self.true_positives + self.false_positives))


class Recall(_OfClass):
    """Of what is positive, the part that is predicted to be."""

    recordable = True

    def result(self) -> Any:
        return self._as_result(ratio(self.true_positives, self.true_positives + self.false_negatives))


def ratio(a: Array, b: Array) -> Array:
    """a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape)), where=b != 0)
