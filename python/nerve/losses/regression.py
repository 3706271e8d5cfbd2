"""Losses of real-valued targets."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import ArrayLike

from nerve import ops
from nerve.kernels._numbers import number
from nerve.losses.loss import EPSILON, FormulaLoss, matched
from nerve.tensor import Tensor

Values = ArrayLike | Tensor


def mean_squared_error(y_true: Values, y_pred: Any) -> Tensor:
    """mean((y_pred - y_true)**2) over the last axis.

    Parameters
    ----------
    y_true, y_pred : array or Tensor, (batch, ..., n)

    Returns
    -------
    Tensor, (batch, ...)

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    targets, predictions = matched("mean_squared_error", y_true, y_pred)
    return ops.mean(ops.square(predictions - targets), axis=-1)


def mean_absolute_error(y_true: Values, y_pred: Any) -> Tensor:
    """mean(|y_pred - y_true|) over the last axis; arguments as for :func:`mean_squared_error`."""
    targets, predictions = matched("mean_absolute_error", y_true, y_pred)
    return ops.mean(ops.absolute(predictions - targets), axis=-1)


def mean_absolute_percentage_error(y_true: Values, y_pred: Any) -> Tensor:
    """100 mean(|y_pred - y_true| / |y_true|) over the last axis, where |y_true| is at least 1e-7."""
    targets, predictions = matched("mean_absolute_percentage_error", y_true, y_pred)
    scale = ops.maximum(ops.absolute(targets), EPSILON)
    return 100.0 * ops.mean(ops.absolute((predictions - targets) / scale), axis=-1)


def mean_squared_logarithmic_error(y_true: Values, y_pred: Any) -> Tensor:
    """mean((log(1 + y_pred) - log(1 + y_true))**2) over the last axis; what is below 1e-7 counts as that."""
    targets, predictions = matched("mean_squared_logarithmic_error", y_true, y_pred)
    logarithms = (ops.log(ops.maximum(x, EPSILON) + 1.0) for x in (predictions, targets))
    return ops.mean(ops.square(next(logarithms) - next(logarithms)), axis=-1)


def huber(y_true: Values, y_pred: Any, delta: float = 1.0) -> Tensor:
    """error**2 / 2 up to |error| = delta and on along the tangent, averaged over the last axis (Huber, 1964)."""
    targets, predictions = matched("huber", y_true, y_pred)
    error = predictions - targets
    distance = ops.absolute(error)
    along = delta * distance - 0.5 * delta**2
    return ops.mean(ops.where(distance <= delta, 0.5 * ops.square(error), along), axis=-1)


def log_cosh(y_true: Values, y_pred: Any) -> Tensor:
    """mean(log(cosh(y_pred - y_true))) over the last axis: near 0 error**2 / 2, far from it |error| - log(2)."""
    targets, predictions = matched("log_cosh", y_true, y_pred)
    error = predictions - targets
    return ops.mean(error + ops.softplus(-2.0 * error) - math.log(2.0), axis=-1)


def cosine_similarity(y_true: Values, y_pred: Any, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between two vectors along `axis`: -1 where they point the same way, 0 for zeros."""
    targets, predictions = matched("cosine_similarity", y_true, y_pred)
    product = _unit(targets, axis) * _unit(predictions, axis)
    return -ops.sum(product, axis=axis)


def _unit(x: Tensor, axis: int) -> Tensor:
    # The root of a number that is not zero: its derivative stays finite for a vector of zeros.
    return x / ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), EPSILON**2))


def poisson(y_true: Values, y_pred: Any) -> Tensor:
    """mean(y_pred - y_true log(y_pred)) over the last axis: the log-likelihood of counts, up to what targets decide."""
    targets, predictions = matched("poisson", y_true, y_pred)
    return ops.mean(predictions - targets * ops.log(predictions + EPSILON), axis=-1)


class MeanSquaredError(FormulaLoss):
    """The mean of the squared differences."""

    formula = staticmethod(mean_squared_error)


class MeanAbsoluteError(FormulaLoss):
    """The mean of the absolute differences."""

    formula = staticmethod(mean_absolute_error)


class MeanAbsolutePercentageError(FormulaLoss):
    """`mean_absolute_percentage_error`, reduced."""

    formula = staticmethod(mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(FormulaLoss):
    """`mean_squared_logarithmic_error`, reduced."""

    formula = staticmethod(mean_squared_logarithmic_error)


class LogCosh(FormulaLoss):
    """`log_cosh`, reduced."""

    formula = staticmethod(log_cosh)


class Poisson(FormulaLoss):
    """`poisson`, reduced."""

    formula = staticmethod(poisson)


class Huber(FormulaLoss):
    """`huber`, reduced; `delta` is where the parabola becomes a line."""

    formula = staticmethod(huber)
    options = ("delta",)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        self.delta = number(self.name, "delta", delta)


class CosineSimilarity(FormulaLoss):
    """`cosine_similarity`, reduced."""

    formula = staticmethod(cosine_similarity)
    options = ("axis",)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        self.axis = axis
