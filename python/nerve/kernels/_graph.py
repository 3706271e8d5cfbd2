"""Recordings on the GPU: a run of launches as a CUDA graph, which CuPy captures.

A capture launches nothing: it notes what kernels get, CuPy's own among them, with the addresses of their arrays. So
arrays made in it come from a pool of the recording's own, which nobody else is ever given memory of, and the others are
held by it. A number that changes from run to run (a learning rate, a random offset) is an argument of a launch: before
a run the nodes of these launches get new arguments (`csrc/cuda/graph.h`). Copies from the host's memory, and reading a
value, cannot be captured: CUDA refuses, and the error here has the line.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from nerve._cpu import Cell
from nerve._typing import Array
from nerve.errors import RecordingError
from nerve.kernels import _cupy
from nerve.kernels._arrays import on_gpu
from nerve.kernels._recording import Recording, Stream, line_at_work


class GraphRecording(Recording):
    """Kernel launches made inside of `with recording:`, noted to be compared or captured.

    Parameters
    ----------
    strict : bool
        As for `Recording`.
    capture : bool
        Whether to capture a CUDA graph, which runs nothing; else launches are made, and their arguments noted alone.
    """

    on_gpu = True

    def __init__(self, *, strict: bool = True, capture: bool = False) -> None:
        super().__init__(strict=strict)
        self.runs = 0
        self._capture = capture
        self._launches: list[tuple[str, list[Any], str]] = []  # kernel, arguments to be compared, line
        self._changing: list[_Launch] = []
        self._whole: set[int] = set()  # the cells that hold integers
        self._held: dict[int, Array] = {}  # arrays of others that launches read and write, by their address
        self._own: set[int] = set()  # where the pool's blocks begin
        self._contexts: list[Any] = []
        self._graph: Any = None
        if capture:
            import cupy

            self._pool = cupy.cuda.MemoryPool()
            self._stream = cupy.cuda.Stream(non_blocking=True)

    def __enter__(self) -> Self:
        super().__enter__()
        if self._capture:
            import cupy

            self._contexts = [cupy.cuda.using_allocator(self._allocate), self._stream]
            for context in self._contexts:
                context.__enter__()
            self._stream.begin_capture()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        super().__exit__(kind, error, tb)
        if not self._capture:
            return
        try:
            self._graph = self._stream.end_capture()
        except Exception as why:  # of whatever kind CuPy raises for a capture that something has made invalid
            if error is None:
                raise RecordingError(f"CUDA could not capture a graph: {why}") from why
        finally:
            for context in reversed(self._contexts):
                context.__exit__(None, None, None)

    def _allocate(self, size: int) -> Any:
        memory = self._pool.malloc(size)
        self._own.add(memory.mem.ptr)
        return memory

    # What the code at work says

    def kernels(self) -> Any:
        """The kernels of the GPU, whose launches are noted."""
        return _Noting(self, _cupy.load())

    def launch(self, kernels: Any, name: str, arguments: tuple[Any, ...]) -> None:
        """Make a launch, or capture it, and note it."""
        launch = _Launch(kernels, name, arguments, self._number)
        if launch.changes and hasattr(kernels.extension, f"{name}_scratch"):
            self.refuse(f"[{name}] with numbers that change")  # its scratch memory would be another one
        self._launches.append((name, [self._compared(argument) for argument in arguments], line_at_work()))
        if self._capture and launch.changes:
            launch.capture()
            self._changing.append(launch)
        else:
            launch.make()

    def _number(self, cell: Any) -> float:
        return operator.index(cell) if id(cell) in self._whole else float(cell)

    def _compared(self, argument: Any) -> Any:
        """What must be the same in two runs: the shape of an array of its own, and an array of others itself."""
        if isinstance(argument, list):
            return [self._compared(item) for item in argument]
        if on_gpu(argument):
            memory: Any = argument.data
            own = not argument.size or memory.mem.ptr in self._own
            if self._capture and not own:
                self._held[memory.ptr] = argument
            return _Operand(argument.shape, argument.dtype, memory.ptr, own)
        if hasattr(argument, "tobytes"):
            return argument.tobytes()  # sizes of a list's arrays
        return None if type(argument) is Cell else argument

    def cell(self, value: Callable[[], float]) -> Any:
        cell = super().cell(value)
        if isinstance(value(), int):
            self._whole.add(id(cell))
        return cell

    def reserve(self, stream: Stream, n_blocks: int) -> tuple[Any, Any]:
        seed, offset = super().reserve(stream, n_blocks)
        self._whole |= {id(seed), id(offset)}
        return seed, offset

    def effect(self, function: Callable[[], None]) -> None:
        """Call `function` after every run, and now if this is one."""
        if self._capture:
            self._effects.append(function)
        else:
            super().effect(function)

    def computed(self, values: Array) -> bool:
        return bool(values.size) and values.data.mem.ptr in self._own  # type: ignore[attr-defined]

    def baked(self, op: str, number: Array) -> None:
        self._launches.append((op, [number.dtype, number.tobytes()], line_at_work()))

    def allocated(self, array: Array) -> None:
        """Arrays in the host's memory are no part of a graph."""

    # Afterwards

    def difference(self, later: Recording) -> str:
        assert isinstance(later, GraphRecording)
        why = self._different_values(later)
        if why:
            return why
        for (name, before, line), (other, after, _) in zip(self._launches, later._launches, strict=False):
            if name != other:
                return f"[{name}] was called, and then [{other}]\n{line}"
            if before != after:
                return f"[{name}] got other numbers, or other arrays\n{line}"
        if len(self._launches) != len(later._launches):
            return f"{len(self._launches)} kernels were called, and then {len(later._launches)}"
        return ""

    @property
    def bytes(self) -> int:
        """Of the pool."""
        return int(self._pool.total_bytes())

    def launch_graph(self) -> None:
        """Run the graph once as it was captured."""
        self._graph.launch()
        self.runs += 1
        for effect in self._effects:
            effect()

    def run(self) -> list[Array]:
        """Run the graph with what has changed; on CuPy's current stream, which nothing waits for."""
        self._draw()
        executable = self._graph.graphExec
        for launch in self._changing:
            launch.update(executable)
        self.launch_graph()
        return []


