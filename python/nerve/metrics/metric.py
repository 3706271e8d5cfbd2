"""What all metrics share: a state that batches add to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from nerve._lookup import snake_case
from nerve.errors import ShapeError
from nerve.tensor import Tensor

Array = np.ndarray[Any, np.dtype[Any]]


class Metric:
    """Base of all metrics: `update_state` for every batch, `result` at any time, `reset_state` for the next pass.

    Parameters
    ----------
    name : str, optional
        Names the metric in logs and errors; the class name in snake case if not given.

    Attributes
    ----------
    direction : {"up", "down", None}
        What is better, for callbacks that monitor the metric.
    """

    direction: str | None = None

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.reset_state()

    def __call__(self, *args: Any, **kwargs: Any) -> float:
        """Update, and give the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch."""
        raise NotImplementedError(f"{type(self).__name__}.update_state")

    def result(self) -> float:
        """The value over all batches since the last reset."""
        raise NotImplementedError(f"{type(self).__name__}.result")

    def reset_state(self) -> None:
        """Forget all batches."""
        raise NotImplementedError(f"{type(self).__name__}.reset_state")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this metric again."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the metric that `get_config` described."""
        return cls(**config)


class Mean(Metric):
    """The weighted mean of all values seen; 0 before the first, as in Keras."""

    def update_state(self, values: Any, sample_weight: ArrayLike | None = None) -> None:
        """Add values.

        Parameters
        ----------
        values : array or Tensor
        sample_weight : array, optional
            Weights of the shape of `values`, or of its first axes: the values are then averaged over the others.

        Raises
        ------
        ShapeError
            If the weights do not fit.
        """
        values = as_array(values)
        if sample_weight is None:
            self.total += float(values.sum(dtype=np.float64))
            self.count += values.size
            return
        weights = np.asarray(sample_weight, dtype=np.float64)
        given = weights.shape
        if weights.ndim > 1 and given[-1] == 1:
            weights = weights.reshape(given[:-1])
        if weights.ndim < values.ndim:
            values = values.mean(axis=tuple(range(weights.ndim, values.ndim)), dtype=np.float64)
        if weights.shape != values.shape:
            raise ShapeError(f"[{self.name}] sample_weight of shape {given} does not fit values of {values.shape}")
        self.total += float((values * weights).sum())
        self.count += float(weights.sum())

    def result(self) -> float:
        return self.total / self.count if self.count else 0.0

    def reset_state(self) -> None:
        self.total = 0.0
        self.count = 0.0


class PairMetric(Mean):
    """The mean of `values(y_true, y_pred)`, one per sample."""

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """One value per sample."""
        raise NotImplementedError(f"{type(self).__name__}.values")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:  # type: ignore[override]
        """Add a batch of targets and predictions.

        Raises
        ------
        ShapeError
            If the shapes do not fit.
        """
        super().update_state(self.values(as_array(y_true), as_array(y_pred)), sample_weight)

    def matched(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Both of one shape (batch, ..., n); a last axis of 1 may be missing on either side, or on both."""
        a, b = y_true.shape, y_pred.shape
        if len(a) + 1 == len(b) and b[-1] == 1:
            y_true = y_true.reshape(b)
        elif len(b) + 1 == len(a) and a[-1] == 1:
            y_pred = y_pred.reshape(a)
        if y_true.shape != y_pred.shape or not y_true.shape:
            raise ShapeError(f"[{self.name}] y_true and y_pred must have one shape (batch, ...), got {a} and {b}")
        return (y_true, y_pred) if y_true.ndim > 1 else (y_true[:, np.newaxis], y_pred[:, np.newaxis])


class FunctionMetric(PairMetric):
    """A metric from any function of (y_true, y_pred) that gives one value per sample."""

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None) -> None:
        super().__init__(name)
        self.function = function

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return as_array(self.function(y_true, y_pred))

    def get_config(self) -> dict[str, Any]:
        raise ValueError(f"[{self.name}] a metric made from a function cannot be saved: make it a subclass of Metric")


class RootMean(PairMetric):
    """The square root of the mean."""

    def result(self) -> float:
        return math.sqrt(super().result())


def as_array(x: Any) -> Array:
    """The values of a tensor, or anything NumPy takes."""
    return x.array if isinstance(x, Tensor) else np.asarray(x)
