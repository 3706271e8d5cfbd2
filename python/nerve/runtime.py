"""Threads, memory and instruction set of this process."""

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
