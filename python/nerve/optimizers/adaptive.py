"""Optimizers that scale each element by the size of its gradients: Adagrad, RMSprop, Adadelta."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import kernels
from nerve.optimizers.optimizer import Arrays, LearningRate, Optimizer, Options


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients (Duchi et al., 2011).

    Parameters
    ----------
    learning_rate : float, schedule or callable
    initial_accumulator_value : float
        Where the sums start.
    epsilon : float
        Added under the root.
    **options
        Those of `Optimizer`.
    """

    slot_names = ("accumulator",)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if initial_accumulator_value < 0:
            raise ValueError(
                f"[{self.name}] initial_accumulator_value must not be negative, got {initial_accumulator_value}"
            )
        self.initial_slot_value = self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    @property
    def skips_zeros(self) -> bool:
        return self.epsilon > 0  # 0 / 0 is a step too

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.adagrad_step(
            parameters,
            gradients,
            slots["accumulator"],
            learning_rate=learning_rate,
            epsilon=self.epsilon,
            weight_decay=weight_decay,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients (Hinton, 2012).

    Parameters
    ----------
    learning_rate : float, schedule or callable
    rho : float
        Decay of the running means.
    momentum : float
    epsilon : float
        Added under the root.
    centered : bool
        Divide by the running standard deviation instead (Graves, 2013).
    **options
        Those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
        self.slot_names = (
            "velocity",
            *(("momentum",) if momentum else ()),
            *(("average_gradient",) if centered else ()),
        )

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.rmsprop_step(
            parameters,
            gradients,
            slots["velocity"],
            slots.get("momentum"),
            slots.get("average_gradient"),
            learning_rate=learning_rate,
            rho=self.rho,
            momentum=self.momentum,
            epsilon=self.epsilon,
            weight_decay=weight_decay,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }


class Adadelta(Optimizer):
    """Steps of the size of past steps over the size of past gradients (Zeiler, 2012).

    Parameters
    ----------
    learning_rate : float, schedule or callable
        1.0 is the paper's form.
    rho : float
        Decay of the running means.
    epsilon : float
        Added under both roots.
    **options
        Those of `Optimizer`.
    """

    slot_names = ("accumulated_gradient", "accumulated_delta")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.epsilon = epsilon

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.adadelta_step(
            parameters,
            gradients,
            slots["accumulated_gradient"],
            slots["accumulated_delta"],
            learning_rate=learning_rate,
            rho=self.rho,
            epsilon=self.epsilon,
            weight_decay=weight_decay,
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
