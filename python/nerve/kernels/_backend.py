"""The choice of backend, and the conversions at the edge: the only file that knows both NumPy and the extensions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nerve import _cpu
from nerve._typing import Array
from nerve.errors import DeviceError, DTypeError, ShapeError
from nerve.kernels import _cupy
from nerve.kernels._arrays import array_module, is_array, on_gpu
from nerve.kernels._recording import now
from nerve.kernels._strided import begin_of, copy_shape
from nerve.kernels._traced import Traced, refuse, required, traced
from nerve.kernels._traced import as_array as _as_array
from nerve.kernels.shapes import MAX_RANK

SMALL = 8192  # elements, from which on a fresh array costs page faults and the arena's blocks pay

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
    """The module whose raw kernels compute on these arrays, which all lie where the first does."""
    if arrays and type(arrays[0]) is not np.ndarray and on_gpu(arrays[0]):
        if _reference.get():
            raise DeviceError("[backend] the reference computes on NumPy arrays, got CuPy's")
        if now.recording is not None:
            if now.recording.on_gpu:
                return now.recording.kernels()  # type: ignore[attr-defined]
            now.recording.refuse("a kernel on the GPU cannot be recorded where no input lies there")
        return _cupy.load()
    if now.recording is not None and now.recording.on_gpu:
        now.recording.refuse("a kernel on the CPU cannot be recorded where the inputs lie on the GPU")
    if _reference.get():
        from nerve.kernels import reference

        return reference
    return _cpu


def native() -> bool:
    """Whether arrays in the host's memory go to the compiled kernels."""
    return not _reference.get()


def empty(shape: tuple[int, ...], dtype: DTypeLike, beside: Array | None = None) -> Array:
    """An uninitialised array where the array ``beside`` lies: of CuPy's pool, or in the host's memory.

    There small ones are NumPy's, which keeps those itself, larger ones are the arena's.
    """
    if beside is not None and type(beside) is not np.ndarray and on_gpu(beside):
        return array_module(beside).empty(shape, dtype)  # type: ignore[no-any-return]
    if math.prod(shape) <= SMALL:
        return _noted(np.empty(shape, dtype))
    try:
        array: Array = _cpu.empty(shape, np.dtype(dtype))
    except (MemoryError, OverflowError):
        raise MemoryError(f"[empty] cannot allocate an array of shape {shape} and dtype {np.dtype(dtype)}") from None
    return _noted(array)


def _noted(array: Array) -> Array:
    """An array that kernels are to fill, known to the recording that is on, if one is."""
    if now.recording is None:
        return array
    now.recording.allocated(array)
    return array if now.recording.on_gpu else traced(array)


