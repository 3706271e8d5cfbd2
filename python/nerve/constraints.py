"""What weights are made to obey after every step of an optimizer, under Keras 3's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from nerve import ops
from nerve._lookup import Spelled, names_of, resolve
from nerve.kernels._numbers import number
from nerve.serialization import functions_for
from nerve.tensor import Tensor

__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "get", "max_norm", "min_max_norm", "non_neg"]
__all__ += ["deserialize", "serialize", "unit_norm"]

EPSILON = 1e-7
Axes = int | Sequence[int]


class Constraint(Spelled):
    """Base: a function from a weight to the weight it becomes. Its options are attributes."""

    def __call__(self, w: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.__call__")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this constraint again."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the constraint that `get_config` described."""
        return cls(**config)


class MaxNorm(Constraint):
    """Vectors along `axis` no longer than `max_value` (Srivastava et al., "Dropout", 2014).

    In a dense kernel, (inputs, units), an `axis` of 0 holds the incoming weights of a unit; in a convolution's kernel
    (rows, columns, channels, filters) they lie along (0, 1, 2).
    """

    def __init__(self, max_value: float = 2, axis: Axes = 0) -> None:
        self.max_value, self.axis = number("MaxNorm", "max_value", max_value), axis

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        return w * (ops.minimum(norms, self.max_value) / (norms + EPSILON))


class NonNeg(Constraint):
    """No weight below zero."""

    def __call__(self, w: Tensor) -> Tensor:
        return ops.maximum(w, 0.0)


class UnitNorm(Constraint):
    """Vectors along `axis` of length one; see :class:`MaxNorm` for axes."""

    def __init__(self, axis: Axes = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        return w / (_norms(w, self.axis) + EPSILON)


class MinMaxNorm(Constraint):
    """Vectors along `axis` brought towards a length from `min_value` to `max_value`, by a part `rate` of the way."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axes = 0) -> None:
        self.min_value = number("MinMaxNorm", "min_value", min_value)
        self.max_value = number("MinMaxNorm", "max_value", max_value)
        self.rate, self.axis = number("MinMaxNorm", "rate", rate), axis

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        wanted = ops.minimum(ops.maximum(norms, self.min_value), self.max_value)
        return w * ((self.rate * wanted + (1.0 - self.rate) * norms) / (norms + EPSILON))


def _norms(w: Tensor, axis: Axes) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
_NAMES: dict[str, type[Constraint]] = names_of([MaxNorm, MinMaxNorm, NonNeg, UnitNorm])


def get(identifier: Any) -> Any:
    """The constraint meant by a name, a config, an instance, a class, any function of a weight, or None."""
    if identifier is None or (callable(identifier) and not isinstance(identifier, Constraint | type)):
        return identifier
    return resolve("constraint", identifier, Constraint, _NAMES)


serialize, deserialize = functions_for("constraints", get)
