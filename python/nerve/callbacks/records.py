"""Callbacks that keep the numbers of a run."""

from __future__ import annotations

import csv
import os
from typing import IO, Any

import numpy as np

from nerve.callbacks.callback import Callback, Logs


class History(Callback):
    """The loss and metrics of every epoch; `fit` returns it.

    Attributes
    ----------
    history : dict of list
        A list of one number per epoch for each name.
    epoch : list of int
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.history = {}
        self.epoch = []

    def state(self) -> dict[str, Any]:
        plain = {name: [np.asarray(value).tolist() for value in values] for name, values in self.history.items()}
        return {"history": plain, "epoch": self.epoch}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class CSVLogger(Callback):
    """A line per epoch in a CSV file.

    Parameters
    ----------
    filename : path
    separator : str
    append : bool
        Add to the file if it exists (without a second header) instead of replacing it.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: IO[str] | None = None
        self._names: list[str] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._names = []
        if self.append and os.path.exists(self.filename):
            with open(self.filename, newline="") as file:
                self._names = next(csv.reader(file, delimiter=self.separator), [])[1:]
        self._file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115 (closed by `close`)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self._file is None:
            return
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.separator)
        if not self._names:
            self._names = sorted(logs)
            writer.writerow(["epoch", *self._names])
        writer.writerow([epoch, *(logs.get(name, "NA") for name in self._names)])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
