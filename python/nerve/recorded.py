"""`nerve.compile`: a function of arrays that is recorded once and from then on replayed without Python."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nerve import _cpu
from nerve._typing import Array
from nerve.errors import DTypeError, RecordingError
from nerve.graphed import GraphEntry
from nerve.kernels import _cupy
from nerve.kernels._arrays import on_gpu
from nerve.kernels._backend import empty, native, rectangular
from nerve.kernels._recording import Recording, configuration, now
from nerve.kernels._traced import plain, required, traced
from nerve.tensor import Tensor, constant, recording

MAX_RECORDINGS = 64
MAX_BYTES = 1 << 30  # that recordings of one function may hold; the one used longest ago goes first


Function = Callable[[list[Array], Any], tuple[Sequence[Array], Any]]


class Recorder:
    """Runs a function of arrays, and when it has seen the same shapes twice, a recording of it.

    The first call with some shapes and dtypes is an ordinary one (layers and optimizers make their weights then). The
    second and the third are recorded as they run; only if both made the same calls, the fourth and all later ones
    replay them. So what a function bakes in - a value that NumPy computed, another way taken - is found out.

    Parameters
    ----------
    function : callable
        Takes a list of arrays, and `static`; gives a list of arrays, and anything else that is the same in every run.
    strict : bool
        Whether code that cannot be recorded raises RecordingError; else the function goes on being called, and
        `refusal` says why.
    max_bytes : int
        Of memory that recordings may hold.
    """

    def __init__(self, function: Function, *, strict: bool = True, max_bytes: int = MAX_BYTES) -> None:
        self.function = function
        self.strict = strict
        self.max_bytes = max_bytes
        self.refusal = ""
        self._entries: dict[Any, _Entry | GraphEntry] = {}
        self._last: _Entry | GraphEntry | None = None  # the recording replayed last
        self._version = configuration.version
        self._lock = threading.Lock()
        self._branches: list[Callable[[], Any]] = []  # what decides which recording it is, found while recording

    def __call__(self, inputs: Sequence[Array], static: Any = None) -> tuple[Sequence[Array], Any]:
        """What the function gives for `inputs`, in arrays of their own; `static` is what else tells calls apart."""
        there = any(map(on_gpu, inputs))
        if (
            now.recording is not None
            or now.watch is not None
            or self.refusal
            or not native()
            or (there and _cupy.load().waits)
        ):
            return self.function(list(inputs), static)
        taken = tuple(branch() for branch in self._branches)
        shapes = tuple((x.shape, x.dtype.char, on_gpu(x)) for x in inputs)
        key = (shapes, static, recording(), _cpu.isa(), _cpu.matmul_pieces(), taken)
        with self._lock:
            if self._version != configuration.version:
                self._entries.clear()
                self._version = configuration.version
            self._last = None
            entry = self._entries.pop(key, None)
            if entry is None:
                dtypes = [_recorded_dtype(x.dtype) for x in inputs]
                kind = GraphEntry if there else _Entry
                entry = kind(self.function, static, inputs, dtypes, self.strict)
                entry.taken = taken
            result = entry(inputs)
            if new := [branch for branch in entry.branches if branch not in self._branches]:
                self._branches += dict.fromkeys(new)
                self._entries.clear()  # nothing but this one run, which did not know what it depends on
                return result
            if entry.refusal:
                self.refusal = entry.refusal
                self._entries.clear()
                return result
            self._entries[key] = entry  # the last one used is the last one
            while len(self._entries) > 1 and (self.bytes > self.max_bytes or len(self._entries) > MAX_RECORDINGS):
                del self._entries[next(iter(self._entries))]
            if entry.ready:
                self._last = entry
            return result

    def again(
        self, values: tuple[Any, ...], static: Any, gradients: bool | None = None
    ) -> tuple[Sequence[Array], Any] | None:
        """The same for arrays or tensors just like those of the call before, in less time; None if they are not.

        `gradients` says whether operations are being remembered, where the caller has seen to that.
        """
        entry = self._last
        if (
            entry is None
            or now.watch is not None
            or entry.static is not static
            or self._version != configuration.version
            or entry.with_gradients is not (recording() if gradients is None else gradients)
            or not self._same_branch(entry)
            or not native()
        ):
            return None
        with self._lock:
            outputs = entry.again(values)
        return None if outputs is None else (outputs, entry.rest)

    def gathered(self, arrays: list[Array], rows: Array, static: Any) -> tuple[Sequence[Array], Any] | None:
        """The same for rows of larger arrays, which the replay gathers; None if a batch of them is another one."""
        entry = self._last
        if (
            not isinstance(entry, _Entry)
            or now.watch is not None
            or entry.static != static
            or self._version != configuration.version
            or entry.with_gradients is not recording()
            or now.recording is not None
            or not self._same_branch(entry)
            or not native()
        ):
            return None
        with self._lock:
            if not entry.recording.calls.gather(arrays, rows):
                return None
            return entry.recording.run(), entry.rest

    def _same_branch(self, entry: _Entry | GraphEntry) -> bool:
        return not self._branches or entry.taken == tuple(branch() for branch in self._branches)

    @property
    def last_static(self) -> Any:
        """`static` of the recording replayed last; None if there is none."""
        return None if self._last is None else self._last.static

    @property
    def bytes(self) -> int:
        """Of memory that recordings hold: their inputs, and what is computed on the way."""
        return sum(entry.bytes for entry in self._entries.values())

    @property
    def recordings(self) -> list[_Entry | GraphEntry]:
        """One for each combination of shapes and dtypes."""
        return list(self._entries.values())


class _Entry:
    """The recording for one combination of shapes."""

    recording: Recording
    again: Callable[[tuple[Any, ...]], Sequence[Array] | None]

    taken: tuple[Any, ...] = ()  # how it decided where it might have gone another way
    branches: Sequence[Callable[[], Any]] = ()

    def __init__(
        self, function: Function, static: Any, inputs: Sequence[Array], dtypes: Sequence[Any], strict: bool
    ) -> None:
        self.function = function
        self.static = static
        self.strict = strict
        self.refusal = ""
        self.with_gradients = recording()
        self.inputs = [empty(x.shape, dtype) for x, dtype in zip(inputs, dtypes, strict=True)]
        self.rest: Any = None
        self.calls = 0

    @property
    def ready(self) -> bool:
        """Whether calls are replayed by now."""
        return self.calls > 2

    @property
    def bytes(self) -> int:
        """Of the inputs, and of what is computed on the way."""
        held = self.recording.calls.planned_bytes if self.ready else 0
        return held + sum(x.nbytes for x in self.inputs)

    def __call__(self, inputs: Sequence[Array]) -> tuple[Sequence[Array], Any]:
        if self.calls == 0:
            result = self.function(list(inputs), self.static)
            self.calls = 1
            return result
        for own, given in zip(self.inputs, inputs, strict=True):
            np.copyto(own, given)
        return (self.recording.run(), self.rest) if self.ready else self._record()

    def _replayed(self, values: tuple[Any, ...]) -> Sequence[Array] | None:
        """What a run gives for arrays or tensors just like the inputs; None if they are others."""
        if now.recording is not None or not self.recording.calls.accept(values):
            return None
        return self.recording.run()

    def _record(self) -> tuple[Sequence[Array], Any]:
        later = Recording(strict=self.strict)
        with later:
            outputs, rest = self.function([traced(x) for x in self.inputs], self.static)
        self.branches = later.branches
        why = ""
        if self.calls == 2 and not later.refusal:
            why = self.recording.difference(later)
            if not why and rest != self.rest:
                why = f"it gave {self.rest!r} and then {rest!r}"
        if why:
            later.refusal = f"the recorded function did other things in two runs: {why}"
            if self.strict:
                raise RecordingError(later.refusal)
        self.refusal = later.refusal
        if self.refusal:
            return [plain(output) for output in outputs], rest
        outputs = [plain(output) for output in outputs]
        result = [output.copy() for output in outputs], rest
        if self.calls == 1:
            later.calls.forget()
        else:
            later.calls.set_inputs(self.inputs)
            later.calls.set_outputs(outputs)
            try:
                later.calls.plan()
            except MemoryError:  # the call has been made all the same; perhaps there is room after the next one
                return result
            self.again = later.calls.replay if later.bare else self._replayed
        self.recording, self.rest, self.calls = later, rest, self.calls + 1
        return result


def _recorded_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The nearest of the types that kernels take."""
    if dtype.kind in "iu":
        return np.dtype(np.int64)
    return np.dtype(np.float32 if dtype.name == "float16" else dtype.char)  # in the byte order of this machine


