"""What `compile` makes of losses and metrics: one loss and a list of metrics per output of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nerve import losses, metrics
from nerve.errors import ShapeError
from nerve.layers.structure import flatten
from nerve.losses import Loss
from nerve.metrics import Mean, Metric
from nerve.metrics.metric import records
from nerve.metrics.reported import Reported
from nerve.tensor import Variable


class Targets:
    """Puts targets, predictions and what was given per output into one order.

    Parameters
    ----------
    names : list of str
        Names of the outputs, or the sorted keys where the model gives a dict.
    config : dict, optional
        What `compile` was given: outputs without a loss and metrics may have no targets.
    """

    def __init__(self, names: Sequence[str], config: Mapping[str, Any] | None = None) -> None:
        self.names = list(names)
        given = {} if config is None else {what: config[what] for what in ("loss", "metrics", "weighted_metrics")}
        each = [self.per_output(what, value, lists=what != "loss") for what, value in given.items()]
        self.judged = [any(leaf is not None for leaf in flatten(list(those))) for those in zip(*each, strict=True)]

    def flat(self, what: str, value: Any) -> list[Any]:
        """The leaves of `value`, one per output."""
        judged = self.judged or [True] * len(self.names)
        needed = [name for name, needs in zip(self.names, judged, strict=True) if needs]
        if isinstance(value, dict):
            if not set(needed) <= set(value) <= set(self.names):
                raise ShapeError(f"expects {what} for the outputs {needed or self.names}, got {sorted(value)}")
            return [value.get(name) for name in self.names]
        leaves = flatten(value)
        if len(leaves) == len(needed) < len(self.names):
            places = iter(leaves)
            leaves = [next(places) if needs else None for needs in judged]
        if len(leaves) != len(self.names):
            raise ShapeError(f"expects {what} for {len(self.names)} outputs, got {len(leaves)}")
        return leaves

    def per_output(self, what: str, value: Any, *, lists: bool) -> list[Any]:
        """An argument of `compile`, output by output; a single one counts for all unless `lists`.

        With `lists` an output may have several, and with one output the outer list may be missing.
        """
        if isinstance(value, dict):
            if unknown := set(value) - set(self.names):
                raise ValueError(f"{what} names {sorted(unknown)}, the outputs are {self.names}")
            return [value.get(name) for name in self.names]
        if lists and len(self.names) == 1:
            return [value]
        if isinstance(value, list | tuple):
            if len(value) != len(self.names):
                raise ValueError(f"{what} must have one entry for each of the {len(self.names)} outputs, got {value!r}")
            return list(value)
        if lists and value is not None:
            raise ValueError(f"{what} of a model with several outputs must be a list or a dict, got {value!r}")
        return [value] * len(self.names)


class CompiledLoss:
    """The weighted sum of the losses of all outputs.

    Parameters
    ----------
    loss, loss_weights
        As `compile` takes them.
    targets : Targets
    y_true_shapes, y_pred_shapes : list of tuple of int
        Of a batch, one per output.
    """

    def __init__(
        self,
        loss: Any,
        loss_weights: Any,
        targets: Targets,
        y_true_shapes: Sequence[tuple[int, ...]],
        y_pred_shapes: Sequence[tuple[int, ...]],
    ) -> None:
        given = targets.per_output("loss", loss, lists=False)
        self.losses: list[Loss | None] = [
            None if one is None else get_loss(one, y_true, y_pred)
            for one, y_true, y_pred in zip(given, y_true_shapes, y_pred_shapes, strict=True)
        ]
        self.weights: list[float | None] = targets.per_output("loss_weights", loss_weights, lists=False)
        self.names = [f"{name}_loss" for name in targets.names]
        self.trackers = [Mean(name) for name in self.names]
        self.tracks = True  # False where the same batch is tried again and again

    def __call__(self, y_true: list[Any], y_pred: list[Any], sample_weight: list[Any]) -> Any:
        """The total loss of a batch."""
        if len(self.losses) == 1:
            loss, weight = self.losses[0], self.weights[0]
            if loss is None:
                return None
            value = loss(y_true[0], y_pred[0], sample_weight[0])
            return value if weight is None else value * weight
        total = None
        parts = zip(self.losses, self.weights, self.trackers, y_true, y_pred, sample_weight, strict=True)
        for loss, weight, tracker, targets, predictions, sample in parts:
            if loss is None:
                continue
            value = loss(targets, predictions, sample)
            if self.tracks:
                tracker.update_state(value, sample_weight=predictions.shape[0])
            value = value if weight is None else value * weight
            total = value if total is None else total + value
        return total

    def results(self) -> dict[str, float]:
        """The loss of each output, where several have one."""
        if sum(loss is not None for loss in self.losses) < 2:
            return {}
        return {
            tracker.name: tracker.result()
            for tracker, loss in zip(self.trackers, self.losses, strict=True)
            if loss is not None
        }

    def reset(self) -> None:
        """Forget all batches."""
        for tracker in self.trackers:
            tracker.reset_state()


class CompiledMetrics:
    """The metrics of all outputs; arguments as those of `CompiledLoss`."""

    def __init__(
        self,
        given: Any,
        weighted: Any,
        targets: Targets,
        y_true_shapes: Sequence[tuple[int, ...]],
        y_pred_shapes: Sequence[tuple[int, ...]],
    ) -> None:
        self.entries: list[tuple[str, Metric, int, bool]] = []  # name in the logs, metric, output, weighted
        self.several_outputs = len(targets.names) > 1
        for what, value in (("metrics", given), ("weighted_metrics", weighted)):
            for output, listed in enumerate(targets.per_output(what, value, lists=True)):
                prefix = f"{targets.names[output]}_" if len(targets.names) > 1 else ""
                for identifier in flatten(listed):
                    if identifier is None:
                        continue
                    metric = get_metric(identifier, y_true_shapes[output], y_pred_shapes[output])
                    taken = {name for name, *_ in self.entries}
                    name = f"{prefix}{metric.name}"
                    if what != "metrics" and name in taken:
                        name = f"{prefix}weighted_{metric.name}"
                    name = _free(name, taken)
                    self.entries.append((name, metric, output, what != "metrics"))

    @property
    def all_recorded(self) -> bool:
        """Whether a recording can hold all of them."""
        return all(records(metric) for _, metric, _, _ in self.entries)

    def update(
        self, y_true: list[Any], y_pred: list[Any], sample_weight: list[Any], recorded: bool | None = None
    ) -> None:
        """Add a batch; if said so only to those that a recording can hold, or to those it cannot."""
        for _, metric, output, weighted in self.entries:
            if recorded is not None and records(metric) != recorded:
                continue
            if weighted:
                metric.update_state(y_true[output], y_pred[output], sample_weight[output])
            else:
                metric.update_state(y_true[output], y_pred[output])

    def results(self) -> dict[str, float]:
        """The values so far; those of several outputs are sorted by name, as Keras gives them."""
        entries = sorted(self.entries, key=lambda entry: entry[0]) if self.several_outputs else self.entries
        return {name: number(metric.result()) for name, metric, _, _ in entries}

    def reset(self) -> None:
        """Forget all batches."""
        for _, metric, _, _ in self.entries:
            metric.reset_state()


class CompileMetrics:
    """The metrics of `compile` as the one that Keras has for them among the `metrics` of a model: a dict of results.

    Parameters
    ----------
    model : Model
    """

    name = "compile_metrics"

    def __init__(self, model: Any) -> None:
        self._model = model

    @property
    def metrics(self) -> list[Metric]:
        """The metrics themselves; none before the first batch, on whose shapes they depend."""
        entries = [] if self._model._metrics is None else self._model._metrics.entries
        return [metric for _, metric, _, _ in entries]

    @property
    def variables(self) -> list[Variable]:
        """What all of them add up in."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: weights are for the `weighted_metrics` alone."""
        self._model._matched(y_true, y_pred)
        self._model._metrics.update(*self._model._flat(y_true, y_pred, sample_weight))

    def result(self) -> dict[str, Any]:
        """The results so far, by the names that logs have them under."""
        entries = [] if self._model._metrics is None else self._model._metrics.entries
        return {name: metric.result() for name, metric, _, _ in entries}

    def reset_state(self) -> None:
        """Forget all batches."""
        for metric in self.metrics:
            metric.reset_state()

    def _move(self, device: str) -> None:
        for metric in self.metrics:
            metric._move(device)


