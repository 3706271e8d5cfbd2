"""Steps on single batches, whose results come at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nerve.kernels._later import deferred
from nerve.layers.structure import map_structure
from nerve.models.batch import pack
from nerve.models.data import ArrayBatches
from nerve.models.evaluation import Evaluator, in_form, result_of
from nerve.models.interrupts import WholeSteps
from nerve.tensor import no_gradients


class SingleBatches(Evaluator):
    """The part of a model that takes one batch at a time."""

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on one batch, and its loss and metrics."""
        self._require_compiled("train_on_batch")
        if sample_weight is None and class_weight is None:
            with WholeSteps() as whole, whole.step:
                found = self._measured_again("train", x, y)
            if found is not None:
                return in_form(found, return_dict)
        batches = self._one_batch(x, y, sample_weight)
        if class_weight is not None:
            batches.weigh_classes(class_weight)
        self._prepare(batches)
        self._begin_metrics()
        with WholeSteps() as whole, whole.step, deferred(self._checks):
            logs = self._train(pack(batches.first()))
        self._read_checks()
        return in_form(logs, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and the metrics on one batch."""
        self._require_compiled("test_on_batch")
        if sample_weight is None:
            with no_gradients():
                found = self._measured_again("test", x, y)
            if found is not None:
                return in_form(found, return_dict)
        batches = self._one_batch(x, y, sample_weight)
        self._prepare(batches)
        self._begin_metrics()
        with no_gradients(), deferred(self._checks):
            logs = self._test(pack(batches.first()))
        self._read_checks()
        return in_form(logs, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        found = self._predicted_again(x)
        if found is not None:
            return found
        batches = self._one_batch(x)
        self._place(batches)
        self._prepare_inputs(batches.first()[0])
        with no_gradients(), deferred(self._checks):
            outputs = self._predict(pack(batches.first()))
        self._read_checks()
        return map_structure(lambda leaf: result_of(leaf, batches.resident), outputs)

    def _one_batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> ArrayBatches:
        batches = ArrayBatches(self._numbers(x), y, sample_weight)
        batches.batch_size, batches.steps = batches.n_samples, 1
        return batches
