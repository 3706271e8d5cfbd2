"""Losses of margins, as support vector machines have them. Labels are -1 and 1; 0 stands for -1."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from nerve import kernels, ops
from nerve.losses.loss import FormulaLoss, matched
from nerve.tensor import Tensor

Values = ArrayLike | Tensor


def _margins(name: str, y_true: Values, y_pred: Any) -> Tensor:
    """How far each prediction falls short of 1 on its label's side."""
    targets, predictions = matched(name, y_true, y_pred)
    labels = targets.array
    signs = Tensor(kernels.where(kernels.equal(labels, 0.0), -1.0, labels), tracked=False)
    return ops.relu(1.0 - signs * predictions)


def hinge(y_true: Values, y_pred: Any) -> Tensor:
    """mean(max(1 - y_true y_pred, 0)) over the last axis.

    Parameters
    ----------
    y_true : array or Tensor, (batch, ..., n)
        Labels -1 and 1, or 0 and 1.
    y_pred : array or Tensor, (batch, ..., n)

    Returns
    -------
    Tensor, (batch, ...)

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    return ops.mean(_margins("hinge", y_true, y_pred), axis=-1)


def squared_hinge(y_true: Values, y_pred: Any) -> Tensor:
    """mean(max(1 - y_true y_pred, 0)**2) over the last axis; arguments as for :func:`hinge`."""
    return ops.mean(ops.square(_margins("squared_hinge", y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Values, y_pred: Any) -> Tensor:
    """max(the highest wrong score - the right one + 1, 0).

    Parameters
    ----------
    y_true : array or Tensor, (batch, ..., n_classes)
        One-hot.
    y_pred : array or Tensor, (batch, ..., n_classes)

    Returns
    -------
    Tensor, (batch, ...)
    """
    targets, predictions = matched("categorical_hinge", y_true, y_pred)
    right = ops.sum(targets * predictions, axis=-1)
    wrong = ops.max((1.0 - targets) * predictions, axis=-1)
    return ops.relu(wrong - right + 1.0)


class Hinge(FormulaLoss):
    """`hinge`, reduced."""

    formula = staticmethod(hinge)


class SquaredHinge(FormulaLoss):
    """`squared_hinge`, reduced."""

    formula = staticmethod(squared_hinge)


class CategoricalHinge(FormulaLoss):
    """`categorical_hinge`, reduced."""

    formula = staticmethod(categorical_hinge)
