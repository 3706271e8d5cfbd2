"""Callbacks that look at weights and their gradients."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from nerve.callbacks.callback import Callback, Logs


class SwapEMAWeights(Callback):
    """Evaluate with the moving averages of the weights that an optimizer with `use_ema` keeps.

    Parameters
    ----------
    swap_on_epoch : bool
        Swap at the end of every epoch too, and back at the beginning of the next, so that callbacks behind this one,
        `ModelCheckpoint` say, see the averages.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _pairs(self) -> list[tuple[Any, Any]]:
        optimizer = self.model.optimizer
        found = [one for one in getattr(optimizer, "optimizers", [optimizer]) if one.use_ema]
        if not found:
            raise ValueError("[SwapEMAWeights] needs an optimizer with use_ema=True")
        return [pair for one in found for pair in zip(one.variables, one.gathered.get("average", []), strict=False)]

    def _swap(self, swapped: bool) -> None:
        if self._swapped is swapped:
            return
        self._swapped = swapped
        for variable, average in self._pairs():
            weights = variable.array.copy()
            variable.assign(average)
            average[...] = weights

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(True)
            if epoch == self.params.get("epochs", 0) - 1:  # the end of training gives the weights their averages
                for variable, average in self._pairs():
                    average[...] = variable.array

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._swap(False)


class GradientNorms(Callback):
    """Keep the norm of the gradients of every layer, and warn where gradients vanish or explode.

    The norms are computed in the training step itself, recorded or not, before gradients are clipped. Of several
    `steps_per_execution`, those of the last count.

    Parameters
    ----------
    vanishing, exploding : float
        A layer whose mean norm in an epoch is below the one or above the other, or not a number, is named in a
        warning, once.

    Attributes
    ----------
    history : dict of list
        For each layer the mean norms of the epochs, under its path.
    """

    def __init__(self, vanishing: float = 1e-7, exploding: float = 1e3) -> None:
        super().__init__()
        if not 0 <= vanishing < exploding:
            raise ValueError(f"[GradientNorms] expects 0 <= vanishing < exploding, got {vanishing} and {exploding}")
        self.vanishing = vanishing
        self.exploding = exploding
        self.history: dict[str, list[float]] = {}
        self._warned: list[str] = []
        self._sums: Any = 0.0
        self._batches = 0

    def state(self) -> dict[str, Any]:
        return {"history": self.history, "_warned": self._warned}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.history, self._warned = {}, []
        optimizer = self.model.optimizer
        if not hasattr(optimizer, "watched"):
            raise TypeError(f"[GradientNorms] needs an optimizer of nerve, got {optimizer!r}")
        optimizer.watched = {}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._sums, self._batches = {}, 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        for key, norm in self.model.optimizer.watched.items():
            self._sums[key] = self._sums.get(key, 0.0) + np.square(norm, dtype=np.float64).item()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        for path, layer in self.model._walk():
            own = [self._sums[id(v)] for v in layer._variables() if id(v) in self._sums]
            if not own:
                continue
            name = path.rstrip("/") or self.model.name
            norm = math.sqrt(sum(own) / self._batches)
            self.history.setdefault(name, []).append(norm)
            what = "vanish" if norm < self.vanishing else "explode" if not norm <= self.exploding else ""
            if what and f"{name} {what}" not in self._warned:
                self._warned.append(f"{name} {what}")
                warnings.warn(
                    f"[GradientNorms] gradients of {name} ({type(layer).__name__}) {what}: "
                    f"their norm in epoch {epoch + 1} is {norm:.3g}",
                    stacklevel=2,
                )

    def close(self) -> None:
        if self.model is not None and hasattr(self.model.optimizer, "watched"):
            self.model.optimizer.watched = None
