"""What of a GPU this installation can use, and arrays on their way to it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError
from nerve.kernels import _cupy
from nerve.kernels._arrays import array_module, on_gpu

DEVICES = ("cpu", "cuda")
_default = "cpu"
_here: ContextVar[str | None] = ContextVar("nerve_device", default=None)


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


def get_device() -> str:
    """Where new weights are made, ``"cpu"`` or ``"cuda"``."""
    return _here.get() or _default


def set_device(name: str) -> None:
    """Make new weights on a device from now on, in all threads.

    Parameters
    ----------
    name : {"cpu", "cuda"}
        ``"cuda"`` is CuPy's current device.

    Raises
    ------
    ValueError
        If ``name`` is another one.
    DeviceError
        If there is no GPU that can be used; the message says why.
    """
    global _default
    _default = _usable("set_device", name)


@contextmanager
def device(name: str) -> Iterator[None]:
    """Make new weights on a device inside a ``with`` block; arguments and errors are those of :func:`set_device`.

    What there is already stays where it is: ``model.to(name)`` moves a model, :func:`to_device` an array.

    Examples
    --------
    >>> with nerve.device("cuda"):
    ...     model = nerve.Sequential([nerve.Input((784,)), nerve.layers.Dense(10)])
    """
    token = _here.set(_usable("device", name))
    try:
        yield
    finally:
        _here.reset(token)


def _usable(op: str, name: str) -> str:
    if name not in DEVICES:
        raise ValueError(f"[{op}] expects 'cpu' or 'cuda', got {name!r}")
    if name == "cuda":
        _cupy.load()  # or the reason why not
    return name


def to_device(x: ArrayLike, device: str) -> Array:
    """An array in the memory of a device.

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
    if device not in DEVICES:
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
