"""`fit`, `evaluate` and `predict`: the loops over data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from nerve._lookup import spelled
from nerve.callbacks import Callback, CallbackList, History
from nerve.kernels._arrays import array_module, host
from nerve.kernels._later import deferred
from nerve.layers.structure import flatten, map_structure, pack_like
from nerve.models import progress
from nerve.models.batch import pack
from nerve.models.checks import check_counts, check_verbose
from nerve.models.data import ArrayBatches, Batches, IterableBatches, make_batches
from nerve.models.interrupts import WholeSteps
from nerve.models.measures import Logs
from nerve.models.replayed import ReplayedSteps
from nerve.tensor import Tensor, no_gradients

Callbacks = Callback | Iterable[Callback] | None


class Trainer(ReplayedSteps):
    """The part of a model that trains it."""

    stop_training = False
    history: History | None = None
    _batches: Batches | None = None  # of the training under way
    _progress: progress.Progress | None = None  # of a run that this one goes on with

    @spelled
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> History:
        """Train.

        Ctrl-C ends the training after the step under way: the model has the weights of that step, the callbacks'
        `on_train_end` is called, and KeyboardInterrupt is raised.

        Parameters
        ----------
        x : array, frame, list or dict of arrays, Dataset, PyDataset, or an iterable
            Inputs, as arrays or as frames of pandas or polars; or what yields batches (x, y) or (x, y, sample_weight):
            a :class:`nerve.data.Dataset`, a generator, a data loader of PyTorch.
        y : array, or list or dict of arrays
            Targets.
        batch_size : int, optional
            If not given, 32, or with `steps_per_epoch` what cuts the samples into so many batches.
        epochs : int
            Passes over the data, those before `initial_epoch` included.
        verbose : {"auto", 0, 1, 2}
            0 is silence, 1 and "auto" a bar on a terminal and a line per epoch elsewhere, 2 a line per epoch.
        callbacks : list of Callback, optional
        validation_split : float
            Fraction of the samples, taken from the end before shuffling, that is only evaluated.
        validation_data : (x, y) or (x, y, sample_weight), or an iterable, optional
        shuffle : bool
            Whether every epoch takes the samples of arrays, or the batches of a PyDataset, in a new order.
        class_weight : dict of int to float, optional
        sample_weight : array, optional
        initial_epoch : int
        steps_per_epoch, validation_steps : int, optional
            Most batches per pass; needed for a generator without end. An epoch goes on where the one before ended, and
            ends where the data do; a validation always begins with the first batch.
        validation_batch_size : int, optional
            `batch_size` if not given.
        validation_freq : int
            Evaluate after every so many epochs.

        Returns
        -------
        History

        Raises
        ------
        ShapeError, DTypeError, ValueError
            If the data is empty, of different lengths, of the wrong shape or type, or the targets cannot be right.
            That is found out before the first step, as far as the data are arrays.
        """
        self._require_compiled("fit")
        check_verbose(verbose)
        check_counts(0, epochs=epochs, initial_epoch=initial_epoch)
        check_counts(1, validation_freq=validation_freq)
        batches = make_batches(
            x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, steps=steps_per_epoch, numbers=self._numbers
        )
        validation: Batches | None = None
        if validation_data is not None:
            size = batch_size if validation_batch_size is None else validation_batch_size
            validation = self._validation(validation_data, size, validation_steps)
        elif validation_split:
            if not isinstance(batches, ArrayBatches):
                raise ValueError("validation_split needs arrays; pass validation_data")
            batches, validation = batches.split(
                validation_split, validation_batch_size, steps_per_epoch, validation_steps
            )
        if class_weight is not None:
            batches.weigh_classes(class_weight)
        only_once = isinstance(batches, IterableBatches) and batches.once and batches.limit is None
        if only_once and epochs - initial_epoch > 1:
            raise ValueError("a generator can be read once: pass steps_per_epoch, or an iterable that can begin anew")
        with closing(batches), closing(validation or batches):
            self._prepare(batches)
            if validation is not None:
                self._prepare(validation)
            listeners = CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                model=self,
                epochs=epochs,
                steps=batches.steps,
                verbose=verbose,
            )
            self.history = listeners.history
            self.stop_training = False
            self._batches, self._progress = batches, None
            logs: Logs = {}
            with WholeSteps() as whole, deferred(self._checks):
                try:
                    listeners.on_train_begin()
                    try:
                        for epoch in range(self._first_epoch(initial_epoch), epochs):
                            logs = self._train_epoch(epoch, batches, listeners, whole)
                            if validation is not None and (epoch + 1) % validation_freq == 0:
                                found = self._evaluate(validation, listeners)
                                validation.restart()
                                logs.update({f"val_{name}": value for name, value in found.items()})
                            listeners.on_epoch_end(epoch, logs)
                            if self.stop_training:
                                break
                    except KeyboardInterrupt:
                        listeners.on_train_end(logs)
                        raise
                    self.optimizer.finalize_variable_values(self.trainable_variables)
                    listeners.on_train_end(logs)
                finally:
                    self._stepped = self._batches = None
                    listeners.close()
        assert self.history is not None
        return self.history

    def _train_epoch(self, epoch: int, batches: Batches, listeners: CallbackList, whole: WholeSteps) -> Logs:
        self.reset_metrics()
        listeners.on_epoch_begin(epoch)
        self._stepped = self.trainable_variables  # walking the layers once per epoch is often enough
        logs: Logs | None = None
        rows = self._rows(batches)
        begun, self._progress = self._progress, None
        if begun is not None:
            progress.go_on(self, batches, begun)
        step = 0 if begun is None else begun.batch
        for group in self._groups(batches if rows is None else rows.batches.chosen()):
            listeners.on_train_batch_begin(step)
            for batch in group:
                with whole.step:
                    logs = self._train(pack(batch)) if rows is None else self._train_rows(rows, batch)
                step += 1
            listeners.on_train_batch_end(step - 1, logs)
            if self.stop_training:
                break
        if logs is None:
            if begun is not None and begun.batch:  # it had been killed behind the last one
                return self.get_metrics_result()
            raise ValueError(f"x yielded no batches in epoch {epoch + 1}")
        self._read_checks()
        return dict(logs)

    def _groups(self, batches: Iterable[Any]) -> Iterator[Iterator[Any]]:
        """Batches, `steps_per_execution` at a time; each is read only when those before it have been run."""
        following = iter(batches)
        for batch in following:
            yield chain([batch], islice(following, self.steps_per_execution - 1))

    # What BackupAndRestore asks for

    def _save_progress(self, path: Path, epoch: int, batch: int, epoch_streams: Any, callbacks: list[Any]) -> None:
        """Write where this run is, `batch` batches into `epoch`."""
        progress.save(self, path, epoch, batch, epoch_streams, callbacks)

    def _load_progress(self, path: Path) -> list[Any]:
        """Go on from there; gives what was said of callbacks."""
        self._progress = progress.load(self, path)
        return self._progress.callbacks

    def _stream_states(self) -> list[list[int]]:
        return progress.stream_states(self)

    def _first_epoch(self, initial_epoch: int) -> int:
        return initial_epoch if self._progress is None else self._progress.epoch

    def _read_checks(self) -> None:
        """Raise if values on the GPU were wrong since this was last called."""
        if self._checks is not None:
            self._checks.raise_errors()

    def _validation(self, data: Any, batch_size: int | None, steps: int | None) -> Batches:
        if isinstance(data, tuple | list) and 1 < len(data) <= 3:
            return make_batches(*data, batch_size=batch_size, steps=steps, numbers=self._numbers)
        if isinstance(data, tuple | list | dict | np.ndarray):
            raise ValueError("validation_data must be (x, y) or (x, y, sample_weight), or yield batches")
        return make_batches(data, steps=steps, numbers=self._numbers)

    def _evaluate(self, batches: Batches, listeners: CallbackList) -> Logs:
        self.reset_metrics()
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
        return _as_dict(logs) if return_dict else _as_list(logs)

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
                            parts.append([_result(leaf, batches.resident) for leaf in flatten(outputs)])
                            step += 1
                        if self.steps_per_execution > 1 and listeners.hears("predict_batch_end"):
                            outputs = _joined(parts[begun:], outputs)
                        listeners.on_predict_batch_end(step - 1, {"outputs": outputs})
                self._read_checks()
                listeners.on_predict_end()
        return _joined(parts, outputs)

    # Single batches

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
                return _as_dict(found) if return_dict else _as_list(found)
        batches = self._one_batch(x, y, sample_weight)
        if class_weight is not None:
            batches.weigh_classes(class_weight)
        self._prepare(batches)
        self.reset_metrics()
        with WholeSteps() as whole, whole.step, deferred(self._checks):
            logs = self._train(pack(batches.first()))
        self._read_checks()
        return _as_dict(logs) if return_dict else _as_list(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and the metrics on one batch."""
        self._require_compiled("test_on_batch")
        if sample_weight is None:
            with no_gradients():
                found = self._measured_again("test", x, y)
            if found is not None:
                return _as_dict(found) if return_dict else _as_list(found)
        batches = self._one_batch(x, y, sample_weight)
        self._prepare(batches)
        self.reset_metrics()
        with no_gradients(), deferred(self._checks):
            logs = self._test(pack(batches.first()))
        self._read_checks()
        return _as_dict(logs) if return_dict else _as_list(logs)

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
        return map_structure(lambda leaf: _result(leaf, batches.resident), outputs)

    def _one_batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> ArrayBatches:
        batches = ArrayBatches(self._numbers(x), y, sample_weight)
        batches.batch_size, batches.steps = batches.n_samples, 1
        return batches


def _result(output: Any, resident: bool) -> Any:
    """The array of an output; in the host's memory unless the inputs are on the GPU."""
    array = output.array if isinstance(output, Tensor) else output
    return array if resident else np.asarray(host(array))


def _joined(parts: list[list[Any]], structure: Any) -> Any:
    """The leaves of several batches, each behind the other, in a structure of as many leaves."""
    return pack_like(structure, [array_module(*leaves).concatenate(leaves) for leaves in zip(*parts, strict=True)])


def _as_dict(logs: Logs) -> dict[str, float]:
    return dict(sorted(logs.items()))


def _as_list(logs: Logs) -> Any:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
