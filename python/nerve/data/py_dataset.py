"""Batches by number, as Keras's `PyDataset` gives them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from nerve.data.threads import mapped
from nerve.kernels._numbers import integer

__all__ = ["PyDataset"]


class PyDataset:
    """Base of data sets that give whole batches by their number.

    A subclass writes `__getitem__(index)`, which gives x, (x, y) or (x, y, sample_weight), and `__len__`, the number of
    batches, or the property `num_batches`, which may be None for a data set without end. `on_epoch_begin` and
    `on_epoch_end` are called around every pass. `fit` takes the batches in a new order every epoch unless
    ``shuffle=False``.

    Parameters
    ----------
    workers : int
        With more than one, so many threads call `__getitem__` ahead of the training; the order of batches stays.
        Reading files, NumPy and nerve's kernels run side by side on threads.
    use_multiprocessing : bool
        Only False: there are no worker processes.
    max_queue_size : int
        Most batches under way with several workers.

    Raises
    ------
    ValueError
        For ``use_multiprocessing=True``.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        if use_multiprocessing:
            raise ValueError("[PyDataset] offers threads, not processes: pass workers alone")
        self.workers = integer("PyDataset", "workers", workers, 0)
        self.use_multiprocessing = False
        self.max_queue_size = integer("PyDataset", "max_queue_size", max_queue_size, 1)

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.__getitem__")

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None if there is no end to them."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(f"{type(self).__name__} needs __len__ or the property num_batches")
        return len(self)

    def __iter__(self) -> Iterator[Any]:
        """The batches in order, made in this thread."""
        count = self.num_batches
        return map(self.__getitem__, itertools.count() if count is None else range(count))

    def on_epoch_begin(self) -> None:
        """Called at the beginning of every epoch."""

    def on_epoch_end(self) -> None:
        """Called at the end of every epoch."""


def batches_of(dataset: PyDataset, order: Iterable[int]) -> Iterator[Any]:
    """The batches of these numbers, made by the workers of the data set."""
    try:
        workers, ahead = dataset.workers, dataset.max_queue_size
    except AttributeError:
        raise TypeError(f"{type(dataset).__name__}.__init__ must call super().__init__(**kwargs)") from None
    if workers <= 1:
        return map(dataset.__getitem__, order)
    return mapped(lambda: iter(order), dataset.__getitem__, workers, ahead)
