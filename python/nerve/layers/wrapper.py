"""A layer around another."""

from __future__ import annotations

from typing import Any, Unpack

from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions

__all__ = [
    "Wrapper",
]


class Wrapper(Layer):
    """Base of the layers that change what one other layer does.

    A subclass defines `call`, and `build` where the inner layer sees other shapes than its own inputs.

    Parameters
    ----------
    layer : Layer
    """

    def __init__(self, layer: Layer, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if not isinstance(layer, Layer):
            raise TypeError(f"[{self.name} ({type(self).__name__})] expects a layer to wrap, got {layer!r}")
        self.layer = layer

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
