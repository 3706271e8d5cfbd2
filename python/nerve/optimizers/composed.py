"""Optimizers that look at whole matrices: steps made of products, norms and means, and one kernel at the end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import array_module
from nerve.kernels._numbers import number
from nerve.kernels._recording import changing
from nerve.optimizers.adam import Moments
from nerve.optimizers.optimizer import Arrays, Optimizer
from nerve.optimizers.options import Options, OtherOptions
from nerve.optimizers.pace import LearningRate
from nerve.tensor import Variable


class Lamb(Moments):
    """Adam with a step whose norm is that of the weights times the learning rate (You et al., 2020).

    Parameters
    ----------
    learning_rate : float, schedule or callable
    beta_1, beta_2 : float
        Decay of the running means of gradients and their squares.
    epsilon : float
        Added to the root.
    **options
        Those of `Optimizer`.
    """

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        self._decay(parameters, weight_decay)
        steps = [kernels.multiply(parameter, 0.0) for parameter in parameters]
        kernels.adam_step(
            steps,
            gradients,
            slots["momentum"],
            slots["velocity"],
            learning_rate=1.0,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=changing(lambda: self.epsilon * (1.0 - self.beta_2 ** (self.iterations + 1)) ** 0.5),
            step=changing(lambda: self.iterations + 1),
        )
        scaled = []
        for parameter, step in zip(parameters, steps, strict=True):
            weights, change = _norm(parameter), _norm(step)
            ratio = kernels.where(
                kernels.greater(kernels.minimum(weights, change), 0.0), kernels.divide(weights, change), 1.0
            )
            scaled.append(kernels.multiply(kernels.negative(step), ratio))
        kernels.sgd_step(parameters, scaled, learning_rate=learning_rate)


class Adafactor(Optimizer):
    """Steps over the root of mean squares, of which it keeps those of rows and of columns (Shazeer and Stern, 2018).

    Parameters
    ----------
    learning_rate : float, schedule or callable
        The most that a step may be, relative to the weights; it falls as 1 / sqrt(step) besides.
    beta_2_decay : float
        The mean of squares keeps 1 - step ** beta_2_decay of itself.
    epsilon_1 : float
        Added to squared gradients.
    epsilon_2 : float
        The least root mean square of weights that a step is relative to.
    clip_threshold : float
        The most that the root mean square of a step may be before it is scaled by the weights.
    relative_step : bool
        Kept in the configuration as in Keras 3.15, whose steps it does not change either: they fall in any case.
    **options
        Those of `Optimizer`.
    """

    slot_names = ("row", "column", "velocity")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_2_decay = number(self.name, "beta_2_decay", beta_2_decay)
        self.epsilon_1 = number(self.name, "epsilon_1", epsilon_1)
        self.epsilon_2 = number(self.name, "epsilon_2", epsilon_2)
        self.clip_threshold = number(self.name, "clip_threshold", clip_threshold)
        self.relative_step = relative_step

    def new_slot(self, name: str, variable: Variable) -> Array:
        shape = variable.shape
        shapes = {"row": shape[:-1], "column": (*shape[:-2], *shape[-1:]), "velocity": (0,)}
        if len(shape) < 2:
            shapes = {"row": (0,), "column": (0,), "velocity": shape}
        new: Array = array_module(variable.array).zeros(shapes[name], variable.dtype)
        return new

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        self._decay(parameters, weight_decay)
        keep = changing(lambda: 1.0 - (self.iterations + 1) ** self.beta_2_decay)
        changes = []
        for parameter, gradient, row, column, velocity in zip(
            parameters, gradients, slots["row"], slots["column"], slots["velocity"], strict=True
        ):
            square = kernels.add(kernels.square(gradient), self.epsilon_1)
            if parameter.ndim < 2:
                kernels.moving_average_step([velocity], [square], momentum=keep)
                root = kernels.sqrt(velocity)
            else:
                means = [kernels.mean(square, axis=-1), kernels.mean(square, axis=-2)]
                kernels.moving_average_step([row, column], means, momentum=keep)
                rows = kernels.divide(row, kernels.mean(row, axis=-1, keepdims=True))
                root = kernels.sqrt(kernels.multiply(rows[..., None], column[..., None, :]))
            change = kernels.divide(gradient, root)
            most = kernels.maximum(kernels.divide(_root_mean_square(change), self.clip_threshold), 1.0)
            size = kernels.maximum(_root_mean_square(parameter), self.epsilon_2)
            changes.append(kernels.multiply(change, kernels.divide(size, most)))
        rate = changing(lambda: min(self.learning_rate, (self.iterations + 1) ** -0.5))
        kernels.sgd_step(parameters, changes, learning_rate=rate)

    def get_config(self) -> dict[str, Any]:
        names = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class Muon(Optimizer):
    """Momenta of matrices, made orthogonal (Jordan et al., 2024); AdamW for all else.

    Parameters
    ----------
    learning_rate : float, schedule or callable
    adam_beta_1, adam_beta_2, adam_weight_decay, epsilon : float
        Of AdamW, which steps what is no matrix, embeddings and excluded layers.
    exclude_layers : list of str, optional
        Regular expressions; AdamW steps a variable in whose `path` one of them is found.
    exclude_embeddings : bool
        Whether AdamW steps variables with "embedding" in their path.
    muon_a, muon_b, muon_c : float
        Coefficients of the Newton-Schulz iteration, x -> a x + (b x x' + c (x x')**2) x.
    adam_lr_ratio : float
        AdamW's learning rate, relative to `learning_rate`.
    momentum : float
    ns_steps : int
        Iterations.
    nesterov : bool
        Look ahead.
    rms_rate : float, optional
        The step of an n x m matrix is multiplied by this and sqrt(max(n, m)) (Liu et al., 2025); None leaves it.
    **options
        Those of `Optimizer`; `weight_decay` is that of matrices.
    """

    slot_names = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **options: Unpack[OtherOptions],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay = adam_weight_decay
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        if not number(self.name, "adam_lr_ratio", adam_lr_ratio) > 0:
            raise ValueError(f"[{self.name}] adam_lr_ratio must be positive, got {adam_lr_ratio}")
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def takes_adamw(self, variable: Variable) -> bool:
        """Whether AdamW steps a variable."""
        if variable.ndim != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def new_slot(self, name: str, variable: Variable) -> Array:
        if name == "velocity" and not self.takes_adamw(variable):
            return super().new_slot(name, Variable(np.zeros(0, variable.dtype)))  # what says that Muon steps it
        return super().new_slot(name, variable)

    def decay_of(self, variable: Variable) -> float:
        return (self.adam_weight_decay if self.takes_adamw(variable) else self.weight_decay) or 0.0

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        every = list(zip(parameters, gradients, slots["momentum"], slots["velocity"], strict=True))
        matrices = [each for each in every if each[3].size != each[0].size]
        others = [each for each in every if each[3].size == each[0].size]
        if matrices:
            arrays, gradients, momenta, _ = map(list, zip(*matrices, strict=True))
            changes = list(map(self._orthogonal, gradients, momenta))
            kernels.sgd_step(arrays, changes, learning_rate=learning_rate, weight_decay=weight_decay)
        if others:
            arrays, gradients, momenta, velocities = map(list, zip(*others, strict=True))
            ratio = self.adam_lr_ratio
            kernels.adam_step(
                arrays,
                gradients,
                momenta,
                velocities,
                learning_rate=changing(lambda: self.learning_rate * ratio),
                beta_1=self.adam_beta_1,
                beta_2=self.adam_beta_2,
                epsilon=self.epsilon,
                step=changing(lambda: self.iterations + 1),
                weight_decay=weight_decay / ratio,  # decays by the learning rate itself
            )

    def _orthogonal(self, gradient: Array, momentum: Array) -> Array:
        """The step of a matrix, whose momentum is updated."""
        kernels.add(kernels.multiply(momentum, self.momentum), gradient, out=momentum)
        x = kernels.add(gradient, kernels.multiply(momentum, self.momentum)) if self.nesterov else momentum
        tall = x.shape[0] > x.shape[1]
        x = kernels.divide(x, kernels.add(_norm(x), 1e-7))
        # Of a tall matrix x' is iterated on, which comes to products from the other side.
        for _ in range(self.ns_steps):
            square = kernels.matmul(x, x, transpose_a=tall, transpose_b=not tall)
            powers = kernels.add(
                kernels.multiply(square, self.muon_b), kernels.multiply(kernels.matmul(square, square), self.muon_c)
            )
            product = kernels.matmul(x, powers) if tall else kernels.matmul(powers, x)
            x = kernels.add(kernels.multiply(x, self.muon_a), product)
        return x if self.rms_rate is None else kernels.multiply(x, self.rms_rate * max(x.shape) ** 0.5)

    def get_config(self) -> dict[str, Any]:
        names = (
            "adam_beta_1", "adam_beta_2", "adam_weight_decay", "epsilon", "exclude_layers", "exclude_embeddings",
            "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum", "ns_steps", "nesterov", "rms_rate",
        )  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _norm(x: Array) -> Array:
    return kernels.sqrt(kernels.sum(kernels.square(x)))


def _root_mean_square(x: Array) -> Array:
    return kernels.sqrt(kernels.mean(kernels.square(x)))
