"""Ctrl-C between the steps of training, not inside of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class WholeSteps:
    """Inside this block, Ctrl-C waits for the end of a step (`with steps.step: ...`) if one is under way.

    So the weights are always those after a whole step. Everywhere else Ctrl-C works at once, as it does in threads,
    which no signal reaches, and where somebody else handles it already.
    """

    def __init__(self) -> None:
        self.step = _Step()
        self._before: Any = None

    def __enter__(self) -> Self:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            self._before = signal.signal(signal.SIGINT, self.step.on_signal)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


class _Step:
    def __init__(self) -> None:
        self.active = False
        self.pending = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.active:
            self.pending = True
        else:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        self.active = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.active = False
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt
