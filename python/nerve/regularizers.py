"""Terms of a loss that keep weights small or apart, under Keras 3's names."""

from __future__ import annotations

import math
from typing import Any, Self

from nerve import ops
from nerve._lookup import Spelled, names_of, resolve
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.serialization import functions_for
from nerve.tensor import Tensor

__all__ = ["L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "get", "l1", "l1_l2", "l2"]
__all__ += ["deserialize", "orthogonal_regularizer", "serialize"]


class Regularizer(Spelled):
    """Base: a function of a weight that is added to the loss. Its options are attributes."""

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.__call__")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this regularizer again."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the regularizer that `get_config` described."""
        return cls(**config)


class L1L2(Regularizer):
    """l1 sum(|x|) + l2 sum(x**2)."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor(self, "l1", l1), _factor(self, "l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * ops.sum(ops.absolute(x)) + self.l2 * ops.sum(ops.square(x))


class L1(Regularizer):
    """l1 sum(|x|): many weights become zero."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor(self, "l1", l1)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * ops.sum(ops.absolute(x))


class L2(Regularizer):
    """l2 sum(x**2): weights stay small."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor(self, "l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l2 * ops.sum(ops.square(x))


class OrthogonalRegularizer(Regularizer):
    """factor times the mean |cosine| between two rows, or columns, of a matrix.

    Parameters
    ----------
    factor : float
    mode : {"rows", "columns"}
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(f"[OrthogonalRegularizer] mode must be 'rows' or 'columns', got {mode!r}")
        self.factor, self.mode = _factor(self, "factor", factor), mode

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim != 2:
            raise ShapeError(f"[OrthogonalRegularizer] expects a matrix, got shape {x.shape}")
        rows = self.mode == "rows"
        unit = x / ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=int(rows), keepdims=True), 1e-14))
        cosines = ops.matmul(unit, unit, transpose_a=not rows, transpose_b=rows)
        count = cosines.shape[0]
        pairs = cosines * (1.0 - Tensor(array_module(x.array).eye(count, dtype=x.dtype), tracked=False))
        return self.factor * 0.5 * ops.sum(ops.absolute(pairs)) / (count * (count - 1.0) / 2.0)


def _factor(regularizer: Regularizer, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"[{type(regularizer).__name__}] {name} must be a number that is not negative, got {value!r}")
    return float(value)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_NAMES: dict[str, type[Regularizer]] = names_of(
    [L1, L2, L1L2, OrthogonalRegularizer], l1_l2=L1L2, orthogonal_regularizer=OrthogonalRegularizer
)


def get(identifier: Any) -> Any:
    """The regularizer meant by a name, a config, an instance, a class, any function of a weight, or None."""
    if identifier is None or (callable(identifier) and not isinstance(identifier, Regularizer | type)):
        return identifier
    return resolve("regularizer", identifier, Regularizer, _NAMES)


serialize, deserialize = functions_for("regularizers", get)
