"""Threads, memory and precision of this process."""

from __future__ import annotations

from nerve import _cpu


def num_threads() -> int:
    """Threads a kernel may use; at first from ``OMP_NUM_THREADS``, the affinity mask and the cgroup's quota."""
    return _cpu.num_threads()


def set_num_threads(threads: int) -> None:
    """Let kernels use up to ``threads`` threads, 4096 at most. Results do not depend on it.

    Raises
    ------
    ValueError
        If ``threads`` is not a whole number in that range.
    """
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 4096:
        raise ValueError(f"[set_num_threads] expects a whole number from 1 to 4096, got {threads!r}")
    _cpu.set_num_threads(threads)


def memory_stats() -> dict[str, int]:
    """Bytes of the arena: ``live`` in arrays, ``cached`` for the next ones, ``peak`` the most ever live."""
    return _cpu.memory_stats()


def empty_cache() -> None:
    """Give large blocks that no array uses back to the system."""
    _cpu.empty_cache()


def get_matmul_precision() -> str:
    """The precision float32 products have: ``"highest"``, ``"high"`` or ``"medium"``."""
    return _cpu.matmul_precision()


def set_matmul_precision(precision: str) -> None:
    """Choose how float32 matrix products, and convolutions made of them, are computed on the CPU from now on.

    Parameters
    ----------
    precision : {"highest", "high", "medium"}
        ``"high"`` is the default. Nothing changes for float64, nor on processors without AMX, the matrix units of
        Intel's servers.

        - ``"highest"``: float32 arithmetic. The same bits on every x86-64 processor with AVX2 or AVX-512.
        - ``"high"``: where it pays, on the matrix units, from 16-bit pieces of each number: two of float16 and three
          products (AMX-FP16), or three of bfloat16 and six products (AMX-BF16). The error is that of float32
          arithmetic, relative to the sum of the absolute products, and usually smaller, but the last bits are others.
          Numbers that pieces cannot hold (Inf, NaN, too wide a range in a row or column) are computed as with
          ``"highest"``.
        - ``"medium"``: one product of numbers rounded to bfloat16, with three significant digits. Where there is no
          AMX, the same as ``"highest"``.

    Raises
    ------
    ValueError
        If ``precision`` is none of these.

    Notes
    -----
    Results do not depend on the number of threads with any of them. ``NERVE_MAX_ISA=avx512`` keeps a process from using
    AMX at all, and ``NERVE_MAX_ISA=amx_bf16`` from using AMX-FP16.

    References
    ----------
    .. [1] G. Henry, P. T. P. Tang, A. Heinecke, "Leveraging the bfloat16 Artificial Intelligence Datatype For
       Higher-Precision Computations", arXiv:1904.06376, 2019.
    .. [2] H. Ootomo, R. Yokota, "Recovering single precision accuracy from Tensor Cores while surpassing the FP32
       theoretical peak performance", arXiv:2203.03341, 2022.
    """
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"[set_matmul_precision] expects one of 'highest', 'high', 'medium', got {precision!r}")
    _cpu.set_matmul_precision(precision)
