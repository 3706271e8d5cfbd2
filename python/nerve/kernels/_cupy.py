"""The raw kernels over CuPy arrays: the names and arguments of ``nerve._cpu``, in front of ``nerve._cuda``."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from nerve import _cpu
from nerve.errors import DeviceError, DTypeError

#: Kernels that write another type of float than they read.
OUT_OF_ITS_OWN_DTYPE = {"accumulate_mean", "to_float32", "to_float64"}

#: What ``nerve.set_matmul_precision`` takes (``enum class Precision`` in ``csrc/cuda/launch.h``).
PRECISIONS = {"highest": 0, "high": 1, "medium": 2}


def _from_pool(size: int) -> Any:
    import cupy

    return cupy.empty(size, np.uint8)


class CudaKernels:
    """Kernels as attributes, each a function of CuPy arrays, sizes and numbers in the order of ``csrc/kernels.inc``.

    Parameters
    ----------
    extension : the module ``nerve._cuda``: functions of a dtype, a stream and addresses.
    current_stream : gives the address of the CUDA stream to launch on.
    wait : called after every launch, to find the one that fails (`NERVE_CUDA_SYNC=1`); None goes on at once.
    allocate : gives a CuPy array of so many bytes, for a kernel that works in memory of its own.
    """

    def __init__(
        self,
        extension: Any,
        current_stream: Callable[[], int],
        wait: Callable[[], None] | None = None,
        allocate: Callable[[int], Any] = _from_pool,
    ) -> None:
        self._extension = extension
        self._current_stream = current_stream
        self._wait = wait
        self._allocate = allocate

    @property
    def waits(self) -> bool:
        """Whether every launch is waited for, so that none can be recorded."""
        return self._wait is not None

    @property
    def extension(self) -> Any:
        """The module that launches."""
        return self._extension

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_"):
            raise AttributeError(name)
        launcher = getattr(self._extension, name, None)
        if launcher is None:
            raise DeviceError(f"[{name}] has no CUDA kernel; move its arrays to the CPU with cupy.asnumpy(x)")

        scratch_size = getattr(self._extension, f"{name}_scratch", None)

        def kernel(*arguments: Any) -> None:
            lists = any(isinstance(argument, list) for argument in arguments)
            dtypes: list[str] = []
            passed = [_passed(name, argument, dtypes, lists) for argument in arguments]
            if lists and not dtypes:
                return  # no arrays to step
            found = set(dtypes[-1:] if name in OUT_OF_ITS_OWN_DTYPE else dtypes)
            if len(found) != 1 or not found <= {"float32", "float64"}:
                raise DTypeError(f"[{name}] expects arrays of float32 or of float64, got {sorted(found)}")
            if scratch_size is None:
                launcher(*found, self._current_stream(), *passed)
            else:
                size = scratch_size(*found, *passed)
                scratch = self._allocate(size) if size else None  # free after the launch: what follows waits for it
                address = None if scratch is None else scratch.data.ptr
                precision = PRECISIONS[_cpu.matmul_precision()]
                launcher(*found, self._current_stream(), *passed, scratch=address, precision=precision)
            if self._wait is not None:
                self._finish(name, arguments)

        setattr(self, name, kernel)  # found without __getattr__ from now on
        return kernel

    def _finish(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Wait for the launch that was the last."""
        assert self._wait is not None
        try:
            self._wait()
        except Exception as error:  # of whatever kind CuPy raises
            shapes = [tuple(argument.shape) for argument in arguments if hasattr(argument, "shape")]
            raise DeviceError(f"[{name}] failed on the GPU, on arrays of shapes {shapes}: {error}") from error


def _passed(op: str, argument: Any, dtypes: list[str], sizes_allowed: bool) -> Any:
    """What the extension gets for an argument; the dtypes of floating-point arrays are noted in ``dtypes``."""
    if isinstance(argument, list):
        return [_passed(op, item, dtypes, False) for item in argument]
    if isinstance(argument, np.ndarray):
        if sizes_allowed and argument.dtype == np.int64:
            return argument.ctypes.data  # the sizes of a list's arrays, which the launcher itself reads
        raise DeviceError(f"[{op}] got NumPy and CuPy arrays in one call; move one with cupy.asarray or cupy.asnumpy")
    address = getattr(getattr(argument, "data", None), "ptr", None)
    if address is None:
        return argument
    if not argument.flags.c_contiguous:
        raise TypeError(f"[{op}] expects C-contiguous arrays, got strides {argument.strides}")
    if argument.dtype.kind == "f":
        dtypes.append(_dtype_name(argument.dtype))
    return address if argument.size else None


@cache
def _dtype_name(dtype: np.dtype[Any]) -> str:
    return dtype.name  # which NumPy takes a microsecond to put together


@cache
def load() -> CudaKernels:
    """The kernels of this machine's GPU.

    With ``NERVE_CUDA_SYNC=1`` in the environment each waits until it is done. Else what goes wrong in a kernel is said
    by whatever asks for the GPU's results next.

    Raises
    ------
    DeviceError
        If there is none that can be used; the message says why.
    """
    try:
        import cupy

        from nerve import _cuda
    except ImportError:
        _cuda = None  # type: ignore[assignment]
    if _cuda is None or _cuda.device_count() == 0:
        from nerve import gpu

        raise DeviceError(f"[gpu] cannot be used: {gpu.status()}")
    stream = cupy.cuda.get_current_stream
    wait = (lambda: stream().synchronize()) if os.environ.get("NERVE_CUDA_SYNC") == "1" else None
    return CudaKernels(_cuda, lambda: int(stream().ptr), wait)
