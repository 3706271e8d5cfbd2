"""What is around the methods of a metric: inputs in its dtype, and a result that a recording asks for again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nerve.kernels._recording import now, reading
from nerve.losses.loss import converted

if TYPE_CHECKING:
    from nerve.metrics.metric import Metric


class Measured(float):
    """The result of a metric: a number, which also answers to what programs for Keras ask of a scalar tensor."""

    shape = ()
    ndim = 0
    dtype = np.dtype(np.float64)

    def numpy(self) -> np.float64:
        """The number as NumPy's."""
        return np.float64(self)

    def item(self) -> float:
        """The number as Python's."""
        return float(self)


class Reported(Measured):
    """The result of a metric in a step that is recorded; good for nothing but to be returned by the step.

    The recording notes the metric, and asks it again after every run. Computing with the number, or deciding by it,
    would be baked in, and is refused.
    """

    metric: Metric

    def __new__(cls, value: float, metric: Metric) -> Reported:
        reported = super().__new__(cls, value)
        reported.metric = metric
        return reported


def _refusing(name: str) -> Callable[..., Any]:
    original = getattr(Measured, name)

    def method(self: Reported, *args: Any) -> Any:
        reading(f"the result of the metric {self.metric.name!r}")
        return original(self, *args)

    method.__name__ = method.__qualname__ = name
    return method


for _name in (
    "__abs__", "__add__", "__bool__", "__divmod__", "__eq__", "__float__", "__floordiv__", "__format__", "__ge__",
    "__gt__", "__int__", "__le__", "__lt__", "__mod__", "__mul__", "__ne__", "__neg__", "__pow__", "__radd__",
    "__repr__", "__rfloordiv__", "__rmod__", "__rmul__", "__round__", "__rpow__", "__rsub__", "__rtruediv__",
    "__str__", "__sub__", "__truediv__", "item", "numpy",
):  # fmt: skip
    setattr(Reported, _name, _refusing(_name))


def converting(update: Callable[..., None]) -> Callable[..., None]:
    """The method `update_state` of a metric, which gets floating targets and predictions in the metric's dtype."""

    @functools.wraps(update)
    def wrapped(self: Metric, *args: Any, **kwargs: Any) -> None:
        dtype = self._dtype
        if dtype is not None:
            args = (*(_floats(x, dtype) for x in args[:2]), *args[2:])
            kwargs = {key: x if key == "sample_weight" else _floats(x, dtype) for key, x in kwargs.items()}
        return update(self, *args, **kwargs)

    return wrapped


def _floats(x: Any, dtype: str) -> Any:
    """Floats in a dtype; anything else, labels say, as it is."""
    own = getattr(x, "dtype", None)
    return converted(x, dtype) if getattr(own, "kind", "") == "f" and own != dtype else x


def reporting(result: Callable[..., Any]) -> Callable[..., Any]:
    """The method `result` of a metric, which gives a `Reported` where it is called in a recording."""

    @functools.wraps(result)
    def wrapped(self: Metric) -> Any:
        recording = now.recording
        if recording is None:
            found = result(self)
            return Measured(found) if type(found) is float else found
        now.recording = None  # it may read what it likes: the recording will ask it again
        try:
            value = result(self)
            value = value.item() if getattr(value, "size", 0) == 1 else value
        finally:
            now.recording = recording
        if isinstance(value, int | float):
            return Reported(value, self)
        reading(f"several numbers as the result of the metric {self.name!r}")
        return value

    return wrapped
