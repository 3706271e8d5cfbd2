"""Batches of (inputs, targets, weights), from arrays or from anything that yields them."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from nerve import random
from nerve._typing import Array
from nerve.data import PyDataset
from nerve.data.py_dataset import batches_of
from nerve.data.threads import close
from nerve.errors import ShapeError
from nerve.gpu import to_device
from nerve.kernels._arrays import array_module, host, on_gpu, placed
from nerve.layers.structure import flatten, is_positive_int, map_structure
from nerve.models.arrays import as_arrays, is_array_data
from nerve.models.batch import Batch, OnDevice, class_weighted, optional, unpack


class ArrayBatches(OnDevice):
    """Cuts arrays into batches; the last one may be smaller.

    Parameters
    ----------
    x, y, sample_weight
        As `as_arrays` takes them.
    batch_size : int, optional
        If not given, 32, or with `steps` what cuts the samples into so many batches.
    shuffle : bool
        Whether every pass takes the samples in a new order, from the stream of `nerve.random`.
    steps : int, optional
        Most batches per pass.

    Raises
    ------
    ShapeError
        If the arrays are empty or do not have one length.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        batch_size: int | None = None,
        shuffle: bool = False,
        steps: int | None = None,
    ) -> None:
        if batch_size is not None and not is_positive_int(batch_size):
            raise ValueError(f"batch_size must be a positive int, got {batch_size!r}")
        given = {"x": x, "y": y, "sample_weight": sample_weight}
        named = {name: as_arrays(name, value) for name, value in given.items()}
        lengths = {name: {len(a) for a in flatten(value) if a is not None} for name, value in named.items()}
        counts = set().union(*lengths.values())
        if not lengths["x"]:
            raise TypeError(f"x must be arrays, got {type(x).__name__}")
        if len(counts) > 1:
            found = ", ".join(f"{name} {' and '.join(map(str, sorted(n)))}" for name, n in lengths.items() if n)
            raise ShapeError(f"the arrays must have one length, got {found} samples")
        self.n_samples: int = counts.pop()
        if not self.n_samples:
            raise ShapeError("x holds no samples")
        self.x, self.y, self.sample_weight = named.values()
        for weights in flatten(self.sample_weight):
            if weights is not None and not array_module(weights).isfinite(weights).all():
                raise ValueError("sample_weight holds NaN or infinity")
        self._given_size = batch_size
        self.batch_size = int(batch_size or (-(-self.n_samples // steps) if steps else 32))
        self.shuffle = shuffle
        batches = -(-self.n_samples // self.batch_size)
        self.steps: int = batches if steps is None else min(steps, batches)
        self._rest: list[Any] = []
        self._now: list[Any] = []  # what the pass under way takes
        self._left: list[Any] | None = None  # of the pass to come, if it was begun in another process
        self.resident = any(map(on_gpu, flatten(self.x)))

    def first(self) -> Batch:
        """The first batch, unshuffled."""
        return self.take(slice(0, self.batch_size))

    def take(self, index: Any) -> Batch:
        """The samples of a slice, or of an array of indices."""

        def pick(a: Array) -> Array:
            # take is the fastest way to gather rows; a slice is a view.
            return a[index] if isinstance(index, slice) else array_module(a).take(a, placed(index, a), axis=0)

        x = pick(self.x) if isinstance(self.x, np.ndarray) else map_structure(pick, self.x)
        y = pick(self.y) if isinstance(self.y, np.ndarray) else optional(pick, self.y)
        return self._moved((x, y, optional(pick, self.sample_weight)))

    def chosen(self) -> Iterator[Any]:
        """What `take` makes the next `steps` batches of.

        What a pass leaves is for the next one, which may then be shorter, as in Keras.
        """
        if self._left is not None:
            yield from self._resumed()
            return
        if not self._rest:
            order = random.generator().permutation(self.n_samples) if self.shuffle else None
            if order is not None and self.resident:
                order = to_device(order, "cuda")  # once, and not batch by batch
            chunks = (slice(start, start + self.batch_size) for start in range(0, self.n_samples, self.batch_size))
            self._rest = [chunk if order is None else order[chunk] for chunk in chunks]
        self._now, self._rest = self._rest[: self.steps], self._rest[self.steps :]
        yield from self._now

    def _resumed(self) -> Iterator[Any]:
        left, self._left = self._left or [], None
        yield from left

    def order(self, taken: int) -> tuple[list[Array], list[Array]]:
        """The samples of the batches left of this pass after `taken` ones, and of those left for the next."""
        whole = np.arange(self.n_samples)
        every = [
            [whole[chunk] if isinstance(chunk, slice) else np.asarray(host(chunk), np.int64) for chunk in chunks]
            for chunks in (self._now[taken:] if taken else [], self._rest)
        ]
        return every[0], every[1]

    def go_on(self, left: list[Array], rest: list[Array], taken: int) -> None:
        """Begin where `order` found another one."""
        place = (lambda chunk: to_device(chunk, "cuda")) if self.resident else (lambda chunk: chunk)
        self._rest = list(map(place, rest))
        if taken:
            self._left = list(map(place, left))
            self._now = [*([None] * taken), *self._left]  # so that positions are those of the whole pass

    def __iter__(self) -> Iterator[Batch]:
        """The next `steps` batches."""
        return map(self.take, self.chosen())

    def restart(self) -> None:
        """Begin the next pass with the first batch."""
        self._rest = []

    def close(self) -> None:
        """End the pass under way, as `IterableBatches` does; of arrays, nothing is open."""

    def split(
        self,
        fraction: float,
        batch_size: int | None = None,
        steps: int | None = None,
        validation_steps: int | None = None,
    ) -> tuple[ArrayBatches, ArrayBatches]:
        """All but the last `fraction` of the samples, in `steps` batches, and these, never shuffled."""
        if not isinstance(fraction, float | int | np.number) or not 0 < fraction < 1:
            raise ValueError(f"validation_split must be between 0 and 1, got {fraction!r}")
        if validation_steps is not None and not is_positive_int(validation_steps):
            raise ValueError(f"the number of steps must be a positive int, got {validation_steps!r}")
        size = self._given_size if batch_size is None else batch_size
        at = int(self.n_samples * (1 - fraction))
        if not 0 < at < self.n_samples:
            raise ValueError(f"validation_split={fraction} of {self.n_samples} samples leaves one side empty")
        head, tail = self.take(slice(0, at)), self.take(slice(at, None))
        return (
            ArrayBatches(*head, batch_size=self._given_size, shuffle=self.shuffle, steps=steps),
            ArrayBatches(*tail, batch_size=size, steps=validation_steps),
        )

    def weigh_classes(self, class_weight: Mapping[int, float]) -> None:
        """Multiply the weights of the samples by those of their classes."""
        self.sample_weight = class_weighted(class_weight, self.y, self.sample_weight)


class IterableBatches(OnDevice):
    """Takes batches from an iterable of x, (x,), (x, y) or (x, y, sample_weight); lists do as well as tuples.

    Parameters
    ----------
    source : iterable
        A generator is read on from epoch to epoch, anything else is begun anew.
    steps : int, optional
        Batches per pass; all there are if not given.
    """

    numbers: Callable[[Any], Any] | None = None  # what becomes of the inputs first, of a model that takes text

    def __init__(self, source: Iterable[Any], steps: int | None = None) -> None:
        self.source = source
        self.limit = steps
        self.steps = steps if steps is not None else _length(source)
        self.class_weight: Mapping[int, float] | None = None
        self.once = iter(source) is source if hasattr(source, "__iter__") else False
        self._iterator: Iterator[Any] | None = None
        self._opened: Iterator[Any] | None = None  # what there is to close of it

    def first(self) -> Batch:
        """The first batch of the pass to come, which still has it."""
        iterator = self._current()
        try:
            item = next(iterator)
        except StopIteration:
            raise ShapeError("x yields no batches") from None
        self._iterator = itertools.chain([item], iterator)
        return self._batch(item)

    def weigh_classes(self, class_weight: Mapping[int, float]) -> None:
        """Multiply the weights of the samples by those of their classes."""
        self.class_weight = class_weight

    def _current(self) -> Iterator[Any]:
        if self._iterator is None:
            # A sequence of known length need not say where it ends by an IndexError.
            source: Any = self.source
            length = None if hasattr(source, "__iter__") else _length(source)
            self._iterator = iter(source) if length is None else map(source.__getitem__, range(length))
            self._opened = None if self.once else self._iterator
        return self._iterator

    def _batch(self, item: Any) -> Batch:
        given = unpack(item)
        if self.numbers is not None:
            given = (self.numbers(given[0]), *given[1:])
        x, y, weight = map(as_arrays, ("x", "y", "sample_weight"), given)
        counts = {len(a) for a in flatten([x, y, weight]) if a is not None}
        if len(counts) != 1 or counts == {0}:
            raise ShapeError(f"the arrays of a batch must have one length above 0, got {sorted(counts)}")
        if self.class_weight is not None:
            weight = class_weighted(self.class_weight, y, weight)
        self.resident = any(map(on_gpu, flatten(x)))
        return self._moved((x, y, weight))

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.limit) if self.limit is not None else itertools.count():
            try:
                item = next(self._current())
            except StopIteration:
                self._iterator = None
                # A pass that ends with the source is short, as in Keras; one that would be empty begins it anew.
                if step or self.once or self.limit is None:
                    return
                try:
                    item = next(self._current())
                except StopIteration:
                    return
            yield self._batch(item)

    def skip(self, n_batches: int) -> None:
        """Leave out the next batches of this pass."""
        for _ in range(n_batches):
            next(self._current(), None)

    def restart(self) -> None:
        """Begin the next pass with the first batch, where that is possible."""
        if not self.once:
            self._iterator = None
            self.close()

    def close(self) -> None:
        """End the pass under way, and the threads that work for it; a generator of the caller's stays open."""
        opened, self._opened = self._opened, None
        if opened is not None:
            self._iterator = None
            close(opened)


class PyDatasetBatches(IterableBatches):
    """Takes the batches of a `PyDataset`, in a new order every pass if `shuffle`."""

    def __init__(self, source: PyDataset, steps: int | None = None, shuffle: bool = False) -> None:
        count = source.num_batches
        if count is None and steps is None:
            raise ValueError(f"{type(source).__name__} has no end: pass the number of steps")
        super().__init__(source, steps)
        self.dataset, self.shuffle, self.count = source, shuffle, count
        self.steps = steps if count is None or steps is None else min(steps, count)

    def first(self) -> Batch:
        """The batch of number 0; the pass to come, which `on_epoch_begin` may change, still has all."""
        if self.count == 0:
            raise ShapeError("x yields no batches")
        return self._batch(self.dataset[0])

    def _current(self) -> Iterator[Any]:
        if self._iterator is None:
            order: Iterable[int] = itertools.count() if self.count is None else range(self.count)
            if self.shuffle and self.count is not None:
                order = random.generator().permutation(self.count).tolist()
            self._iterator = self._opened = batches_of(self.dataset, order)
        return self._iterator

    def __iter__(self) -> Iterator[Batch]:
        self.dataset.on_epoch_begin()
        yield from super().__iter__()
        self.dataset.on_epoch_end()


Batches = ArrayBatches | IterableBatches


def make_batches(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    shuffle: bool = False,
    steps: int | None = None,
    numbers: Callable[[Any], Any] | None = None,
) -> Batches:
    """Batches from arrays, frames, a data set or an iterable, whichever `x` is; inputs go through `numbers` first."""
    if steps is not None and not is_positive_int(steps):
        raise ValueError(f"the number of steps must be a positive int, got {steps!r}")
    if is_array_data(x):
        x = x if numbers is None else numbers(x)
        return ArrayBatches(x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, steps=steps)
    if not hasattr(x, "__iter__") and not hasattr(x, "__getitem__"):
        raise TypeError(f"x must be arrays or yield batches, got {type(x).__name__}")
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(f"{name} cannot be given when x yields batches itself")
    if batch_size is not None:
        warnings.warn(f"batch_size={batch_size} changes nothing where x yields batches itself", stacklevel=4)
    batches = PyDatasetBatches(x, steps, shuffle) if isinstance(x, PyDataset) else IterableBatches(x, steps)
    batches.numbers = numbers
    return batches


def _length(source: Any) -> int | None:
    """How many items there are; None if that is not known."""
    try:
        return len(source)
    except TypeError:
        return None
