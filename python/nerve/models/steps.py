"""`compile`, and one step of training, evaluation or prediction."""

from __future__ import annotations

import inspect
import warnings
from typing import Any, Self

import numpy as np

from nerve import losses as losses_module
from nerve import metrics as metrics_module
from nerve import optimizers
from nerve._lookup import spelled
from nerve.autograd import gradients
from nerve.errors import ShapeError
from nerve.kernels._later import Checks
from nerve.layers.building import unchanged_on_error
from nerve.layers.context import dropped_updates, inside
from nerve.layers.structure import flatten
from nerve.metrics import Mean
from nerve.models.batch import unpack
from nerve.models.checks import check_counts, check_targets
from nerve.models.data import ArrayBatches, Batches
from nerve.models.measures import Logs, Measures
from nerve.tensor import Tensor, Variable, no_gradients


class Steps(Measures):
    """The part of a model that knows what one batch means."""

    _untracked = Measures._untracked | {"_stepped", "_compile_config", "_recorders"}
    optimizer: Any = None
    _stepped: list[Variable] | None = None
    _loss_takes_training = True
    run_eagerly = False
    steps_per_execution = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._loss_takes_training = "training" in inspect.signature(cls.compute_loss).parameters

    @spelled
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        *,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
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
            can be done: not where a layer or a step of one's own reads values or computes with NumPy, say.
        steps_per_execution : int
            Callbacks hear of batches in `fit`, `evaluate` and `predict` once for so many of them: of the first before
            they are run, and of the last after that. What is computed is the same.
        jit_compile : bool or "auto"
            False is `run_eagerly=True`, for programs written for Keras.
        auto_scale_loss : bool
            Of no account: it is about float16, in which nothing is computed here.

        Raises
        ------
        ValueError
            If a name is unknown, or `steps_per_execution` no positive int.
        """
        if jit_compile not in (True, False, "auto"):
            raise ValueError(f"[{self.name}] jit_compile must be True, False or 'auto', got {jit_compile!r}")
        run_eagerly = run_eagerly or jit_compile is False
        check_counts(1, steps_per_execution=steps_per_execution)
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
        self.steps_per_execution = int(steps_per_execution)
        self._compile_config = {
            "optimizer": found,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
        }
        self._loss = self._metrics = self._targets = self._stepped = None
        self._loss_tracker = Mean("loss")
        self.compiled = True

    @property
    def loss(self) -> Any:
        """What `compile` was told to minimize; None before."""
        return self._compile_config["loss"] if self.compiled else None

    # One step

    def train_step(self, data: Any) -> Logs:
        """Learn from one batch; a subclass may do it in another way.

        Parameters
        ----------
        data : (x, y), or (x, y, sample_weight) if there are weights, or x if there are no targets
            Tensors, in steps of one's own.

        Returns
        -------
        dict of str to float
            The loss and the metrics over the epoch so far. A step of one's own may give scalar tensors too.

        Notes
        -----
        A step of one's own is recorded and replayed as any other (see `compile`): what it does besides tensors,
        variables, metrics and optimizers, it does in the first runs alone. Where it reads a value, it runs in Python,
        with a warning; `compile(run_eagerly=True)` says that this is meant.

        Examples
        --------
        Under Keras 3 on PyTorch this runs as it is, with `keras.Model` as the base:

        >>> class Custom(Model):
        ...     def train_step(self, data):
        ...         x, y = data
        ...         self.zero_grad()
        ...         y_pred = self(x, training=True)
        ...         loss = self.compute_loss(x, y, y_pred)
        ...         loss.backward()
        ...         self.optimizer.apply([v.value.grad for v in self.trainable_variables], self.trainable_variables)
        ...         for metric in self.metrics:
        ...             if metric.name == "loss":
        ...                 metric.update_state(loss)
        ...             else:
        ...                 metric.update_state(y, y_pred)
        ...         return {metric.name: metric.result() for metric in self.metrics}

        `nerve.gradients(loss, variables)` leaves nothing behind, and needs no `zero_grad`.
        """
        x, y, sample_weight = unpack(data)
        y_pred = self._learn(x, y, sample_weight)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _learn(self, x: Any, y: Any, sample_weight: Any) -> Any:
        if self.optimizer.needs_closure:
            self._minimize(x, y, sample_weight)  # and measure where the step has ended
        y_pred = self(x, training=True)
        loss = self._computed_loss(x, y, y_pred, sample_weight, training=True)
        variables = self._learned_variables()  # this pass may have been the first, which makes them
        if not variables:  # losses and metrics are measured all the same, as by Keras
            warnings.warn(f"[{self.name}] has no trainable weights: fit changes none", stacklevel=2)
        elif not self.optimizer.needs_closure:
            self.optimizer.apply(gradients(self.optimizer.scale_loss(loss), variables), variables)
        self._track_loss(loss, flatten(y_pred)[0].shape[0])
        return y_pred

    def _learned_variables(self) -> list[Variable]:
        return self.trainable_variables if self._stepped is None else self._stepped

    def _minimize(self, x: Any, y: Any, sample_weight: Any) -> None:
        """A step of an optimizer that asks for the loss again and again."""

        def loss() -> Tensor:
            with dropped_updates():
                return self._computed_loss(x, y, self(x, training=True), sample_weight, training=True)

        variables, compiled = self._learned_variables(), self._loss
        if not variables:
            return
        try:
            if compiled is not None:
                compiled.tracks = False
            self.optimizer.step(loss, variables)
        finally:
            if compiled is not None:
                compiled.tracks = True

    def test_step(self, data: Any) -> Logs:
        """Evaluate one batch, which comes as that of `train_step`."""
        x, y, sample_weight = unpack(data)
        y_pred = self._judge(x, y, sample_weight)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _judge(self, x: Any, y: Any, sample_weight: Any) -> Any:
        y_pred = self(x, training=False)
        loss = self._computed_loss(x, y, y_pred, sample_weight, training=False)
        self._track_loss(loss, flatten(y_pred)[0].shape[0])
        return y_pred

    def predict_step(self, data: Any) -> Any:
        """Outputs for one batch, which comes as that of `train_step` without targets."""
        return self(unpack(data)[0], training=False)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The loss of a batch, to be minimized: that of `compile`, and `losses`; a subclass may have another.

        Raises
        ------
        ValueError
            If there is none, or no targets for that of `compile`.
        """
        loss: Tensor | None = None
        if self._compile_config["loss"] is not None:
            if y is None:
                raise ValueError(f"[{self.name}] needs targets y for its loss")
            total, _ = self._matched(y, y_pred)
            loss = total(*self._flat(y, y_pred, sample_weight))
        for term in self.losses:
            loss = term if loss is None else loss + term
        if loss is None:
            raise ValueError(f"[{self.name}] has no loss: pass compile(loss=...), or call add_loss in a layer")
        return loss

    def _computed_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, *, training: bool) -> Tensor:
        """`compute_loss`, which a subclass may have written without the argument `training`."""
        if self._loss_takes_training:
            return self.compute_loss(x, y, y_pred, sample_weight, training=training)
        return self.compute_loss(x, y, y_pred, sample_weight)

    # Before the first step

    def _require_compiled(self, what: str) -> None:
        if not self.compiled:
            raise RuntimeError(f"[{self.name}] call compile(optimizer, loss) before {what}")

    def _prepare_inputs(self, x: Any) -> Any:
        """Build the model for a batch of inputs, or check it; gives outputs, symbolic for a graph of layers."""
        with inside(self), unchanged_on_error(self):
            if not self.built:
                self._build_for((x,))
            if self._graph is not None:
                self._widen(x)
                self._graph.convert(x)
                return self._graph.output_structure
            with no_gradients():
                return self(x, training=False)

    def _widen(self, x: Any) -> None:
        """Make the graph one that takes `x`, if it may become another one: that of a `Sequential`."""

    def _numbers(self, x: Any) -> Any:
        """Inputs in which there is no text: before batches are made, so that no step sees any."""
        return x if self._graph is None or x is None else self._graph.numbers(x)

    def to(self, device: str) -> Self:
        super().to(device)
        if self.optimizer is not None:
            self.optimizer.to(device)
        return self

    to.__doc__ = Measures.to.__doc__

    def _place(self, batches: Batches) -> None:
        """Have batches moved to where the weights lie, or are going to."""
        batches.device = self._location()
        if batches.device == "cpu":
            self._checks = None
        elif self._checks is None:
            self._checks = Checks()

    def _prepare(self, batches: Batches) -> None:
        """Build the model, and check the data against it; nothing has changed if it does not fit."""
        own_step = type(self).train_step is not Steps.train_step
        self._place(batches)
        x, y, _ = batches.first()
        config = self._compile_config
        if own_step and self._graph is None and config["loss"] is None and not _has_metrics(config):
            return  # such a model may not have a call at all
        with unchanged_on_error(self):
            try:
                outputs = self._prepare_inputs(x)
            except ShapeError:
                if own_step and self._graph is not None:
                    return  # a step of its own may make of a batch what goes into the model
                raise
            own_loss = own_step or any(
                getattr(type(self), name) is not getattr(Steps, name) for name in ("test_step", "compute_loss")
            )
            if y is None and config["loss"] is not None and not own_loss:
                raise ValueError(f"[{self.name}] needs targets y for its loss")
            if y is None or (config["loss"] is None and not _has_metrics(config)):
                return
            loss, targets = self._matched(y, outputs)
            every = targets.flat("targets", batches.y if isinstance(batches, ArrayBatches) else y)
            for name, one, y_true, y_pred in zip(targets.names, loss.losses, every, flatten(outputs), strict=True):
                if y_true is not None:
                    check_targets(name, y_true, one, y_pred.shape)


def _has_metrics(config: dict[str, Any]) -> bool:
    return any(one is not None for one in flatten([config["metrics"], config["weighted_metrics"]]))
