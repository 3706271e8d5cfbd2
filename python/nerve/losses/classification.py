"""Losses of labels and probabilities."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from nerve import kernels, ops
from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import host
from nerve.kernels._integers import require_range
from nerve.kernels._numbers import number
from nerve.kernels._traced import as_array
from nerve.losses.loss import FormulaLoss, as_predictions, as_targets, check_nan, matched
from nerve.tensor import Tensor


def classes_last(x: Tensor, axis: int) -> Tensor:
    """`x` with its axis of classes moved to the end."""
    if axis in (-1, x.ndim - 1):
        return x
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"axis {axis} of the classes does not exist in predictions of shape {x.shape}")
    axes = list(range(x.ndim))
    axes.append(axes.pop(axis))
    return ops.transpose(x, axes=tuple(axes))


def smoothed(y: Tensor, label_smoothing: float, n_classes: int) -> Tensor:
    """Targets that leave a part of their weight to all classes alike (Szegedy et al., 2016)."""
    return y * (1.0 - label_smoothing) + label_smoothing / n_classes if label_smoothing else y


def binary_crossentropy(
    y_true: ArrayLike | Tensor, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)), averaged over `axis`.

    Parameters
    ----------
    y_true : array or Tensor, (batch, ..., n)
        Probabilities of the positive class, mostly 0 and 1.
    y_pred : Tensor or array, (batch, ..., n)
        Probabilities p, or logits.
    from_logits : bool
        Whether `y_pred` is logits.
    label_smoothing : float
        Targets become `y (1 - label_smoothing) + label_smoothing / 2`.
    axis : int

    Returns
    -------
    Tensor
        The shape without `axis`.

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    y, predictions = matched("binary_crossentropy", y_true, y_pred)
    y = smoothed(y, label_smoothing, 2)
    return ops.mean(ops.binary_crossentropy(y, predictions, from_logits), axis=axis)


def categorical_crossentropy(
    y_true: ArrayLike | Tensor, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-sum(y log p) over the classes.

    Parameters
    ----------
    y_true : array or Tensor, (batch, ..., n_classes)
        Probabilities, mostly one-hot.
    y_pred : Tensor or array, (batch, ..., n_classes)
        Probabilities, scaled here to sum to one, or logits.
    from_logits : bool
        Whether `y_pred` is logits.
    label_smoothing : float
        Targets become `y (1 - label_smoothing) + label_smoothing / n_classes`.
    axis : int
        The axis of the classes.

    Returns
    -------
    Tensor
        The shape without `axis`.

    Raises
    ------
    ShapeError
        If the shapes differ.
    """
    name = "categorical_crossentropy"
    predictions = as_predictions(y_pred)
    y = as_targets(name, y_true, predictions.dtype)
    if y.shape != predictions.shape or not y.shape:
        raise ShapeError(
            f"[{name}] y_true and y_pred must have one shape (batch, ..., n_classes), got {y.shape} and "
            f"{predictions.shape}; integer labels go with sparse_categorical_crossentropy"
        )
    y, predictions = classes_last(y, axis), classes_last(predictions, axis)
    y = smoothed(y, label_smoothing, y.shape[-1])
    if from_logits:
        return ops.softmax_cross_entropy(predictions, y)
    return ops.categorical_crossentropy(y, predictions)


