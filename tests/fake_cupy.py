"""As much of CuPy as nerve uses, without a GPU: arrays that NumPy refuses to read, over memory of the host.

A kernel's launcher compiled for the CPU (``cuda_shim.py``) takes their addresses. Every array lies between guards, new
ones are full of NaN, and what is not here, such as ``flags.carray`` or passing for a NumPy array, fails as it does with
CuPy (its documentation, "Differences between CuPy and NumPy"). Memory comes from pools that use it again, and a stream
can capture (``fake_cuda.py``): what is done then is done when the graph is launched, and reading a value fails.
"""

from __future__ import annotations

import importlib
import operator
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from nerve.kernels import _cupy

from . import fake_cuda
from .fake_cuda import do, written_outside

__name__ = "cupy"  # whose lines in a traceback are not the user's
METHODS = [
    "all",
    "any",
    "argmax",
    "astype",
    "copy",
    "max",
    "mean",
    "min",
    "reshape",
    "squeeze",
    "sum",
    "swapaxes",
    "transpose",
]
_waits: list[None] = []
REAL = os.environ.get("NERVE_TEST_GPU") == "1"


class ndarray:
    """``cupy.ndarray``, over a view ``_host`` of host memory."""

    __cuda_array_interface__ = None  # by which nerve knows an array of CuPy's
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, host: np.ndarray, base: ndarray | None = None, block: fake_cuda.Block | None = None) -> None:
        self._host, self.base, self._block = host, base, block

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    itemsize = property(lambda self: self._host.itemsize)
    nbytes = property(lambda self: self._host.nbytes)
    strides = property(lambda self: self._host.strides)

    @property
    def data(self) -> SimpleNamespace:
        root = self if self.base is None else self.base
        address = self._host.__array_interface__["data"][0]
        return SimpleNamespace(ptr=address, mem=SimpleNamespace(ptr=root._block.address if root._block else 0))

    @property
    def T(self) -> ndarray:
        return _view(self, self._host.T)

    @property
    def flags(self) -> SimpleNamespace:
        flags = self._host.flags
        return SimpleNamespace(c_contiguous=flags.c_contiguous, f_contiguous=flags.f_contiguous, owndata=flags.owndata)

    def __array__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def get(self) -> np.ndarray:
        return _read(self).copy()

    def item(self) -> Any:
        return _read(self).item()

    def __len__(self) -> int:
        return len(self._host)

    def __bool__(self) -> bool:
        return bool(_read(self))

    def __int__(self) -> int:
        return int(_read(self))

    def __float__(self) -> float:
        return float(_read(self))

    def __getitem__(self, index: Any) -> ndarray:
        host, index = self._host, _host(index)
        return _computed(self, lambda: host[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        host, index, value = self._host, _host(index), _host(value)
        do(lambda: host.__setitem__(index, value))

    def __iadd__(self, other: Any) -> ndarray:
        self[...] = self + other
        return self

    def __getattr__(self, name: str) -> Callable[..., ndarray]:
        if name not in METHODS:
            raise AttributeError(f"the stand-in for cupy.ndarray has no {name!r}")
        return lambda *args, **kwargs: _computed(self, lambda: getattr(self._host, name)(*args, **kwargs))


def _operator(function: Callable[[Any, Any], Any]) -> Callable[[ndarray, Any], Any]:
    def method(a: ndarray, b: Any) -> Any:
        """A class of a higher priority has a say first, as CuPy lets it."""
        if isinstance(b, np.ndarray) or getattr(b, "__array_priority__", 0) > 0:
            return NotImplemented
        x, y = a._host, _host(b)
        return _new(lambda: function(x, y))

    return method


_BINARY = "add and eq ge gt le lshift lt mul ne or pow rshift sub truediv xor"
for _name in _BINARY.split():
    setattr(ndarray, f"__{_name}__", _operator(getattr(operator, f"__{_name}__")))


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[ndarray, Any], Any]:
    return _operator(lambda a, b: function(b, a))


def _unary(function: Callable[[Any], Any]) -> Callable[[ndarray], ndarray]:
    def method(a: ndarray) -> ndarray:
        host = a._host
        return _new(lambda: function(host))

    return method


for _name in ("add", "mul", "sub", "truediv"):
    setattr(ndarray, f"__r{_name}__", _reflected(getattr(operator, _name)))
for _name in ("invert", "neg"):
    setattr(ndarray, f"__{_name}__", _unary(getattr(operator, _name)))

ndarray.__module__ = "cupy"


def _computed(array: ndarray, function: Callable[[], Any]) -> ndarray:
    """What NumPy makes of an array: a view of it, or a new array."""
    host = function()
    if isinstance(host, np.ndarray) and host.size and np.may_share_memory(host, array._host):
        return _view(array, host)
    return _new(function)


def _view(array: ndarray, host: np.ndarray) -> ndarray:
    return ndarray(host, array if array.base is None else array.base)


def _new(function: Callable[[], Any]) -> ndarray:
    """A new array of what a function of NumPy arrays gives, in a capture whenever the graph runs."""
    with np.errstate(all="ignore"):
        found = np.asarray(function())
    array = empty(found.shape, found.dtype)
    host = array._host
    do(lambda: host.__setitem__(..., function()))
    return array


def _read(array: ndarray) -> np.ndarray:
    """What the host can only see after it has waited for the GPU."""
    fake_cuda.refuse_in_capture()
    _waits.append(None)
    return array._host


def waited() -> int:
    """How often the host has waited for the GPU."""
    return len(_waits)


def _host(value: Any) -> Any:
    """What lies on the host, also of the arrays in a tuple, which is an index."""
    if isinstance(value, tuple):
        return tuple(_host(each) for each in value)
    return value._host if isinstance(value, ndarray) else value


def empty(shape: Any, dtype: Any) -> ndarray:
    """Full of NaN or -1, between guards."""
    dtype = np.dtype(dtype)
    block = fake_cuda.allocate(int(np.prod(shape)) * dtype.itemsize)
    return ndarray(block.memory.view(dtype).reshape(shape), block=block)


def asarray(values: Any, dtype: Any = None) -> ndarray:
    """A copy on the "GPU" of what lies on the host."""
    if isinstance(values, ndarray):
        host = values._host
        return values if dtype is None or dtype == values.dtype else _new(lambda: np.array(host, dtype))
    fake_cuda.refuse_in_capture()
    found = np.asarray(values, dtype)
    return _new(lambda: found)


def asnumpy(array: ndarray) -> np.ndarray:
    return array.get()


def ascontiguousarray(array: ndarray, dtype: Any = None) -> ndarray:
    return array if array.flags.c_contiguous and (dtype is None or dtype == array.dtype) else array_copy(array, dtype)


def array_copy(array: Any, dtype: Any = None, *, order: str = "K") -> ndarray:
    if not isinstance(array, ndarray):
        return asarray(array, dtype)
    host = array._host
    return _new(lambda: np.array(host, dtype, order="C"))


def broadcast_to(array: ndarray, shape: tuple[int, ...]) -> ndarray:
    return _view(array, np.broadcast_to(array._host, shape))


def may_share_memory(a: ndarray, b: ndarray) -> bool:
    return bool(np.may_share_memory(a._host, b._host))


def _like_numpy(name: str) -> Callable[..., ndarray]:
    def function(*args: Any, **kwargs: Any) -> ndarray:
        if any(isinstance(value, np.ndarray) and value.ndim for value in args):
            raise TypeError(f"Unsupported type {np.ndarray}")
        hosts = [[_host(item) for item in value] if isinstance(value, list | tuple) else _host(value) for value in args]
        return _new(lambda: getattr(np, name)(*hosts, **kwargs))

    return function


@contextmanager
def installed(launchers: Any) -> Iterator[ModuleType]:
    """``import cupy`` gives the stand-in, and nerve launches its arrays' kernels by ``launchers``.

    Afterwards no kernel may have written outside of its arrays. With ``NERVE_TEST_GPU=1`` in the environment it is CuPy
    itself, on a GPU (tools/gpu_check.sh).
    """
    if REAL:
        yield importlib.import_module("cupy")
        return
    module = ModuleType("cupy")
    for function in (empty, asarray, asnumpy, ascontiguousarray, broadcast_to, may_share_memory):
        setattr(module, function.__name__, function)
    module.array, module.ndarray = array_copy, ndarray  # type: ignore[attr-defined]
    module.cuda = fake_cuda.module()  # type: ignore[attr-defined]
    module.linalg = ModuleType("cupy.linalg")  # type: ignore[attr-defined]
    module.linalg.eigh = lambda a: tuple(map(asarray, np.linalg.eigh(a._host)))  # type: ignore[attr-defined]
    same = "arange argmax argsort argwhere bincount clip concatenate count_nonzero cumsum diagonal einsum eye"
    same += (
        " flatnonzero full isfinite isinf isnan log maximum ones repeat searchsorted sqrt square take tri where zeros"
    )
    for name in same.split():
        setattr(module, name, _like_numpy(name))
    before, load = sys.modules.get("cupy"), _cupy.load
    sys.modules["cupy"] = module
    kernels = _cupy.CudaKernels(fake_cuda.Launchers(launchers), lambda: 0)
    _cupy.load = lambda: kernels  # type: ignore[assignment]
    written_outside()
    try:
        yield module
        wrong = written_outside()
        assert not wrong, f"wrote {wrong}"
    finally:
        _cupy.load = load
        if before is None:
            del sys.modules["cupy"]
        else:
            sys.modules["cupy"] = before
