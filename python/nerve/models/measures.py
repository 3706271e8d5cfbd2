"""What a model keeps of its batches: the mean of the loss, and the metrics."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from nerve.kernels._arrays import full, is_array
from nerve.kernels._later import Checks
from nerve.kernels._recording import configuration
from nerve.layers import Layer
from nerve.layers.structure import flatten
from nerve.metrics import Mean, Metric
from nerve.models.compiled import CompiledLoss, CompiledMetrics, CompileMetrics, Targets, number
from nerve.models.pending import Pending
from nerve.tensor import Tensor

if TYPE_CHECKING:
    from nerve.models.functional import Graph

Logs = MutableMapping[str, float]


class Measures(Layer):
    """The part of a model that measures how well it does."""

    _untracked = Layer._untracked | {"_own_metrics", "_loss_tracker", "_checks"}
    _graph: Graph | None
    compiled = False
    _compile_config: dict[str, Any]
    _loss_tracker: Mean
    _loss: CompiledLoss | None = None
    _metrics: CompiledMetrics | None = None
    _targets: Targets | None = None
    _own_metrics: Sequence[Metric] = ()
    _own_version = -1
    _checks: Checks | None = None  # of values on the GPU, where the weights are

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Logs:
        """Add a batch to the metrics and return the loss and all metrics so far."""
        if self._metrics is None and y is not None and self.compiled:
            self._matched(y, y_pred)  # a model with a compute_loss of its own comes here first
        if self._metrics is not None and self._metrics.entries:
            self._metrics.update(*self._flat(y, y_pred, sample_weight))
        return self.get_metrics_result()

    def get_metrics_result(self) -> Logs:
        """The loss and the metrics so far; of a model on the GPU they are read when they are looked at."""
        return self._results() if self._checks is None else Pending(self._results)

    def _results(self) -> dict[str, float]:
        if type(self).metrics is not Measures.metrics:  # then they are what is reported, as in Keras
            return self._listed_results()
        tracker: Mean | None = getattr(self, "_loss_tracker", None)
        logs = {"loss": tracker.result()} if tracker is not None and tracker.count else {}
        if self._loss is not None:
            logs.update(self._loss.results())
        logs.update((metric.name, number(metric.result())) for metric in self._own_metrics)
        if self._metrics is not None:
            logs.update(self._metrics.results())
        return logs

    def _listed_results(self) -> dict[str, float]:
        """The results of `metrics`, of which one may be a dict of several."""
        logs: dict[str, float] = {}
        for metric in self.metrics:
            result = metric.result()
            found = result if isinstance(result, dict) else {metric.name: result}
            logs.update((name, number(value)) for name, value in found.items())
        return logs

    def _begin_metrics(self) -> None:
        """Before an epoch: `reset_metrics`, which a subclass may have written for its own metrics alone."""
        self._begin_own()
        self.reset_metrics()

    def _begin_own(self) -> None:
        if self.compiled:
            self._loss_tracker.reset_state()
        if self._own_version != configuration.version:  # walking the layers takes longer than a small step
            self._own_metrics, self._own_version = self._find_own_metrics(), configuration.version

    def reset_metrics(self) -> None:
        """Forget all batches."""
        self._begin_own()
        compiled = [metric for _, metric, _, _ in self._metrics.entries] if self._metrics is not None else []
        usual = type(self).metrics is Measures.metrics  # a subclass may have a property of this name
        for metric in [*self._own_metrics, *compiled] if usual else self.metrics:
            metric._move("cpu" if self._checks is None else "cuda")
            metric.reset_state()
        if self._loss is not None:
            self._loss.reset()
        if self._metrics is not None:
            self._metrics.reset()

    def _find_own_metrics(self) -> list[Metric]:
        """The metrics that attributes of the model and of the layers inside hold; a step updates them itself."""
        return list({id(m): m for _, layer in self._walk() for _, m in layer._own(Metric)}.values())

    @property
    def metrics(self) -> list[Any]:
        """The mean of the loss, those of `compile` as one, and those that attributes hold, as in Keras."""
        if not self.compiled:
            return self._find_own_metrics()
        config = self._compile_config
        given = any(one is not None for one in flatten([config["metrics"], config["weighted_metrics"]]))
        return [self._loss_tracker, *([CompileMetrics(self)] if given else []), *self._find_own_metrics()]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` gives, in order."""
        losses = list(self._loss.results()) if self._loss is not None else []
        own = [metric.name for metric in self._find_own_metrics()]
        return ["loss", *losses, *own, *(self._metrics.results() if self._metrics is not None else [])]

    def _track_loss(self, loss: Tensor, n_samples: int) -> None:
        self._loss_tracker.update_state(loss.array.reshape(()), full((), n_samples, loss.dtype, loss.array))

    def _flat(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Targets, predictions and weights, one per output."""
        if is_array(y) and isinstance(y_pred, Tensor):
            return [y], [y_pred], [sample_weight]  # one output, as nearly always
        _, targets = self._matched(y, y_pred)
        y_true = targets.flat("targets", y)
        if sample_weight is None or is_array(sample_weight):
            weights = [sample_weight] * len(y_true)
        else:
            weights = targets.flat("sample weights", sample_weight)
        return y_true, flatten(y_pred), weights

    def _matched(self, y: Any, y_pred: Any) -> tuple[CompiledLoss, Targets]:
        """Losses and metrics, made when the shapes of targets and outputs are known."""
        if self._loss is not None and self._targets is not None:
            return self._loss, self._targets
        outputs = flatten(y_pred)
        keys = sorted(y_pred) if isinstance(y_pred, dict) else None
        if keys is not None:
            names = keys
        elif self._graph is not None:
            names = [x.node.layer.name if x.node else x.name for x in self._graph.outputs]
        else:
            names = [f"output_{index}" for index in range(len(outputs))]
        config = self._compile_config
        targets = Targets(names, config)
        y_shapes = [() if x is None else x.shape for x in targets.flat("targets", y)]
        shapes = [(*y_shape[:1], *x.shape[1:]) for x, y_shape in zip(outputs, y_shapes, strict=True)]
        loss = CompiledLoss(config["loss"], config["loss_weights"], targets, y_shapes, shapes)
        self._metrics = CompiledMetrics(config["metrics"], config["weighted_metrics"], targets, y_shapes, shapes)
        self._loss, self._targets = loss, targets
        return loss, targets
