"""Adam and its family (Kingma and Ba, 2015)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._numbers import number
from nerve.kernels._recording import changing
from nerve.optimizers.optimizer import Arrays, Optimizer
from nerve.optimizers.options import Options, OtherOptions
from nerve.optimizers.pace import LearningRate
from nerve.tensor import Variable


class Moments(Optimizer):
    """What the family shares: two decay rates and an epsilon, added outside of the root."""

    slot_names: tuple[str, ...] = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        for key, beta in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0.0 <= number(self.name, key, beta) < 1.0:
                raise ValueError(f"[{self.name}] {key} must be in [0, 1), got {beta}")
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


class Adam(Moments):
    """Running means of gradients, divided by the root of running means of their squares (Kingma and Ba, 2015).

    Parameters
    ----------
    learning_rate : float, schedule or callable
    beta_1, beta_2 : float
        Decay of the two running means.
    epsilon : float
        Added to the root; the paper's "epsilon hat".
    amsgrad : bool
        Divide by the largest mean so far (Reddi et al., 2018).
    **options
        Those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = amsgrad
        self.slot_names = ("momentum", "velocity", "max_velocity") if amsgrad else ("momentum", "velocity")

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.adam_step(
            parameters,
            gradients,
            slots["momentum"],
            slots["velocity"],
            slots.get("max_velocity"),
            learning_rate=learning_rate,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            step=changing(lambda: self.iterations + 1),
            weight_decay=weight_decay,
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amsgrad": self.amsgrad}


class AdamW(Adam):
    """Adam with decoupled weight decay, 0.004 if not said otherwise (Loshchilov and Hutter, 2019)."""

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[OtherOptions],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)
        if weight_decay is None:
            raise ValueError(f"[{self.name}] weight_decay must be a number; without decay use Adam")


class Adamax(Moments):
    """Adam with the infinity norm of past gradients in the denominator (Kingma and Ba, 2015, section 7.1)."""

    slot_names = ("momentum", "norm")

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.adamax_step(
            parameters,
            gradients,
            slots["momentum"],
            slots["norm"],
            learning_rate=learning_rate,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            step=changing(lambda: self.iterations + 1),
            weight_decay=weight_decay,
        )


class Nadam(Moments):
    """Adam with Nesterov's momentum, on Dozat's schedule of momenta (Dozat, 2016)."""

    # The product of the momenta of all steps so far.
    _product = 1.0

    def _momentum(self, step: int) -> float:
        return float(self.beta_1 * (1.0 - 0.5 * 0.96**step))

    def _count(self) -> None:
        super()._count()
        self._product *= self._momentum(self.iterations)

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.nadam_step(
            parameters,
            gradients,
            slots["momentum"],
            slots["velocity"],
            learning_rate=learning_rate,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            step=changing(lambda: self.iterations + 1),
            momentum_now=changing(lambda: self._momentum(self.iterations + 1)),
            momentum_next=changing(lambda: self._momentum(self.iterations + 2)),
            product_now=changing(lambda: self._product * self._momentum(self.iterations + 1)),
            weight_decay=weight_decay,
        )

    def state(self) -> dict[str, Array]:
        return {**super().state(), "momentum_product": np.asarray(self._product, np.float64)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        super().load_state(state)
        self._product = float(state["momentum_product"])


class ScheduleFreeAdamW(Moments):
    """AdamW with a mean of its steps in place of a schedule (Defazio et al., 2024).

    Gradients are taken between where the steps lead and their mean so far, which is what the weights are.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        Stays as it is: no schedule is needed.
    beta_1 : float
        How near to the mean gradients are taken; in (0, 1).
    beta_2 : float
        Decay of the running mean of squares.
    epsilon : float
        Added to the root.
    warmup_steps : int
        Over which the learning rate rises, linearly.
    **options
        Those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        if beta_1 == 0:
            raise ValueError(f"[{self.name}] beta_1 must not be 0")
        if not number(self.name, "warmup_steps", warmup_steps) >= 0:
            raise ValueError(f"[{self.name}] warmup_steps must not be negative, got {warmup_steps}")
        self.warmup_steps = warmup_steps

    def new_slot(self, name: str, variable: Variable) -> Array:
        return variable.array.copy() if name == "momentum" else super().new_slot(name, variable)

    def _warmth(self) -> float:
        return min((self.iterations + 1) / self.warmup_steps, 1.0) if self.warmup_steps else 1.0

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.schedule_free_adamw_step(
            parameters,
            gradients,
            slots["momentum"],
            slots["velocity"],
            learning_rate=changing(lambda: self.learning_rate * self._warmth()),
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            step=changing(lambda: self.iterations + 1),
            weight_decay=changing(lambda: weight_decay / self._warmth()),  # which is not warmed up
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "warmup_steps": self.warmup_steps}
