"""What NumPy's and CuPy's arrays say in different words. CuPy is not imported here: whoever has its arrays did that."""

from __future__ import annotations

import functools
import sys
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import DTypeLike

from nerve import _cpu
from nerve._typing import Array


@functools.cache
def _of_cupy(kind: Any) -> bool:
    return bool(kind.__module__.partition(".")[0] == "cupy" and hasattr(kind, "__cuda_array_interface__"))


def on_gpu(x: Any) -> TypeGuard[Array]:
    """Whether ``x`` is an array of CuPy's, whose elements lie in the memory of a GPU."""
    kind: Any = type(x)
    return kind is not np.ndarray and _of_cupy(kind)


def is_array(x: Any) -> TypeGuard[Array]:
    """Whether ``x`` is an array of either library."""
    return isinstance(x, np.ndarray) or on_gpu(x)


def array_module(*arrays: Any) -> Any:
    """The library whose functions take these arrays: ``cupy`` if one of them lies on the GPU, else ``numpy``."""
    for array in arrays:
        if type(array) is not np.ndarray and on_gpu(array):
            return sys.modules["cupy"]
    return np


def address(array: Array) -> int:
    """Where in memory the first element lies; known also of an array that a recording guards."""
    return array.data.ptr if on_gpu(array) else _cpu.address(array)  # type: ignore[attr-defined]


def writable(array: Array) -> bool:
    """Whether a kernel can write to an array: C-contiguous, aligned and writeable (CuPy's are the latter two)."""
    return array.flags.c_contiguous if on_gpu(array) else array.flags.carray


def host(x: Any) -> Any:
    """``x`` in the host's memory: from the GPU a copy, which waits for what computes it; anything else as it is."""
    return array_module(x).asnumpy(x) if on_gpu(x) else x


def placed(x: Any, like: Any) -> Any:
    """``x`` in the memory where the array ``like`` lies; itself if it is there."""
    if on_gpu(like):
        return x if on_gpu(x) else array_module(like).asarray(x)
    return host(x)


def full(shape: tuple[int, ...], value: float, dtype: DTypeLike, like: Any) -> Array:
    """An array of one value in the memory where the array ``like`` lies."""
    module = array_module(like)
    return module.full(shape, value, dtype) if value else module.zeros(shape, dtype)  # type: ignore[no-any-return]
