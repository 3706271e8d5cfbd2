"""Steps of training, evaluation and prediction that are recorded and replayed, where that can be done."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nerve._typing import Array
from nerve.kernels._backend import native
from nerve.layers.context import deferred_updates
from nerve.layers.structure import flatten, map_structure
from nerve.metrics import Metric
from nerve.metrics.reported import Reported
from nerve.models.arrays import Text, holds_text
from nerve.models.batch import pack, unpack
from nerve.models.compiled import number
from nerve.models.data import ArrayBatches, Batches
from nerve.models.measures import Logs
from nerve.models.pending import Pending
from nerve.models.steps import Steps
from nerve.optimizers import Optimizer
from nerve.recorded import Function, Recorder, emptied, filled
from nerve.tensor import Tensor

_SINGLE = emptied(np.zeros(1), [], "")  # the structures of the usual batches
_PAIR = emptied((np.zeros(1), np.zeros(1), None), [], "")


class Rows(NamedTuple):
    """Batches, and the arrays that hold all of them, as a recorder wants to see them."""

    batches: ArrayBatches
    structure: Any
    arrays: list[Array]
    order: Array  # of the samples, where they are not shuffled


class ReplayedSteps(Steps):
    """The part of a model that need not run its steps in Python."""

    _recorders: dict[str, Recorder] | None = None

    def compile(self, *args: Any, **kwargs: Any) -> None:
        super().compile(*args, **kwargs)
        self._recorders = None

    compile.__doc__ = Steps.compile.__doc__

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_recorders"}  # copies record anew

    def _train(self, data: Any) -> Logs:
        """`train_step`, or a replay of it."""
        own = self._is_own("train_step", "compute_metrics")
        if not (self._replays(data) and self._optimizers_are_known()):
            with deferred_updates():
                return flat_logs(self.train_step(_tensors(data) if own else data))
        return self._own_logs("train", self._own_trained, data) if own else self._measured("train", data)

    def _test(self, data: Any) -> Logs:
        """`test_step`, or a replay of it."""
        own = self._is_own("test_step", "compute_metrics")
        if not self._replays(data):
            return flat_logs(self.test_step(_tensors(data) if own else data))
        return self._own_logs("test", self._own_tested, data) if own else self._measured("test", data)

    def _predict(self, data: Any) -> Any:
        """`predict_step`, or a replay of it."""
        own = self._is_own("predict_step")
        if not self._replays(data):
            return self.predict_step(_tensors(data) if own else data)
        if own:
            leaves, structure = self._recorded("predict", self._own_predictions, unpack(data))
        else:
            leaves, structure = self._recorded("predict", self._predictions, unpack(data)[0])
        places = iter(leaves)
        return filled(structure, lambda: Tensor(next(places), tracked=False))

    def _replays(self, data: Any) -> bool:
        """Whether a step on these data may be recorded."""
        return not self.run_eagerly and native() and not holds_text(data)

    def _is_own(self, *methods: str) -> bool:
        """Whether a subclass has methods of its own in place of some of `Steps`."""
        return any(getattr(type(self), name) is not getattr(Steps, name) for name in methods)

    def _optimizers_are_known(self) -> bool:
        """Whether steps of all optimizers of the model are nothing but kernels."""
        every = [value for value in vars(self).values() if isinstance(value, Optimizer)]
        return all(type(one).__module__.startswith("nerve.") and not one.needs_closure for one in every)

    # Batches of arrays are gathered by the replay itself.

    def _rows(self, batches: Batches) -> Rows | None:
        """The arrays that batches are rows of, if a replay can gather them."""
        if not isinstance(batches, ArrayBatches) or batches.device == "cuda":
            return None
        data = batches.x, batches.y, batches.sample_weight
        for leaf in flatten(data):
            if leaf is not None and not (type(leaf) is np.ndarray and leaf.flags.c_contiguous and leaf.flags.aligned):
                return None
        arrays: list[Array] = []
        return Rows(batches, emptied(data, arrays, self.name), arrays, np.arange(batches.n_samples))

    def _train_rows(self, rows: Rows, chosen: Any) -> Logs:
        """`_train` on some of the samples: a slice, or an array of indices."""
        recorder = self._recorders.get("train") if self._recorders else None
        if recorder is not None and self._replays_all("train_step"):
            index = rows.order[chosen] if isinstance(chosen, slice) else chosen
            found = recorder.gathered(rows.arrays, index, rows.structure)
            if found is not None:
                return Pending(partial(self._logs, *found))
        return self._train(pack(rows.batches.take(chosen)))

    # Batches just like the last one need no preparation: the recording itself checks their values.

    def _measured_again(self, kind: str, x: Any, y: Any) -> Logs | None:
        """What `train_on_batch` or `test_on_batch` gives, by a replay; None if the batch is another one."""
        recorder = self._recorders.get(kind) if self._recorders else None
        if recorder is None or not (type(x) is type(y) is np.ndarray) or recorder.last_static != _PAIR:
            return None
        if not self._replays_all(f"{kind}_step"):
            return None
        self._begin_metrics()
        found = recorder.again((x, y), recorder.last_static)
        return None if found is None else self._logs(*found)

    def _replays_all(self, method: str) -> bool:
        """Whether a replay of a step is all there is to it: no metric is left to update."""
        return self._metrics is None or self._metrics.all_recorded or self._is_own(method, "compute_metrics")

    def _logs(self, outputs: Sequence[Array], sources: Sequence[tuple[str, Any]] | None) -> Logs:
        """What a step gives, from what its recording does; without `sources` those of `compute_metrics`."""
        if sources is None:
            return self.get_metrics_result()
        places = iter(outputs)
        found = {name: next(places) if source is _OUTPUT else source for name, source in sources}
        return {
            name: number(source.result()) if isinstance(source, Metric) else number(source)
            for name, source in found.items()
        }

    def _predicted_again(self, x: Any) -> Any:
        """What `predict_on_batch` gives, by a replay; None if the batch is another one."""
        recorder = self._recorders.get("predict") if self._recorders else None
        if recorder is None or type(x) is not np.ndarray or recorder.last_static is not _SINGLE:
            return None
        found = recorder.again((x,), _SINGLE, gradients=False)
        if found is None:
            return None
        if found[1] is _SINGLE:  # one output
            return found[0][0]
        places = iter(found[0])
        return filled(found[1], lambda: next(places))

    def _recorded(self, kind: str, function: Function, data: Any) -> tuple[Sequence[Array], Any]:
        """Run `function` of the arrays in `data`, or a replay of it."""
        if self._recorders is None:
            self._recorders = {}
        recorder = self._recorders.get(kind)
        if recorder is None:
            recorder = self._recorders[kind] = Recorder(function, strict=False)
        inputs: list[Array] = []
        structure = emptied(data, inputs, self.name)
        said = recorder.refusal
        result = recorder(inputs, structure)
        if recorder.refusal and not said:
            warnings.warn(
                f"[{self.name}] steps are not recorded, and so run slower: {recorder.refusal}\n"
                "(compile(..., run_eagerly=True) says that this is meant)",
                stacklevel=6,
            )
        return result

    def _measured(self, kind: str, data: Any) -> Logs:
        x, y, sample_weight = unpack(data)
        step = self._learned if kind == "train" else self._judged
        predictions, _ = self._recorded(kind, step, (x, y, sample_weight))
        if self._metrics is not None and not self._metrics.all_recorded:
            y_pred = [Tensor(leaf, tracked=False) for leaf in predictions]
            y_true, _, weights = self._flat(y, y_pred[0] if len(y_pred) == 1 else y_pred, sample_weight)
            self._metrics.update(y_true, y_pred, weights, recorded=False)
        return Pending(self.get_metrics_result)

    def _learned(self, arrays: list[Array], structure: Any) -> tuple[list[Array], None]:
        return self._stepped_with(self._learn, arrays, structure)

    def _judged(self, arrays: list[Array], structure: Any) -> tuple[list[Array], None]:
        return self._stepped_with(self._judge, arrays, structure)

    def _stepped_with(
        self, step: Callable[[Any, Any, Any], Any], arrays: list[Array], structure: Any
    ) -> tuple[list[Array], None]:
        """One step, and the predictions if there are metrics left to update from them."""
        places = iter(arrays)
        x, y, sample_weight = filled(structure, lambda: next(places))
        with deferred_updates():
            y_pred = step(x, y, sample_weight)
        self._forget_recorded()
        if self._metrics is None and y is not None:
            self._matched(y, y_pred)  # a model with a compute_loss of its own comes here first
        metrics = self._metrics
        if metrics is None or not metrics.entries:
            return [], None
        metrics.update(*self._flat(y, y_pred, sample_weight), recorded=True)
        return ([] if metrics.all_recorded else [leaf.array for leaf in flatten(y_pred)]), None

    def _predictions(self, arrays: list[Array], structure: Any) -> tuple[list[Array], Any]:
        places = iter(arrays)
        outputs: list[Array] = []
        return outputs, emptied(self(filled(structure, lambda: next(places)), training=False), outputs, self.name)

    # Steps of a subclass's own.

    def _own_logs(self, kind: str, function: Function, data: Any) -> Logs:
        return Pending(partial(self._logs, *self._recorded(kind, function, unpack(data))))

    def _own_trained(self, arrays: list[Array], structure: Any) -> tuple[list[Array], Any]:
        return self._own_step(self.train_step, arrays, structure)

    def _own_tested(self, arrays: list[Array], structure: Any) -> tuple[list[Array], Any]:
        return self._own_step(self.test_step, arrays, structure)

    def _own_step(
        self, step: Callable[[Any], Any], arrays: list[Array], structure: Any
    ) -> tuple[list[Array], tuple[tuple[str, Any], ...]]:
        """One step: arrays of its logs, and for each name where its value comes from."""
        with deferred_updates():
            logs = step(_given(arrays, structure))
        self._forget_recorded()
        if not isinstance(logs, Mapping):
            raise TypeError(f"[{self.name}] {step.__name__} must return a dict of logs, got {logs!r}")
        outputs: list[Array] = []
        sources: list[tuple[str, Any]] = []
        for name, value in flat_logs(logs).items():
            value = value.array if isinstance(value, Tensor) else value
            if isinstance(value, np.ndarray):
                outputs.append(value)
                value = _OUTPUT
            sources.append((name, value.metric if isinstance(value, Reported) else value))
        return outputs, tuple(sources)

    def _own_predictions(self, arrays: list[Array], structure: Any) -> tuple[list[Array], Any]:
        outputs: list[Array] = []
        return outputs, emptied(self.predict_step(_given(arrays, structure)), outputs, self.name)


_OUTPUT = object()


def flat_logs(logs: Any) -> Logs:
    """Logs with what is in a dict of several, that of `CompileMetrics` say, beside the others."""
    if type(logs) is not dict or not any(isinstance(value, Mapping) for value in logs.values()):
        same: Logs = logs  # those of `Pending` are not read here, and what are no logs is refused elsewhere
        return same
    nested = [value if isinstance(value, Mapping) else {name: value} for name, value in logs.items()]
    return {name: value for items in nested for name, value in items.items()}


def _tensors(data: Any) -> Any:
    """A batch as steps of one's own see it."""
    return map_structure(lambda x: x if x is None or isinstance(x, Text) else Tensor(x, tracked=False), data)


def _given(arrays: list[Array], structure: Any) -> Any:
    """The batch of which `emptied` has made arrays and a structure."""
    places = iter(arrays)
    return pack(filled(structure, lambda: Tensor(next(places), tracked=False)))
