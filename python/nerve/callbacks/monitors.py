"""Callbacks that watch one number and act on its best value."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import Any

from nerve import serialization
from nerve.callbacks.callback import BatchCounter, Callback, Logs


class Monitor(Callback):
    """Base of the callbacks that watch one number.

    Parameters
    ----------
    monitor : str
        Its name in the logs.
    mode : {"auto", "min", "max"}
        What is better. "auto" knows losses, errors and the metrics of the model.
    min_delta : float
        Changes of less are no improvement.
    """

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"[{type(self).__name__}] mode must be auto, min or max, got {mode!r}")
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.best: float | None = None

    def current(self, logs: Logs | None) -> float | None:
        """The watched number, or None with a warning where the logs do not have it."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            known = ", ".join(logs or {})
            warnings.warn(f"[{type(self).__name__}] {self.monitor!r} is not in the logs ({known})", stacklevel=3)
        return value

    def improves(self, current: float, reference: float | None) -> bool:
        """Whether `current` is better than `reference` by at least `min_delta`; NaN never is."""
        if reference is None:
            return not math.isnan(current)
        if self._direction() == "up":
            return current - self.min_delta > reference
        return current + self.min_delta < reference

    def _direction(self) -> str:
        if self.mode != "auto":
            return "up" if self.mode == "max" else "down"
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith(("_loss", "error")):
            return "down"
        if "acc" in name:
            return "up"
        listed = getattr(self.model, "metrics", None) or ()
        for metric in (one for several in listed for one in getattr(several, "metrics", [several])):
            if metric.name == name and metric.direction is not None:
                direction: str = metric.direction
                return direction
        raise ValueError(
            f"[{type(self).__name__}] cannot tell if {self.monitor!r} should rise or fall: pass mode='max' or 'min'"
        )


class EarlyStopping(Monitor):
    """Stop when the monitored number has not improved for `patience` epochs.

    Parameters
    ----------
    monitor, min_delta, mode
        See `Monitor`.
    patience : int
    verbose : {0, 1}
        1 prints what is done.
    baseline : float, optional
        An improvement counts only if it is one on this too.
    restore_best_weights : bool
        Go back to the weights of the best epoch at the end.
    start_from_epoch : int
        Epochs before this are not watched.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None
        self.stopped_epoch = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def state(self) -> dict[str, Any]:
        best = None if self.best_weights is None else serialization.serialize(self.best_weights)
        names = ("best", "best_epoch", "stopped_epoch", "wait")
        return {"best_weights": best, **{name: getattr(self, name) for name in names}}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state({**state, "best_weights": serialization.deserialize(state["best_weights"])})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self.current(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        improved = self.improves(current, self.best)
        # The first epoch is kept in any case, so that there is something to go back to where nothing ever improves.
        if improved or (self.restore_best_weights and self.best_weights is None):
            self._keep(epoch)
        self.wait += 1
        if improved:
            self.best = current
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = [weight.copy() for weight in self.model.get_weights()]

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.verbose and self.stopped_epoch:
            print(f"Epoch {self.stopped_epoch + 1}: stopped early")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Going back to the weights of the best epoch, {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(Monitor, BatchCounter):
    """Save the model, or its weights, as it trains.

    Parameters
    ----------
    filepath : path
        May hold format fields, `"model-{epoch:02d}-{val_loss:.2f}.nerve"`; epochs count from 1 there.
    monitor, mode
        See `Monitor`.
    verbose : {0, 1}
        1 prints what is done.
    save_best_only : bool
        Save only where the monitored number is the best so far.
    save_weights_only : bool
        `model.save_weights` instead of `model.save`.
    save_freq : "epoch" or int
        After every epoch, or after this many batches.
    initial_value_threshold : float, optional
        The best value before the first epoch.
    max_to_keep : int, optional
        How many of the files it writes to leave: the last ones, with `save_best_only` the best.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        if max_to_keep is not None and not (isinstance(max_to_keep, int) and max_to_keep > 0):
            raise ValueError(f"[ModelCheckpoint] max_to_keep must be a positive int, got {max_to_keep!r}")
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ValueError(f"[ModelCheckpoint] save_freq must be 'epoch' or a positive int, got {save_freq!r}")
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self.max_to_keep = max_to_keep
        self._epoch = 0
        self._written: list[str] = []

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "_batches": self._batches, "_written": self._written}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        check = getattr(self.model, "check_file_name", None)  # before hours of training, and not behind them
        if check is not None:
            check(self.filepath, self.save_weights_only)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if isinstance(self.save_freq, int) and self._due(batch, self.save_freq):
            self._save(self._epoch, {"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: Logs) -> None:
        if self.save_best_only:
            current = self.current(logs)
            # Without the number, saving too often is better than losing the model; the warning has been given.
            if current is not None and not self.improves(current, self.best):
                if self.verbose:
                    print(f"Epoch {epoch + 1}: {self.monitor} has not improved from {self.best}")
                return
            self.best = current if current is not None else self.best
        try:
            path = Path(self.filepath.format(epoch=epoch + 1, **logs))
        except KeyError as error:
            raise ValueError(
                f"[ModelCheckpoint] filepath {self.filepath!r} names {error}, the logs have only {', '.join(logs)}"
            ) from None
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        self._written = [*(other for other in self._written if other != str(path)), str(path)]
        while self.max_to_keep is not None and len(self._written) > self.max_to_keep:
            Path(self._written.pop(0)).unlink(missing_ok=True)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved {path}")


class ReduceLROnPlateau(Monitor):
    """Lower the learning rate when the monitored number has not improved for `patience` epochs.

    Parameters
    ----------
    monitor, mode, min_delta
        See `Monitor`.
    factor : float
        The learning rate is multiplied by this, < 1.
    patience : int
    verbose : {0, 1}
        1 prints what is done.
    cooldown : int
        Epochs after a reduction that are not counted.
    min_lr : float
        The learning rate never falls below this.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0.0 < factor < 1.0:
            raise ValueError(f"[ReduceLROnPlateau] factor must be in (0, 1), got {factor}")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "wait": self.wait, "cooldown_counter": self.cooldown_counter}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if logs is not None:
            logs["learning_rate"] = optimizer.learning_rate
        current = self.current(logs)
        if current is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self.cooldown_counter = self.cooldown
                self.wait = 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: the learning rate is now {optimizer.learning_rate:g}")
