"""What a recorder keeps of a function whose inputs lie on the GPU: a CUDA graph (see `nerve.recorded.Recorder`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nerve._typing import Array
from nerve.errors import RecordingError
from nerve.kernels import _later
from nerve.kernels._arrays import array_module, on_gpu
from nerve.kernels._graph import GraphRecording
from nerve.kernels._recording import line_of, now
from nerve.tensor import Tensor, recording


class GraphEntry:
    """The recording for one combination of shapes.

    The first call is an ordinary one. In the second the launches are made and noted; the third is captured, compared
    with the second, and launched as a CUDA graph, as are all later ones. Inputs are copied to where it reads them,
    outputs to arrays of their own.
    """

    on_gpu = True
    taken: tuple[Any, ...] = ()  # how it decided where it might have gone another way
    branches: Sequence[Callable[[], Any]] = ()

    def __init__(
        self,
        function: Callable[[list[Array], Any], tuple[Sequence[Array], Any]],
        static: Any,
        inputs: Sequence[Array],
        dtypes: Sequence[Any],
        strict: bool,
    ) -> None:
        self.function, self.static, self.strict = function, static, strict
        self.refusal = ""
        self.with_gradients = recording()
        self.rest: Any = None
        self.calls = 0
        self.inputs: list[Array] = []
        if all(map(on_gpu, inputs)):
            module = array_module(*inputs)
            self.inputs = [module.empty(x.shape, dtype) for x, dtype in zip(inputs, dtypes, strict=True)]
        else:
            self.refusal = "some inputs lie on the GPU and others in the host's memory; move these with cupy.asarray"
        self._checks = _later.Checks()  # of values that nobody else reads
        self._outputs: list[Array] = []
        self.recording: GraphRecording

    @property
    def ready(self) -> bool:
        """Whether calls are replayed by now."""
        return self.calls > 2

    @property
    def bytes(self) -> int:
        """Of the inputs, and of what is computed on the way."""
        return (self.recording.bytes if self.ready else 0) + sum(x.nbytes for x in self.inputs)

    def again(self, values: tuple[Any, ...]) -> Sequence[Array] | None:
        """What a run gives for arrays or tensors just like the inputs; None if they are others."""
        arrays = [value.array if isinstance(value, Tensor) else value for value in values]
        if now.recording is not None or len(arrays) != len(self.inputs):
            return None
        for given, own in zip(arrays, self.inputs, strict=True):
            if not on_gpu(given) or given.shape != own.shape or given.dtype != own.dtype:
                return None
        return self(arrays)[0]

    def __call__(self, inputs: Sequence[Array]) -> tuple[Sequence[Array], Any]:
        if self.refusal and self.strict:
            raise RecordingError(self.refusal)
        with self._checking():
            if self.calls == 0 or self.refusal:
                self.calls = 1
                return self.function(list(inputs), self.static)
            for own, given in zip(self.inputs, inputs, strict=True):
                own[...] = given
            if self.ready:
                self.recording.run()
                return self._results(), self.rest
            return self._noted() if self.calls == 1 else self._captured()

    @contextmanager
    def _checking(self) -> Iterator[None]:
        """Whoever runs a whole pass reads what is wrong after it; otherwise that is done here."""
        if _later.now.checks is not None:
            yield
            return
        with _later.deferred(self._checks):
            yield
        self._checks.raise_errors()

    def _results(self) -> list[Array]:
        return [output.copy() for output in self._outputs]

    def _noted(self) -> tuple[Sequence[Array], Any]:
        self.recording = GraphRecording(strict=self.strict)
        with self.recording:
            outputs, self.rest = self.function(list(self.inputs), self.static)
        self.refusal, self.branches = self.recording.refusal, self.recording.branches
        self.calls = 2
        return [output.copy() for output in outputs], self.rest

    def _captured(self) -> tuple[Sequence[Array], Any]:
        later = GraphRecording(strict=self.strict, capture=True)
        rest: Any = None
        outputs: Sequence[Array] = []
        try:
            with later:
                outputs, rest = self.function(list(self.inputs), self.static)
            self.refusal = later.refusal
        except RecordingError as error:
            if self.strict:
                raise
            self.refusal = str(error)
        except Exception as error:  # the runs before went well: it is CUDA that refuses
            self.refusal = f"CUDA cannot capture what was done: {error}\n{line_of(error)}"
            if self.strict:
                raise RecordingError(self.refusal) from error
        if not self.refusal:
            why = self.recording.difference(later)
            if not why and rest != self.rest:
                why = f"it gave {self.rest!r} and then {rest!r}"
            if why:
                self.refusal = f"the recorded function did other things in two runs: {why}"
                if self.strict:
                    raise RecordingError(self.refusal)
        if self.refusal:  # nothing has run yet
            return self.function(list(self.inputs), self.static)
        self.recording, self._outputs, self.calls = later, list(outputs), 3
        later.launch_graph()
        return self._results(), rest
