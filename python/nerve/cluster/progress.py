"""A fit of tasks, or of runs of many steps, told to scikit-learn's callbacks; nothing is made where nobody listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Progress:
    """The tasks of a fit: ``fit``, and up to ``runs`` within it, each of up to so many ``steps``.

    Parameters
    ----------
    estimator : estimator with ``CallbackSupportMixin``, within a method decorated by ``with_callbacks``.
    runs : how many tasks there are within the fit at most; None if that is not known.
    data : ``X`` and ``metadata`` for the callbacks.
    """

    def __init__(self, estimator: Any, runs: int | None, **data: Any) -> None:
        self.estimator, self.data = estimator, data
        self.listened = bool(getattr(estimator, "_skl_callbacks", None))
        self.tasks = [estimator._init_callback_context(max_subtasks=runs)]
        self.tasks[0].call_on_fit_task_begin(estimator=estimator, **data)

    def begin(self, name: str, steps: int = 0) -> None:
        """A task within the last one begun; ``steps``: how many it has itself at most."""
        if self.listened:
            task = self.tasks[-1].subcontext(task_name=name, max_subtasks=steps)
            self.tasks.append(task.call_on_fit_task_begin(estimator=self.estimator, **self.data))

    def end(self, attributes: Callable[[], dict[str, Any]] | None = None) -> bool:
        """The last task begun is done; whether its siblings are not wanted any more.

        ``attributes`` gives what an estimator needs for predictions now.
        """
        if not self.listened:
            return False
        return bool(
            self.tasks.pop().call_on_fit_task_end(
                estimator=self.estimator, reconstruction_attributes=attributes, **self.data
            )
        )
