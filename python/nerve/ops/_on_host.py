"""What NumPy computes in the host's memory, and what brings it back to where its input lies.

No recording holds it, and the last bits are those of the LAPACK that NumPy was built with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import host, placed
from nerve.kernels._backend import as_array
from nerve.kernels._traced import Traced, plain, refuse
from nerve.tensor import Gradient


def on_host(op: str, x: Any) -> Array:
    """Floats in the host's memory; arrays of a recording are refused."""
    array = as_array(op, x)
    if isinstance(array, Traced):
        refuse(f"{op}, which has no kernel,")
    found: Array = plain(host(array))
    return found


def matrices(op: str, x: Any, *, square: bool = False) -> Array:
    """The same for matrices, along the last two axes."""
    array = on_host(op, x)
    if array.ndim < 2:
        raise ShapeError(f"[{op}] expects matrices, got shape {array.shape}")
    if square and array.shape[-1] != array.shape[-2]:
        raise ShapeError(f"[{op}] expects square matrices, got shape {array.shape}")
    return array


def back(x: Any, gradient: Callable[[Array], Array]) -> Gradient:
    """A gradient of arrays in the host's memory as one where `x` lies."""
    return lambda grad: placed(gradient(plain(host(grad))), x)


def arrived(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
    """Gradients of several outputs in the host's memory."""
    return tuple(None if grad is None else plain(host(grad)) for grad in grads)


@contextmanager
def said_by(op: str) -> Iterator[None]:
    """Put the op's name before what LAPACK says."""
    try:
        yield
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(f"[{op}] {error}") from None


def turned(x: Array) -> Array:
    """The transposes of matrices."""
    return np.swapaxes(x, -1, -2)
