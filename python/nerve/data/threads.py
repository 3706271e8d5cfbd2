"""Work ahead of a consumer on threads that end with it.

Whatever ends an iteration ends its threads: the last element, an exception, Ctrl-C, `break`, the end of the program.
Threads work in the context of their consumer: its backend, with or without gradients.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_POOL_NAME = "nerve-map"
# Seconds after which a waiting thread looks whether the program is over: nobody may be there to tell it.
_LOOK_UP = 0.1


def close(iterator: Any) -> None:
    """End an iterator that has an end of its own to run: a generator."""
    if hasattr(iterator, "close"):
        iterator.close()


class _Channel:
    """A few elements on their way from one thread to another."""

    def __init__(self, size: int) -> None:
        self._elements: deque[tuple[Any, BaseException | None]] = deque()
        self._size = size
        self._changed = threading.Condition()
        self._stopped = self._finished = False

    def fill(self, items: Iterator[Any]) -> None:
        """Send all `items`, and the exception that ends them if one does."""
        try:
            for item in items:
                if not self._send(item, None):
                    return
        except BaseException as error:  # whatever it is, it is the consumer's
            self._send(None, error)
        finally:
            close(items)
            with self._changed:
                self._finished = True
                self._changed.notify_all()

    def _send(self, item: Any, error: BaseException | None) -> bool:
        with self._changed:
            while len(self._elements) >= self._size and not self._stopped:
                self._changed.wait(_LOOK_UP)
                self._stopped |= not threading.main_thread().is_alive()
            if not self._stopped:
                self._elements.append((item, error))
                self._changed.notify_all()
            return not self._stopped

    def receive(self) -> Iterator[Any]:
        """All that is sent, in order."""
        while True:
            with self._changed:
                while not self._elements and not self._finished:
                    self._changed.wait(_LOOK_UP)  # in slices: Windows has no Ctrl-C while a lock is waited for
                if not self._elements:
                    return
                item, error = self._elements.popleft()
                self._changed.notify_all()
            if error is not None:
                raise error  # with the traceback of the thread it comes from
            yield item

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


def prefetched(source: Callable[[], Iterator[Any]], size: int) -> Iterator[Any]:
    """The elements of `source()`, up to `size` of them made ahead on a thread."""
    channel = _Channel(size)
    context = contextvars.copy_context()
    worker = threading.Thread(target=context.run, args=(channel.fill, source()), name="nerve-prefetch")
    try:
        worker.start()  # in here: Ctrl-C may come before it returns
        yield from channel.receive()
    finally:
        channel.stop()
        # The collector of garbage may run this anywhere, in the thread itself too.
        if worker.is_alive() and worker is not threading.current_thread():
            worker.join()


def mapped(
    source: Callable[[], Iterator[Any]], function: Callable[[Any], Any], workers: int, ahead: int
) -> Iterator[Any]:
    """`function` of the elements of `source()`, in their order, by `workers` threads, at most `ahead` at a time."""
    items = source()
    pending: deque[Future[Any]] = deque()
    failure: Exception | None = None
    pool = ThreadPoolExecutor(workers, thread_name_prefix=_POOL_NAME)
    try:
        while failure is None:
            try:
                item = next(items)
            except StopIteration:
                break
            except Exception as error:  # comes after the elements before it
                failure = error
                break
            pending.append(pool.submit(contextvars.copy_context().run, function, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        if failure is not None:
            raise failure
    finally:
        own = threading.current_thread().name.startswith(_POOL_NAME)
        pool.shutdown(wait=not own, cancel_futures=True)
        close(items)
