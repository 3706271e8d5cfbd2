"""`evaluate` and `predict`: passes over data that change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import Any

import numpy as np

from nerve._lookup import spelled
from nerve.callbacks import Callback, CallbackList
from nerve.kernels._arrays import array_module, host
from nerve.kernels._later import deferred
from nerve.layers.structure import flatten, pack_like
from nerve.models.batch import pack
from nerve.models.checks import check_verbose
from nerve.models.data import Batches, make_batches
from nerve.models.measures import Logs
from nerve.models.replayed import ReplayedSteps
from nerve.tensor import Tensor, no_gradients

Callbacks = Callback | Iterable[Callback] | None


class Evaluator(ReplayedSteps):
    """The part of a model that runs on data without learning from it."""

    def _evaluate(self, batches: Batches, listeners: CallbackList) -> Logs:
        self._begin_metrics()
        listeners.on_test_begin()
        logs: Logs | None = None
        with no_gradients(), deferred(self._checks):
            step = 0
            for group in self._groups(batches):
                listeners.on_test_batch_begin(step)
                for batch in group:
                    logs = self._test(pack(batch))
                    step += 1
                listeners.on_test_batch_end(step - 1, logs)
        if logs is None:
            raise ValueError("the data yielded no batches to evaluate")
        self._read_checks()
        listeners.on_test_end(logs)
        return logs

    @spelled
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Callbacks = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics on data.

        Parameters
        ----------
        x, y, batch_size, verbose, sample_weight, callbacks
            As in `fit`.
        steps : int, optional
            Most batches.
        return_dict : bool
            Give a dict by name instead of a list in the order of `metrics_names`.

        Returns
        -------
        float, list of float, or dict of str to float
            The loss alone where there are no metrics.
        """
        self._require_compiled("evaluate")
        check_verbose(verbose)
        batches = make_batches(x, y, sample_weight, batch_size=batch_size, steps=steps, numbers=self._numbers)
        with closing(batches):
            self._prepare(batches)
            with closing(self._listeners(callbacks, batches, verbose)) as listeners:
                logs = self._evaluate(batches, listeners)
        return in_form(logs, return_dict)

    def _listeners(self, callbacks: Callbacks, batches: Batches, verbose: str | int) -> CallbackList:
        return CallbackList(
            callbacks, add_progbar=verbose != 0, model=self, epochs=1, steps=batches.steps, verbose=verbose
        )

    @spelled
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Callbacks = None,
    ) -> Any:
        """The outputs for inputs, batch by batch.

        Parameters
        ----------
        x, batch_size, verbose, callbacks
            As in `fit`; what an iterable yields besides x is ignored.
        steps : int, optional
            Most batches.

        Returns
        -------
        array, or a list or dict of arrays
            As the model's outputs; on the GPU where the inputs are, and in the host's memory else.
        """
        check_verbose(verbose)
        if verbose == 0 and callbacks is None and steps is None and type(x) is np.ndarray:
            found = self._predicted_again(x) if x.ndim and len(x) <= (batch_size or 32) else None
            if found is not None:
                return found
        batches = make_batches(x, batch_size=batch_size, steps=steps, numbers=self._numbers)
        parts: list[list[Any]] = []
        outputs: Any = None
        with closing(batches):
            self._place(batches)
            self._prepare_inputs(batches.first()[0])
            with closing(self._listeners(callbacks, batches, verbose)) as listeners:
                listeners.on_predict_begin()
                with no_gradients(), deferred(self._checks):
                    step = 0
                    for group in self._groups(batches):
                        listeners.on_predict_batch_begin(step)
                        begun = len(parts)
                        for batch in group:
                            outputs = self._predict(pack(batch))
                            parts.append([result_of(leaf, batches.resident) for leaf in flatten(outputs)])
                            step += 1
                        if self.steps_per_execution > 1 and listeners.hears("predict_batch_end"):
                            outputs = _joined(parts[begun:], outputs)
                        listeners.on_predict_batch_end(step - 1, {"outputs": outputs})
                self._read_checks()
                listeners.on_predict_end()
        return _joined(parts, outputs)

    def _groups(self, batches: Iterable[Any]) -> Iterator[Iterator[Any]]:
        """Batches, `steps_per_execution` at a time; each is read only when those before it have been run."""
        following = iter(batches)
        for batch in following:
            yield chain([batch], islice(following, self.steps_per_execution - 1))

    def _read_checks(self) -> None:
        """Raise if values on the GPU were wrong since this was last called."""
        if self._checks is not None:
            self._checks.raise_errors()


def result_of(output: Any, resident: bool) -> Any:
    """The array of an output; in the host's memory unless the inputs are on the GPU."""
    array = output.array if isinstance(output, Tensor) else output
    return array if resident else np.asarray(host(array))


def _joined(parts: list[list[Any]], structure: Any) -> Any:
    """The leaves of several batches, each behind the other, in a structure of as many leaves."""
    return pack_like(structure, [array_module(*leaves).concatenate(leaves) for leaves in zip(*parts, strict=True)])


def in_form(logs: Logs, return_dict: bool) -> Any:
    """What is given of a loss and metrics: a dict by name, or a list, or a number if that is all."""
    if return_dict:
        return dict(sorted(logs.items()))
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
