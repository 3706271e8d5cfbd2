"""``cupy.cuda`` of the stand-in for CuPy: memory pools, streams, and graphs whose work is done when they are launched.

A pool hands freed blocks out again, as CuPy's do: what a graph needs between two launches must not lie in a block that
somebody else can be given.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

__name__ = "cupy.cuda"  # whose lines in a traceback are not the user's
GUARD = 1024
_guarded: list[tuple[np.ndarray, np.ndarray]] = []  # whole blocks, and the positions outside of the array in them


class Block:
    """Memory of a pool between guards, which goes back to it when the block is forgotten."""

    def __init__(self, whole: np.ndarray, size: int) -> None:
        start = GUARD - whole.ctypes.data % 16
        self.memory = whole[start : start + size]
        self.memory[...] = 0xFF  # NaN, and -1
        self.address = self.ptr = self.memory.__array_interface__["data"][0]
        _guarded.append((whole, np.r_[0:start, start + size : whole.size]))


class MemoryPool:
    def __init__(self) -> None:
        self._free: dict[int, list[np.ndarray]] = {}
        self._total = 0

    def malloc(self, size: int) -> SimpleNamespace:
        free = self._free.setdefault(size, [])
        if not free:
            free.append(np.full(size + 2 * GUARD, 0xAB, np.uint8))
            self._total += size
        whole = free.pop()
        block = Block(whole, size)
        weakref.finalize(block, free.append, whole)
        return SimpleNamespace(ptr=block.address, mem=block)

    def total_bytes(self) -> int:
        return self._total


_allocators: list[Callable[[int], SimpleNamespace]] = [MemoryPool().malloc]


def allocate(size: int) -> Block:
    block: Block = _allocators[-1](size).mem
    return block


@contextmanager
def using_allocator(allocator: Callable[[int], SimpleNamespace]) -> Iterator[None]:
    _allocators.append(allocator)
    try:
        yield
    finally:
        _allocators.pop()


def written_outside() -> str:
    """What was written outside of the arrays made since this was last asked, in words; nothing if all is well."""
    found = []
    for whole, outside in _guarded:
        wrong = outside[whole[outside] != 0xAB]
        if wrong.size:
            size = whole.size - outside.size
            found.append(f"{wrong.size} bytes around an array of {size} bytes, from byte {wrong[0] - GUARD}")
            whole[wrong] = 0xAB  # said once
    _guarded.clear()
    return "; ".join(found)


class Graph:
    """Pieces of work, in the order in which they were captured."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []
        self.launches = 0

    @property
    def graphExec(self) -> int:
        return id(self)

    def launch(self) -> None:
        self.launches += 1
        graphs[id(self)] = self
        for piece in self.work:
            piece()


graphs: dict[int, Graph] = {}
_capture: list[Graph] = []  # the one under way
_invalid: list[str] = []  # what made it so


def do(work: Callable[[], None]) -> None:
    """Do a piece of work, or capture it."""
    if _capture:
        _capture[-1].work.append(work)
    else:
        work()


def refuse_in_capture() -> None:
    """What waits for the GPU, or copies from the host's memory, makes a capture invalid."""
    if _capture:
        _invalid.append("cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing")
        raise RuntimeError(_invalid[-1])


class Stream:
    def __init__(self, non_blocking: bool = False) -> None:
        self.non_blocking, self.ptr = non_blocking, 1

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin_capture(self) -> None:
        assert self.non_blocking
        assert not _capture
        _invalid.clear()
        _capture.append(Graph())

    def end_capture(self) -> Graph:
        graph = _capture.pop()
        if _invalid:
            raise RuntimeError(f"cudaErrorStreamCaptureInvalidated: {_invalid[0]}")
        graphs[id(graph)] = graph
        return graph


def module() -> ModuleType:
    found = ModuleType("cupy.cuda")
    found.MemoryPool, found.Stream, found.using_allocator = MemoryPool, Stream, using_allocator  # type: ignore[attr-defined]
    return found


class Launchers:
    """A module of launchers that a capture notes, and what ``nerve._cuda`` has besides (csrc/cuda/graph.h).

    A node is a call of a launcher here.
    """

    def __init__(self, launchers: Any) -> None:
        self._launchers = launchers
        self._noting: list[int] | None = None
        self._replacing: tuple[Graph, list[int]] | None = None
        self.replaced = 0

    def note_nodes(self) -> None:
        self._noting = []

    def noted_nodes(self) -> list[int]:
        nodes, self._noting = self._noting, None
        assert nodes is not None
        return nodes

    def replace_arguments(self, executable: int, nodes: list[int]) -> None:
        self._replacing = graphs[executable], list(nodes)

    def launch_again(self) -> None:
        assert self._replacing is not None
        assert not self._replacing[1], "every node gets arguments"
        self._replacing = None

    def __getattr__(self, name: str) -> Any:
        launcher = getattr(self._launchers, name)
        if name.endswith("_scratch"):
            return launcher  # tells a size

        def launch(*arguments: Any, **memory: Any) -> None:
            work = lambda: launcher(*arguments, **memory)  # noqa: E731
            if self._replacing is not None:
                graph, nodes = self._replacing
                graph.work[nodes.pop(0)] = work
                self.replaced += 1
                return
            if self._noting is not None:
                self._noting.append(len(_capture[-1].work))
            do(work)

        return launch
