"""New arrays, which are constants, and what is known of an array without looking at its elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nerve._typing import Array
from nerve.kernels._arrays import placed
from nerve.ops._differentiable import composed
from nerve.ops.elementwise import cast
from nerve.ops.indexing import broadcast_to, getitem, reshape
from nerve.tensor import Tensor, single

__all__ = [
    "arange",
    "array",
    "convert_to_numpy",
    "convert_to_tensor",
    "copy",
    "dtype",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "geomspace",
    "identity",
    "is_tensor",
    "linspace",
    "logspace",
    "meshgrid",
    "ndim",
    "ones",
    "ones_like",
    "shape",
    "size",
    "tri",
    "zeros",
    "zeros_like",
]


def convert_to_tensor(
    x: Any, dtype: DTypeLike | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """`x` as a tensor, a constant if it is none; in another dtype if that is wanted. Lists of floats become float32.

    Raises
    ------
    ValueError
        If it is to be sparse or ragged.
    """
    if sparse or ragged:
        raise ValueError("[convert_to_tensor] gives dense arrays: sparse and ragged must be False")
    if isinstance(x, list | tuple) and dtype is None:
        x = single(x)
    tensor = x if isinstance(x, Tensor) or hasattr(type(x), "__nerve_op__") else Tensor(x, tracked=False)
    return tensor if dtype is None or tensor.dtype == dtype else cast(tensor, dtype)


array = convert_to_tensor


def is_tensor(x: Any) -> bool:
    """Whether it is a tensor, and no array or number."""
    return isinstance(x, Tensor)


def dtype(x: Any) -> str:
    """The name of the type of number."""
    return str(convert_to_tensor(x).dtype)


def convert_to_numpy(x: Any) -> Array:
    """The values of `x` as a NumPy array."""
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def shape(x: Any) -> tuple[int, ...]:
    """The sizes of `x`; None is one that a symbolic tensor does not know."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x: Any) -> int:
    """How many axes `x` has."""
    return len(shape(x))


def size(x: Any) -> int:
    """How many elements `x` has."""
    return math.prod(shape(x))


# New arrays: constants


def zeros(shape: Any, dtype: DTypeLike = "float32") -> Tensor:
    """A tensor of zeros."""
    return Tensor(np.zeros(shape, dtype), tracked=False)


def ones(shape: Any, dtype: DTypeLike = "float32") -> Tensor:
    """A tensor of ones."""
    return Tensor(np.ones(shape, dtype), tracked=False)


def full(shape: Any, fill_value: Any, dtype: DTypeLike = "float32") -> Tensor:
    """A tensor of one value."""
    return Tensor(np.full(shape, fill_value, dtype), tracked=False)


def _beside(new: Tensor, x: Any) -> Tensor:
    """A new array in the memory where another one lies."""
    return Tensor(placed(new.array, convert_to_tensor(x).array), tracked=False)


@composed
def zeros_like(x: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros in the shape and, unless another is given, the dtype of `x`."""
    return _beside(zeros(shape(x), dtype or convert_to_tensor(x).dtype), x)


@composed
def ones_like(x: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Ones in the shape and, unless another is given, the dtype of `x`."""
    return _beside(ones(shape(x), dtype or convert_to_tensor(x).dtype), x)


@composed
def full_like(x: Any, fill_value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """One value in the shape and, unless another is given, the dtype of `x`."""
    return _beside(full(shape(x), fill_value, dtype or convert_to_tensor(x).dtype), x)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: DTypeLike | None = None) -> Tensor:
    """Evenly spaced numbers from `start` up to `stop`, which is left out; of whole numbers int32, else float32."""
    start, stop, step = (int(x) if isinstance(x, Tensor) and x.dtype.kind in "iu" else x for x in (start, stop, step))
    values = np.arange(start, step=step) if stop is None else np.arange(start, stop, step)
    return Tensor(values.astype(dtype or ("float32" if values.dtype.kind == "f" else "int32")), tracked=False)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`, of arrays along a new axis.

    Parameters
    ----------
    start, stop : float or array
        Of shapes that broadcast.
    num : int
    endpoint : bool
        Whether `stop` is the last one.
    retstep : bool
        Whether the distance of neighbours is a second result.
    dtype : str, optional
        "float32" if not given. So in `logspace` and `geomspace`.
    axis : int
        Where the new axis is.

    Returns
    -------
    Tensor, or a pair of them
    """
    found, step = np.linspace(_numbers(start), _numbers(stop), num=num, endpoint=endpoint, retstep=True, axis=axis)
    numbers = Tensor(found.astype(dtype or "float32"), tracked=False)
    return (numbers, Tensor(np.asarray(step, dtype or "float32"), tracked=False)) if retstep else numbers


def _numbers(x: Any) -> Array:
    """Numbers or an array in the host's memory."""
    return np.asarray(x.numpy() if isinstance(x, Tensor) else x, np.float64)


def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = "float32") -> Tensor:
    """Ones on the `k`-th diagonal of a matrix of `N` rows and `M` columns, zeros elsewhere."""
    return Tensor(np.eye(N, M, k, dtype=dtype), tracked=False)


def identity(n: int, dtype: DTypeLike = "float32") -> Tensor:
    """Ones on the diagonal of a square matrix."""
    return Tensor(np.eye(n, dtype=dtype), tracked=False)


def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = "float32") -> Tensor:
    """Ones up to the `k`-th diagonal, zeros above."""
    return Tensor(np.tri(N, M, k, dtype=dtype), tracked=False)


def empty(shape: Any, dtype: DTypeLike = "float32") -> Tensor:
    """An array to be filled: of zeros here."""
    return zeros(shape, dtype)


@composed
def empty_like(x: Any, dtype: DTypeLike | None = None) -> Tensor:
    """As :func:`empty`, in the shape and, unless another is given, the dtype of `x`."""
    return zeros_like(x, dtype)


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """`num` powers of `base`, of exponents evenly spaced from `start` to `stop`; of arrays along a new axis."""
    found = np.logspace(_numbers(start), _numbers(stop), num=num, endpoint=endpoint, base=base, axis=axis)
    return Tensor(found.astype(dtype or "float32"), tracked=False)


@composed
def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Each vector along an axis of its own, repeated along those of the others; the first two swapped in "xy"."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"[meshgrid] indexing must be 'xy' or 'ij', got {indexing!r}")
    order = list(range(len(x)))
    if indexing == "xy" and len(x) > 1:
        order[:2] = 1, 0
    lengths = [0] * len(x)
    for vector, place in zip(x, order, strict=True):
        lengths[place] = math.prod(shape(vector))
    return [
        broadcast_to(reshape(vector, [-1 if i == place else 1 for i in range(len(x))]), lengths)
        for vector, place in zip(x, order, strict=True)
    ]


@composed
def copy(x: Any) -> Tensor:
    """The same values in an array of its own."""
    return getitem(x, ...)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: DTypeLike | None = None, axis: int = 0
) -> Tensor:
    """`num` numbers from `start` to `stop`, each the same multiple of the one before; of arrays along a new axis."""
    found = np.geomspace(_numbers(start), _numbers(stop), num=num, endpoint=endpoint, axis=axis)
    return Tensor(found.astype(dtype or "float32"), tracked=False)
