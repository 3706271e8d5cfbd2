"""The base of all callbacks, and the list that calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Any

from nerve._lookup import Spelled

Logs = MutableMapping[str, Any]


class Callback(Spelled):
    """What a model calls as it trains. Override what is needed.

    Attributes
    ----------
    model
        The model.
    params : dict
        `epochs`, `steps` (batches per epoch, None if unknown) and `verbose`.
    """

    model: Any = None
    comes_last = False  # whether others are called before it, wherever it stands in the list
    listed: Sequence[Callback] = ()  # all callbacks of the run, in the order in which they are called

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the parameters of the run."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model."""
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch; `logs` has its loss and metrics, those of the validation as `val_...`."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch, counted from 0 in every epoch; the first of every `steps_per_execution` of them."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch; `logs` has the loss and the metrics over the epoch so far.

        The last of every `steps_per_execution` batches, or of the epoch.
        """
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation or validation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After an evaluation or validation."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of an evaluation or validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of an evaluation or validation."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of a prediction."""

    def state(self) -> dict[str, Any]:
        """What the callback remembers of the run, as plain numbers, strings, lists and dicts, for BackupAndRestore."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        for name, value in state.items():
            setattr(self, name, value)

    def close(self) -> None:
        """Give back what the callback holds; called however the run ends, by an error or Ctrl-C too."""


class BatchCounter(Callback):
    """The part of a callback that does something after every so many batches, however many it hears of at once."""

    def __init__(self) -> None:
        super().__init__()
        self._batches = 0  # seen since it last did
        self._first = 0

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._first = batch

    def _due(self, batch: int, every: int) -> bool:
        """Count the batches up to `batch`; whether there are `every` of them."""
        self._batches += batch + 1 - self._first
        if self._batches < every:
            return False
        self._batches = 0
        return True


_EVENTS = (
    "train_begin", "train_end", "epoch_begin", "epoch_end", "train_batch_begin", "train_batch_end", "test_begin",
    "test_end", "test_batch_begin", "test_batch_end", "predict_begin", "predict_end", "predict_batch_begin",
    "predict_batch_end",
)  # fmt: skip


def _plain(value: Any) -> Any:
    return value.item() if getattr(value, "shape", None) == () else value


class LambdaCallback(Callback):
    """A callback made of functions.

    Parameters
    ----------
    **functions
        `on_epoch_end=lambda epoch, logs: ...` and so on, any of the methods of `Callback`.
    """

    @classmethod
    def _other_keywords(cls) -> tuple[str, ...]:
        return tuple(f"on_{event}" for event in (*_EVENTS, "batch_begin", "batch_end"))

    def __init__(self, **functions: Callable[..., Any] | None) -> None:
        super().__init__()
        for name, function in functions.items():
            if name not in self._other_keywords():
                raise TypeError(f"[LambdaCallback] {name} is not a method of Callback")
            if function is not None:
                setattr(self, name, function)


class CallbackList(Callback):
    """Several callbacks as one; only those that override a method are called for it.

    Parameters
    ----------
    callbacks : Callback or iterable of Callback, optional
    add_history : bool
        Append a `History` if there is none; it is then `history`.
    add_progbar : bool
        Put a `ProgbarLogger` first if there is none.
    model : optional
    **params
        See `Callback.params`.
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Callback] | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        from nerve.callbacks.progress import ProgbarLogger
        from nerve.callbacks.records import History

        super().__init__()
        if callbacks is not None and not isinstance(callbacks, Callback | Iterable):
            raise TypeError(f"[callbacks] expected a list of callbacks, got {callbacks!r}")
        self.callbacks = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"[callbacks] expected a nerve.callbacks.Callback, got {callback!r}")
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.insert(0, ProgbarLogger())
        if add_history and not any(isinstance(c, History) for c in self.callbacks):
            self.callbacks.append(History())
        self.callbacks.sort(key=lambda callback: callback.comes_last)
        for callback in self.callbacks:
            callback.listed = self.callbacks
        self.history = next((c for c in self.callbacks if isinstance(c, History)), None)
        self.set_params(params)
        if model is not None:
            self.set_model(model)
        self._listeners = {event: self._listening(event) for event in _EVENTS}

    def _listening(self, event: str) -> list[Callable[..., None]]:
        """The bound methods that do something on `event`."""
        names = [f"on_{event}"]
        if event.startswith("train_batch"):
            names.append(f"on_{event.removeprefix('train_')}")
        return [
            getattr(callback, names[0])
            for callback in self.callbacks
            if any(
                name in vars(callback) or getattr(type(callback), name) is not getattr(Callback, name) for name in names
            )
        ]

    def hears(self, event: str) -> bool:
        """Whether any callback does something on an event, such as "train_batch_end"."""
        return bool(self._listeners[event])

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def close(self) -> None:
        for callback in self.callbacks:
            callback.close()

    def _call(self, event: str, *args: Any) -> None:
        """Tell all. They share a dict of their own, sorted by name as Keras's are, with scalar tensors as numbers."""
        if not self.hears(event):
            return
        *position, logs = args
        shared = {name: _plain(value) for name, value in sorted((logs or {}).items())}
        for method in self._listeners[event]:
            method(*position, shared)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._call("train_begin", logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._call("train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._call("epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._call("epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("train_batch_end", batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._call("test_begin", logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._call("test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("test_batch_end", batch, logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._call("predict_begin", logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._call("predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("predict_batch_end", batch, logs)