def compile(function: Callable[..., Any] | None = None, *, max_bytes: int = MAX_BYTES) -> Any:
    """Make a function that is recorded and then replayed: one call into C++, whatever the function does.

    Works for whole training steps: what layers, losses, :func:`nerve.gradients` and optimizers do is recorded, random
    numbers are drawn anew in every call, learning rates and step counts are looked up, and variables change in place.
    A replay gives the same bits as the function itself. Other arrays that it finds outside are constants: those that
    change have to be arguments.

    Parameters
    ----------
    function : callable
        Takes arrays, tensors, or lists, tuples and dicts of them, which arrive as tensors; and numbers, strings, None
        and other objects that can be told apart by hash and ==, each new value of which is another recording. Gives
        tensors or arrays, or lists, tuples and dicts of them.
    max_bytes : int
        Of memory that its recordings may hold; the one used longest ago goes first.

    Returns
    -------
    callable
        With the attribute `recorder`. Every new combination of shapes and dtypes is called once as it is, recorded
        twice and then replayed. Its outputs are arrays of their own, and no gradient flows through them.

    Raises
    ------
    RecordingError
        When called, and the function reads a value (`float(loss)`, `if loss < 1`, `x.numpy()`), or computes with
        NumPy what goes into a kernel: the message has the line. Return such values and read them outside; take
        `nerve.ops` instead of NumPy; or leave the function uncompiled.

    Examples
    --------
    >>> @nerve.compile
    ... def step(x, y):
    ...     loss = loss_of(y, model(x, training=True))
    ...     optimizer.apply(nerve.gradients(loss, model.trainable_variables), model.trainable_variables)
    ...     return loss
    """
    if function is None:
        return functools.partial(compile, max_bytes=max_bytes)
    if not callable(function):
        raise TypeError(f"[compile] expects a function, got {type(function).__name__}")
    name = getattr(function, "__name__", type(function).__name__)

    def flat(arrays: list[Array], structure: Any) -> tuple[list[Array], Any]:
        places = iter(arrays)
        args, kwargs = filled(structure, lambda: Tensor(next(places), tracked=False))
        outputs: list[Array] = []
        return outputs, emptied(function(*args, **kwargs), outputs, name)

    recorder = Recorder(flat, max_bytes=max_bytes)
    last: list[Any] = [None]  # the structure of the call before, if it was nothing but arrays

    @functools.wraps(function)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        result = None if kwargs or last[0] is None else recorder.again(args, last[0])
        if result is None:
            inputs: list[Array] = []
            structure = emptied((args, kwargs), inputs, name)
            result = recorder(inputs, structure)
            last[0] = recorder.last_static if not kwargs and len(inputs) == len(args) else None
        outputs, rest = result
        if rest is _PLACE:
            return constant(outputs[0])
        places = iter(outputs)
        return filled(rest, lambda: constant(next(places)))

    compiled.recorder = recorder  # type: ignore[attr-defined]
    return compiled


