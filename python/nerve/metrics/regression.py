"""Metrics of real-valued targets."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array
from nerve.metrics.metric import PairMetric, RootMean


class MeanSquaredError(PairMetric):
    """The mean of the squared differences."""

    direction = "down"
    recordable = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = self.matched(y_true, y_pred)
        return kernels.mean(kernels.square(difference(y_true, y_pred)), -1)


class RootMeanSquaredError(RootMean):
    """The square root of the mean of the squared differences; weights may be given value by value."""

    direction = "down"
    recordable = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = self.matched(y_true, y_pred)
        return kernels.square(difference(y_true, y_pred))


class MeanAbsoluteError(PairMetric):
    """The mean of the absolute differences."""

    direction = "down"
    recordable = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = self.matched(y_true, y_pred)
        return kernels.mean(kernels.absolute(difference(y_true, y_pred)), -1)


def difference(y_true: Array, y_pred: Array) -> Array:
    """How far predictions are from targets, in the dtype of the predictions."""
    return kernels.subtract(y_pred, kernels.cast(y_true, y_pred.dtype))
