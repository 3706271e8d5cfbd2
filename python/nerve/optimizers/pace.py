"""The learning rate of an optimizer: a number, or what a schedule makes of the count of steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from nerve._typing import Array
from nerve.kernels._recording import paused
from nerve.optimizers.schedules import LearningRateSchedule

LearningRate = float | LearningRateSchedule | Callable[[int], float]


class Rate(float):
    """A number that sets the learning rate of the optimizer it was read from, as Keras's variable does."""

    _optimizer: Any

    def __new__(cls, value: float, optimizer: Any) -> Self:
        rate = super().__new__(cls, value)
        rate._optimizer = optimizer
        return rate

    def __reduce__(self) -> Any:
        return float, (float(self),)  # a copy is a number

    def assign(self, value: Any) -> None:
        """Set the learning rate."""
        self._optimizer.learning_rate = float(value)

    def numpy(self) -> Array:
        """The number as an array."""
        return np.asarray(float(self), np.float32)


class Paced:
    """The part of an optimizer that knows how fast it learns."""

    name: str
    iterations: int
    calls: int
    gradient_accumulation_steps: int | None
    _learning_rate: float | Callable[[int], float]

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step. It can be set, unless a schedule decides it; `assign` sets it, too."""
        rate = self._learning_rate
        step = self.calls if self.gradient_accumulation_steps else self.iterations  # as Keras counts
        if not callable(rate):
            return Rate(rate, self)
        with paused():  # a schedule may compute with tensors
            return Rate(float(rate(step)), self)

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        if callable(self._learning_rate) and not callable(value):
            raise TypeError(f"[{self.name}] the learning rate follows a schedule and cannot be set to {value!r}")
        self._learning_rate = self._checked_rate(value)

    def _checked_rate(self, value: Any) -> float | Callable[[int], float]:
        if callable(value):
            rate: Callable[[int], float] = value
            return rate
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TypeError(f"[{self.name}] learning_rate must be a number or a callable of the step, got {value!r}")
        if not 0.0 <= value < math.inf:
            raise ValueError(f"[{self.name}] learning_rate must be finite and not negative, got {value}")
        return float(value)
