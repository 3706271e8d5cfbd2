"""Recordings: a run of kernels that can be had again without Python, and what code above them has to say for that.

While a `Recording` is on in a thread, every kernel called there is noted with its arrays and numbers. What Python
computes besides is not, so it must be the same in every run, or be said here: numbers that change (`changing`), effects
on Python's side (`effect`), random numbers (`Recording.reserve`), what inputs must be like (`Recording.require_range`,
`Recording.require_numbers`). Reading a value that kernels compute is refused (`reading`).
"""

from __future__ import annotations

import linecache
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, TracebackType
from typing import Any, Protocol, Self

import numpy as np

from nerve import _cpu
from nerve._typing import Array
from nerve.errors import RecordingError

# Code that a message about a line of the user's program passes over.
_LIBRARIES = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))), os.path.dirname(np.__file__))


class _Now(threading.local):
    recording: Recording | None = None
    watch: Any = None  # of nerve.detect_anomaly: then nothing is recorded


now = _Now()


class _Configuration:
    """Counts changes of what recordings are made of besides arrays: attributes of layers, what is trained."""

    version = 0

    def changed(self) -> None:
        """Whatever was recorded before must be recorded anew."""
        self.version += 1


configuration = _Configuration()


class Configured:
    """An object whose public attributes decide which kernels are called: setting one makes recordings obsolete."""

    _not_recorded: frozenset[str] = frozenset()  # attributes that no kernel depends on, or that are looked up

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and name not in self._not_recorded:
            configuration.changed()
        super().__setattr__(name, value)


class Stream(Protocol):
    """What hands out ranges of random blocks (nerve.random)."""

    def reserve(self, n_blocks: int) -> tuple[int, int]: ...


class Recording:
    """Kernel calls made inside of `with recording:`.

    Parameters
    ----------
    strict : bool
        Whether code that cannot be recorded raises; else it goes on, and `refusal` says why the recording is of no use.
    """

    on_gpu = False

    def __init__(self, *, strict: bool = True) -> None:
        self.calls = _cpu.Recording(line_at_work)
        self.strict = strict
        self.refusal = ""
        self._guarded: set[tuple[int, int, int]] = set()
        self._cells: list[tuple[Any, Callable[[], float]]] = []
        self._effects: list[Callable[[], None]] = []
        self._streams: dict[int, _Reserved] = {}
        self.branches: list[Callable[[], Any]] = []

    def __enter__(self) -> Self:
        if now.recording is not None:
            raise RecordingError("a recording is under way in this thread already")
        self.calls.start()
        now.recording = self
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        now.recording = None
        self.calls.stop()

    def pause(self) -> None:
        """Record nothing until `go_on`."""
        now.recording = None
        self.calls.stop()

    def go_on(self) -> None:
        """Record again."""
        self.calls.start()
        now.recording = self

    def refuse(self, why: str) -> None:
        """Say that the code at work cannot be recorded."""
        message = f"{why}\n{line_at_work()}"
        if self.strict:
            raise RecordingError(message)
        self.refusal = self.refusal or message

    def cell(self, value: Callable[[], float]) -> Any:
        """A number that is `value()`, asked anew before every run."""
        cell = _cpu.Cell(value())
        self._cells.append((cell, value))
        return cell

    def require_range(
        self, values: Array, least: int, most: int, error: Callable[[], Exception], computed: Exception
    ) -> None:
        """Raise in every run in which one of some integers is out of range.

        Of inputs `error()`, before the run; of integers computed in it `computed`, an IndexError or a ValueError.
        """
        if self.computed(values):
            self.calls.require_range(values, least, most, isinstance(computed, IndexError), str(computed))
            return
        if values.dtype != "int64" or not values.flags.carray:
            self.refuse(f"integers of {values.dtype}")
        key = (values.__array_interface__["data"][0], least, most)
        if key not in self._guarded:
            self._guarded.add(key)
            self.calls.guard_range(values, least, most, error)

    def computed(self, values: Array) -> bool:
        """Whether an array is made by the calls of this recording."""
        return self.calls.computed(values)

    def allocated(self, array: Array) -> None:
        """Note an array that calls of this recording will fill."""
        self.calls.allocated(array)

    def baked(self, op: str, number: Array) -> None:
        """Note a number in the host's memory that becomes an array on the GPU, and must be the same in every run."""

    def require_numbers(self, values: Array, error: Callable[[], Exception]) -> None:
        """Raise before every run in which an input holds NaN."""
        if values.dtype not in ("float32", "float64") or not values.flags.carray:
            self.refuse(f"targets of {values.dtype}")
        self.calls.guard_numbers(values, error)

    @property
    def bare(self) -> bool:
        """Whether a run is nothing but its calls: no numbers change, and there are no effects."""
        return not (self._cells or self._effects or self._streams)

    def effect(self, function: Callable[[], None]) -> None:
        """Call `function` now, and after every run."""
        function()
        self._effects.append(function)

    def reserve(self, stream: Stream, n_blocks: int) -> tuple[Any, Any]:
        """Random blocks of a stream, other ones in every run: (seed, offset) as cells."""
        seed, offset = stream.reserve(n_blocks)
        reserved = self._streams.get(id(stream))
        if reserved is None:
            reserved = self._streams[id(stream)] = _Reserved(stream, _cpu.Cell(seed), _cpu.Cell(offset))
        cell = reserved.offset.after(reserved.n_blocks)
        reserved.n_blocks += n_blocks
        return reserved.seed, cell

    def difference(self, later: Recording) -> str:
        """Why `later`, of the same code, would not do what this recording does; empty if it would."""
        return self._different_values(later) or self.calls.difference(later.calls)

    def _different_values(self, later: Recording) -> str:
        if (len(self._cells), len(self._effects)) != (len(later._cells), len(later._effects)):
            return "another number of values that change"
        if [r.n_blocks for r in self._streams.values()] != [r.n_blocks for r in later._streams.values()]:
            return "other random numbers were drawn"
        return ""

    def _draw(self) -> None:
        """Let cells have the numbers of the run to come."""
        for cell, value in self._cells:
            cell.set(value())
        for reserved in self._streams.values():
            seed, offset = reserved.stream.reserve(reserved.n_blocks)
            reserved.seed.set(seed)
            reserved.offset.set(offset)

    def run(self) -> list[Array]:
        """Make all calls again; gives copies of the outputs."""
        self.calls.check()
        self._draw()
        before = self.calls.runs
        try:
            return self.calls.run()
        finally:  # also where Ctrl-C comes behind the last call: what the calls have done must be counted
            if self.calls.runs > before:
                for effect in self._effects:
                    effect()


