"""Windows of a series, and splits of data sets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve import random
from nerve.data import Dataset
from nerve.data.streams import as_arrays, stack
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer
from nerve.layers.structure import flatten, map_structure


def timeseries_dataset_from_array(
    data: ArrayLike,
    targets: ArrayLike | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> Dataset:
    """Windows of consecutive steps, cut when they are asked for: the series is in memory once.

    Parameters
    ----------
    data : array_like, (steps, ...)
    targets : array_like, (steps, ...), optional
        `targets[i]` belongs to the window that begins with `data[i]`.
    sequence_length : int
        Steps of a window.
    sequence_stride : int
        Steps from the beginning of one window to that of the next.
    sampling_rate : int
        Steps from one step of a window to the next.
    batch_size : int, optional
        None: windows one by one.
    shuffle : bool
    seed : int, optional
    start_index, end_index : int, optional
        Only the steps from `start_index` up to and without `end_index` are used.

    Returns
    -------
    Dataset
        Of windows (batch, sequence_length, ...), or (windows, targets).

    Raises
    ------
    ValueError
        If a number is out of range, or the series is shorter than a window.
    """
    what = "timeseries_dataset_from_array"
    series = np.asarray(data)
    steps = len(series)
    length = integer(what, "sequence_length", sequence_length, 1)
    stride = integer(what, "sequence_stride", sequence_stride, 1, max(steps - 1, 1))
    rate = integer(what, "sampling_rate", sampling_rate, 1, max(steps - 1, 1))
    begin = integer(what, "start_index", start_index or 0, 0, steps)
    end = steps if end_index is None else integer(what, "end_index", end_index, begin + 1, steps)
    starts_end = end - (length - 1) * rate
    labels = None if targets is None else np.asarray(targets)
    if labels is not None:
        starts_end = min(starts_end, len(labels))
    starts = np.arange(begin, starts_end, stride)
    if not starts.size:
        raise ValueError(
            f"[{what}] a window takes {(length - 1) * rate + 1} steps, the series from {begin} to {end} has no such"
        )
    offsets = rate * np.arange(length)

    def windows(index: Any) -> Any:
        at = starts[index]
        x = series[at[..., None] + offsets]
        return x if labels is None else (x, labels[at])

    dataset = Dataset.from_rows(windows, len(starts))
    if shuffle:
        dataset = dataset.shuffle(len(starts), seed=seed)
    return dataset if batch_size is None else dataset.batch(batch_size)


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Dataset, Dataset]:
    """Two data sets of the samples of one.

    Parameters
    ----------
    dataset : array, tuple, list or dict of arrays of one length, Dataset, PyDataset, or a data set of PyTorch
        The elements of what is no array are read into memory.
    left_size, right_size : int or float, optional
        Samples (int) or their fraction (float) on each side; one that is not given has the rest.
    shuffle : bool
    seed : int, optional

    Returns
    -------
    left, right : Dataset

    Raises
    ------
    ValueError
        If a side would be empty, or both together larger than the data set.
    """
    if not isinstance(dataset, tuple | list | dict) and not hasattr(dataset, "__array__"):
        # A data set of PyTorch may have numbers of elements and no iterator.
        items = list(dataset) if hasattr(dataset, "__iter__") else [dataset[i] for i in range(len(dataset))]
        if not items:
            raise ShapeError("[split_dataset] the data set is empty")
        rows = stack(items)
    else:
        rows = as_arrays(tuple(dataset) if isinstance(dataset, list) else dataset)
    lengths = {len(leaf) for leaf in flatten(rows)}
    if len(lengths) != 1:
        raise ShapeError(f"[split_dataset] the arrays must have one length, got {sorted(lengths)}")
    total = lengths.pop()
    left, right = _sizes(left_size, right_size, total)
    if shuffle:
        source = random.generator() if seed is None else random.SeedGenerator(seed).generator()
        order = source.permutation(total)
        rows = map_structure(lambda a: a.take(order, axis=0), rows)
    whole = Dataset.from_tensor_slices(rows)
    return whole.take(left), whole.skip(total - right)


def _sizes(left: float | None, right: float | None, total: int) -> tuple[int, int]:
    def count(name: str, size: float | None) -> int | None:
        if size is None:
            return None
        if isinstance(size, bool) or not isinstance(size, int | float):
            raise TypeError(f"[split_dataset] {name} must be an int or a float, got {size!r}")
        if not 0 < size < (1 if isinstance(size, float) else total):
            limit = "1" if isinstance(size, float) else f"the {total} samples"
            raise ValueError(f"[split_dataset] {name} must be above 0 and below {limit}, got {size!r}")
        return round(size * total) if isinstance(size, float) else size

    counts = count("left_size", left), count("right_size", right)
    if counts == (None, None):
        raise ValueError("[split_dataset] needs left_size or right_size")
    n_left = total - (counts[1] or 0) if counts[0] is None else counts[0]
    n_right = total - n_left if counts[1] is None else counts[1]
    if not n_left or not n_right or n_left + n_right > total:
        raise ValueError(f"[split_dataset] cannot give {n_left} and {n_right} of {total} samples")
    return n_left, n_right
