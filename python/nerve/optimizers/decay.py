"""Weight decay: which weights get smaller in every step by themselves, and by how much."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import array_module
from nerve.kernels._recording import changing
from nerve.tensor import Variable


class Decaying:
    """The part of an optimizer that makes weights smaller; its parameter is explained in `Optimizer`."""

    variables: list[Variable]
    weight_decay: float | None
    learning_rate: float
    _not_decayed: set[int]  # variables by identity
    _not_decayed_names: list[str]

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave variables out of the weight decay: those in `var_list`, and those whose name `var_names` is found in.

        The names are regular expressions, as in Keras.
        """
        self._not_decayed |= {id(variable) for variable in var_list or ()}
        self._not_decayed_names.extend(var_names or ())
        self._not_decayed |= {
            id(v) for v in self.variables if any(re.search(pattern, v.name) for pattern in self._not_decayed_names)
        }

    def decay_of(self, variable: Variable) -> float:
        """The weight decay of a variable that has one."""
        return self.weight_decay or 0.0

    def _decay(self, parameters: list[Array], weight_decay: float) -> None:
        """The weight decay alone, for steps that look at the weights it leaves."""
        if weight_decay:
            zeros = [array_module(p).zeros(p.shape, p.dtype) for p in parameters]
            keep = changing(lambda: 1.0 - self.learning_rate * weight_decay)
            kernels.moving_average_step(parameters, zeros, momentum=keep)
