"""`fit`: epochs of training."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from nerve._lookup import spelled
from nerve.callbacks import CallbackList, History
from nerve.kernels._later import deferred
from nerve.models import progress
from nerve.models.batch import pack
from nerve.models.checks import check_counts, check_verbose
from nerve.models.data import ArrayBatches, Batches, IterableBatches, make_batches
from nerve.models.evaluation import Callbacks
from nerve.models.interrupts import WholeSteps
from nerve.models.measures import Logs
from nerve.models.single import SingleBatches


class Trainer(SingleBatches):
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
        validation_data : (x, y) or (x, y, sample_weight) or (x,), or an iterable, optional
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
        self._begin_metrics()
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

    def _validation(self, data: Any, batch_size: int | None, steps: int | None) -> Batches:
        if isinstance(data, tuple | list) and (1 < len(data) <= 3 or (isinstance(data, tuple) and len(data) == 1)):
            return make_batches(*data, batch_size=batch_size, steps=steps, numbers=self._numbers)
        if isinstance(data, tuple | list | dict | np.ndarray):
            raise ValueError("validation_data must be (x, y), (x, y, sample_weight) or (x,), or yield batches")
        return make_batches(data, steps=steps, numbers=self._numbers)
