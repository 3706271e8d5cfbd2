"""`compile`, and one step of training, evaluation or prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nerve import losses as losses_module
from nerve import metrics as metrics_module
from nerve import optimizers
from nerve.autograd import gradients
from nerve.kernels._recording import configuration
from nerve.layers import Layer
from nerve.layers.context import inside
from nerve.layers.layer import unchanged_on_error
from nerve.layers.structure import flatten
from nerve.metrics import Mean, Metric
from nerve.models.checks import check_targets
from nerve.models.compiled import CompiledLoss, CompiledMetrics, Targets, number
from nerve.models.data import ArrayBatches, Batches, unpack
from nerve.tensor import Tensor, Variable, no_gradients

if TYPE_CHECKING:
    from nerve.models.functional import Graph

Logs = dict[str, float]


class Steps(Layer):
    """The part of a model that knows what one batch means."""

    _untracked = Layer._untracked | {"_stepped", "_compile_config", "_own_metrics", "_loss_tracker", "_recorders"}
    _graph: Graph | None
    optimizer: Any = None
    compiled = False
    _compile_config: dict[str, Any]
    _loss_tracker: Mean
    _loss: CompiledLoss | None = None
    _metrics: CompiledMetrics | None = None
    _targets: Targets | None = None
    _stepped: list[Variable] | None = None
    _own_metrics: Sequence[Metric] = ()
    _own_version = -1
    run_eagerly = False

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
    ) -> None:
        """Say how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
        loss : str, Loss, function of (y_true, y_pred), or a list or dict of these with one for each output
        loss_weights : float, or list or dict of floats, optional
            What the losses of several outputs are multiplied by before they are added.
        metrics : list of str, Metric or function, or a list or dict with such a list for each output
            "accuracy" is the accuracy that fits the shapes of targets and outputs.
        weighted_metrics : like metrics, optional
            Get the sample weights, which `metrics` do not.
        run_eagerly : bool
            Whether every step runs in Python. Else steps are recorded and replayed (:func:`nerve.compile`) where that
            can be done: not with a `train_step` of one's own, say, and not where a layer computes with NumPy.

        Raises
        ------
        ValueError
            If a name is unknown.
        """
        found = optimizers.get(optimizer)
        for identifier in flatten(loss):
            if identifier is not None and identifier not in ("crossentropy", "ce"):
                losses_module.get(identifier)
        for identifier in flatten([metrics, weighted_metrics]):
            if identifier is not None and str(identifier).lower() not in ("accuracy", "acc"):
                metrics_module.get(identifier)
        for weight in flatten(loss_weights):
            if weight is not None and not isinstance(weight, float | int | np.number):
                raise ValueError(f"[{self.name}] loss_weights must be numbers, got {weight!r}")
        self.optimizer = found
        self.run_eagerly = bool(run_eagerly)
        self._compile_config = {
            "optimizer": found,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": self.run_eagerly,
        }
        self._loss = self._metrics = self._targets = self._stepped = None
        self._loss_tracker = Mean("loss")
        self.compiled = True

    # One step

    def train_step(self, data: Any) -> Logs:
        """Learn from one batch; a subclass may do it in another way.

        Parameters
        ----------
        data : (x, y), or (x, y, sample_weight) if there are weights, or x if there are no targets

        Returns
        -------
        dict of str to float
            The loss and the metrics over the epoch so far.
        """
        x, y, sample_weight = unpack(data)
        y_pred = self._learn(x, y, sample_weight)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _learn(self, x: Any, y: Any, sample_weight: Any) -> Any:
        y_pred = self(x, training=True)
        loss = self.compute_loss(x, y, y_pred, sample_weight)
        variables = self.trainable_variables if self._stepped is None else self._stepped
        self.optimizer.apply(gradients(loss, variables), variables)
        self._track_loss(loss, flatten(y_pred)[0].shape[0])
        return y_pred

    def test_step(self, data: Any) -> Logs:
        """Evaluate one batch, which comes as that of `train_step`."""
        x, y, sample_weight = unpack(data)
        y_pred = self._judge(x, y, sample_weight)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _judge(self, x: Any, y: Any, sample_weight: Any) -> Any:
        y_pred = self(x, training=False)
        loss = self.compute_loss(x, y, y_pred, sample_weight)
        self._track_loss(loss, flatten(y_pred)[0].shape[0])
        return y_pred

    def predict_step(self, data: Any) -> Any:
        """Outputs for one batch, which comes as that of `train_step` without targets."""
        return self(unpack(data)[0], training=False)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Tensor:
        """The loss of a batch, to be minimized.

        Raises
        ------
        ValueError
            If the model was compiled without a loss, or there are no targets.
        """
        if y is None:
            raise ValueError(f"[{self.name}] needs targets y for its loss")
        total, _ = self._matched(y, y_pred)
        loss: Tensor | None = total(*self._flat(y, y_pred, sample_weight))
        if loss is None:
            raise ValueError(f"[{self.name}] has no loss: pass compile(loss=...)")
        for term in self.losses:
            loss = loss + term
        return loss

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Logs:
        """Add a batch to the metrics and return the loss and all metrics so far."""
        if self._metrics is None and y is not None and self.compiled:
            self._matched(y, y_pred)  # a model with a compute_loss of its own comes here first
        if self._metrics is not None and self._metrics.entries:
            self._metrics.update(*self._flat(y, y_pred, sample_weight))
        return self.get_metrics_result()

    def get_metrics_result(self) -> Logs:
        """The loss and the metrics so far."""
        logs = {"loss": self._loss_tracker.result()} if self._loss_tracker.count else {}
        if self._loss is not None:
            logs.update(self._loss.results())
        logs.update((metric.name, number(metric.result())) for metric in self._own_metrics)
        if self._metrics is not None:
            logs.update(self._metrics.results())
        return logs

    def reset_metrics(self) -> None:
        """Forget all batches."""
        self._loss_tracker.reset_state()
        if self._own_version != configuration.version:  # walking the layers takes longer than a small step
            self._own_metrics, self._own_version = self._find_own_metrics(), configuration.version
        compiled = [metric for _, metric, _, _ in self._metrics.entries] if self._metrics is not None else []
        usual = type(self).metrics is Steps.metrics  # a subclass may have a property of this name
        for metric in [*self._own_metrics, *compiled] if usual else self.metrics:
            metric.reset_state()
        if self._loss is not None:
            self._loss.reset()
        if self._metrics is not None:
            self._metrics.reset()

    def _find_own_metrics(self) -> list[Metric]:
        """The metrics that attributes of the model and of the layers inside hold; a step updates them itself."""
        return list({id(m): m for _, layer in self._walk() for _, m in layer._own(Metric)}.values())

    @property
    def metrics(self) -> list[Metric]:
        """Those that attributes hold, and those of `compile` from the first batch on, whose shapes they depend on."""
        compiled = [metric for _, metric, _, _ in self._metrics.entries] if self._metrics is not None else []
        return [*self._find_own_metrics(), *compiled]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` gives, in order."""
        losses = list(self._loss.results()) if self._loss is not None else []
        own = [metric.name for metric in self._find_own_metrics()]
        return ["loss", *losses, *own, *(self._metrics.results() if self._metrics is not None else [])]

    def _track_loss(self, loss: Tensor, n_samples: int) -> None:
        self._loss_tracker.update_state(loss.array.reshape(()), np.full((), n_samples, loss.dtype))

    def _flat(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Targets, predictions and weights, one per output."""
        if isinstance(y, np.ndarray) and isinstance(y_pred, Tensor):
            return [y], [y_pred], [sample_weight]  # one output, as nearly always
        _, targets = self._matched(y, y_pred)
        y_true = targets.flat("targets", y)
        if sample_weight is None or isinstance(sample_weight, np.ndarray):
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
        targets = Targets(names)
        y_shapes = [x.shape for x in targets.flat("targets", y)]
        shapes = [(*y_shape[:1], *x.shape[1:]) for x, y_shape in zip(outputs, y_shapes, strict=True)]
        config = self._compile_config
        loss = CompiledLoss(config["loss"], config["loss_weights"], targets, y_shapes, shapes)
        self._metrics = CompiledMetrics(config["metrics"], config["weighted_metrics"], targets, y_shapes, shapes)
        self._loss, self._targets = loss, targets
        return loss, targets

    # Before the first step

    def _require_compiled(self, what: str) -> None:
        if not self.compiled:
            raise RuntimeError(f"[{self.name}] call compile(optimizer, loss) before {what}")

    def _prepare_inputs(self, x: Any) -> Any:
        """Build the model for a batch of inputs, or check that it fits; gives outputs, symbolic if there is a graph."""
        with inside(self), unchanged_on_error(self):
            if not self.built:
                self._build_for((x,))
            if self._graph is not None:
                self._graph.convert(x)
                return self._graph.output_structure
            with no_gradients():
                return self(x, training=False)

    def _prepare(self, batches: Batches) -> None:
        """Build the model, and check the data against it; nothing has changed if it does not fit."""
        own_step = type(self).train_step is not Steps.train_step
        x, y, _ = batches.first()
        if own_step and self._graph is None:
            return  # such a model may not have a call at all
        with unchanged_on_error(self):
            outputs = self._prepare_inputs(x)
            own_loss = own_step or any(
                getattr(type(self), name) is not getattr(Steps, name) for name in ("test_step", "compute_loss")
            )
            if y is None and not own_loss:
                raise ValueError(f"[{self.name}] needs targets y for its loss")
            if y is None or self._compile_config["loss"] is None:
                return
            loss, targets = self._matched(y, outputs)
            every = targets.flat("targets", batches.y if isinstance(batches, ArrayBatches) else y)
            for name, one, y_true, y_pred in zip(targets.names, loss.losses, every, flatten(outputs), strict=True):
                check_targets(name, y_true, one, y_pred.shape)
