"""Steps of training, evaluation and prediction that are recorded and replayed, where that can be done."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from nerve._typing import Array
from nerve.kernels._backend import native
from nerve.layers.context import deferred_updates
from nerve.layers.structure import flatten, pack_like
from nerve.models.data import unpack
from nerve.models.steps import Logs, Steps
from nerve.recorded import Recorder, emptied, filled
from nerve.tensor import Tensor


class ReplayedSteps(Steps):
    """The part of a model that need not run its steps in Python."""

    _recorders: dict[str, Recorder] | None = None
    _outputs: dict[Any, Any]  # the structure of the predictions, by that of the inputs

    def compile(self, *args: Any, **kwargs: Any) -> None:
        super().compile(*args, **kwargs)
        self._recorders = None

    compile.__doc__ = Steps.compile.__doc__

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
        inputs: list[Array] = []
        structure = emptied(x, inputs, self.name)
        leaves = self._recorder("predict", self._predictions)(inputs, structure)
        return pack_like(self._outputs[structure], [Tensor(leaf, tracked=False) for leaf in leaves])

    def _replays(self, *methods: str) -> bool:
        """Whether steps may be recorded: the model runs those of `Steps`, and nobody wants to watch."""
        kind = type(self)
        own = any(getattr(kind, name) is not getattr(Steps, name) for name in (*methods, "compute_metrics"))
        return not (own or self.run_eagerly) and native()

    def _recorder(self, kind: str, function: Callable[[list[Array], Any], list[Array]]) -> Recorder:
        if self._recorders is None:
            self._recorders, self._outputs = {}, {}
        recorder = self._recorders.get(kind)
        if recorder is None:
            recorder = self._recorders[kind] = Recorder(function, strict=False)
        return recorder

    def _measured(self, kind: str, data: Any) -> Logs:
        x, y, sample_weight = unpack(data)
        inputs: list[Array] = []
        structure = emptied((x, y, sample_weight), inputs, self.name)
        recorder = self._recorder(kind, self._learned if kind == "train" else self._judged)
        said = recorder.refusal
        predictions = recorder(inputs, structure)
        if recorder.refusal and not said:
            warnings.warn(
                f"[{self.name}] steps are not recorded, and so run slower: {recorder.refusal}\n"
                "(compile(..., run_eagerly=True) says that this is meant)",
                stacklevel=5,
            )
        if self._metrics is not None and not self._metrics.all_recorded:
            y_pred = [Tensor(leaf, tracked=False) for leaf in predictions]
            y_true, _, weights = self._flat(y, y_pred[0] if len(y_pred) == 1 else y_pred, sample_weight)
            self._metrics.update(y_true, y_pred, weights, recorded=False)
        return self.get_metrics_result()

    def _learned(self, arrays: list[Array], structure: Any) -> list[Array]:
        return self._stepped_with(self._learn, arrays, structure)

    def _judged(self, arrays: list[Array], structure: Any) -> list[Array]:
        return self._stepped_with(self._judge, arrays, structure)

    def _stepped_with(self, step: Callable[[Any, Any, Any], Any], arrays: list[Array], structure: Any) -> list[Array]:
        """One step, and the predictions if there are metrics left to update from them."""
        places = iter(arrays)
        x, y, sample_weight = filled(structure, lambda: next(places))
        with deferred_updates():
            y_pred = step(x, y, sample_weight)
        if self._metrics is None and y is not None:
            self._matched(y, y_pred)  # a model with a compute_loss of its own comes here first
        metrics = self._metrics
        if metrics is None or not metrics.entries:
            return []
        metrics.update(*self._flat(y, y_pred, sample_weight), recorded=True)
        return [] if metrics.all_recorded else [leaf.array for leaf in flatten(y_pred)]

    def _predictions(self, arrays: list[Array], structure: Any) -> list[Array]:
        places = iter(arrays)
        outputs = self(filled(structure, lambda: next(places)), training=False)
        self._outputs[structure] = outputs
        return [leaf.array for leaf in flatten(outputs)]