class _Reserved:
    """The random blocks that one run takes of a stream."""

    def __init__(self, stream: Stream, seed: Any, offset: Any) -> None:
        self.stream, self.seed, self.offset = stream, seed, offset
        self.n_blocks = 0


@contextmanager
def paused() -> Iterator[None]:
    """Inside this block nothing is recorded: what it computes is no part of a step."""
    recording = now.recording
    if recording is None:
        yield
        return
    recording.pause()
    try:
        yield
    finally:
        recording.go_on()


def changing(value: Callable[[], float]) -> Any:
    """`value()`; in a recording, what it is in each run."""
    recording = now.recording
    return value() if recording is None else recording.cell(value)


def branching(value: Callable[[], Any]) -> Any:
    """`value()`, which decides what the code at work does; a recording is good for runs in which it is the same."""
    if now.recording is not None:
        now.recording.branches.append(value)
    return value()


def effect(function: Callable[[], None]) -> None:
    """Call `function`; in a recording, after each run."""
    if now.recording is None:
        function()
    else:
        now.recording.effect(function)


def reading(what: str) -> None:
    """Refuse, in a recording, to give a value that kernels compute anew in each run."""
    if now.recording is not None:
        now.recording.refuse(f"{what} cannot be recorded: its value is another one in every run")


def line_at_work() -> str:
    """The innermost line of code that is neither nerve's nor NumPy's, as in a traceback."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_back is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
        frame = frame.f_back
    return _line(frame.f_code, frame.f_lineno)


def line_of(error: BaseException) -> str:
    """The same of the code in which an error came."""
    trace, found = error.__traceback__, error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        of_cupy = str(frame.f_globals.get("__name__")).partition(".")[0] in ("cupy", "cupy_backends")
        found = found if of_cupy or frame.f_code.co_filename.startswith(_LIBRARIES) else trace
        trace = trace.tb_next
    return "" if found is None else _line(found.tb_frame.f_code, found.tb_lineno)


def _line(code: CodeType, number: int) -> str:
    text = linecache.getline(code.co_filename, number).strip()
    return f'  File "{code.co_filename}", line {number}, in {code.co_name}\n    {text}'
