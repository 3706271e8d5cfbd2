"""Losses of masks, by how much they overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from nerve import ops
from nerve.kernels._numbers import number
from nerve.losses.loss import EPSILON, FormulaLoss, matched
from nerve.tensor import Tensor

Axes = int | Sequence[int] | None


def dice(y_true: ArrayLike | Tensor, y_pred: Any, axis: Axes = None) -> Tensor:
    """1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred)): how little two masks overlap.

    Parameters
    ----------
    y_true, y_pred : array or Tensor, (batch, ...)
        From 0 to 1.
    axis : int or sequence of int, optional
        The axes of one mask; by default all, the batch too.

    Returns
    -------
    Tensor
        The shape without `axis`.
    """
    targets, predictions = matched("dice", y_true, y_pred)
    common = ops.sum(targets * predictions, axis=axis)
    whole = ops.sum(targets, axis=axis) + ops.sum(predictions, axis=axis)
    return 1.0 - 2.0 * common / (whole + EPSILON)


def tversky(
    y_true: ArrayLike | Tensor, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None
) -> Tensor:
    """1 - common / (common + alpha missed + beta wrong) (Salehi et al., 2017); the dice loss at 0.5 and 0.5.

    `alpha` weighs what of `y_true` is not predicted, `beta` what is predicted but not there, as Keras has them.
    """
    targets, predictions = matched("tversky", y_true, y_pred)
    common = ops.sum(targets * predictions, axis=axis)
    missed = ops.sum((1.0 - predictions) * targets, axis=axis)
    wrong = ops.sum(predictions * (1.0 - targets), axis=axis)
    return 1.0 - common / (common + missed * alpha + wrong * beta + EPSILON)


class Dice(FormulaLoss):
    """`dice`, reduced: without `axis` one loss for the whole batch."""

    formula = staticmethod(dice)
    options = ("axis",)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        self.axis = axis


class Tversky(FormulaLoss):
    """`tversky`, reduced: without `axis` one loss for the whole batch."""

    formula = staticmethod(tversky)
    options = ("alpha", "beta", "axis")

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        self.alpha, self.beta = number(self.name, "alpha", alpha), number(self.name, "beta", beta)
        self.axis = axis
