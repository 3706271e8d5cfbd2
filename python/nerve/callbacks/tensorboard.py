"""Training as TensorBoard shows it."""

from __future__ import annotations

import os
import time
import warnings
from typing import Any

import numpy as np

from nerve.callbacks.callback import Callback, Logs
from nerve.callbacks.event_files import EventFile


class TensorBoard(Callback):
    """Write the loss, metrics, learning rate and histograms of weights for `tensorboard --logdir`.

    Tags and folders are Keras's: `train` and `validation` with `epoch_<name>`, `batch_<name>` and
    `evaluation_<name>_vs_iterations`. TensorFlow is not needed. Graphs, images of weights, profiles and projections of
    embeddings, which are TensorFlow's own, are not written.

    Parameters
    ----------
    log_dir : path
    histogram_freq : int
        Histograms of the weights of all layers after every so many epochs; 0 for none.
    write_steps_per_second : bool
        Steps per second too, of epochs, and of batches where these are written.
    update_freq : "batch", "epoch" or int
        Write the loss and metrics of batches too: of every one, of none, or one in so many.
    write_graph, write_images, profile_batch, embeddings_freq, embeddings_metadata
        What Keras writes besides, the graph also where nobody asks for it. A warning says that it is not written, if
        any of them asks for it.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        *,
        write_graph: bool | None = None,
        write_images: bool = False,
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        besides = {
            "write_graph": write_graph,
            "write_images": write_images,
            "profile_batch": profile_batch,
            "embeddings_freq": embeddings_freq,
            "embeddings_metadata": embeddings_metadata,
        }
        if asked := [f"{name}={value!r}" for name, value in besides.items() if value]:
            warnings.warn(
                f"[TensorBoard] writes no graphs, images, profiles and projections: {', '.join(asked)} changes nothing",
                stacklevel=2,
            )
        frequency = {"epoch": 0, "batch": 1}.get(update_freq, -1) if isinstance(update_freq, str) else update_freq
        if frequency < 0 or (frequency == 0 and update_freq != "epoch"):
            raise ValueError(
                f"[TensorBoard] update_freq must be 'batch', 'epoch' or a positive int, got {update_freq!r}"
            )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = update_freq
        self._every = frequency
        self._files: dict[str, EventFile] = {}
        self._batches = 0
        self._batches_before = 0
        self._first = 0
        self._began = self._batch_began = 0.0

    def state(self) -> dict[str, Any]:
        return {"_batches": self._batches}

    def _file(self, name: str) -> EventFile:
        if name not in self._files:
            self._files[name] = EventFile(os.path.join(self.log_dir, name))
        return self._files[name]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._batches = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._began, self._batches_before = time.perf_counter(), self._batches

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._first, self._batch_began = batch, time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        count, before = batch + 1 - self._first, self._batches
        self._batches += count
        if not self._every or self._batches // self._every == before // self._every:
            return
        values = dict(logs or {})
        if self.write_steps_per_second:
            values["steps_per_second"] = count / (time.perf_counter() - self._batch_began)
        self._write("train", {f"batch_{name}": value for name, value in values.items()}, self._batches)

    def on_test_end(self, logs: Logs | None = None) -> None:
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and logs:
            values = {f"evaluation_{name}_vs_iterations": value for name, value in logs.items()}
            self._write("validation", values, optimizer.iterations)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        values = dict(logs or {})
        rate = getattr(self.model.optimizer, "learning_rate", None)  # several optimizers have none
        if rate is not None:
            values["learning_rate"] = rate
        if self.write_steps_per_second:
            passed = time.perf_counter() - self._began
            values["steps_per_second"] = (self._batches - self._batches_before) / passed
        validation = {name: values.pop(name) for name in list(values) if name.startswith("val_")}
        self._write("train", {f"epoch_{name}": value for name, value in values.items()}, epoch)
        self._write("validation", {f"epoch_{name[4:]}": value for name, value in validation.items()}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            file = self._file("train")
            for name, variable in self.model._named_weights().items():
                file.histogram(f"{name}/histogram", variable.numpy(), epoch)
            file.flush()

    def _write(self, folder: str, values: dict[str, Any], step: int) -> None:
        scalars = {name: value for name, value in values.items() if np.ndim(value) == 0}
        for name, value in scalars.items():
            self._file(folder).scalar(name, float(value), step)
        if scalars:
            self._file(folder).flush()

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files = {}
