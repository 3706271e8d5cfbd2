"""Losses of bounding boxes, by how much they overlap and how they lie to each other.

Boxes are (x_min, y_min, x_max, y_max) along the last axis, in any unit, x_min <= x_max and y_min <= y_max.
"""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import ArrayLike

from nerve import ops
from nerve.errors import ShapeError
from nerve.losses.loss import EPSILON, FormulaLoss, matched
from nerve.tensor import Tensor


class _Pair:
    """Two boxes each, and what all losses of them need."""

    def __init__(self, name: str, y_true: ArrayLike | Tensor, y_pred: Any) -> None:
        targets, predictions = matched(name, y_true, y_pred)
        if predictions.shape[-1] != 4:
            raise ShapeError(f"[{name}] boxes have 4 numbers along the last axis, got shape {predictions.shape}")
        self.low, self.high = targets[..., :2], targets[..., 2:]
        self.own_low, self.own_high = predictions[..., :2], predictions[..., 2:]
        common = _area(ops.relu(ops.minimum(self.high, self.own_high) - ops.maximum(self.low, self.own_low)))
        self.sizes, self.own_sizes = self.high - self.low, self.own_high - self.own_low
        self.union = _area(self.sizes) + _area(self.own_sizes) - common
        self.overlap = common / (self.union + EPSILON)

    def around(self) -> Tensor:
        """Width and height of the smallest box around both."""
        return ops.maximum(self.high, self.own_high) - ops.minimum(self.low, self.own_low)

    def distance(self) -> Tensor:
        """Between the centres, squared, in squared diagonals of the box around both."""
        apart = ops.square((self.low + self.high - self.own_low - self.own_high) * 0.5)
        return ops.sum(apart, axis=-1) / (ops.sum(ops.square(self.around()), axis=-1) + EPSILON)


def _area(sizes: Tensor) -> Tensor:
    return sizes[..., 0] * sizes[..., 1]


def _angle(sizes: Tensor) -> Tensor:
    """arctan(width / height)."""
    angle: Tensor = ops.arctan2(sizes[..., 0], sizes[..., 1])
    return angle


def iou_loss(y_true: ArrayLike | Tensor, y_pred: Any) -> Tensor:
    """1 - intersection over union.

    Parameters
    ----------
    y_true, y_pred : array or Tensor, (..., 4)
        Boxes as (x_min, y_min, x_max, y_max).

    Returns
    -------
    Tensor
        (...), from 0 to 1; 1 with no gradient where boxes do not touch.
    """
    return 1.0 - _Pair("iou_loss", y_true, y_pred).overlap


def giou_loss(y_true: ArrayLike | Tensor, y_pred: Any) -> Tensor:
    """`iou_loss` and the part of the smallest box around both that neither covers (Rezatofighi et al., 2019)."""
    pair = _Pair("giou_loss", y_true, y_pred)
    around = _area(pair.around())
    return 1.0 - pair.overlap + (around - pair.union) / (around + EPSILON)


def diou_loss(y_true: ArrayLike | Tensor, y_pred: Any) -> Tensor:
    """`iou_loss` and the distance of the centres (Zheng et al., 2020)."""
    pair = _Pair("diou_loss", y_true, y_pred)
    return 1.0 - pair.overlap + pair.distance()


def ciou_loss(y_true: ArrayLike | Tensor, y_pred: Any) -> Tensor:
    """`diou_loss` and how the ratios of width to height differ (Zheng et al., 2020).

    The weight of that term counts as a constant, as in the paper.
    """
    pair = _Pair("ciou_loss", y_true, y_pred)
    ratio = ops.square(_angle(pair.sizes) - _angle(pair.own_sizes)) * (4 / math.pi**2)
    weight = ops.stop_gradient(ratio / (1.0 - pair.overlap + ratio + EPSILON))
    return 1.0 - pair.overlap + pair.distance() + weight * ratio


class IoULoss(FormulaLoss):
    """`iou_loss`, reduced."""

    formula = staticmethod(iou_loss)

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "iou_loss", dtype: str | None = None
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)


class GIoULoss(FormulaLoss):
    """`giou_loss`, reduced."""

    formula = staticmethod(giou_loss)

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "giou_loss", dtype: str | None = None
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)


class DIoULoss(FormulaLoss):
    """`diou_loss`, reduced."""

    formula = staticmethod(diou_loss)

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "diou_loss", dtype: str | None = None
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)


class CIoULoss(FormulaLoss):
    """`ciou_loss`, reduced."""

    formula = staticmethod(ciou_loss)

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "ciou_loss", dtype: str | None = None
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
