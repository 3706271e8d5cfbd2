"""Connectionist temporal classification: how likely labels are when nobody knows at which steps they come."""

from __future__ import annotations

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_array, beside, empty, pick
from nerve.kernels._integers import checked_labels
from nerve.kernels._numbers import integer
from nerve.kernels.softmax import log_softmax, log_softmax_backward

__all__ = ["ctc_loss"]


def ctc_loss(
    target: ArrayLike,
    output: ArrayLike,
    target_length: ArrayLike,
    output_length: ArrayLike,
    *,
    mask_index: int = 0,
) -> tuple[Array, Array]:
    """``-log`` of the probability of labels over all ways to spread them over the steps, and its gradient.

    Parameters
    ----------
    target : array_like (batch, length) of int
        Labels in 0..classes-1; what is behind `target_length` is of no account.
    output : array_like (batch, time, classes)
        Logits, not normalised.
    target_length, output_length : array_like (batch,) of int
        How many labels and how many steps there are.
    mask_index : int
        The class of steps without a label.

    Returns
    -------
    loss : ndarray (batch,)
        Infinite where there are too few steps for the labels, with a gradient of zero.
    grad : ndarray (batch, time, classes)
        Of each loss with respect to the logits.

    Raises
    ------
    ShapeError, DTypeError
        If the shapes do not fit, or labels and lengths are no integers.
    ValueError
        If a label, a length or the mask's index is out of range.

    References
    ----------
    Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
    networks", ICML 2006.
    """
    op = "ctc_loss"
    x = as_array(op, output)
    if x.ndim != 3 or x.shape[2] == 0:
        raise ShapeError(f"[{op}] expects output (batch, time, classes), got shape {x.shape}")
    batch, time, classes = x.shape
    module = array_module(x)
    names = ("target", "target_length", "output_length")
    labels, label_lengths, lengths = (beside(op, module, a) for a in (target, target_length, output_length))
    for name, array in zip(names, (labels, label_lengths, lengths), strict=True):
        if array.size and array.dtype.kind not in "iu":
            raise DTypeError(f"[{op}] expects {name} of int32 or int64, got dtype {array.dtype}")
    if labels.ndim != 2 or labels.shape[0] != batch:
        raise ShapeError(f"[{op}] expects target of shape ({batch}, length), got {labels.shape}")
    for name, array in (("target_length", label_lengths), ("output_length", lengths)):
        if array.shape != (batch,):
            raise ShapeError(f"[{op}] expects {name} of shape ({batch},), got {array.shape}")
    blank = integer(op, "mask_index", mask_index, 0)
    if blank >= classes:
        raise ValueError(f"[{op}] mask_index must lie in 0..{classes - 1}, got {blank}")
    length = labels.shape[1]
    labels = checked_labels(op, labels, classes)
    label_lengths = checked_labels(f"{op} target_length", label_lengths, length + 1)
    lengths = checked_labels(f"{op} output_length", lengths, time + 1)
    log_probabilities = log_softmax(x)
    loss, grad = empty((batch,), x.dtype, x), empty(x.shape, x.dtype, x)
    occupancy, work = (empty((batch, rows, 2 * length + 1), x.dtype, x) for rows in (time, 2))
    pick(x).ctc_loss(
        loss, grad, occupancy, work, log_probabilities, labels, label_lengths, lengths,
        batch, time, classes, length, blank,
    )  # fmt: skip
    return loss, log_softmax_backward(grad, log_probabilities)
