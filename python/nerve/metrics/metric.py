"""What all metrics share: a state that batches add to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from nerve import initializers, kernels
from nerve._lookup import Spelled, snake_case
from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.gpu import to_device
from nerve.kernels import _traced
from nerve.kernels._arrays import host, on_gpu, placed
from nerve.kernels._recording import reading
from nerve.metrics.reported import converting, reporting
from nerve.tensor import Tensor, Variable


class Metric(Spelled):
    """Base of all metrics: `update_state` for every batch, `result` at any time, `reset_state` for the next pass.

    A subclass keeps its state in variables made by `add_variable`, which `reset_state` sets to what they were, or in
    attributes of its own, which it names in `_state`, and then has a `reset_state` of its own too. Either is a sum over
    all batches, so that metrics of several threads can be made one (`merge_state`).

    Parameters
    ----------
    name : str, optional
        Names the metric in logs and errors; the class name in snake case if not given.
    dtype : {"float32", "float64"}, optional
        What floating targets and predictions are converted to before anything is computed of them; they are taken as
        they come if not given. Sums over batches are float64 always.

    Attributes
    ----------
    direction : {"up", "down", None}
        What is better, for callbacks that monitor the metric.
    """

    direction: str | None = None
    _state: ClassVar[tuple[str, ...]] = ()
    _dtype: str | None = None
    recordable = False  # whether updates of this very class are nothing but kernels, which a recording can hold

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "result" in cls.__dict__:
            cls.result = reporting(cls.result)  # type: ignore[method-assign]
        if "update_state" in cls.__dict__:
            cls.update_state = converting(cls.update_state)  # type: ignore[method-assign]

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        if dtype not in (None, "float32", "float64"):
            raise DTypeError(f"[{self.name}] dtype must be 'float32' or 'float64', got {dtype!r}")
        self._dtype = dtype
        self._variables: list[tuple[Variable, Array]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    @property
    def dtype(self) -> str:
        """What floating inputs become, and variables are made of."""
        return self._dtype or "float32"

    def add_variable(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: str | None = None, name: str | None = None
    ) -> Variable:
        """Make a variable that holds a part of the state.

        Parameters
        ----------
        shape : tuple of int
        initializer : str, Initializer or callable of (shape, dtype)
        dtype : str, optional
            The metric's if not given.
        name : str, optional
        """
        start = np.asarray(initializers.get(initializer)(tuple(shape), dtype or self.dtype))
        variable = Variable(start, name=name or f"variable_{len(self._variables)}", trainable=False)
        self._variables.append((variable, start))
        return variable

    add_weight = add_variable

    def _move(self, device: str) -> None:
        """Move the variables to a device."""
        for variable, _ in self._variables:
            variable.array = to_device(variable.array, device)

    @property
    def variables(self) -> list[Variable]:
        """The variables that `add_variable` made."""
        return [variable for variable, _ in self._variables]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update, and give the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch."""
        raise NotImplementedError(f"{type(self).__name__}.update_state")

    def result(self) -> Any:
        """The value over all batches since the last reset: a number or a scalar tensor."""
        raise NotImplementedError(f"{type(self).__name__}.result")

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable, start in self._variables:
            variable.assign(placed(start, variable.array))

    def merge_state(self, metrics: Iterable[Metric]) -> Self:
        """Add what other metrics have seen, as of other threads or parts of the data.

        Raises
        ------
        TypeError, ValueError
            If one of them is of another class or has other arguments; nothing has changed then.
        """
        others = list(metrics)
        own = {**self.get_config(), "name": ""}
        for other in others:
            if type(other) is not type(self):
                raise TypeError(f"[{self.name}] merges {type(self).__name__}s, got {type(other).__name__}")
            if {**other.get_config(), "name": ""} != own:
                raise ValueError(f"[{self.name}] merges metrics of the same arguments, got {other.get_config()}")
        for other in others:
            for (variable, start), (theirs, _) in zip(self._variables, other._variables, strict=True):
                variable.assign(placed(host(variable.array) + host(theirs.array) - start, variable.array))
            for name in self._state:
                setattr(self, name, _sum(getattr(self, name), getattr(other, name)))
        return self

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this metric again."""
        return {"name": self.name} if self._dtype is None else {"name": self.name, "dtype": self._dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the metric that `get_config` described."""
        return cls(**config)


