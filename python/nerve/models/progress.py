"""A run of `fit` in a file, from which it goes on as if it had never stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nerve import random
from nerve._typing import Array
from nerve.errors import ModelFileError
from nerve.kernels._arrays import host
from nerve.metrics import Metric
from nerve.models.data import ArrayBatches, Batches
from nerve.models.file_contents import digest, read_safetensors
from nerve.models.saved_weights import assign
from nerve.models.saving import _optimizer_variables, atomic_file
from nerve.random import streams

if TYPE_CHECKING:
    from nerve.models.training import Trainer

Arrays = dict[str, Array]


class Progress(NamedTuple):
    """Where to go on."""

    epoch: int
    batch: int
    order: tuple[list[Array], list[Array]] | None  # batches left of this pass, and of the order it is from
    epoch_streams: list[list[int]]
    streams: list[list[int]]
    metrics: Arrays
    callbacks: list[Any]
    optimizer: Arrays


def streams_of(model: Any) -> list[random.SeedGenerator]:
    """The streams of random numbers that training draws from: the common one, and those that layers hold."""
    found = {id(streams._stream): streams._stream}
    for _, layer in model._walk():
        for value in vars(layer).values():
            stream = getattr(value, "__self__", value)  # layers may keep its method
            if isinstance(stream, random.SeedGenerator):
                found[id(stream)] = stream
    return list(found.values())


def stream_states(model: Any) -> list[list[int]]:
    """Where these streams are."""
    return [[stream.seed, stream._offset] for stream in streams_of(model)]


def set_streams(model: Any, states: list[list[int]]) -> None:
    """Put these streams to where `stream_states` found them."""
    streams = streams_of(model)
    if len(streams) != len(states):
        raise ModelFileError(f"is of a model with {len(states)} random streams, this has {len(streams)}")
    for stream, (seed, offset) in zip(streams, states, strict=True):
        stream.restart(seed)
        stream.reserve(offset % 2**62)


def save(
    model: Trainer, path: Path, epoch: int, batch: int, epoch_streams: list[list[int]], callbacks: list[Any]
) -> None:
    """Write where a run is: `batch` batches into `epoch`. The file is there whole or not at all."""
    from safetensors.numpy import save as as_bytes

    named = {f"weights/{key}": variable.array for key, variable in model._named_weights().items()}
    variables = _optimizer_variables(model)  # type: ignore[arg-type]
    if variables:
        named |= {f"optimizer/{key}": value for key, value in model.optimizer.state().items()}
    if isinstance(model._batches, ArrayBatches):
        for name, chunks in zip(("left", "rest"), model._batches.order(batch), strict=True):
            named[f"data/{name}"] = np.concatenate(chunks) if chunks else np.zeros(0, np.int64)
            named[f"data/{name}_sizes"] = np.array([len(chunk) for chunk in chunks], np.int64)
    if batch:
        for index, metric in enumerate(_metrics(model)):
            named |= {f"metrics/{index}/{key}": np.asarray(value) for key, value in _state(metric).items()}
    arrays = {key: np.asarray(host(value), order="C") for key, value in named.items()}
    state = {
        "epoch": epoch,
        "batch": batch,
        "streams": stream_states(model),
        "epoch_streams": epoch_streams,
        "optimizer_variables": variables,
        "callbacks": callbacks,
    }
    text = json.dumps(state)
    data = as_bytes(arrays, metadata={"format": "nerve progress", "sha256": digest(arrays), "state": text})
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path, overwrite=True) as file:
        file.write(data)


def load(model: Trainer, path: Path) -> Progress:
    """Give a model the weights and the optimizer's state of a file; the rest of it tells where to go on.

    Raises
    ------
    ModelFileError
        If the file is damaged, or of another model.
    """
    data = path.read_bytes()
    arrays = read_safetensors(data)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    if header.get("format") != "nerve progress":
        raise ModelFileError(f"{os.fspath(path)} is no file of BackupAndRestore")
    state = json.loads(header["state"])

    def part(prefix: str) -> Arrays:
        return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}

    assign(model, part("weights/"), model._named_weights())  # type: ignore[arg-type]
    if state["optimizer_variables"]:
        variables = model._named_weights()
        model.optimizer.build([variables[key] for key in state["optimizer_variables"]])
        model.optimizer.load_state(part("optimizer/"))
    set_streams(model, state["streams"])
    order = None
    if "data/left" in arrays:
        left, rest = (
            np.split(arrays[f"data/{name}"], np.cumsum(arrays[f"data/{name}_sizes"])[:-1])
            if arrays[f"data/{name}_sizes"].size
            else []
            for name in ("left", "rest")
        )
        order = left, rest
    return Progress(
        state["epoch"],
        state["batch"],
        order,
        state["epoch_streams"],
        state["streams"],
        part("metrics/"),
        state["callbacks"],
        part("optimizer/"),
    )


def go_on(model: Trainer, batches: Batches, progress: Progress) -> None:
    """Bring data, streams and metrics to where the run was."""
    if isinstance(batches, ArrayBatches):
        if progress.order is not None:
            batches.go_on(*progress.order, progress.batch)
    elif progress.epoch:  # what has been opened for the first epoch is that of another
        set_streams(model, progress.epoch_streams if progress.batch else progress.streams)
        batches.restart()
    if not progress.batch:
        return
    if not isinstance(batches, ArrayBatches):
        batches.skip(progress.batch)
    # Again, for callbacks have seen the beginning of an epoch that had begun before.
    set_streams(model, progress.streams)
    if progress.optimizer:
        model.optimizer.load_state(progress.optimizer)
    for index, metric in enumerate(_metrics(model)):
        for key, value in _state(metric).items():
            saved = progress.metrics.get(f"{index}/{key}")
            if saved is None:
                continue
            if isinstance(value, np.ndarray):
                value[...] = saved
            else:
                setattr(metric, key, saved.item())


def _metrics(model: Any) -> list[Metric]:
    trackers = model._loss.trackers if model._loss is not None else []
    listed = [one for metric in model.metrics for one in getattr(metric, "metrics", [metric])]
    return [*listed, *trackers]


def _state(metric: Metric) -> dict[str, Any]:
    own = {k: v for k, v in vars(metric).items() if isinstance(v, float | int | np.ndarray) and not isinstance(v, bool)}
    return own | {f"variable_{i}": variable.array for i, variable in enumerate(metric.variables)}
