"""Python's operators on tensors, by element and broadcasting as in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nerve  # whose `ops` make tensors, that have these operators

if TYPE_CHECKING:
    from nerve.tensor import Tensor


class Operators:
    """What `a + b` and the like mean for tensors, with values or symbolic: the functions of `nerve.ops`.

    `&`, `|`, `^` and `~` are logical, as Keras has them, where booleans meet; on whole numbers they are bitwise.
    """

    __slots__ = ()

    def __neg__(self) -> Tensor:
        return nerve.ops.negative(self)

    def __abs__(self) -> Tensor:
        return nerve.ops.absolute(self)

    def __add__(self, other: Any) -> Tensor:
        return nerve.ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return nerve.ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return nerve.ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return nerve.ops.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return nerve.ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return nerve.ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return nerve.ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return nerve.ops.divide(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return nerve.ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return nerve.ops.floor_divide(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return nerve.ops.mod(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return nerve.ops.mod(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return nerve.ops.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return nerve.ops.power(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return nerve.ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return nerve.ops.matmul(other, self)

    def __lt__(self, other: Any) -> Tensor:
        return nerve.ops.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return nerve.ops.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return nerve.ops.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return nerve.ops.greater_equal(self, other)

    def __and__(self, other: Any) -> Tensor:
        return nerve.ops.logical_and(self, other) if _boolean(self, other) else nerve.ops.bitwise_and(self, other)

    def __or__(self, other: Any) -> Tensor:
        return nerve.ops.logical_or(self, other) if _boolean(self, other) else nerve.ops.bitwise_or(self, other)

    def __xor__(self, other: Any) -> Tensor:
        return nerve.ops.logical_xor(self, other) if _boolean(self, other) else nerve.ops.bitwise_xor(self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Tensor:
        return nerve.ops.logical_not(self) if _boolean(self) else nerve.ops.bitwise_not(self)

    def __getitem__(self, index: Any) -> Tensor:
        return nerve.ops.getitem(self, index)


def _boolean(*operands: Any) -> bool:
    return any(isinstance(x, bool) or str(getattr(x, "dtype", "")) == "bool" for x in operands)
