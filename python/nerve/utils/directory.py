"""Files in folders, whose names are their classes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nerve import random
from nerve._typing import Array
from nerve.data import AUTOTUNE, Dataset
from nerve.kernels._numbers import integer

_LABEL_MODES = ("int", "categorical", "binary", None)


class Files(NamedTuple):
    """Paths, and where there are classes their numbers and names."""

    paths: list[str]
    labels: Array | None
    class_names: list[str] | None

    def part(self, chosen: slice) -> Files:
        """Some of the files."""
        return Files(self.paths[chosen], None if self.labels is None else self.labels[chosen], self.class_names)


def datasets_of_files(
    what: str,
    directory: Any,
    labels: Any,
    label_mode: str | None,
    class_names: Sequence[str] | None,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    verbose: bool,
    formats: tuple[str, ...],
    read: Callable[[Any], Any],
) -> Any:
    """The data set of a folder, or with ``subset="both"`` a list of two.

    With a seed, the same files are on the same side of the split as in Keras.
    """
    if label_mode not in _LABEL_MODES:
        raise ValueError(f"[{what}] label_mode must be one of {_LABEL_MODES}, got {label_mode!r}")
    if batch_size is not None:
        integer(what, "batch_size", batch_size, 1)
    _check_split(what, validation_split, subset, shuffle, seed)
    labels = None if label_mode is None else labels
    if seed is None:
        seed = int(random.generator().integers(10**6))
    files = _find(what, os.fspath(directory), labels, class_names, follow_links, formats)
    if verbose:
        classes = "" if files.class_names is None else f" belonging to {len(files.class_names)} classes"
        print(f"Found {len(files.paths)} files{classes}.")
    if files.labels is not None and label_mode == "binary" and len(files.class_names or ()) != 2:
        raise ValueError(f"[{what}] label_mode='binary' needs two classes, found {files.class_names}")
    if shuffle:
        order = np.arange(len(files.paths))
        np.random.RandomState(seed).shuffle(order)
        files = Files(
            [files.paths[i] for i in order], None if files.labels is None else files.labels[order], files.class_names
        )

    def dataset(part: Files, shuffled: bool) -> Dataset:
        if not part.paths:
            raise ValueError(f"[{what}] found no files {', '.join(formats)} in {directory} for this data set")
        encoded = None if part.labels is None else _encode(part, label_mode)
        made = Dataset.from_tensor_slices(np.array(part.paths) if encoded is None else (np.array(part.paths), encoded))
        if shuffled:
            made = made.shuffle(len(part.paths), seed=seed)
        if encoded is None:
            made = made.map(read, num_parallel_calls=AUTOTUNE)
        else:
            made = made.map(lambda path, label: (read(path), label), num_parallel_calls=AUTOTUNE)
        if batch_size is not None:
            made = made.batch(batch_size)
        made = made.prefetch(AUTOTUNE)
        made.class_names, made.file_paths = part.class_names, part.paths
        return made

    if subset is None:
        return dataset(files, shuffle)
    held_out = int((validation_split or 0.0) * len(files.paths))
    at = len(files.paths) - held_out
    sides = {"training": files.part(slice(0, at)), "validation": files.part(slice(at, None))}
    if verbose:
        for name in sides if subset == "both" else (subset,):
            print(f"Using {len(sides[name].paths)} files for {name}.")
    if subset == "both":
        return [dataset(sides["training"], shuffle), dataset(sides["validation"], False)]
    return dataset(sides[subset], shuffle)


def _check_split(what: str, split: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    if (split is None) != (subset is None):
        raise ValueError(f"[{what}] takes validation_split and subset together, or neither")
    if split is None:
        return
    if not 0 < split < 1:
        raise ValueError(f"[{what}] validation_split must be between 0 and 1, got {split!r}")
    if subset not in ("training", "validation", "both"):
        raise ValueError(f"[{what}] subset must be 'training', 'validation' or 'both', got {subset!r}")
    if shuffle and seed is None and subset != "both":
        raise ValueError(f"[{what}] needs a seed, or shuffle=False, so that the two subsets have no file in common")


def _find(
    what: str,
    directory: str,
    labels: Any,
    class_names: Sequence[str] | None,
    follow_links: bool,
    formats: tuple[str, ...],
) -> Files:
    if class_names is not None and not (isinstance(labels, str) and labels == "inferred"):
        raise ValueError(f"[{what}] class_names can be given with labels='inferred' only")
    if isinstance(labels, str) and labels == "inferred":
        found = sorted(e.name for e in os.scandir(directory) if e.is_dir() and not e.name.startswith("."))
        if class_names is not None and not set(class_names) <= set(found):
            raise ValueError(f"[{what}] class_names must be folders of {directory}, which has {found}")
        names = found if class_names is None else list(class_names)
        inside = [_files_in(os.path.join(directory, name), follow_links, formats) for name in names]
        numbers = np.repeat(np.arange(len(names), dtype=np.int32), list(map(len, inside)))
        return Files([path for paths in inside for path in paths], numbers, names)
    paths = _files_in(directory, follow_links, formats)
    if labels is None:
        return Files(paths, None, None)
    if isinstance(labels, str):
        raise ValueError(f"[{what}] labels must be 'inferred', None, or a list of ints, got {labels!r}")
    if len(labels) != len(paths):
        raise ValueError(f"[{what}] got {len(labels)} labels for {len(paths)} files in {directory}")
    return Files(paths, np.array(labels, np.int32), [str(label) for label in sorted(set(labels))])


def _files_in(folder: str, follow_links: bool, formats: tuple[str, ...]) -> list[str]:
    walked = sorted(os.walk(folder, followlinks=follow_links), key=lambda found: found[0])
    return [
        os.path.join(root, name)
        for root, _, names in walked
        for name in sorted(names)
        if name.lower().endswith(formats)
    ]


def _encode(files: Files, label_mode: str | None) -> Array:
    assert files.labels is not None
    if label_mode == "binary":
        return files.labels.astype(np.float32)[:, None]
    if label_mode == "categorical":
        one_hot: Array = np.eye(len(files.class_names or ()), dtype=np.float32)[files.labels]
        return one_hot
    return files.labels
