"""Building a layer as a whole: it succeeds, or leaves nothing behind."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nerve.layers import context

if TYPE_CHECKING:
    from nerve.layers.layer import Layer


@contextmanager
def unchanged_on_error(layer: Layer) -> Iterator[None]:
    """If the block fails, `layer` and all inside it are as before: no half-made weights, nothing marked as built."""
    before = [
        (inner, {key: list(value) if type(value) is list else value for key, value in vars(inner).items()})
        for _, inner in layer._walk()
    ]
    try:
        yield
    except BaseException:
        for inner, attributes in before:
            vars(inner).clear()
            vars(inner).update(attributes)
        raise


def whole(build: Callable[..., None]) -> Callable[..., None]:
    """`build`, which marks its layer as built, and leaves it as it was when it fails."""

    @functools.wraps(build)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> None:
        with context.inside(self), unchanged_on_error(self):
            build(self, *args, **kwargs)
            self.built = True
            self._built_for = args[0] if args else kwargs.get("input_shape")

    return wrapped
