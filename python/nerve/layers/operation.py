"""An op of `nerve.ops` as a layer, so that ops on symbolic tensors become part of a functional model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions, unique_name

__all__ = [
    "Operation",
]


class Operation(Layer):
    """Calls `op` on its arguments, as they are.

    Made by itself when an op meets a symbolic tensor (`x + 1`, `ops.exp(x)`); nobody needs to write it down.

    Parameters
    ----------
    op : callable
        A function of `nerve.ops`, or any differentiable op; one of your own must be in `custom_objects` to load a
        model that uses it.
    """

    autocast = False
    _passes_masks_on = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: an op knows nothing of masks."""
        return None

    def __init__(self, op: Callable[..., Any], **options: Unpack[LayerOptions]) -> None:
        options.setdefault("name", unique_name(op.__name__))
        super().__init__(**options)
        self.op = op
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.op(*args, **kwargs)
