"""What NumPy knows of numbers. No recording holds these ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import DTypeError
from nerve.kernels._arrays import placed
from nerve.kernels._backend import as_floats
from nerve.ops._differentiable import Result, as_plain_array, composed, differentiable
from nerve.ops.sorting import host_values
from nerve.tensor import Tensor

__all__ = ["gcd", "lcm", "nextafter"]


@composed
def gcd(x1: Any, x2: Any) -> Tensor:
    """The largest number by which both can be divided, and 0 of two zeros.

    Parameters
    ----------
    x1, x2 : tensors of integers, which are broadcast

    Returns
    -------
    Tensor

    Raises
    ------
    DTypeError
        If there are other numbers.
    """
    return _of_integers("gcd", np.gcd, x1, x2)


@composed
def lcm(x1: Any, x2: Any) -> Tensor:
    """The smallest number that can be divided by both; as :func:`gcd`."""
    return _of_integers("lcm", np.lcm, x1, x2)


def _of_integers(op: str, compute: Callable[..., Any], x1: Any, x2: Any) -> Tensor:
    values = [host_values(x) for x in (x1, x2)]
    for value in values:
        if value.dtype.kind not in "iu":
            raise DTypeError(f"[{op}] expects integers, got dtype {value.dtype}")
    return Tensor(placed(np.asarray(compute(*values)), as_plain_array(x1)), tracked=False)


@differentiable
def nextafter(x1: Array, x2: Array) -> Result:
    """The next number that there is from `x1` towards `x2`, in their dtype; `x2` if that is equal.

    Parameters
    ----------
    x1, x2 : tensors, which are broadcast

    Returns
    -------
    Tensor
        Gradients go back to `x1`.
    """
    a, b = as_floats("nextafter", *(host_values(x) for x in (x1, x2)))
    return placed(np.asarray(np.nextafter(a, b)), as_plain_array(x1)), (lambda grad: grad, None)