class _Operand:
    """An array that a launch got."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, address: int, own: bool) -> None:
        self.like, self.address, self.own = (shape, dtype), address, own

    def __eq__(self, other: object) -> bool:
        """Whether it is another run's: temporaries of a capture lie elsewhere."""
        if not isinstance(other, _Operand) or self.like != other.like:
            return False
        return self.own or other.own or self.address == other.address

    __hash__ = None  # type: ignore[assignment]


class _Launch:
    """A call of a launcher, some of whose numbers may be cells."""

    def __init__(self, kernels: Any, name: str, arguments: tuple[Any, ...], number: Callable[[Any], float]) -> None:
        self.kernels, self.name, self.arguments, self._number = kernels, name, arguments, number
        self.changes = any(type(argument) is Cell for argument in arguments)
        self._nodes: list[int] = []
        self._last: list[Any] = []

    def make(self) -> None:
        self._last = [self._number(argument) if type(argument) is Cell else argument for argument in self.arguments]
        getattr(self.kernels, self.name)(*self._last)

    def capture(self) -> None:
        """Make the launch in a capture, and note which nodes of the graph it becomes."""
        extension = self.kernels.extension
        extension.note_nodes()
        try:
            self.make()
        finally:
            self._nodes = extension.noted_nodes()

    def update(self, executable: int) -> None:
        """Give the nodes the numbers of now, if these are others than in the last run."""
        last = self._last
        if all(self._number(a) == b for a, b in zip(self.arguments, last, strict=True) if type(a) is Cell):
            return
        extension = self.kernels.extension
        extension.replace_arguments(executable, self._nodes)
        try:
            self.make()
        finally:
            extension.launch_again()


class _Noting:
    """Kernels as attributes, noted by a recording."""

    def __init__(self, recording: GraphRecording, kernels: Any) -> None:
        self._recording, self._kernels = recording, kernels

    def __getattr__(self, name: str) -> Callable[..., None]:
        def kernel(*arguments: Any) -> None:
            self._recording.launch(self._kernels, name, arguments)

        return kernel
