"""One global stream of random numbers, and streams of one's own.

The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). It has no state
to advance: block `b` of key `seed` is a function of the two. A stream therefore only hands out ranges of block
numbers, and every consumer computes its numbers from `(seed, offset)`, as often as it wants and in any order.
"""

from __future__ import annotations

import secrets
import threading

import numpy as np

from nerve.kernels._recording import now, reading

__all__ = ["SeedGenerator", "generator", "next_offset", "reserve", "seed"]


class SeedGenerator:
    """A stream of Philox counter blocks under one key.

    Parameters
    ----------
    seed : int, optional
        The key, 0 <= seed < 2**64. Taken from the operating system if not given.

    Examples
    --------
    >>> stream = SeedGenerator(7)
    >>> stream.next_offset(6)  # three blocks are enough for six numbers of any dtype
    (7, 0)
    >>> stream.next_offset(6)
    (7, 3)
    """

    def __init__(self, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self.seed = secrets.randbits(64) if seed is None else _checked(seed)
        self._offset = 0

    def __getstate__(self) -> dict[str, int]:
        return {"seed": self.seed, "_offset": self._offset}  # a lock cannot be copied

    def __setstate__(self, state: dict[str, int]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def reserve(self, n_blocks: int) -> tuple[int, int]:
        """Take the next `n_blocks` counter blocks; gives `(seed, offset of the first)`. Safe from any thread."""
        if not 0 <= n_blocks < 2**62:
            raise ValueError(f"[random] n_blocks must be in [0, 2**62), got {n_blocks}")
        with self._lock:
            offset = self._offset
            self._offset = (self._offset + n_blocks) % 2**64
            return self.seed, offset

    def next_offset(self, size: int) -> tuple[int, int]:
        """`(seed, offset)` for `size` numbers: a block holds four float32 or two float64, so half as many blocks."""
        n_blocks = (size + 1) // 2
        return self.reserve(n_blocks) if now.recording is None else now.recording.reserve(self, n_blocks)

    def generator(self) -> np.random.Generator:
        """A NumPy generator for shuffles and the like; each call gives an independent one."""
        reading("a NumPy generator")
        key, offset = self.reserve(1)
        return np.random.Generator(np.random.Philox(key=np.array([key, offset], dtype=np.uint64)))

    def restart(self, seed: int) -> None:
        """Go back to the first block, under another key."""
        seed = _checked(seed)
        with self._lock:
            self.seed, self._offset = seed, 0


def _checked(seed: int) -> int:
    # bool is an int in Python, but nobody means True as a seed.
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"[random] seed must be an int, got {seed!r}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"[random] seed must be in [0, 2**64), got {seed}")
    return int(seed)


_stream = SeedGenerator()


def seed(value: int) -> None:
    """Restart the global stream: everything random that follows is the same for the same `value`.

    Parameters
    ----------
    value : int
        0 <= value < 2**64.
    """
    _stream.restart(value)


def reserve(n_blocks: int) -> tuple[int, int]:
    """Take `n_blocks` counter blocks from the global stream; gives `(seed, offset)`."""
    return _stream.reserve(n_blocks)


def next_offset(size: int) -> tuple[int, int]:
    """`(seed, offset)` of fresh counter blocks, enough for `size` random numbers of any dtype."""
    return _stream.next_offset(size)


def generator() -> np.random.Generator:
    """A NumPy generator drawn from the global stream, for shuffles and the like."""
    return _stream.generator()
