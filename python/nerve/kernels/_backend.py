"""The choice of backend, and the conversions at the edge: the only file that knows both NumPy and the extensions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nerve import _cpu
from nerve.errors import DTypeError, ShapeError
from nerve.kernels.shapes import MAX_RANK

Array = np.ndarray[Any, np.dtype[Any]]

_FLOAT32 = np.dtype(np.float32)
_FLOAT64 = np.dtype(np.float64)
_reference: ContextVar[bool] = ContextVar("nerve_reference", default=False)


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Compute with another implementation of the kernels inside a ``with`` block.

    Parameters
    ----------
    name : {"native", "reference"}
        ``"native"``: the compiled kernels; ``"reference"``: the pure NumPy ones, which are slow and accumulate in
        float64.
    """
    if name not in ("native", "reference"):
        raise ValueError(f"[backend] expects 'native' or 'reference', got {name!r}")
    token = _reference.set(name == "reference")
    try:
        yield
    finally:
        _reference.reset(token)


def pick(*arrays: Array | None) -> Any:
    """The module whose raw kernels compute on these arrays."""
    if _reference.get():
        from nerve.kernels import reference

        return reference
    return _cpu


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """An uninitialised array from the caching arena."""
    array: Array = _cpu.empty(shape, np.dtype(dtype))
    return array


def float_dtype(op: str, dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype meant, float32 or float64, or a DTypeError."""
    found = np.dtype(dtype)
    if found not in (_FLOAT32, _FLOAT64):
        raise DTypeError(f"[{op}] computes in float32 or float64, got dtype {found}")
    return found


def as_array(op: str, x: ArrayLike) -> Array:
    """``x`` as a C-contiguous float32 or float64 array; other real dtypes become float32."""
    (array,) = as_floats(op, x)
    return array


def as_floats(op: str, *values: ArrayLike | None) -> tuple[Array, ...]:
    """Arrays of one floating dtype, C-contiguous, for the raw kernels.

    float64 if any array is float64, else float32; Python scalars take the dtype of the arrays beside them; integers,
    booleans and float16 become float32 (as in NumPy where they meet float64). ``None`` stays ``None``.

    Raises
    ------
    DTypeError
        If a value is complex, text, or an object.
    """
    first = values[0]
    if type(first) is np.ndarray and (first.dtype is _FLOAT32 or first.dtype is _FLOAT64):
        dtype = first.dtype
        if all(value is None or _fits(value, dtype) for value in values):  # the usual case
            return values  # type: ignore[return-value]
    return tuple(_convert(op, values))


def _fits(value: Any, dtype: np.dtype[Any]) -> bool:
    """Whether a value can go to a raw kernel as it is."""
    if type(value) is not np.ndarray or value.dtype is not dtype or value.ndim > MAX_RANK:
        return False
    flags = value.flags
    return flags.c_contiguous and flags.aligned


def _convert(op: str, values: tuple[ArrayLike | None, ...]) -> Iterator[Array]:
    arrays: list[Array | None] = []
    double = False
    for value in values:
        if value is None:
            arrays.append(None)
            continue
        if "cupy" in type(value).__module__:
            from nerve.errors import DeviceError

            raise DeviceError(f"[{op}] has no CUDA path for CuPy arrays here; move it with cupy.asnumpy(x)")
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ShapeError(f"[{op}] expects a rectangular array of numbers: {error}") from None
        if array.dtype.kind not in "fiub":
            raise DTypeError(f"[{op}] expects real numbers (float32 or float64), got dtype {array.dtype}")
        if array.ndim > MAX_RANK:
            raise ShapeError(f"[{op}] expects at most {MAX_RANK} dimensions, got {array.ndim}: {array.shape}")
        double = double or (array.dtype == _FLOAT64 and isinstance(value, (np.ndarray, np.generic)))
        arrays.append(array)
    dtype = _FLOAT64 if double else _FLOAT32
    for found in arrays:
        if found is None:
            yield None  # type: ignore[misc]
        else:
            yield np.require(found, dtype, ("C", "ALIGNED"))
