"""Adam and its family (Kingma and Ba, 2015)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._numbers import number
from nerve.kernels._recording import changing
from nerve.optimizers.optimizer import Arrays, LearningRate, Optimizer, Options


class _Moments(Optimizer):
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


class Adam(_Moments):
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
        *,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            name=name,
        )
        if weight_decay is None:
            raise ValueError(f"[{self.name}] weight_decay must be a number; without decay use Adam")


class Adamax(_Moments):
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


class Nadam(_Moments):
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
