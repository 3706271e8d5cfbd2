"""What a metric gives while a step is recorded: a number that will be another one in every run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nerve.kernels._recording import now, reading

if TYPE_CHECKING:
    from nerve.metrics.metric import Metric


class Reported(float):
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
    original = getattr(float, name)

    def method(self: Reported, *args: Any) -> Any:
        reading(f"the result of the metric {self.metric.name!r}")
        return original(self, *args)

    method.__name__ = method.__qualname__ = name
    return method


for _name in (
    "__abs__", "__add__", "__bool__", "__divmod__", "__eq__", "__float__", "__floordiv__", "__format__", "__ge__",
    "__gt__", "__int__", "__le__", "__lt__", "__mod__", "__mul__", "__ne__", "__neg__", "__pow__", "__radd__",
    "__repr__", "__rfloordiv__", "__rmod__", "__rmul__", "__round__", "__rpow__", "__rsub__", "__rtruediv__",
    "__str__", "__sub__", "__truediv__",
):  # fmt: skip
    setattr(Reported, _name, _refusing(_name))


def reporting(result: Callable[..., Any]) -> Callable[..., Any]:
    """The method `result` of a metric, which gives a `Reported` where it is called in a recording."""

    @functools.wraps(result)
    def wrapped(self: Metric) -> Any:
        recording = now.recording
        if recording is None:
            return result(self)
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
