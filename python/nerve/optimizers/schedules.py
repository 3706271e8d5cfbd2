"""Learning rates that depend on the step."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import Any, Self

from nerve._lookup import Spelled, names_of, resolve
from nerve.kernels._numbers import number
from nerve.serialization import functions_for

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "LinearWarmup",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "get",
    "serialize",
]


class LearningRateSchedule(Spelled):
    """Base of all schedules: a callable of the step, counted from 0."""

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__}.__call__")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this schedule again: the attributes of their names."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the schedule that `get_config` described."""
        return cls(**config)


class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`; with `staircase` the exponent is rounded down."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
    ) -> None:
        if not number("ExponentialDecay", "decay_steps", decay_steps) > 0:
            raise ValueError(f"[ExponentialDecay] decay_steps must be positive, got {decay_steps}")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase

    def __call__(self, step: int) -> float:
        exponent = step // self.decay_steps if self.staircase else step / self.decay_steps
        return float(self.initial_learning_rate * self.decay_rate**exponent)


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` while `boundaries[i - 1] < step <= boundaries[i]`."""

    def __init__(self, boundaries: Sequence[int], values: Sequence[float]) -> None:
        if len(values) != len(boundaries) + 1:
            raise ValueError(
                f"[PiecewiseConstantDecay] needs one more value than boundaries, got {len(values)}, {len(boundaries)}"
            )
        if sorted(boundaries) != list(boundaries):
            raise ValueError(f"[PiecewiseConstantDecay] boundaries must rise, got {list(boundaries)}")
        self.boundaries = list(boundaries)
        self.values = list(values)

    def __call__(self, step: int) -> float:
        return float(self.values[bisect.bisect_left(self.boundaries, step)])


class CosineDecay(LearningRateSchedule):
    """Half a cosine from `initial_learning_rate` to `alpha` times it (Loshchilov and Hutter, 2017).

    Parameters
    ----------
    initial_learning_rate : float
        Where the warmup starts if there is one, else where the decay does.
    decay_steps : int
        Steps of the decay.
    alpha : float
        The last learning rate, as a fraction of the first of the decay.
    warmup_target : float, optional
        What the learning rate rises to, linearly, over `warmup_steps`; the decay starts from there.
    warmup_steps : int
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        *,
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        if not number("CosineDecay", "decay_steps", decay_steps) > 0:
            raise ValueError(f"[CosineDecay] decay_steps must be positive, got {decay_steps}")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: int) -> float:
        start = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return start + (self.warmup_target - start) * step / self.warmup_steps
            start, step = self.warmup_target, step - self.warmup_steps
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(step / self.decay_steps, 1.0)))
        return float(start * ((1.0 - self.alpha) * cosine + self.alpha))