def float_dtype(op: str, dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype meant, float32 or float64, or a DTypeError."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if dtype is None or found is None or found not in (_FLOAT32, _FLOAT64):  # None is float64 for NumPy
        raise DTypeError(f"[{op}] computes in float32 or float64, got dtype {dtype!r}")
    return found


def as_array(op: str, x: ArrayLike) -> Array:
    """``x`` as a C-contiguous float32 or float64 array; integers and float16 become float32."""
    if _fits(x, _FLOAT32) or _fits(x, _FLOAT64):
        return x  # type: ignore[return-value]
    (array,) = as_floats(op, x)
    return array


def as_floats(op: str, *values: ArrayLike | None, optional: int = 0) -> tuple[Array, ...]:
    """Arrays of one floating dtype, C-contiguous, for the raw kernels.

    float64 if any array is float64 or longer, else float32; Python scalars take the dtype of the arrays beside them;
    integers, booleans and float16 become float32 (as in NumPy where they meet float64). Of the last values,
    ``optional`` many may be ``None``, and stay it. Beside CuPy arrays numbers become such; nothing else does.

    Raises
    ------
    DTypeError
        If a value is complex, text, or an object, None among them.
    DeviceError
        If some values are CuPy arrays and others lie in the host's memory.
    """
    needed = len(values) - optional
    first = values[0]
    if type(first) is np.ndarray and (first.dtype is _FLOAT32 or first.dtype is _FLOAT64):
        dtype = first.dtype
        for i, value in enumerate(values):
            if not (_fits(value, dtype) or (value is None and i >= needed)):
                break
        else:
            return values  # type: ignore[return-value]  # the usual case
    return tuple(_convert(op, values, needed))


def _fits(value: Any, dtype: np.dtype[Any]) -> bool:
    """Whether a value can go to a raw kernel as it is."""
    if type(value) is not np.ndarray or value.dtype is not dtype or value.ndim > MAX_RANK:
        return False
    flags = value.flags
    return flags.carray or (flags.c_contiguous and flags.aligned)  # the first is both, and writeable: one look-up


def rectangular(op: str, value: Any) -> Array:
    """``value`` as an array of whatever dtype, CuPy's as they are, or the error that fits."""
    try:
        return _as_array(value)
    except ValueError as error:
        raise ShapeError(f"[{op}] expects a rectangular array of numbers: {error}") from None


def _convert(op: str, values: tuple[ArrayLike | None, ...], needed: int) -> Iterator[Array]:
    arrays: list[Array | None] = []
    double = False
    module = array_module(*values)
    for i, value in enumerate(values):
        if value is None and i >= needed:
            arrays.append(None)
            continue
        if value is None:
            raise DTypeError(f"[{op}] expects an array of real numbers, got None")
        array = beside(op, module, value)
        if array.dtype.kind not in "fiub":
            raise DTypeError(f"[{op}] expects real numbers (float32 or float64), got dtype {array.dtype}")
        if array.ndim > MAX_RANK:
            raise ShapeError(f"[{op}] expects at most {MAX_RANK} dimensions, got {array.ndim}: {array.shape}")
        double = double or (
            array.dtype.kind == "f" and array.itemsize >= 8 and (is_array(value) or isinstance(value, np.generic))
        )
        arrays.append(array)
    dtype = _FLOAT64 if double else _FLOAT32
    for found in arrays:
        if found is None:
            yield None  # type: ignore[misc]
        else:
            yield converted(found, dtype)


def beside(op: str, module: Any, value: Any) -> Array:
    """``value`` as an array of ``module``, which is ``cupy`` where other arguments of ``op`` lie on the GPU."""
    if module is not np and not on_gpu(value):
        if not isinstance(value, (bool, int, float, np.generic)) and getattr(value, "shape", None) != ():
            raise DeviceError(
                f"[{op}] got CuPy arrays and, beside them, {type(value).__name__} in the host's memory; move one side "
                "with cupy.asarray or cupy.asnumpy"
            )
        number = np.asarray(value)
        if now.recording is not None:
            now.recording.baked(op, number)
        return module.full((), number.item(), number.dtype)  # type: ignore[no-any-return]  # which need not wait
    return rectangular(op, value)


def converted(array: Array, dtype: DTypeLike) -> Array:
    """``array`` in a dtype, contiguous and aligned; itself if it is that already."""
    if type(array) is Traced and array.dtype.kind in "iub" and np.dtype(dtype) in (_FLOAT32, _FLOAT64):
        from nerve.kernels.elementwise import cast  # by kernels, which a recording holds; made of what is here

        return cast(array, dtype)
    if now.recording is None or np.dtype(dtype) not in (_FLOAT32, _FLOAT64) or array.dtype not in (_FLOAT32, _FLOAT64):
        return required(array, dtype)
    if now.recording.on_gpu and not on_gpu(array):
        return required(array, dtype)  # a number on its way there
    array = repeated(array, array.shape)
    return array if array.dtype == dtype else converted_by_kernel(array, dtype)


def converted_by_kernel(array: Array, dtype: DTypeLike) -> Array:
    """A contiguous array of floats or int64 as another of these types."""
    out = empty(array.shape, dtype, array)
    kernel = "from_int64" if array.dtype.kind == "i" else f"to_{out.dtype.name}"
    getattr(pick(array), kernel)(out, array, array.size)
    return out


def repeated(array: Array, shape: tuple[int, ...]) -> Array:
    """``array`` broadcast to a shape, contiguous. Floats are copied by a kernel, which a recording holds."""
    view = array_module(array).broadcast_to(array, shape)
    return array.reshape(shape) if view.size == array.size and view.flags.c_contiguous else copied(view)


def overwrite(out: Array, values: Array) -> None:
    """``out[...] = values`` of the same shape; by a kernel if both hold floats.

    Raises
    ------
    DeviceError
        If one lies on the GPU and the other does not.
    """
    if on_gpu(out) != on_gpu(values):
        raise DeviceError(
            "[assign] got values on another device than the array's; move them with cupy.asarray or asnumpy"
        )
    if now.recording is None or out.dtype not in (_FLOAT32, _FLOAT64) or values.dtype not in (_FLOAT32, _FLOAT64):
        out[...] = values
        return
    values = converted(values, out.dtype)
    pick(out).copy(out, values, copy_shape(out.itemsize, out.shape))


def copied(view: Array) -> Array:
    """A contiguous copy of an array or a view of one, by a kernel if it holds floats."""
    if on_gpu(view):
        return array_module(view).array(view, order="C")  # type: ignore[no-any-return]
    root = view
    while isinstance(root.base, np.ndarray):
        root = root.base
    if view.dtype not in (_FLOAT32, _FLOAT64) or root.dtype != view.dtype or not root.flags.c_contiguous:
        if type(view) is Traced:
            refuse(f"a copy of {view.dtype}")
        return np.array(view, order="C")
    out = empty(view.shape, view.dtype)
    shape = copy_shape(out.itemsize, view.shape, x_strides=view.strides, x_begin=begin_of(view, root))
    pick(view).copy(out, root, shape)
    return out
