"""Arrays of a recording, which NumPy must not compute with: what it makes of them would be baked in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nerve._typing import Array
from nerve.kernels import _recording
from nerve.kernels._arrays import array_module, on_gpu

# Functions that look at shapes, or give another view.
_VIEWS = {
    np.broadcast_to, np.expand_dims, np.may_share_memory, np.moveaxis, np.ndim, np.reshape, np.result_type, np.shape,
    np.shares_memory, np.size, np.squeeze, np.swapaxes, np.transpose,
}  # fmt: skip


class Traced(np.ndarray[Any, Any]):
    """An input of a recording, or what a kernel computed in it. Once that is over, an array like any other."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        refuse(f"numpy.{ufunc.__name__}")
        if "out" in kwargs:
            kwargs["out"] = tuple(plain(x) for x in kwargs["out"])
        return getattr(ufunc, method)(*map(plain, inputs), **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in _VIEWS:
            refuse(f"numpy.{function.__name__}")
        return super().__array_function__(function, types, args, kwargs)


def _refusing(name: str) -> Any:
    original = getattr(np.ndarray, name)

    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        refuse(f"ndarray.{name}")
        return original(plain(self), *args, **kwargs)

    method.__name__ = method.__qualname__ = name
    return method


for _name in (
    "__bool__", "__float__", "__index__", "__int__", "__repr__", "__setitem__", "__str__", "argmax", "argmin",
    "argsort", "astype", "choose", "copy", "cumsum", "dot", "fill", "item", "max", "min", "nonzero", "put", "repeat",
    "searchsorted", "sort", "take", "tobytes", "tolist",
):  # fmt: skip
    setattr(Traced, _name, _refusing(_name))


def refuse(what: str) -> None:
    """Say that a recording cannot hold what is done to an array of it."""
    if _recording.now.recording is not None:
        _recording.now.recording.refuse(f"{what} on an array of a recording cannot be recorded")


def plain(x: Any) -> Any:
    """The same array as NumPy's own type."""
    return x.view(np.ndarray) if isinstance(x, Traced) else x


def traced(array: Array) -> Array:
    """The same array, guarded."""
    return array.view(Traced)


def as_array(value: Any) -> Array:
    """`numpy.asarray`, which leaves the guard on."""
    return value if type(value) is Traced or on_gpu(value) else np.asarray(value)


def required(array: Array, dtype: DTypeLike | None = None) -> Array:
    """`array` contiguous and aligned, in a dtype; refused where that would make NumPy copy an array of a recording."""
    if type(array) is np.ndarray and (dtype is None or array.dtype is np.dtype(dtype)) and array.flags.carray:
        return array  # the usual case, in a fifth of the time that NumPy takes to find that out
    if on_gpu(array):
        same: Array = array_module(array).ascontiguousarray(array, dtype)
        return same
    found = np.require(array, dtype, ("C", "ALIGNED"))
    if type(array) is Traced and found.__array_interface__["data"] != array.__array_interface__["data"]:
        refuse(f"a copy as contiguous {found.dtype}")
    return found
