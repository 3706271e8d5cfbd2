"""The progress of a run: a bar on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from nerve.callbacks.callback import Callback, Logs

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# Seconds between two pictures of the bar: drawing one takes about a millisecond, as long as a small batch.
REFRESH = 0.1


class ProgbarLogger(Callback):
    """Show what is done. `verbose` of the run decides how.

    0 is silence, 2 a line per epoch. 1 and "auto" are a bar with the numbers so far on a terminal or in a notebook, and
    a line per epoch where the output goes to a file.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._lines: list[str] = []
        self._silent = True
        self._training = False
        self._last_drawn = self._started = 0.0
        self._title = ""
        self._done = 0

    def _open(self, title: str) -> None:
        """Begin a run."""
        verbose = self.params.get("verbose", "auto")
        self._silent = verbose == 0
        if not self._silent and verbose != 2 and (sys.stdout.isatty() or "ipykernel" in sys.modules):
            self._bar = new_bar()
            self._task = self._bar.add_task(title, logs="")
            self._bar.start()
        self._begin(title)

    def _begin(self, title: str) -> None:
        """Begin a pass over the data."""
        self._title = title
        self._done = 0
        self._started = time.perf_counter()
        if self._bar is not None and self._task is not None:
            self._bar.reset(self._task, description=title, total=self.params.get("steps"), logs="")

    def _advance(self, batch: int, logs: Logs | None) -> None:
        self._done = batch + 1
        now = time.perf_counter()
        if self._bar is not None and now - self._last_drawn >= REFRESH:
            self._draw(now, logs)

    def _draw(self, now: float, logs: Logs | None) -> None:
        if self._bar is None or self._task is None:
            return
        for line in self._lines:
            self._bar.console.print(line, markup=False, highlight=False)
        self._lines.clear()
        self._bar.update(self._task, completed=self._done, logs=numbers(logs))
        self._bar.refresh()
        self._last_drawn = now

    def _end(self, logs: Logs | None) -> None:
        """End a pass: its line stays."""
        now = time.perf_counter()
        seconds = now - self._started
        parts = [self._title, f"{seconds:.1f}s"]
        if self._done:
            parts.append(f"{1e3 * seconds / self._done:.3g}ms/step")
        line = " - ".join([*parts, *filter(None, [numbers(logs)])])
        if self._bar is None:
            if not self._silent:
                print(line, flush=True)
            return
        # Lines wait for the next picture, so that a thousand tiny epochs cost ten pictures a second and no more.
        self._lines.append(line)
        if now - self._last_drawn >= REFRESH:
            self._draw(now, logs)

    def close(self) -> None:
        """Take the bar away and give the cursor back."""
        if self._bar is not None:
            for line in self._lines:
                self._bar.console.print(line, markup=False, highlight=False)
            self._bar.stop()
        self._bar = self._task = None
        self._lines.clear()
        self._training = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._training = True
        self._open("Training")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._begin(f"Epoch {epoch + 1}/{self.params.get('epochs', '?')}")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._advance(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._end(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._open("Evaluation")

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._training:
            self._advance(batch, logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._end(logs)
            self.close()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._open("Prediction")

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._advance(batch, None)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self.close()


def new_bar(width: int = 24) -> Progress:
    """A bar that is drawn when it is told to, with numbers behind it, and leaves no trace."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=width),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[logs]}", markup=False),
        auto_refresh=False,
        transient=True,
    )


def numbers(logs: Logs | None) -> str:
    """`accuracy: 0.9810 - loss: 6.1200e-04`."""
    return " - ".join(f"{name}: {_number(value)}" for name, value in (logs or {}).items())


def _number(value: Any) -> str:
    if getattr(value, "ndim", 0):  # a metric of several classes or thresholds
        return f"[{' '.join(map(_number, value))}]"
    value = float(value)
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.4e}"
