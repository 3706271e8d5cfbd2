"""Metrics of real-valued targets."""

from __future__ import annotations

from nerve._typing import Array
from nerve.metrics.metric import PairMetric, RootMean


class MeanSquaredError(PairMetric):
    """The mean of the squared differences."""

    direction = "down"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = self.matched(y_true, y_pred)
        difference = y_pred - y_true.astype(y_pred.dtype, copy=False)
        mean: Array = (difference * difference).mean(axis=-1)
        return mean


class RootMeanSquaredError(RootMean):
    """The square root of the mean of the squared differences; weights may be given value by value."""

    direction = "down"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = self.matched(y_true, y_pred)
        difference = y_pred - y_true.astype(y_pred.dtype, copy=False)
        square: Array = difference * difference
        return square


class MeanAbsoluteError(PairMetric):
    """The mean of the absolute differences."""

    direction = "down"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = self.matched(y_true, y_pred)
        mean: Array = abs(y_pred - y_true.astype(y_pred.dtype, copy=False)).mean(axis=-1)
        return mean