def _free(name: str, taken: set[str]) -> str:
    """`name`, or a variation that no metric has yet."""
    count = 1
    free = name
    while free in taken:
        free = f"{name}_{count}"
        count += 1
    return free


def number(result: Any) -> Any:
    """What a metric gives, a number or a scalar tensor, as a number; several numbers, as of classes, as an array."""
    if isinstance(result, Reported):
        return result
    if getattr(result, "size", 1) != 1:
        return np.array(result)
    return float(result.item() if hasattr(result, "item") else result)


def get_loss(identifier: Any, y_true_shape: tuple[int, ...], y_pred_shape: tuple[int, ...]) -> Loss:
    """The loss meant; "crossentropy" is the one that fits the shapes."""
    if identifier not in ("crossentropy", "ce"):
        return losses.get(identifier)
    if y_pred_shape[-1] == 1:
        return losses.BinaryCrossentropy()
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return losses.SparseCategoricalCrossentropy()
    return losses.CategoricalCrossentropy()


def get_metric(identifier: Any, y_true_shape: tuple[int, ...], y_pred_shape: tuple[int, ...]) -> Metric:
    """The metric meant, called what the user calls it; "accuracy" is the one that fits the shapes."""
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return metrics.accuracy_for(y_true_shape, y_pred_shape, name=identifier)
    metric = metrics.get(identifier)
    if isinstance(identifier, str):
        metric.name = identifier
    return metric
