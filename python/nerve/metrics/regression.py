"""Metrics of real-valued targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer
from nerve.metrics.metric import Metric, PairMetric, RootMean, host_array


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


class R2Score(Metric):
    """The part of the targets' variance that predictions explain: 1 - squared errors / squared deviations.

    Parameters
    ----------
    class_aggregation : {None, "uniform_average", "variance_weighted_average"}
        A score for each output, or their mean, weighted by the variance of the targets or not.
    num_regressors : int
        If not 0, the score is adjusted for that many independent variables.
    name : str, optional
    """

    direction = "up"
    _state = ("_sums", "_samples")

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                f"[{self.name}] class_aggregation must be None, 'uniform_average' or 'variance_weighted_average', "
                f"got {class_aggregation!r}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = integer(self.name, "num_regressors", num_regressors, 0)
        self._sums, self._samples = np.zeros((4, 0)), 0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch of targets and predictions, (batch,) or (batch, outputs).

        Raises
        ------
        ShapeError
            If the shapes or the weights do not fit.
        """
        y, p = (host_array(x).astype(np.float64) for x in (y_true, y_pred))
        y, p = (x.reshape(-1, 1) if x.ndim == 1 else x for x in (y, p))
        if y.shape != p.shape or y.ndim != 2:
            raise ShapeError(f"[{self.name}] y_true and y_pred must have one shape (batch, outputs)")
        weights = np.ones((len(y), 1)) if sample_weight is None else host_array(sample_weight).astype(np.float64)
        if len(weights) != len(y) or weights.size not in (len(y), y.size):
            raise ShapeError(f"[{self.name}] sample_weight of shape {weights.shape} does not fit targets of {y.shape}")
        weights = np.broadcast_to(weights.reshape(len(y), -1), y.shape)
        added = np.stack([weights, weights * y, weights * y**2, weights * (y - p) ** 2]).sum(axis=1)
        self._sums = self._sums + added if self._sums.size else added
        self._samples += y.size

    def result(self) -> Any:
        weight, of_targets, of_squares, of_errors = self._sums
        deviations = of_squares - of_targets**2 / np.where(weight, weight, 1.0)
        scores: Any = 1.0 - np.divide(of_errors, deviations, out=np.ones(len(weight)), where=deviations != 0)
        if self.class_aggregation == "variance_weighted_average":
            scores = (deviations * scores).sum() / deviations.sum()
        elif self.class_aggregation == "uniform_average":
            scores = scores.mean() if scores.size else 0.0
        left = self._samples - self.num_regressors - 1
        if self.num_regressors and left > 0:
            scores = 1.0 - (1.0 - scores) * (self._samples - 1) / left
        return scores if self.class_aggregation is None else float(scores)

    def reset_state(self) -> None:
        self._sums, self._samples = np.zeros((4, 0)), 0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }


def difference(y_true: Array, y_pred: Array) -> Array:
    """How far predictions are from targets, in the dtype of the predictions."""
    return kernels.subtract(y_pred, kernels.cast(y_true, y_pred.dtype))
