"""What NumPy's and CuPy's arrays say in different words. CuPy is not imported here: whoever has its arrays did that."""

from __future__ import annotations

import functools
import sys
from typing import Any, TypeGuard

import numpy as np

from nerve._typing import Array


@functools.cache
def _of_cupy(kind: Any) -> bool:
    return bool(kind.__module__.partition(".")[0] == "cupy" and hasattr(kind, "__cuda_array_interface__"))


def on_gpu(x: Any) -> TypeGuard[Array]:
    """Whether ``x`` is an array of CuPy's, whose elements lie in the memory of a GPU."""
    kind: Any = type(x)
    return _of_cupy(kind)


def is_array(x: Any) -> TypeGuard[Array]:
    """Whether ``x`` is an array of either library."""
    return isinstance(x, np.ndarray) or on_gpu(x)


def array_module(*arrays: Any) -> Any:
    """The library whose functions take these arrays: ``cupy`` if one of them lies on the GPU, else ``numpy``."""
    return sys.modules["cupy"] if any(map(on_gpu, arrays)) else np


def address(array: Array) -> int:
    """Where in memory the first element lies; known also of an array that a recording guards."""
    found: int = array.data.ptr if on_gpu(array) else array.__array_interface__["data"][0]  # type: ignore[attr-defined]
    return found


def writable(array: Array) -> bool:
    """Whether a kernel can write to an array: C-contiguous, aligned and writeable (CuPy's are the latter two)."""
    return array.flags.c_contiguous if on_gpu(array) else array.flags.carray
