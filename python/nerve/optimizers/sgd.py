"""Stochastic gradient descent, and the descent by signs."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import kernels
from nerve.kernels._numbers import number
from nerve.optimizers.optimizer import Arrays, Optimizer
from nerve.optimizers.options import Options
from nerve.optimizers.pace import LearningRate


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    `momenta = momentum * momenta - learning_rate * gradient; parameter += momenta`, or Nesterov's variant.

    Parameters
    ----------
    learning_rate : float, schedule or callable
    momentum : float
        In [0, 1].
    nesterov : bool
        Look ahead: the gradient counts as one taken after the momentum (Sutskever et al., 2013).
    **options
        Those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if not 0.0 <= number(self.name, "momentum", momentum) <= 1.0:
            raise ValueError(f"[{self.name}] momentum must be in [0, 1], got {momentum}")
        self.momentum = momentum
        self.nesterov = nesterov
        self.slot_names = ("momentum",) if momentum else ()

    @property
    def skips_zeros(self) -> bool:
        return not self.momentum

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.sgd_step(
            parameters,
            gradients,
            slots.get("momentum"),
            learning_rate=learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=weight_decay,
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


class Lion(Optimizer):
    """Steps of one size for every weight, in the direction of a momentum (Chen et al., 2023).

    Parameters
    ----------
    learning_rate : float, schedule or callable
        A third to a tenth of Adam's, and a weight decay as many times larger, as the authors advise.
    beta_1 : float
        What the direction takes of the momentum; in (0, 1].
    beta_2 : float
        Decay of the momentum.
    **options
        Those of `Optimizer`.
    """

    slot_names = ("momentum",)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if not 0.0 < number(self.name, "beta_1", beta_1) <= 1.0:
            raise ValueError(f"[{self.name}] beta_1 must be in (0, 1], got {beta_1}")
        if not 0.0 <= number(self.name, "beta_2", beta_2) <= 1.0:
            raise ValueError(f"[{self.name}] beta_2 must be in [0, 1], got {beta_2}")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.lion_step(
            parameters,
            gradients,
            slots["momentum"],
            learning_rate=learning_rate,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            weight_decay=weight_decay,
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
