"""How often predictions are right."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import host
from nerve.metrics.metric import PairMetric


class Accuracy(PairMetric):
    """How often a prediction equals its target; both are labels."""

    direction = "up"
    recordable = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = self.matched(exact(y_true), exact(y_pred))
        return kernels.cast(kernels.equal(y_true, y_pred), "float32")


class BinaryAccuracy(PairMetric):
    """How often a probability lies on its target's side of `threshold`; the threshold itself counts as 0."""

    direction = "up"
    recordable = True

    def __init__(self, name: str | None = None, dtype: str | None = None, *, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = self.matched(exact(y_true), exact(y_pred))
        positive = kernels.cast(kernels.greater(y_pred, self.threshold), y_true.dtype)
        return kernels.cast(kernels.equal(y_true, positive), "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}


class CategoricalAccuracy(PairMetric):
    """How often the largest output is at the place of the largest target; targets are one-hot."""

    direction = "up"
    recordable = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return kernels.argmax_is(y_pred, self.labels(y_true, y_pred))

    def labels(self, y_true: Array, y_pred: Array) -> Array:
        """The labels that `y_true` stands for."""
        if y_true.shape != y_pred.shape or not y_true.shape:
            raise ShapeError(
                f"[{self.name}] y_true and y_pred must have one shape (batch, ..., n_classes), "
                f"got {y_true.shape} and {y_pred.shape}"
            )
        return kernels.argmax(kernels.cast(y_true, y_pred.dtype) if y_true.dtype.kind == "b" else y_true, axis=-1)


class SparseCategoricalAccuracy(CategoricalAccuracy):
    """How often the largest output is at the place the target names; targets are integer labels."""

    recordable = True

    def labels(self, y_true: Array, y_pred: Array) -> Array:
        rows = y_pred.shape[:-1]
        if not y_pred.shape or y_true.shape not in (rows, (*rows, 1)):
            raise ShapeError(
                f"[{self.name}] y_true must have the shape of y_pred without its last axis, or one more axis of 1; "
                f"got {y_true.shape} and {y_pred.shape}"
            )
        return whole(y_true).reshape(rows)


class TopKCategoricalAccuracy(CategoricalAccuracy):
    """How often the target is among the `k` largest outputs; targets are one-hot."""

    def __init__(self, k: int = 5, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        if k < 1:
            raise ValueError(f"[{self.name}] k must be at least 1, got {k}")
        self.k = k

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return in_top_k(self.labels(y_true, y_pred), y_pred, self.k)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k}


class SparseTopKCategoricalAccuracy(SparseCategoricalAccuracy):
    """How often the target is among the `k` largest outputs; targets are integer labels."""

    def __init__(
        self, k: int = 5, name: str | None = None, dtype: str | None = None, from_sorted_ids: bool = False
    ) -> None:
        super().__init__(name, dtype)
        if k < 1:
            raise ValueError(f"[{self.name}] k must be at least 1, got {k}")
        self.k = k
        self.from_sorted_ids = from_sorted_ids  # predictions are labels, the best first, and not outputs

    def values(self, y_true: Array, y_pred: Array) -> Array:
        labels = self.labels(y_true, y_pred)
        if self.from_sorted_ids:
            return np.asarray((labels[..., np.newaxis] == y_pred[..., : self.k]).any(axis=-1))
        return in_top_k(labels, y_pred, self.k)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k, "from_sorted_ids": self.from_sorted_ids}


def exact(x: Array) -> Array:
    """Integers as float64, which holds those of up to 53 bits; floats as they are."""
    return x if x.dtype.kind == "f" else kernels.cast(x, "float32" if x.dtype.kind == "b" else "float64")


def whole(labels: Array) -> Array:
    """Labels as int64; what is no whole number becomes -1, which is nobody's label."""
    if labels.dtype.kind != "f":
        return kernels.cast(labels, "int64")
    return kernels.cast(kernels.where(kernels.equal(kernels.floor(labels), labels), labels, -1.0), "int64")


def in_top_k(labels: Array, outputs: Array, k: int) -> Array:
    """Whether fewer than `k` outputs of a row are larger than the label's own; never where that is missing or NaN."""
    labels, outputs = host(labels), host(outputs)
    known = (labels >= 0) & (labels < outputs.shape[-1])
    places = np.where(known, labels, 0).astype(np.int64)[..., np.newaxis]
    own = np.take_along_axis(outputs, places, axis=-1)
    among: Array = ((outputs > own).sum(axis=-1) < k) & ~np.isnan(own[..., 0]) & known
    return among
