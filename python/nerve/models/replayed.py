"""Steps of training, evaluation and prediction that are recorded and replayed, where that can be done."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nerve._typing import Array
from nerve.kernels._backend import native
from nerve.layers.context import deferred_updates
from nerve.layers.structure import flatten
from nerve.models.data import ArrayBatches, Batches, pack, unpack
from nerve.models.steps import Logs, Steps
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
        if self._replays("train_step") and type(self.optimizer).__module__.startswith("nerve."):
            return self._measured("train", data)
        with deferred_updates():
            return self.train_step(data)

    def _test(self, data: Any) -> Logs:
        """`test_step`, or a replay of it."""
        return self._measured("test", data) if self._replays("test_step") else self.test_step(data)

    def _predict(self, data: Any) -> Any:
        """`predict_step`, or a replay of it."""
        if not self._replays("predict_step", "predict_step"):
            return self.predict_step(data)
        x = unpack(data)[0]
        leaves, structure = self._recorded("predict", self._predictions, x)
        places = iter(leaves)
        return filled(structure, lambda: Tensor(next(places), tracked=False))

    # Batches of arrays are gathered by the replay itself.

    def _rows(self, batches: Batches) -> Rows | None:
        """The arrays that batches are rows of, if a replay can gather them."""
        if not isinstance(batches, ArrayBatches):
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
        if recorder is not None and (self._metrics is None or self._metrics.all_recorded):
            index = rows.order[chosen] if isinstance(chosen, slice) else chosen
            found = recorder.gathered(rows.arrays, index, rows.structure)
            if found is not None:
                return self.get_metrics_result()
        return self._train(pack(rows.batches.take(chosen)))

    # Batches just like the last one need no preparation: the recording itself checks their values.

    def _measured_again(self, kind: str, x: Any, y: Any) -> Logs | None:
        """What `train_on_batch` or `test_on_batch` gives, by a replay; None if the batch is another one."""
        recorder = self._recorders.get(kind) if self._recorders else None
        if recorder is None or not (type(x) is type(y) is np.ndarray) or recorder.last_static != _PAIR:
            return None
        if self._metrics is not None and not self._metrics.all_recorded:
            return None
        self.reset_metrics()
        found = recorder.again((x, y), recorder.last_static)
        return None if found is None else self.get_metrics_result()

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

    def _replays(self, *methods: str) -> bool:
        """Whether steps may be recorded: the model runs those of `Steps`, and nobody wants to watch."""
        kind = type(self)
        own = any(getattr(kind, name) is not getattr(Steps, name) for name in (*methods, "compute_metrics"))
        return not (own or self.run_eagerly) and native()

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
        return self.get_metrics_result()

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
