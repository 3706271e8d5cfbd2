"""The form of a row of the op table, and the tolerances every row is held to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Lengths around the vector widths of every instruction set, and one that spans several parallel blocks' worth of tails.
SIZES = (1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 130)

# (rtol, atol) against the float64 reference, for values of order one. A row's `tolerance` multiplies both.
VALUE_TOLERANCE = {"float32": (2e-6, 1e-6), "float64": (1e-13, 1e-13)}
# A gradient in one random direction against central differences of step 1e-6, in float64.
GRADIENT_TOLERANCE = (1e-6, 1e-8)


class Exact(np.ndarray):
    """An argument that stays float64 where the others are cast to the dtype at hand."""


def exact(*values: float) -> Exact:
    return np.array(values, np.float64).view(Exact)


@dataclass(frozen=True)
class Sample:
    """One call: ``function(*args, **kwargs)``. Float arrays are float64; the tests cast them to each dtype."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BadCall:
    """A call that must raise ``error`` with a message matching ``match``, and change none of its arguments."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    error: type[Exception]
    match: str


@dataclass(frozen=True)
class Op:
    """One op: its function in ``nerve.kernels`` and, where ``gradient``, the op of that name in ``nerve.ops``.

    Parameters
    ----------
    name : name in ``nerve.kernels``.
    samples : makes the sample calls from a random generator: vector-width sizes, an empty one, odd shapes.
    gradient : whether ``nerve.ops`` has the op and its gradient is to be checked.
    tolerance : factor on the table's tolerances; a comment beside it gives the observed error.
    errors : calls that must fail, and how.
    own_dtype : whether the results have dtypes of their own, whatever those of the arguments.
    in_place : positions of arguments (arrays, or lists of arrays) the kernel changes; they are compared as results.
    """

    name: str
    samples: Callable[[np.random.Generator], Sequence[Sample]]
    gradient: bool = False
    tolerance: float = 1.0
    errors: Sequence[BadCall] = ()
    own_dtype: bool = False
    in_place: Sequence[int] = ()