class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`; `staircase` rounds the quotient down."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
    ) -> None:
        if not number("InverseTimeDecay", "decay_steps", decay_steps) > 0:
            raise ValueError(f"[InverseTimeDecay] decay_steps must be positive, got {decay_steps}")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase

    def __call__(self, step: int) -> float:
        periods = step // self.decay_steps if self.staircase else step / self.decay_steps
        return float(self.initial_learning_rate / (1.0 + self.decay_rate * periods))


class PolynomialDecay(LearningRateSchedule):
    """From `initial_learning_rate` to `end_learning_rate` as (1 - step / decay_steps)**power falls to 0.

    With `cycle` a decay that is over starts again, over a multiple of `decay_steps` that the step has not reached.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
    ) -> None:
        if not number("PolynomialDecay", "decay_steps", decay_steps) > 0:
            raise ValueError(f"[PolynomialDecay] decay_steps must be positive, got {decay_steps}")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle

    def __call__(self, step: int) -> float:
        periods = max(1, math.ceil(step / self.decay_steps)) if self.cycle else 1
        left = 1.0 - min(step / (periods * self.decay_steps), 1.0)
        return float((self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate)


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine from `initial_learning_rate` to `alpha` times it, again and again (Loshchilov and Hutter, 2017).

    Parameters
    ----------
    initial_learning_rate : float
    first_decay_steps : int
        Steps of the first decay.
    t_mul : float
        Each decay takes so many times the steps of the one before it.
    m_mul : float
        And starts from so many times its learning rate.
    alpha : float
        The lowest learning rate, as a fraction of the first.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
    ) -> None:
        if not number("CosineDecayRestarts", "first_decay_steps", first_decay_steps) > 0:
            raise ValueError(f"[CosineDecayRestarts] first_decay_steps must be positive, got {first_decay_steps}")
        if not number("CosineDecayRestarts", "t_mul", t_mul) >= 1:
            raise ValueError(f"[CosineDecayRestarts] t_mul must be at least 1, got {t_mul}")
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha

    def __call__(self, step: int) -> float:
        restarts, begin, length = 0, 0.0, float(self.first_decay_steps)
        if self.t_mul == 1.0:
            restarts = int(step // length)
            begin = restarts * length
        while step >= begin + length:
            begin, length, restarts = begin + length, length * self.t_mul, restarts + 1
        cosine = 0.5 * self.m_mul**restarts * (1.0 + math.cos(math.pi * (step - begin) / length))
        return float(self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha))


class LinearWarmup(LearningRateSchedule):
    """A learning rate, or a schedule counted from the end of the warm-up, that is risen to in a line.

    Parameters
    ----------
    target : float or LearningRateSchedule
    warmup_steps : int
    initial_learning_rate : float
        Where the line begins.
    """

    def __init__(
        self, target: float | LearningRateSchedule, warmup_steps: int, initial_learning_rate: float = 0.0
    ) -> None:
        if not number("LinearWarmup", "warmup_steps", warmup_steps) >= 0:
            raise ValueError(f"[LinearWarmup] warmup_steps must not be negative, got {warmup_steps}")
        self.target = get(target) if isinstance(target, dict) else target
        self.warmup_steps = warmup_steps
        self.initial_learning_rate = initial_learning_rate

    def __call__(self, step: int) -> float:
        after = max(step - self.warmup_steps, 0)
        end = float(self.target(after) if callable(self.target) else self.target)
        if step >= self.warmup_steps:
            return end
        return self.initial_learning_rate + (end - self.initial_learning_rate) * step / self.warmup_steps

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if isinstance(self.target, LearningRateSchedule):
            config["target"] = {"class_name": type(self.target).__name__, "config": self.target.get_config()}
        return config


class OneCycle(LearningRateSchedule):
    """Up to a high learning rate and down to nearly none, each in half a cosine (Smith and Topin, 2018).

    Parameters
    ----------
    max_learning_rate : float
    total_steps : int
        The last learning rate is that of step `total_steps - 1` and of all later ones.
    warmup_fraction : float
        Of the steps, in which it rises; in (0, 1).
    div_factor : float
        The first learning rate is the highest over this.
    final_div_factor : float
        The last learning rate is the first over this.
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        warmup_fraction: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        if not 0 < number("OneCycle", "warmup_fraction", warmup_fraction) < 1:
            raise ValueError(f"[OneCycle] warmup_fraction must be in (0, 1), got {warmup_fraction}")
        if not number("OneCycle", "total_steps", total_steps) * warmup_fraction > 1:
            raise ValueError(f"[OneCycle] total_steps must leave more than one step to rise, got {total_steps}")
        self.max_learning_rate = max_learning_rate
        self.total_steps = total_steps
        self.warmup_fraction = warmup_fraction
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor

    def __call__(self, step: int) -> float:
        first, top = self.max_learning_rate / self.div_factor, self.max_learning_rate
        turn, last = self.warmup_fraction * self.total_steps - 1, self.total_steps - 1
        if step <= turn:
            start, end, part = first, top, step / turn
        else:
            start, end, part = top, first / self.final_div_factor, min((step - turn) / (last - turn), 1.0)
        return float(end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * part)))


_NAMES: dict[str, type[LearningRateSchedule]] = names_of(
    [
        CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, LinearWarmup, OneCycle,
        PiecewiseConstantDecay, PolynomialDecay,
    ]
)  # fmt: skip


def get(identifier: Any) -> LearningRateSchedule:
    """The schedule meant by a config or an instance."""
    return resolve("schedule", identifier, LearningRateSchedule, _NAMES)


serialize, deserialize = functions_for("optimizers.schedules", get)
