"""L-BFGS, which minimizes a function of all weights on all data at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.autograd import gradients
from nerve.kernels._numbers import integer, number
from nerve.optimizers.optimizer import dense
from nerve.recorded import Recorder
from nerve.tensor import Tensor, Variable


class LBFGS:
    """Quasi-Newton steps from the last gradients, with a line search (Liu and Nocedal, 1989).

    For losses that are the same function in every call: small models on all of their data, without dropout. SciPy's
    L-BFGS-B chooses the steps, in float64; losses and gradients are recorded once and replayed. It is no `Optimizer`
    of `compile`, for a step asks for several gradients.

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

    Examples
    --------
    >>> def loss():
    ...     return model.compute_loss(x, y, model(x))
    >>> optimizers.LBFGS(max_iter=200).step(loss, model.trainable_variables)
    """

    def __init__(
        self,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
    ) -> None:
        self.max_iter = integer("LBFGS", "max_iter", max_iter, 1)
        self.max_eval = integer("LBFGS", "max_eval", max_iter * 5 // 4 if max_eval is None else max_eval, 1)
        self.tolerance_grad = number("LBFGS", "tolerance_grad", tolerance_grad)
        self.tolerance_change = number("LBFGS", "tolerance_change", tolerance_change)
        self.history_size = integer("LBFGS", "history_size", history_size, 1)
        self.evaluations = 0

    def step(self, closure: Callable[[], Any], variables: Sequence[Variable]) -> float:
        """Minimize the loss that `closure` computes; the variables end at the best values found.

        Parameters
        ----------
        closure : callable
            Of nothing; gives the loss, a scalar tensor.
        variables : sequence of Variable

        Returns
        -------
        float
            The loss there.

        Raises
        ------
        TypeError
            If the loss is no tensor, or `variables` no list of Variables.
        FloatingPointError
            If the loss at the start is not finite; the variables are as they were.
        """
        from scipy.optimize import minimize  # takes longer to import than all of nerve

        variables = list(variables)
        if not variables or not all(isinstance(variable, Variable) for variable in variables):
            raise TypeError(f"[LBFGS] expects a list of Variables, got {variables!r}")

        def computed(_: list[Array], __: Any) -> tuple[list[Array], None]:
            loss = closure()
            if not isinstance(loss, Tensor):
                raise TypeError(f"[LBFGS] expects a closure that gives the loss as a tensor, got {loss!r}")
            return [loss.array, *map(dense, gradients(loss, variables))], None

        recorder = Recorder(computed, strict=False)
        sizes = np.cumsum([variable.size for variable in variables])[:-1]
        start = np.concatenate([variable.array.ravel().astype(np.float64) for variable in variables])
        best: tuple[float, Array] = (np.inf, start)

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
                best = value, values.copy()
            return value, np.concatenate([np.ravel(gradient).astype(np.float64) for gradient in found])

        try:
            value, _ = evaluate(start)
            if not np.isfinite(value):
                raise FloatingPointError(f"[LBFGS] the loss at the start is {value}")
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
        return best[0]