def _sum(mine: Any, theirs: Any) -> Any:
    """Of two states, in place where it is an array, as recordings keep it; one of them may have seen nothing yet."""
    if not isinstance(mine, np.ndarray) and not on_gpu(mine):
        return mine + theirs
    if not mine.size or not theirs.size:
        return mine if mine.size else host(theirs).copy()
    mine += placed(host(theirs), mine)
    return mine


class Mean(Metric):
    """The weighted mean of all values seen; 0 before the first, as in Keras.

    Values of several axes are first averaged sample by sample: a sample counts as one, however many values it has.
    """

    recordable = True
    _state = ("_totals",)

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self._totals = np.zeros(2)  # of the weighted values, of the weights; in place, so that recordings keep them

    @property
    def total(self) -> float:
        """The weighted sum of the values."""
        return float(host(self._totals)[0])

    @property
    def count(self) -> float:
        """The sum of the weights."""
        return float(host(self._totals)[1])

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
        weights = None
        if sample_weight is not None:
            weights = as_array(sample_weight) if on_gpu(values) else host_array(sample_weight)
            given = weights.shape
            if weights.ndim > 1 and given[-1] == 1:
                weights = weights.reshape(given[:-1])
            if weights.shape != values.shape[: weights.ndim]:
                raise ShapeError(f"[{self.name}] sample_weight of shape {given} does not fit values of {values.shape}")
        self._totals = placed(self._totals, values)  # they stay there, so that nothing waits for a value
        kernels.accumulate_mean(self._totals, values, weights)

    def result(self) -> float:
        total, count = host(self._totals).tolist()
        return total / count if count else 0.0

    def reset_state(self) -> None:
        self._totals[...] = 0.0


class Sum(Metric):
    """The weighted sum of all values seen."""

    _state = ("total",)

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.total = 0.0

    def update_state(self, values: Any, sample_weight: ArrayLike | None = None) -> None:
        """Add values, each times its weight, or that of its first axes."""
        values = host_array(values).astype(np.float64)
        if sample_weight is not None:
            weights = host_array(sample_weight)
            weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
            if np.broadcast_shapes(weights.shape, values.shape) != values.shape:
                raise ShapeError(
                    f"[{self.name}] sample_weight of {weights.shape} does not fit values of {values.shape}"
                )
            values = values * weights
        self.total += float(values.sum())

    def result(self) -> float:
        return self.total

    def reset_state(self) -> None:
        self.total = 0.0


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
        if not records(self):
            reading(f"the metric {self.name!r}")
        values = self.values(as_array(y_true), as_array(y_pred))
        super().update_state(values, at_steps(getattr(y_pred, "_mask", None), sample_weight))

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

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.function = function

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return as_array(self.function(y_true, y_pred))

    def get_config(self) -> dict[str, Any]:
        raise ValueError(f"[{self.name}] a metric made from a function cannot be saved: make it a subclass of Metric")


class MeanMetricWrapper(FunctionMetric):
    """The mean of a function of (y_true, y_pred) with options, which may be one of the program's own.

    Parameters
    ----------
    fn : callable
        Gives one value per sample.
    name : str, optional
    **kwargs
        Passed on to `fn`.
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(fn, name, dtype)
        self.options = kwargs

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return as_array(self.function(y_true, y_pred, **self.options))

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), "fn": self.function, **self.options}


class RootMean(PairMetric):
    """The square root of the mean."""

    def result(self) -> float:
        return math.sqrt(super().result())


def at_steps(mask: Tensor | None, sample_weight: ArrayLike | None) -> ArrayLike | None:
    """Weights that leave out the steps that the mask of predictions does."""
    if mask is None:
        return sample_weight
    counts = kernels.cast(mask.array, "float32")
    if sample_weight is None:
        return counts
    weights = as_array(sample_weight)
    weights = weights.reshape(weights.shape + (1,) * (counts.ndim - weights.ndim))
    return kernels.multiply(counts, kernels.cast(weights, "float32"))


def records(metric: Metric) -> bool:
    """Whether a recording can hold the updates of a metric."""
    return bool(vars(type(metric)).get("recordable", False))


def as_array(x: Any) -> Array:
    """The values of a tensor, or anything NumPy takes."""
    array = x.array if isinstance(x, Tensor) else _traced.as_array(x)
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"a metric expects numbers, got dtype {array.dtype}")
    return array


def host_array(x: Any) -> Array:
    """The same in the host's memory, for metrics that NumPy computes; from the GPU a copy."""
    array: Array = host(as_array(x))
    return array
