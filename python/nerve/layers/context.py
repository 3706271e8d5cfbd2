"""What the layers of one call share: where in the model it is, whether it trains, which updates it owes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from nerve.errors import DeviceError, DTypeError, ShapeError
from nerve.gpu import get_device

if TYPE_CHECKING:
    from nerve.layers.layer import Layer
    from nerve.layers.symbolic import SymbolicTensor


class _State(threading.local):
    def __init__(self) -> None:
        self.path: list[Layer] = []
        self.training: bool | None = None
        self.updates: list[Callable[[], None]] | None = None
        self.loading = False
        self.calls = 0  # of layers that no other called, which is how losses of one pass are told from older ones
        self.inferring = False  # whether layers run on stand-ins, for the shapes alone


state = _State()


@contextmanager
def deferred_updates() -> Iterator[None]:
    """Hold the updates of variables that layers make besides gradients; made at the end, unless an error comes.

    So a step that fails half way leaves moving averages as they were.
    """
    outer = state.updates
    updates: list[Callable[[], None]] = []
    state.updates = updates
    try:
        yield
    finally:
        state.updates = outer
    for update in updates:
        update()


@contextmanager
def dropped_updates() -> Iterator[None]:
    """Make none of these updates: for passes that only try what the loss would be."""
    outer = state.updates
    state.updates = []
    try:
        yield
    finally:
        state.updates = outer


def add_update(update: Callable[[], None]) -> None:
    """Run `update` when the outermost call (or the training step around it) has gone well."""
    if state.updates is None:
        update()
    else:
        state.updates.append(update)


@contextmanager
def loading() -> Iterator[None]:
    """Make weights without drawing random numbers: their values come from a file."""
    outer = state.loading
    state.loading = True
    try:
        yield
    finally:
        state.loading = outer


@contextmanager
def inferring() -> Iterator[None]:
    """Run layers for the shapes of their results: what they add to the loss means nothing."""
    outer = state.inferring
    state.inferring = True
    try:
        yield
    finally:
        state.inferring = outer


def device() -> str:
    """Where a weight made now belongs: where `Layer.to` has said for the layer at work or one around it."""
    return next((layer._device for layer in reversed(state.path) if layer._device is not None), None) or get_device()


def locate(error: ShapeError | DTypeError | DeviceError) -> None:
    """Begin the message with the path of the layer at work, unless one inside of it has."""
    if not hasattr(error, "layer_path"):
        where = "/".join(layer.name for layer in state.path)
        error.args = (f"[{where} ({type(state.path[-1]).__name__})] {error}",)
        error.layer_path = where  # type: ignore[union-attr]


def say_source(error: ShapeError | DTypeError, tensors: Iterable[SymbolicTensor]) -> None:
    """End the message with the layers that gave the inputs of the one at work, unless one inside of it has."""
    nodes = [(x.node.layer, x.shape) for x in tensors if x.node is not None]
    if nodes and not hasattr(error, "source_said"):
        sources = ", ".join(f"{layer.name} ({type(layer).__name__}): {shape}" for layer, shape in nodes)
        error.args = (f"{error}; inputs come from {sources}",)
        error.source_said = True  # type: ignore[union-attr]


class inside:
    """Put a layer on the path while it works, so that shape and dtype errors name it."""

    __slots__ = ("layer", "outermost", "pushed")

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __enter__(self) -> None:
        path = state.path
        self.pushed = not path or path[-1] is not self.layer  # build runs inside the call of the same layer
        if self.pushed:
            path.append(self.layer)
        self.outermost = state.updates is None
        if self.outermost:
            state.updates = []

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, ShapeError | DTypeError | DeviceError):
            locate(error)
        if self.pushed:
            state.path.pop()
        if self.outermost:
            updates, state.updates = state.updates or [], None
            if error is None:
                for update in updates:
                    update()
