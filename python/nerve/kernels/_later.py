"""Checks of values on the GPU that nothing waits for: what is wrong is counted there, and said when it is read.

Reading one value back costs more than many kernels. So a loop over batches, and whatever is recorded, counts wrong
values (`Checks.note`), lets kernels have the nearest right ones, and raises after the pass (`Checks.raise_errors`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nerve._typing import Array
from nerve.kernels._arrays import array_module


class _Now(threading.local):
    checks: Checks | None = None


now = _Now()


class Checks:
    """Counts of wrong values in the memory of a GPU, by the error they lead to."""

    def __init__(self) -> None:
        self._counts: dict[tuple[type[Exception], str], Array] = {}

    def note(self, wrong: Array, error: Exception) -> None:
        """Count where booleans are true."""
        module = array_module(wrong)
        key = type(error), str(error)
        if key not in self._counts:
            self._counts[key] = module.zeros((), "int64")
        self._counts[key] += module.count_nonzero(wrong)

    def raise_errors(self) -> None:
        """Wait for all that was noted; raise if something was wrong, and begin anew."""
        found = [key for key, count in self._counts.items() if int(count)]
        for count in self._counts.values() if found else ():
            count[...] = 0
        for kind, message in found:
            raise kind(message)


@contextmanager
def deferred(checks: Checks | None) -> Iterator[None]:
    """Note in `checks` what is wrong with values on the GPU inside this block; None checks at once."""
    outer, now.checks = now.checks, checks
    try:
        yield
    finally:
        now.checks = outer


def noted(wrong: Any, error: Exception) -> bool:
    """Note wrong values, if checks are deferred here; gives whether they are."""
    if now.checks is None:
        return False
    now.checks.note(wrong, error)
    return True
