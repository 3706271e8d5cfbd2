"""Keras's bar for loops of one's own."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from nerve.callbacks.progress import new_bar, numbers


class Progbar:
    """Shows how far a loop is: a bar on a terminal or in a notebook, a line at the end elsewhere.

    Parameters
    ----------
    target : int or None
        Steps of the loop, if known.
    width : int
        Of the bar, in characters.
    verbose : {0, 1, 2}
        0: nothing, 1: the bar, 2: a line at the end.
    interval : float
        Seconds between two pictures of the bar.
    stateful_metrics : iterable of str, optional
        Values that are shown as they are; others are averaged over the steps.
    stateless_metrics : iterable of str, optional
        Instead: the only values that are averaged.
    unit_name : str
        What the loop counts.

    Examples
    --------
    >>> bar = Progbar(len(batches))
    >>> for step, batch in enumerate(batches):
    ...     bar.update(step + 1, [("loss", train(batch))])
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("[Progbar] takes stateful_metrics or stateless_metrics, not both")
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.unit_name = unit_name
        self._as_is = set(stateful_metrics or ())
        self._averaged = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[Any, float]] = {}  # weighted sum and weight; None for what is shown as it is
        self._seen = 0
        self._started = time.perf_counter()
        self._drawn = 0.0
        self._bar: Any = None
        self._task: Any = None

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Say that step `current` is done.

        Parameters
        ----------
        current : int
        values : list of (name, value), optional
            Of this step.
        finalize : bool, optional
            Whether it was the last; told by `target` if not given.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        added = max(current - self._seen, 1)
        self._seen = current
        for name, value in values or ():
            if name in self._as_is or (self._averaged is not None and name not in self._averaged):
                self._sums[name] = (value, 1.0)
            else:
                total, weight = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = (total + added * np.asarray(value, np.float64), weight + added)
        if self.verbose == 1 and (sys.stdout.isatty() or "ipykernel" in sys.modules):
            self._draw(finalize)
        if finalize and self.verbose:
            self._end()

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Say that `n` more steps are done."""
        self.update(self._seen + n, values)

    def _logs(self) -> dict[str, Any]:
        return {name: total / weight for name, (total, weight) in self._sums.items()}

    def _draw(self, finalize: bool) -> None:
        if self._bar is None:
            self._bar = new_bar(self.width)
            self._task = self._bar.add_task("", total=self.target, logs="")
            self._bar.start()
        now = time.perf_counter()
        if finalize or now - self._drawn >= self.interval:
            self._bar.update(self._task, completed=self._seen, logs=numbers(self._logs()))
            self._bar.refresh()
            self._drawn = now

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        seconds = time.perf_counter() - self._started
        count = f"{self._seen}/{self.target}" if self.target is not None else f"{self._seen}"
        parts = [count, f"{seconds:.1f}s", f"{1e3 * seconds / max(self._seen, 1):.3g}ms/{self.unit_name}"]
        print(" - ".join([*parts, *filter(None, [numbers(self._logs())])]), flush=True)
