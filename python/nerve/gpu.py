"""What of a GPU this installation can use."""

from __future__ import annotations

import importlib.util


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
