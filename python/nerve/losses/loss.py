"""What all losses share: matching targets with predictions, weighting, reduction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from nerve import kernels, ops
from nerve._lookup import Spelled, snake_case
from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels import _later
from nerve.kernels._arrays import array_module, host, on_gpu
from nerve.kernels._integers import require_range
from nerve.kernels._recording import Configured, now
from nerve.kernels._traced import as_array
from nerve.tensor import Tensor

# Probabilities are kept this far from 0 and 1, as in Keras, so that their logarithms are finite.
EPSILON = 1e-7

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


class Loss(Configured, Spelled):
    """Base of all losses: a number to minimize, from targets and predictions.

    Parameters
    ----------
    name : str, optional
        Names the loss in logs and errors; the class name in snake case if not given.
    reduction : {"sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None}
        "sum_over_batch_size" and "mean" divide the weighted sum by the number of values, "mean_with_sample_weight"
        by the sum of the weights; "none" and None give the values themselves.
    dtype : {"float32", "float64"}, optional
        What predictions are converted to before the loss is computed of them; that of the predictions if not given.

    Notes
    -----
    A subclass defines `call(y_true, y_pred)`, which gives one value per sample.
    """

    _dtype: str | None = None

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(f"[{type(self).__name__}] reduction must be one of {REDUCTIONS}, got {reduction!r}")
        self.name = name or snake_case(type(self).__name__)
        if dtype not in (None, "float32", "float64"):
            raise DTypeError(f"[{self.name}] dtype must be 'float32' or 'float64', got {dtype!r}")
        self.reduction = reduction
        self._dtype = dtype

    @property
    def dtype(self) -> str:
        """What the loss is computed in, of predictions that have none of their own."""
        return self._dtype or "float32"

    def __call__(self, y_true: ArrayLike | Tensor, y_pred: Any, sample_weight: ArrayLike | None = None) -> Tensor:
        """The loss of a batch.

        Parameters
        ----------
        y_true : array or Tensor
            Targets. Numbers become the dtype of `y_pred`.
        y_pred : Tensor or array
            Predictions, (batch, ...).
        sample_weight : array, optional
            A weight per sample, (batch,), or per value.

        Returns
        -------
        Tensor
            A scalar, or the weighted values where nothing is reduced.

        Raises
        ------
        ShapeError
            If the shapes do not fit, or an average over an empty batch is asked for.
        ValueError
            If targets are NaN or labels out of range.
        """
        y_pred = as_predictions(y_pred)
        if self._dtype is not None and y_pred.dtype != self._dtype:
            y_pred = converted(y_pred, self._dtype)
        if 0 in y_pred.shape and self.reduction not in ("sum", "none", None):
            raise ShapeError(f"[{self.name}] the average over an empty batch is undefined: y_pred is {y_pred.shape}")
        values = self.call(y_true, y_pred)
        weights = None if sample_weight is None else _weights(self.name, sample_weight, values)
        mask = _every(self.mask(y_true, values), getattr(y_pred, "_mask", None), values.shape)
        if mask is not None:
            weights = kernels.cast(_masked(mask, weights, self.reduction), values.dtype)
        if weights is not None:
            values = values * weights
        if self.reduction in ("none", None):
            return values
        if self.reduction == "sum":
            return ops.sum(values)
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            total = kernels.sum(kernels.cast(weights, "float64"))
            # Nothing but zero weights: a loss of 0, as in Keras, and not 0 / 0.
            inverse = kernels.where(kernels.not_equal(total, 0.0), kernels.reciprocal(total), 0.0)
            return ops.sum(values) * kernels.cast(inverse, values.dtype)
        return ops.mean(values)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """One value per sample."""
        raise NotImplementedError(f"{type(self).__name__}.call")

    def mask(self, y_true: Any, values: Tensor) -> Array | None:
        """Which values count, as booleans; None if all do."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this loss again."""
        config = {"name": self.name, "reduction": self.reduction}
        return config if self._dtype is None else {**config, "dtype": self._dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the loss that `get_config` described."""
        return cls(**config)


class FormulaLoss(Loss):
    """A loss that is one of nerve's functions of targets and predictions.

    A subclass names the function and its options, which are attributes of the loss.
    """

    formula: Callable[..., Tensor]
    options: tuple[str, ...] = ()

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(name, reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        return type(self).formula(y_true, y_pred, **{name: getattr(self, name) for name in self.options})

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in self.options}}


class FunctionLoss(Loss):
    """A loss from any function of (y_true, y_pred) that gives one value per sample."""

    def __init__(
        self,
        function: Callable[[Any, Tensor], Tensor],
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype=dtype)
        self.function = function

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        return self.function(*of_one_rank(y_true, y_pred))  # which must not broadcast (n,) against (n, 1)

    def get_config(self) -> dict[str, Any]:
        raise ValueError(f"[{self.name}] a loss made from a function cannot be saved: make it a subclass of Loss")


def as_predictions(y_pred: Any) -> Tensor:
    """`y_pred` as a tensor of floats."""
    if isinstance(y_pred, Tensor):
        return y_pred
    array = Tensor(y_pred, tracked=False).array
    return Tensor(array if array.dtype in (np.float32, np.float64) else array.astype(np.float32), tracked=False)


def converted(x: Any, dtype: str) -> Tensor:
    """`x` in another dtype, with the mask that it carries."""
    cast: Tensor = ops.cast(x, dtype=dtype)
    if (mask := getattr(x, "_mask", None)) is not None:
        cast._mask = mask  # type: ignore[attr-defined]
    return cast


def as_targets(name: str, y_true: ArrayLike | Tensor, dtype: Any) -> Tensor:
    """`y_true` as a tensor of `dtype`; a tensor stays what it is, so that gradients flow into it.

    Raises
    ------
    DTypeError
        If it does not hold numbers.
    ValueError
        If it holds NaN.
    """
    if isinstance(y_true, Tensor):
        return y_true
    array = as_array(y_true)
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"[{name}] y_true must hold numbers, got dtype {array.dtype}")
    check_nan(name, array)
    return Tensor(kernels.cast(array, dtype), tracked=False)


def check_nan(name: str, y_true: Array) -> None:
    """Refuse targets that hold NaN."""
    if y_true.dtype.kind != "f":
        return

    def error() -> ValueError:
        index = tuple(int(i) for i in np.argwhere(np.isnan(host(y_true)))[0])
        return ValueError(f"[{name}] y_true holds NaN, the first at index {index}")

    if on_gpu(y_true):
        missing = array_module(y_true).isnan(y_true)
        if not _later.noted(missing, ValueError(f"[{name}] y_true holds NaN")) and bool(missing.any()):
            raise error()
        return
    # min propagates NaN without an array of booleans: one pass in the good case.
    if y_true.size and np.isnan(np.min(np.asarray(y_true))):
        raise error()
    if now.recording is None:
        return
    if now.recording.computed(y_true):
        computed = ValueError(f"[{name}] y_true holds NaN")
        require_range(kernels.cast(kernels.not_equal(y_true, y_true), "int64"), 0, 0, error, computed)
    else:
        now.recording.require_numbers(y_true, error)


def matched(name: str, y_true: ArrayLike | Tensor, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Targets and predictions of one shape, after Keras's rule: a last axis of 1 may be missing on either side."""
    predictions = as_predictions(y_pred)
    targets = as_targets(name, y_true, predictions.dtype)
    a, b = targets.shape, predictions.shape
    targets, predictions = of_one_rank(targets, predictions)
    if targets.shape != predictions.shape or not predictions.shape:
        raise ShapeError(f"[{name}] y_true and y_pred must have one shape (batch, ...), got {a} and {b}")
    return targets, predictions


def of_one_rank(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both, after Keras's rule: where the last axis of one is of size 1 and missing on the other side."""
    a, b = ops.shape(y_true), ops.shape(y_pred)
    if len(a) + 1 == len(b) and b[-1] == 1:
        return (ops.reshape(y_true, b), y_pred) if len(a) == 1 else (y_true, ops.reshape(y_pred, b[:-1]))
    if len(b) + 1 == len(a) and a[-1] == 1:
        return (y_true, ops.reshape(y_pred, a)) if len(b) == 1 else (ops.reshape(y_true, a[:-1]), y_pred)
    return y_true, y_pred


def _weights(name: str, sample_weight: ArrayLike, values: Tensor) -> Array:
    """`sample_weight` in a shape that multiplies `values` sample by sample."""
    weights = kernels.cast(Tensor(sample_weight, tracked=False).array, values.dtype)
    check = weights.shape
    if weights.ndim == values.ndim + 1 and check[-1] == 1:
        weights = weights.reshape(check[:-1])
    weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
    try:
        fits = np.broadcast_shapes(weights.shape, values.shape) == values.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"[{name}] sample_weight of shape {check} does not fit losses of shape {values.shape}")
    return weights


def _every(of_targets: Array | None, carried: Tensor | None, shape: tuple[int, ...]) -> Array | None:
    """Which values count: those of the targets that do, at the steps of the mask that predictions carry."""
    mask = None if of_targets is None else of_targets.reshape(shape)
    if carried is None:
        return mask
    steps = carried.array.reshape(carried.shape + (1,) * (len(shape) - carried.ndim))
    if mask is None:
        return kernels.broadcast_to(steps, shape) if steps.shape != shape else steps
    both = kernels.multiply(kernels.cast(mask, "float32"), kernels.cast(steps, "float32"))
    return kernels.cast(both, "bool")


def _masked(mask: Array, weights: Array | None, reduction: str | None) -> Array:
    """Weights that leave out what `mask` does; a plain mean is then one over the values that are left."""
    scaled = kernels.cast(mask, "float64")
    if reduction in ("sum_over_batch_size", "mean"):
        scaled = kernels.multiply(scaled, kernels.divide(float(mask.size), kernels.maximum(kernels.sum(scaled), 1.0)))
    return scaled if weights is None else kernels.multiply(scaled, kernels.cast(weights, "float64"))