class _Place:
    """Where an array was in a structure."""


_PLACE = _Place()


def emptied(value: Any, arrays: list[Array], name: str) -> Any:
    """A structure as nested tuples that can be a key, its arrays moved to `arrays`."""
    if isinstance(value, Tensor):
        arrays.append(value.array)
        return _PLACE
    if on_gpu(value) and value.dtype.kind in "fiub":
        arrays.append(required(value))
        return _PLACE
    if type(value) is np.ndarray and value.flags.carray and value.dtype.kind in "fiub":
        arrays.append(value)
        return _PLACE
    if isinstance(value, np.ndarray):
        array = np.require(rectangular(name, value), requirements=("C", "ALIGNED"))
        if array.dtype.kind not in "fiub":
            raise DTypeError(f"[{name}] expects real numbers, got dtype {array.dtype}")
        arrays.append(array)
        return _PLACE
    if isinstance(value, list | tuple):
        return type(value) if type(value) in (list, tuple) else tuple, tuple(emptied(v, arrays, name) for v in value)
    if isinstance(value, dict):
        return dict, tuple(value), tuple(emptied(v, arrays, name) for v in value.values())
    try:
        hash(value)
    except TypeError:
        raise TypeError(f"[{name}] a compiled function takes arrays and hashable objects, got {value!r}") from None
    return None, type(value), value


def filled(structure: Any, array: Callable[[], Any]) -> Any:
    """The structure again, with arrays at their places."""
    if structure is _PLACE:
        return array()
    kind = structure[0]
    if kind is None:
        return structure[2]
    items = [filled(item, array) for item in structure[-1]]
    return dict(zip(structure[1], items, strict=True)) if kind is dict else kind(items)