def sparse_categorical_crossentropy(
    y_true: ArrayLike | Tensor,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """-log p[label].

    Parameters
    ----------
    y_true : array of int, (batch, ...) or (batch, ..., 1)
        Labels from 0 to n_classes - 1.
    y_pred : Tensor or array, (batch, ..., n_classes)
        Probabilities, scaled here to sum to one, or logits.
    from_logits : bool
        Whether `y_pred` is logits.
    ignore_class : int, optional
        Samples of this label have a loss of 0; it may lie outside of the range.
    axis : int
        The axis of the classes in `y_pred`.

    Returns
    -------
    Tensor, (batch, ...)

    Raises
    ------
    ShapeError
        If the labels do not have the shape of `y_pred` without its classes.
    ValueError
        If a label is out of range or not a whole number.
    """
    name = "sparse_categorical_crossentropy"
    predictions = as_predictions(y_pred)
    labels = as_labels(name, y_true)
    shape = predictions.shape
    predictions = classes_last(predictions, axis) if shape else predictions
    rows = predictions.shape[:-1]
    # A last axis of 1 may be there or not; a single row of classes takes a single label.
    if not shape or labels.shape not in (rows, (*rows, 1)):
        raise ShapeError(
            f"[{name}] y_true must have the shape of y_pred without the classes (axis {axis}), or one more axis of 1; "
            f"got {labels.shape} and {shape}"
            + ("; one-hot targets go with categorical_crossentropy" if labels.shape == shape else "")
        )
    labels = labels.reshape(rows)
    valid = None
    if ignore_class is not None:
        valid = differs(labels, ignore_class)
        labels = kernels.cast(kernels.where(valid, kernels.cast(labels, "float64"), 0.0), "int64")
    n_classes = predictions.shape[-1]

    def error() -> ValueError:
        wrong = (labels < 0) | (labels >= n_classes)
        return ValueError(f"[{name}] label {host(labels[wrong])[0]} is out of range [0, {n_classes})")

    computed = ValueError(f"[{name}] a label is out of range [0, {n_classes})")
    require_range(labels, 0, n_classes - 1, error, computed)
    if from_logits:
        losses = ops.softmax_cross_entropy(predictions, labels)
    else:
        losses = ops.sparse_categorical_crossentropy(labels, predictions)
    return losses if valid is None else losses * kernels.cast(valid, predictions.dtype)


def differs(labels: Array, label: int) -> Array:
    """Where integers are not `label`, as booleans."""
    return kernels.not_equal(kernels.cast(labels, "float64"), float(label))


def as_labels(name: str, y_true: ArrayLike | Tensor) -> Array:
    """`y_true` as int64; whole floats will do."""
    labels = y_true.array if isinstance(y_true, Tensor) else as_array(y_true)
    if labels.dtype.kind == "f":
        check_nan(name, labels)
        labels = kernels.cast(labels, "float64" if labels.dtype == "float64" else "float32")
        odd = kernels.not_equal(labels, kernels.round(labels))

        def error() -> ValueError:
            return ValueError(f"[{name}] label {host(labels[odd])[0]} is not a whole number")

        computed = ValueError(f"[{name}] a label is not a whole number")
        require_range(kernels.cast(odd, "int64"), 0, 0, error, computed)
    elif labels.dtype.kind not in "iub":
        raise DTypeError(f"[{name}] labels must be integers, got dtype {labels.dtype}")
    return kernels.cast(labels, "int64")


class SmoothedCrossentropy(FormulaLoss):
    """The arguments that binary and categorical cross-entropy share."""

    options: tuple[str, ...] = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        if not 0.0 <= number(self.name, "label_smoothing", label_smoothing) <= 1.0:
            raise ValueError(f"[{self.name}] label_smoothing must be in [0, 1], got {label_smoothing}")
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class BinaryCrossentropy(SmoothedCrossentropy):
    """`binary_crossentropy`, reduced."""

    formula = staticmethod(binary_crossentropy)


class CategoricalCrossentropy(SmoothedCrossentropy):
    """`categorical_crossentropy`, reduced."""

    formula = staticmethod(categorical_crossentropy)


class SparseCategoricalCrossentropy(FormulaLoss):
    """`sparse_categorical_crossentropy`, reduced; what `ignore_class` leaves out does not count in a mean either."""

    formula = staticmethod(sparse_categorical_crossentropy)
    options = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def mask(self, y_true: Any, values: Tensor) -> Array | None:
        return None if self.ignore_class is None else differs(as_labels(self.name, y_true), self.ignore_class)
