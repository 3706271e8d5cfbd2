"""The loss of sequences whose labels come at unknown steps."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from nerve import kernels, ops
from nerve.errors import ShapeError
from nerve.kernels._arrays import full
from nerve.kernels._traced import as_array
from nerve.losses.loss import FormulaLoss, as_predictions
from nerve.tensor import Tensor


def ctc(y_true: ArrayLike | Tensor, y_pred: Any) -> Tensor:
    """-log of the probability of labels over all ways to spread them over the steps, blanks between.

    Parameters
    ----------
    y_true : array (batch, length) of int
        Labels from 1 on; 0, which stands for a blank, fills up what is shorter.
    y_pred : Tensor or array (batch, time, classes)
        Logits, not normalised.

    Returns
    -------
    Tensor (batch,)
        Infinite where there are too few steps for the labels.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ValueError
        If a label is out of range.

    References
    ----------
    Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
    networks", ICML 2006.
    """
    predictions = as_predictions(y_pred)
    labels = y_true.array if isinstance(y_true, Tensor) else as_array(y_true)
    if labels.ndim != 2:
        raise ShapeError(f"[ctc] expects y_true (batch, length), got shape {labels.shape}")
    if predictions.ndim != 3:
        raise ShapeError(f"[ctc] expects y_pred (batch, time, classes), got shape {predictions.shape}")
    if labels.dtype.kind not in "iu":  # whole numbers that came as floats
        labels = kernels.cast(labels, "int64")
    counts = kernels.sum(kernels.cast(kernels.cast(labels, "bool"), "float32"), -1)
    steps = full(predictions.shape[:1], predictions.shape[1], "int64", predictions.array)
    return ops.ctc_loss(labels, predictions, kernels.cast(counts, "int64"), steps)


class CTC(FormulaLoss):
    """`ctc`, reduced."""

    formula = staticmethod(ctc)

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: str | None = None
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
