"""A function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, flatten_shapes, is_shape, map_shapes

__all__ = [
    "Lambda",
]


class Lambda(Layer):
    """Calls a function on its inputs.

    A model file never holds code. A function of `nerve.ops` or `nerve.activations` is saved by its name, and one of
    your own with a name must be among the `custom_objects` when the model is loaded; a `lambda` cannot be saved.

    Parameters
    ----------
    function : callable
        Of the inputs, and of `training` and `mask` if it has arguments with these names.
    output_shape : tuple of int or callable, optional
        Of a sample, without the batch, or a function of the inputs' shape; found by calling `function` if not given.
    mask : array or callable, optional
        The mask of the result, or a function of inputs and their mask.
    arguments : dict, optional
        Further arguments of `function`, by name.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Sequence[int | None] | Callable[[Shape], Shape] | None = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        if not callable(function):
            raise TypeError(f"[{self.name} (Lambda)] expects a function, got {function!r}")
        self.function = function
        self.mask = mask
        self.arguments = dict(arguments or {})
        self._output_shape = output_shape
        try:
            names = set(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # written in C, without a signature
            names = set()
        self._takes = names & {"training", "mask"}

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        special = {"training": training, "mask": mask}
        return self.function(inputs, **self.arguments, **{name: special[name] for name in self._takes})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """What `mask` says."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = flatten_shapes(input_shape)[0][0]
        shape = tuple(self._output_shape) if is_shape(self._output_shape) else self._output_shape
        return map_shapes(lambda one: (batch, *one), shape)
