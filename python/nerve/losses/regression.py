"""Losses of real-valued targets."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from nerve import ops
from nerve.losses.loss import Loss, matched
from nerve.tensor import Tensor


def mean_squared_error(y_true: ArrayLike | Tensor, y_pred: Any) -> Tensor:
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


def mean_absolute_error(y_true: ArrayLike | Tensor, y_pred: Any) -> Tensor:
    """mean(|y_pred - y_true|) over the last axis.

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
    targets, predictions = matched("mean_absolute_error", y_true, y_pred)
    return ops.mean(ops.absolute(predictions - targets), axis=-1)


class _Regression(Loss):
    """The order in which Keras's regression losses take their arguments."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(name, reduction)


class MeanSquaredError(_Regression):
    """The mean of the squared differences."""

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        return mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(_Regression):
    """The mean of the absolute differences."""

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        return mean_absolute_error(y_true, y_pred)
