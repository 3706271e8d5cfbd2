"""What optimizers gather over steps: gradients of several batches, and moving averages of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import overwrite
from nerve.kernels._numbers import number
from nerve.kernels._recording import Configured, branching, changing
from nerve.tensor import Variable


class Gathering(Configured):
    """The part of an optimizer that looks beyond one batch; its parameters are explained in `Optimizer`."""

    name: str
    variables: list[Variable]
    iterations: int
    calls: int  # of `apply`, of which some only gather gradients
    watched: dict[int, Array] | None = None  # if there is one, norms of gradients, by the identity of variables

    def __init__(
        self,
        use_ema: bool,
        ema_momentum: float,
        ema_overwrite_frequency: int | None,
        loss_scale_factor: float | None,
        gradient_accumulation_steps: int | None,
    ) -> None:
        if not 0 <= number(self.name, "ema_momentum", ema_momentum) <= 1:
            raise ValueError(f"[{self.name}] ema_momentum must be in [0, 1], got {ema_momentum}")
        for key, count, least in (
            ("ema_overwrite_frequency", ema_overwrite_frequency, 1),
            ("gradient_accumulation_steps", gradient_accumulation_steps, 2),
        ):
            if count is not None and not (isinstance(count, int | np.integer) and count >= least):
                raise ValueError(f"[{self.name}] {key} must be an int of at least {least}, got {count!r}")
        if loss_scale_factor is not None and not number(self.name, "loss_scale_factor", loss_scale_factor) > 0:
            raise ValueError(f"[{self.name}] loss_scale_factor must be positive, got {loss_scale_factor}")
        self.use_ema = bool(use_ema)
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.iterations = self.calls = 0
        self.gathered: dict[str, list[Array]] = {}  # one array for each variable and kind

    def _build_gathering(self) -> None:
        kinds = ["average"] * self.use_ema + ["accumulated_gradient"] * bool(self.gradient_accumulation_steps)
        self.gathered = {
            kind: [array_module(v.array).zeros(v.shape, v.dtype) for v in self.variables] for kind in kinds
        }

    def _watch(self, positions: Sequence[int], gradients: Sequence[Array]) -> None:
        """Keep the norms of gradients in `watched`."""
        if self.watched is None:
            return
        for position, gradient in zip(positions, gradients, strict=True):
            norm = kernels.sqrt(kernels.sum(kernels.square(gradient)))
            place = self.watched.setdefault(id(self.variables[position]), np.zeros((), gradient.dtype))
            overwrite(place, norm)

    def scale_loss(self, loss: Any) -> Any:
        """The loss as `apply` expects its gradients."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def _gathered(self, positions: Sequence[int], gradients: list[Array]) -> list[Array] | None:
        """What to step with, in place of the gradients of one batch; None if it is not yet time for a step."""
        if self.loss_scale_factor is not None:
            gradients = [kernels.divide(gradient, self.loss_scale_factor) for gradient in gradients]
        if not self.gradient_accumulation_steps:
            return gradients
        gathered = self.gathered["accumulated_gradient"]
        if not branching(self._steps_now):
            for position, gradient in zip(positions, gradients, strict=True):
                kernels.add(gathered[position], gradient, out=gathered[position])
            return None
        steps = float(self.gradient_accumulation_steps)
        means = [
            kernels.divide(kernels.add(gradient, gathered[position]), steps)
            for position, gradient in zip(positions, gradients, strict=True)
        ]
        for array in gathered:
            overwrite(array, array_module(array).zeros(array.shape, array.dtype))
        return means

    def _steps_now(self) -> bool:
        return (self.calls + 1) % (self.gradient_accumulation_steps or 1) == 0

    def _average(self) -> None:
        """Move the averages towards the weights, and where it is time the weights to them."""
        if not self.use_ema:
            return
        momentum = changing(lambda: self.ema_momentum if self.iterations else 0.0)
        for dtype in dict.fromkeys(variable.dtype for variable in self.variables):
            pairs = [
                (average, variable.array)
                for average, variable in zip(self.gathered["average"], self.variables, strict=True)
                if variable.dtype == dtype
            ]
            averages, weights = map(list, zip(*pairs, strict=True))
            kernels.moving_average_step(averages, weights, momentum=momentum)
        if self.ema_overwrite_frequency and branching(self._overwrites_now):
            self.finalize_variable_values(self.variables)

    def _overwrites_now(self) -> bool:
        return (self.iterations + 1) % (self.ema_overwrite_frequency or 1) == 0

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Give variables the values of their moving averages, if there are any; `fit` does so at its end."""
        if not self.use_ema or not self.gathered:
            return
        averages = {id(v): average for v, average in zip(self.variables, self.gathered["average"], strict=True)}
        for variable in var_list:
            if id(variable) in averages:
                variable.assign(averages[id(variable)])

    def _count_call(self) -> None:
        """Count a call, and a step where it has taken one."""
        self.calls += 1
        if self.calls % (self.gradient_accumulation_steps or 1) == 0:
            self._count()

    def _count(self) -> None:
        """Count a step."""
        self.iterations += 1

    def _gathering_config(self) -> dict[str, Any]:
        return {
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }
