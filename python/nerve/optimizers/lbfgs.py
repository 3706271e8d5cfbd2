"""L-BFGS, which minimizes a function of all weights on all data at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from nerve._typing import Array
from nerve.autograd import gradients
from nerve.errors import DeviceError
from nerve.kernels._arrays import on_gpu
from nerve.kernels._numbers import integer, number
from nerve.optimizers.optimizer import Optimizer, dense
from nerve.recorded import Recorder
from nerve.tensor import Tensor, Variable


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last gradients, with a line search (Liu and Nocedal, 1989).

    For losses that are the same function in every call: small models on all of their data, without dropout. SciPy's
    L-BFGS-B chooses the steps, in float64; losses and gradients are recorded once and replayed.

    In `compile` every batch is a whole minimization of up to `max_iter` iterations, of which nothing is kept for the
    next, so that the usual batch is all of the data: `fit(x, y, batch_size=len(x))`. Losses and metrics are those of
    where it has ended. There is no learning rate, and it takes none of the arguments that all others share.

    Parameters
    ----------
    max_iter : int
        Most iterations of a call of `step`.
    max_eval : int, optional
        Most losses that a call of `step` asks for; 1.25 times `max_iter` if not given, as in PyTorch.
    tolerance_grad : float
        Done when no element of the gradient is larger.
    tolerance_change : float
        Done when the loss falls by less than this, relative to the larger of its absolute value and 1.
    history_size : int
        Of how many last steps it makes its picture of the curvature.
    name : str, optional

    Attributes
    ----------
    evaluations : int
        Losses that calls of `step` have asked for.

    Examples
    --------
    >>> model.compile(optimizers.LBFGS(max_iter=200), "mse")
    >>> model.fit(x, y, batch_size=len(x))

    >>> def loss():
    ...     return model.compute_loss(x, y, model(x))
    >>> optimizers.LBFGS(max_iter=200).step(loss, model.trainable_variables)
    """

    _not_recorded = Optimizer._not_recorded | {"evaluations"}
    needs_closure = True

    def __init__(
        self,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        name: str | None = None,
    ) -> None:
        super().__init__(0.0, name=name)
        self.max_iter = integer("LBFGS", "max_iter", max_iter, 1)
        self.max_eval = integer("LBFGS", "max_eval", max_iter * 5 // 4 if max_eval is None else max_eval, 1)
        self.tolerance_grad = number("LBFGS", "tolerance_grad", tolerance_grad)
        self.tolerance_change = number("LBFGS", "tolerance_change", tolerance_change)
        self.history_size = integer("LBFGS", "history_size", history_size, 1)
        self.evaluations = 0

    @property
    def learning_rate(self) -> float:
        """There is none: a line search finds how far to go."""
        raise AttributeError("[LBFGS] has no learning rate: a line search finds how far to go")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError("[LBFGS] has no learning rate that could be set: a line search finds how far to go")

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Refused: gradients at one place are not enough for a step.

        Raises
        ------
        TypeError
        """
        raise TypeError(
            "[LBFGS] cannot step by the gradients of one place: call step(closure, variables), where closure() gives "
            "the loss, or have it in compile and leave train_step to the model"
        )

    def step(self, closure: Callable[[], Any], variables: Sequence[Variable]) -> float:  # type: ignore[override]
        """Minimize the loss that `closure` computes; the variables end at the best values found.

        Parameters
        ----------
        closure : callable
            Of nothing; gives the loss, a scalar tensor.
        variables : sequence of Variable
            Without constraints, and in the host's memory.

        Returns
        -------
        float
            The loss there.

        Raises
        ------
        TypeError
            If the loss is no tensor, or `variables` no list of Variables.
        ValueError
            If the loss is another one in a second call (dropout, noise, random augmentation), or a variable has a
            constraint; the variables are as they were.
        DeviceError
            If variables are on the GPU.
        FloatingPointError
            If the loss at the start is not finite; the variables are as they were.
        """
        from scipy.optimize import minimize  # takes longer to import than all of nerve

        variables = _checked(variables)

        def computed(_: list[Array], __: Any) -> tuple[list[Array], None]:
            loss = closure()
            if not isinstance(loss, Tensor):
                raise TypeError(f"[LBFGS] expects a closure that gives the loss as a tensor, got {loss!r}")
            return [loss.array, *map(dense, gradients(loss, variables))], None

        recorder = Recorder(computed, strict=False)
        sizes = np.cumsum([variable.size for variable in variables])[:-1]
        start = np.concatenate([variable.array.ravel().astype(np.float64) for variable in variables])
        best: tuple[float, Array, list[Array]] = (np.inf, start, [])

        def assign(values: Array) -> None:
            for variable, part in zip(variables, np.split(values, sizes), strict=True):
                variable.assign(part.reshape(variable.shape).astype(variable.dtype))

        def evaluate(values: Array) -> tuple[float, Array]:
            nonlocal best
            assign(values)
            (loss, *found), _ = recorder([])
            self.evaluations += 1
            value = float(loss.item())
            if value < best[0]:
                best = value, values.copy(), found
            return value, np.concatenate([np.ravel(gradient).astype(np.float64) for gradient in found])

        try:
            value, _ = evaluate(start)
            if not np.isfinite(value):
                raise FloatingPointError(f"[LBFGS] the loss at the start is {value}")
            again, _ = evaluate(start)
            if again != value:
                best = value, start, []
                raise ValueError(
                    f"[LBFGS] the loss must be the same function in every call, and is {value}, then {again}: train "
                    "without what is random (dropout, noise, augmentation), or with another optimizer"
                )
            minimize(
                evaluate,
                start,
                jac=True,
                method="L-BFGS-B",
                options={
                    "maxiter": self.max_iter,
                    "maxfun": self.max_eval,
                    "maxcor": self.history_size,
                    "gtol": self.tolerance_grad,
                    "ftol": self.tolerance_change,
                },
            )
        finally:
            assign(best[1])
        if any(id(variable) not in self._positions for variable in variables):
            self.variables = []  # those of another call are no longer of interest
            self.build(variables)
        self._watch([self._positions[id(variable)] for variable in variables], best[2])
        self._count_call()
        return best[0]

    def state(self) -> dict[str, Array]:
        return {"iterations": np.asarray(self.iterations, np.int64)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        if set(state) != {"iterations"}:
            raise ValueError(f"[{self.name}] not the state of this optimizer: it has {sorted(state)}")
        self.iterations = self.calls = int(state["iterations"])

    def get_config(self) -> dict[str, Any]:
        return {
            "max_iter": self.max_iter,
            "max_eval": self.max_eval,
            "tolerance_grad": self.tolerance_grad,
            "tolerance_change": self.tolerance_change,
            "history_size": self.history_size,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)


def _checked(variables: Sequence[Variable]) -> list[Variable]:
    """The variables, if a minimization may change them."""
    variables = list(variables)
    if not variables or not all(isinstance(variable, Variable) for variable in variables):
        raise TypeError(f"[LBFGS] expects a list of Variables, got {variables!r}")
    for variable in variables:
        if on_gpu(variable.array):
            raise DeviceError(f"[LBFGS] works in the host's memory, and variable {variable.name!r} is on the GPU")
        if variable.constraint is not None:
            raise ValueError(f"[LBFGS] cannot heed constraints, and variable {variable.name!r} has one")
    return variables
