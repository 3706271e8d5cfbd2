"""What of a GPU this installation can use, and arrays on their way to it."""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError
from nerve.kernels import _cupy
from nerve.kernels._arrays import array_module, on_gpu


def status() -> str:
    """The GPUs that kernels can run on, or the reason why there are none, in words.

    Examples
    --------
    >>> nerve.gpu.status()
    'no NVIDIA driver was found'
    """
    try:
        from nerve import _cuda
    except ImportError:
        return "nerve was built without CUDA, as no nvcc was found then"
    found: str = _cuda.status()
    if _cuda.device_count() > 0 and importlib.util.find_spec("cupy") is None:
        return f"{found}, but CuPy is not installed: pip install 'nerve[cuda13]'"
    return found


def to_device(x: ArrayLike, device: str) -> Array:
    """An array in the memory of a device: the only function that moves arrays between devices.

    Parameters
    ----------
    x : array_like or cupy.ndarray
        Of numbers or booleans.
    device : {"cpu", "cuda"}
        ``"cuda"`` is CuPy's current device.

    Returns
    -------
    ndarray or cupy.ndarray
        ``x`` itself if it is there already.

    Raises
    ------
    ValueError
        If ``device`` is another one.
    DTypeError
        If ``x`` does not hold numbers.
    DeviceError
        If there is no GPU that can be used; the message says why.
    """
    if device not in ("cpu", "cuda"):
        raise ValueError(f"[to_device] expects 'cpu' or 'cuda', got {device!r}")
    if on_gpu(x):
        return x if device == "cuda" else array_module(x).asnumpy(x)
    array: Array = np.asarray(x)
    if array.dtype.kind not in "fiubc":
        raise DTypeError(f"[to_device] expects an array of numbers, got dtype {array.dtype}")
    if device == "cpu":
        return array
    _cupy.load()  # or the reason why not
    import cupy

    moved: Array = cupy.asarray(array)
    return moved
