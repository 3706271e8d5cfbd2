"""Optimizers that scale each element by the size of its gradients: Adagrad, RMSprop, Adadelta, Ftrl."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import array_module
from nerve.kernels._numbers import number
from nerve.optimizers.optimizer import Arrays, Optimizer
from nerve.optimizers.options import Options
from nerve.optimizers.pace import LearningRate
from nerve.tensor import Variable


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


class Ftrl(Optimizer):
    """Follow the regularized leader: for shallow models with many sparse features (McMahan et al., 2013).

    Parameters
    ----------
    learning_rate : float, schedule or callable
    learning_rate_power : float
        Steps shrink with this power of the sum of squared gradients; at most 0, which leaves them.
    initial_accumulator_value : float
        Where the sums start.
    l1_regularization_strength, l2_regularization_strength : float
        Of the weights themselves: l1 makes many of them zero.
    l2_shrinkage_regularization_strength : float
        Of a penalty on the loss.
    beta : float
        That of the paper.
    **options
        Those of `Optimizer`.
    """

    slot_names = ("accumulator", "linear")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if not number(self.name, "learning_rate_power", learning_rate_power) <= 0:
            raise ValueError(f"[{self.name}] learning_rate_power must be at most 0, got {learning_rate_power}")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for name in list(self._own_config())[1:]:
            if not number(self.name, name, getattr(self, name)) >= 0:
                raise ValueError(f"[{self.name}] {name} must not be negative, got {getattr(self, name)}")

    def new_slot(self, name: str, variable: Variable) -> Array:
        start = self.initial_accumulator_value if name == "accumulator" else 0.0
        new: Array = array_module(variable.array).full(variable.shape, start, variable.dtype)
        return new

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        kernels.ftrl_step(
            parameters,
            gradients,
            slots["accumulator"],
            slots["linear"],
            learning_rate=learning_rate,
            learning_rate_power=self.learning_rate_power,
            l1=self.l1_regularization_strength,
            l2=self.l2_regularization_strength,
            l2_shrinkage=self.l2_shrinkage_regularization_strength,
            beta=self.beta,
            weight_decay=weight_decay,
        )

    def _own_config(self) -> dict[str, Any]:
        names = (
            "learning_rate_power", "initial_accumulator_value", "l1_regularization_strength",
            "l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._own_config()}
