"""Streams of elements, made of arrays, generators and each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from nerve import random, runtime
from nerve.data import streams
from nerve.data.streams import Length
from nerve.data.threads import mapped, prefetched
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer
from nerve.layers.structure import flatten, map_structure, pack_like

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset"]

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2

Source = Callable[[], Iterator[Any]]


class Dataset:
    """A stream of elements that can be read from the beginning as often as one likes.

    An element is an array, or a tuple, list or dict of arrays. Every method gives a new data set and changes nothing;
    nothing is read before the data set is iterated over. The order of elements never depends on threads.

    Parameters
    ----------
    source : callable
        Gives a new iterator over the elements.
    length : int, optional
        The number of elements; ``math.inf`` for a stream without end, None if it is not known.

    See Also
    --------
    Dataset.from_tensor_slices, Dataset.from_generator

    Notes
    -----
    After TensorFlow's `tf.data.Dataset`. Elements are NumPy arrays, and functions given to `map` and `filter` are plain
    Python. As long as elements are rows of arrays (until `map`), batches are cut without touching them one by one.

    Examples
    --------
    >>> data = Dataset.from_tensor_slices((x, y)).shuffle(1000, seed=1).batch(32).prefetch(2)
    >>> model.fit(data, epochs=3)
    """

    def __init__(self, source: Source, length: Length = None) -> None:
        self._source = source
        self._length = length
        self._rows: Callable[[Any], Any] | None = None  # if there, the source gives numbers of rows
        self.class_names: list[str] | None = None  # these two for data sets made of folders
        self.file_paths: list[str] | None = None

    # Where elements come from

    @classmethod
    def from_tensor_slices(cls, tensors: Any) -> Dataset:
        """The rows of arrays of one length; of a tuple or dict of arrays, elements are tuples or dicts of rows."""
        arrays = streams.as_arrays(tensors)
        if any(not leaf.ndim for leaf in flatten(arrays)):
            raise ShapeError("[Dataset.from_tensor_slices] a number has no rows; see from_tensors")
        lengths = {len(leaf) for leaf in flatten(arrays)}
        if len(lengths) != 1:
            raise ShapeError(f"[Dataset.from_tensor_slices] the arrays must have one length, got {sorted(lengths)}")

        def rows(index: Any) -> Any:
            if isinstance(index, int):
                return map_structure(lambda a: a[index], arrays)
            return map_structure(lambda a: a.take(index, axis=0), arrays)

        return cls.from_rows(rows, lengths.pop())

    @classmethod
    def from_arrays(cls, *arrays: Any) -> Dataset:
        """`from_tensor_slices` of one array or of a tuple: `Dataset.from_arrays(x, y, sample_weight)`."""
        return cls.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0])

    @classmethod
    def from_rows(cls, rows: Callable[[Any], Any], length: int) -> Dataset:
        """`length` elements, of which `rows` gives that of a number, or those of an array of numbers, stacked."""
        dataset = cls(lambda: iter(range(length)), length)
        dataset._rows = rows
        return dataset

    @classmethod
    def from_tensors(cls, tensors: Any) -> Dataset:
        """One element."""
        element = streams.as_arrays(tensors)
        return cls(lambda: iter((element,)), 1)

    @classmethod
    def from_generator(cls, generator: Callable[..., Iterable[Any]], args: tuple[Any, ...] = ()) -> Dataset:
        """What `generator(*args)`, called anew for every pass, yields."""
        if not callable(generator):
            raise TypeError(
                "[Dataset.from_generator] expects a function that gives an iterator, not the iterator itself: got "
                f"{type(generator).__name__}"
            )
        return cls(lambda: iter(generator(*args)))

    @classmethod
    def from_text_lines(cls, *paths: Any) -> Dataset:
        """The lines of text files (UTF-8), one file behind the other, without what ends them."""

        def lines() -> Iterator[str]:
            for path in paths:
                with open(path, encoding="utf-8") as file:
                    yield from (line.rstrip("\n") for line in file)

        return cls(lines)

    @classmethod
    def range(cls, *args: int) -> Dataset:
        """The numbers of Python's `range`, int64."""
        return cls.from_tensor_slices(np.arange(*args, dtype=np.int64))

    @staticmethod
    def zip(*datasets: Any) -> Dataset:
        """Tuples of an element of each data set, until one has no more; a list or dict of data sets gives such."""
        nested = datasets[0] if len(datasets) == 1 else datasets
        flat = flatten(nested)
        if not flat or not all(isinstance(one, Dataset) for one in flat):
            raise TypeError("[Dataset.zip] expects data sets, or a tuple, list or dict of them")
        lengths = [one._length for one in flat]
        known = [length for length in lengths if length is not None]
        return Dataset(
            lambda: (pack_like(nested, list(items)) for items in zip(*map(iter, flat), strict=False)),
            min(known) if len(known) == len(lengths) else None,
        )

    # Order and number

    def _ordered(self, source: Source, length: Length) -> Dataset:
        """The same elements in another order; where they are rows, only their numbers are moved."""
        dataset = Dataset(source, length)
        dataset._rows = self._rows
        dataset.class_names, dataset.file_paths = self.class_names, self.file_paths
        return dataset

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool | None = None
    ) -> Dataset:
        """Each element drawn from a buffer of the next `buffer_size`; from all where that is as long as the data set.

        Parameters
        ----------
        buffer_size : int
        seed : int, optional
            Drawn once from the stream of `nerve.random` if not given.
        reshuffle_each_iteration : bool, optional
            Whether every pass has a new order, as it does if not given.
        """
        size = integer("Dataset.shuffle", "buffer_size", buffer_size, 1)
        stream = random.SeedGenerator(int(random.generator().integers(2**63)) if seed is None else seed)
        again = stream.seed if reshuffle_each_iteration is False else None
        source = self._source

        def start() -> Iterator[Any]:
            order = stream if again is None else random.SeedGenerator(again)
            return streams.shuffled(source(), size, order.generator())

        return self._ordered(start, self._length)

    def repeat(self, count: int | None = None) -> Dataset:
        """`count` passes in a row; without end for None and -1."""
        times = None if count in (None, -1) else integer("Dataset.repeat", "count", count, 0)
        source, length = self._source, self._length
        if times == 0:
            return self.take(0)
        total = length and length * (math.inf if times is None else times)
        return self._ordered(lambda: streams.repeated(source, times), total)

    def take(self, count: int) -> Dataset:
        """The first `count` elements; all for -1."""
        if count == -1:
            return self
        size = integer("Dataset.take", "count", count, 0)
        source, length = self._source, self._length
        return self._ordered(
            lambda: itertools.islice(source(), size), None if length is None and size else min(length or 0, size)
        )

    def skip(self, count: int) -> Dataset:
        """All but the first `count` elements; none for -1."""
        if count == -1:
            return self.take(0)
        size = integer("Dataset.skip", "count", count, 0)
        source, length = self._source, self._length
        return self._ordered(
            lambda: itertools.islice(source(), size, None), None if length is None else max(length - size, 0)
        )

    def shard(self, num_shards: int, index: int) -> Dataset:
        """Every `num_shards`-th element, from number `index` on."""
        step = integer("Dataset.shard", "num_shards", num_shards, 1)
        start = integer("Dataset.shard", "index", index, 0, step - 1)
        source, length = self._source, self._length
        count = length if length is None or math.isinf(length) else len(range(start, int(length), step))
        return self._ordered(lambda: itertools.islice(source(), start, None, step), count)

    def cache(self) -> Dataset:
        """The same, kept in memory from the first whole pass on; later passes repeat it, its order included."""
        source = self._source
        kept: list[list[Any]] = []

        def fill() -> Iterator[Any]:
            items = []
            for item in source():
                items.append(item)
                yield item
            kept[:] = [items]

        return self._ordered(lambda: iter(kept[0]) if kept else fill(), self._length)

    def concatenate(self, dataset: Dataset) -> Dataset:
        """The elements of this data set, then those of `dataset`."""
        lengths = self._length, dataset._length
        return Dataset(lambda: itertools.chain(self, dataset), None if None in lengths else sum(lengths))  # type: ignore[arg-type]

    # Batches

    def batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """Every `batch_size` elements as one, stacked along a new first axis.

        Parameters
        ----------
        batch_size : int
        drop_remainder : bool
            Leave a last, smaller batch out.
        """
        size = integer("Dataset.batch", "batch_size", batch_size, 1)
        source, rows = self._source, self._rows
        if rows is None:
            return self._batched(size, drop_remainder, streams.stack)

        def gather() -> Iterator[Any]:
            for chunk in streams.chunks(source(), size, drop_remainder):
                yield rows(np.array(chunk, np.intp))

        return self._derived(gather, streams.n_batches(self._length, size, drop_remainder))

    def padded_batch(self, batch_size: int, padding_values: Any = 0, drop_remainder: bool = False) -> Dataset:
        """`batch` of arrays of different sizes, filled up with `padding_values` to the largest of the batch."""
        size = integer("Dataset.padded_batch", "batch_size", batch_size, 1)
        return self._batched(size, drop_remainder, lambda chunk: streams.pad_and_stack(chunk, padding_values))

    def _batched(self, size: int, drop_remainder: bool, join: Callable[[list[Any]], Any]) -> Dataset:
        return self._derived(
            lambda: (join(chunk) for chunk in streams.chunks(iter(self), size, drop_remainder)),
            streams.n_batches(self._length, size, drop_remainder),
        )

    def unbatch(self) -> Dataset:
        """The elements that batches are made of."""
        return self._derived(lambda: streams.unstacked(iter(self)), None)

    # Functions

    def _derived(self, source: Source, length: Length) -> Dataset:
        dataset = Dataset(source, length)
        dataset.class_names, dataset.file_paths = self.class_names, self.file_paths
        return dataset

    def map(self, map_func: Callable[..., Any], num_parallel_calls: int | None = None) -> Dataset:
        """`map_func` of every element, without gradients; the parts of a tuple are its arguments.

        Parameters
        ----------
        map_func : callable
        num_parallel_calls : int, optional
            Threads that call it ahead of the reader; AUTOTUNE: as many as `nerve.num_threads`. The order of elements
            stays; random numbers that the function draws from a shared stream depend on which thread comes first.
        """
        if not callable(map_func):
            raise TypeError(f"[Dataset.map] expects a function, got {map_func!r}")
        call = streams.called_with_parts(map_func)
        if num_parallel_calls is None:
            return self._derived(lambda: map(call, iter(self)), self._length)
        threads = runtime.num_threads() if num_parallel_calls == AUTOTUNE else num_parallel_calls
        threads = integer("Dataset.map", "num_parallel_calls", threads, 1)
        return self._derived(lambda: mapped(self.__iter__, call, threads, 2 * threads), self._length)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """The elements for which `predicate` is true; the parts of a tuple are its arguments."""
        keep = streams.called_with_parts(predicate)
        return self._derived(lambda: (item for item in self if keep(item)), None)

    def enumerate(self, start: int = 0) -> Dataset:
        """Pairs of number and element."""
        return self._derived(lambda: enumerate(self, start), self._length)

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """What the function makes of this data set."""
        return transformation_func(self)

    def prefetch(self, buffer_size: int) -> Dataset:
        """The same, up to `buffer_size` elements (AUTOTUNE: 2) made ahead on a thread while the reader works."""
        size = 2 if buffer_size == AUTOTUNE else integer("Dataset.prefetch", "buffer_size", buffer_size, 0)
        if not size:
            return self
        return self._derived(lambda: prefetched(self.__iter__, size), self._length)

    # Reading

    def __iter__(self) -> Iterator[Any]:
        """A new pass over the elements."""
        rows = self._rows
        if rows is None:
            return self._source()
        return (rows(number) for number in self._source())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """`iter` of the data set, whose elements are NumPy arrays anyway."""
        return iter(self)

    def cardinality(self) -> int:
        """The number of elements, `INFINITE_CARDINALITY` or `UNKNOWN_CARDINALITY`."""
        if self._length is None:
            return UNKNOWN_CARDINALITY
        return INFINITE_CARDINALITY if math.isinf(self._length) else int(self._length)

    def __len__(self) -> int:
        """The number of elements; a TypeError if it is infinite or not known."""
        count = self.cardinality()
        if count < 0:
            raise TypeError(f"the data set's length is {'infinite' if count == INFINITE_CARDINALITY else 'not known'}")
        return count

    def __bool__(self) -> bool:
        return True  # as any object; `if dataset` must not ask for a length

    def __repr__(self) -> str:
        count = self.cardinality()
        return (
            f"<Dataset of {count if count >= 0 else 'unknown' if count == UNKNOWN_CARDINALITY else 'endless'} elements>"
        )
