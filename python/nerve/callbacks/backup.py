"""Training that goes on where it was when the process ended."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from nerve.callbacks.callback import BatchCounter, Logs


class BackupAndRestore(BatchCounter):
    """Write the state of the run again and again, and when `fit` is called the next time, go on from there.

    However the process ended, power and SIGKILL included, the weights at the end are those of a run that was never
    interrupted, to the bit: the file, which is replaced as a whole, also holds the state of the optimizer, of random
    numbers, of the order of samples and of other callbacks (`Callback.state`). The program must do the same before
    `fit` as it did the first time. Data from an iterable must come in the same order for that, and batches that were
    seen are read and left out.

    Parameters
    ----------
    backup_dir : path
        Of this run alone; the file in it is `progress.safetensors`.
    save_freq : "epoch" or int
        After every epoch, or after this many batches.
    double_checkpoint : bool
        Keep the file before the last one too, as `previous.safetensors`.
    delete_checkpoint : bool
        Delete both when training has ended as it should.
    """

    comes_last = True  # others have done what they do after a batch or an epoch when it is written

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not os.fspath(backup_dir):
            raise ValueError("[BackupAndRestore] backup_dir must not be empty")
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ValueError(f"[BackupAndRestore] save_freq must be 'epoch' or a positive int, got {save_freq!r}")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._path = Path(backup_dir) / "progress.safetensors"
        self._previous = Path(backup_dir) / "previous.safetensors"
        self._epoch = 0
        self._epoch_streams: Any = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._batches = 0
        self._remove_leftovers()
        if not self._path.exists():
            return
        states = self.model._load_progress(self._path)
        others = [callback for callback in self.listed if callback is not self]
        for callback, (kind, state) in zip(others, states, strict=False):
            if type(callback).__name__ == kind:
                callback.load_state(state)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch
        begun = self.model._progress
        self._epoch_streams = begun.epoch_streams if begun and begun.batch else self.model._stream_states()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.save_freq != "epoch" and self._due(batch, int(self.save_freq)):
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def _save(self, epoch: int, batch: int) -> None:
        if self.double_checkpoint and self._path.exists():
            copy = self._previous.with_suffix(".new")
            shutil.copyfile(self._path, copy)  # the file itself stays until its successor is whole
            os.replace(copy, self._previous)
        states = [[type(callback).__name__, callback.state()] for callback in self.listed if callback is not self]
        self.model._save_progress(self._path, epoch, batch, self._epoch_streams, states)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if not self.delete_checkpoint or isinstance(sys.exception(), KeyboardInterrupt):
            return
        for path in (self._path, self._previous):
            path.unlink(missing_ok=True)
        self._remove_leftovers()
        if self._path.parent.is_dir() and not any(self._path.parent.iterdir()):
            self._path.parent.rmdir()

    def _remove_leftovers(self) -> None:
        """Unfinished files, of runs that were killed as they wrote."""
        for pattern in (f".{self._path.name}.*.tmp", self._previous.with_suffix(".new").name):
            for path in self._path.parent.glob(pattern):
                path.unlink(missing_ok=True)
