"""Optimizers that programs write for Keras: `build` makes variables, `update_step` steps one weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve import initializers
from nerve.gpu import to_device
from nerve.kernels._arrays import on_gpu
from nerve.tensor import Tensor, Variable


class OwnSteps:
    """The part of an optimizer that a subclass with an `update_step` calls. Such steps run in Python, unrecorded."""

    _made: list[Variable]
    _positions: dict[int, int]

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: float) -> None:
        """Step `variable` and what the optimizer keeps of it; a subclass defines this, or `step`."""
        raise NotImplementedError(f"{type(self).__name__} defines neither update_step nor step")

    @property
    def _steps_one_by_one(self) -> bool:
        return type(self).update_step is not OwnSteps.update_step

    def add_variable(
        self, shape: Sequence[int], initializer: Any = "zeros", dtype: str | None = None, name: str | None = None
    ) -> Variable:
        """Make a variable of the optimizer's, which is saved with it.

        Parameters
        ----------
        shape : tuple of int
        initializer : str, Initializer or callable of (shape, dtype)
        dtype : str, optional
            "float32" if not given.
        name : str, optional
        """
        made = Variable(initializers.get(initializer), tuple(shape), dtype or "float32", trainable=False, name=name)
        self._made.append(made)
        return made

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """`add_variable` of the shape and dtype of a weight, and where that lies."""
        made = self.add_variable(reference_variable.shape, initializer, reference_variable.dtype.name, name)
        made.array = to_device(made.array, "cuda" if on_gpu(reference_variable.array) else "cpu")
        return made

    def assign(self, variable: Variable, value: Any) -> None:
        """`variable.assign`."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """`variable.assign_add`."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """`variable.assign_sub`."""
        variable.assign_sub(value)

    def _get_variable_index(self, variable: Variable) -> int:
        """The place of a weight among those that the optimizer was built for; Keras's guide has this name."""
        return self._positions[id(variable)]

    def _step_one(self, variable: Variable, gradient: Any, learning_rate: float, weight_decay: float) -> None:
        rate = np.asarray(learning_rate, variable.dtype)
        if weight_decay:
            variable.assign_sub(variable * (rate * weight_decay).astype(variable.dtype))
        self.update_step(Tensor(gradient, tracked=False), variable, float(rate))
