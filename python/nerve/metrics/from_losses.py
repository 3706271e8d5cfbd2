"""Metrics that are the mean of a loss: the functions of `nerve.losses`, kept over batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from nerve import losses
from nerve._typing import Array
from nerve.kernels._numbers import number
from nerve.losses.classification import as_labels, differs
from nerve.metrics.metric import PairMetric, as_array, at_steps
from nerve.tensor import Tensor


class LossMetric(PairMetric):
    """The mean of one of nerve's losses. A subclass names the function and its options, which are attributes."""

    direction = "down"
    formula: Callable[..., Tensor]
    options: tuple[str, ...] = ()

    def values(self, y_true: Array, y_pred: Array) -> Array:
        if y_true.ndim == y_pred.ndim == 1:  # one value per sample, whose axis may be missing on both sides
            y_true, y_pred = y_true.reshape(-1, 1), y_pred.reshape(-1, 1)
        predictions = Tensor(y_pred, tracked=False)
        return type(self).formula(y_true, predictions, **{name: getattr(self, name) for name in self.options}).array

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in self.options}}


class MeanAbsolutePercentageError(LossMetric):
    """The mean of |y_pred - y_true| / |y_true| in percent."""

    recordable = True
    formula = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(LossMetric):
    """The mean of (log(1 + y_pred) - log(1 + y_true))**2."""

    recordable = True
    formula = staticmethod(losses.mean_squared_logarithmic_error)


class LogCoshError(LossMetric):
    """The mean of log(cosh(y_pred - y_true))."""

    recordable = True
    formula = staticmethod(losses.log_cosh)

    def __init__(self, name: str | None = "logcosh", dtype: str | None = None) -> None:
        super().__init__(name, dtype)


class Poisson(LossMetric):
    """The mean of y_pred - y_true log(y_pred)."""

    recordable = True
    formula = staticmethod(losses.poisson)


class KLDivergence(LossMetric):
    """The mean of sum(y_true log(y_true / y_pred))."""

    recordable = True
    formula = staticmethod(losses.kl_divergence)


class Hinge(LossMetric):
    """The mean of max(1 - y_true y_pred, 0)."""

    recordable = True
    formula = staticmethod(losses.hinge)


class SquaredHinge(LossMetric):
    """The mean of max(1 - y_true y_pred, 0)**2."""

    recordable = True
    formula = staticmethod(losses.squared_hinge)


class CategoricalHinge(LossMetric):
    """The mean of max(the highest wrong score - the right one + 1, 0)."""

    recordable = True
    formula = staticmethod(losses.categorical_hinge)


class CosineSimilarity(LossMetric):
    """The mean cosine of the angle between targets and predictions: 1 where they point the same way."""

    direction = "up"
    recordable = True
    options = ("axis",)

    def __init__(self, name: str | None = None, dtype: str | None = None, *, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    @staticmethod
    def formula(y_true: Any, y_pred: Any, axis: int) -> Tensor:
        return -losses.cosine_similarity(y_true, y_pred, axis)


class _Crossentropy(LossMetric):
    options: tuple[str, ...] = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        *,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits, self.axis = from_logits, axis
        self.label_smoothing = number(self.name, "label_smoothing", label_smoothing)


class BinaryCrossentropy(_Crossentropy):
    """The mean of `nerve.losses.binary_crossentropy`."""

    recordable = True
    formula = staticmethod(losses.binary_crossentropy)
    options = ("from_logits", "label_smoothing")

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        *,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(_Crossentropy):
    """The mean of `nerve.losses.categorical_crossentropy`."""

    recordable = True
    formula = staticmethod(losses.categorical_crossentropy)


class SparseCategoricalCrossentropy(LossMetric):
    """The mean of `nerve.losses.sparse_categorical_crossentropy`; what `ignore_class` leaves out does not count."""

    recordable = True
    formula = staticmethod(losses.sparse_categorical_crossentropy)
    options = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        *,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:  # type: ignore[override]
        if self.ignore_class is not None:
            labels, outputs = as_labels(self.name, as_array(y_true)), as_array(y_pred)
            if labels.ndim == outputs.ndim and labels.shape[-1] == 1:
                labels = labels.reshape(labels.shape[:-1])
            sample_weight = at_steps(Tensor(differs(labels, self.ignore_class), tracked=False), sample_weight)
        super().update_state(y_true, y_pred, sample_weight)
