"""A stack of layers, each with one input and one output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from nerve import serialization
from nerve.errors import ShapeError
from nerve.layers import InputLayer, Layer
from nerve.layers.building import unchanged_on_error
from nerve.layers.context import inside
from nerve.layers.structure import Shape, is_shape
from nerve.layers.symbolic import SymbolicTensor
from nerve.models.functional import Graph
from nerve.models.model import Model
from nerve.models.texts import text_input


class Sequential(Model):
    """Layers that are called one after the other.

    With an `Input` or a model that knows its own in front the weights are made at once, otherwise when the first data
    comes.

    Parameters
    ----------
    layers : iterable of Layer, optional
        The first may be what `Input` gives.
    name : str, optional
    trainable : bool
    dtype : str, optional

    Examples
    --------
    >>> model = Sequential([Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(1)])
    """

    _follows_data = False  # whether the shape of the input is that of the first data

    def __init__(
        self,
        layers: Iterable[Layer | SymbolicTensor] | None = None,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        self._stack: list[Layer] = []
        self._tensors: list[SymbolicTensor] = []  # the input and every layer's output, once the input is known
        if layers is not None and not isinstance(layers, Iterable):
            raise TypeError(f"[{self.name}] expects a list of layers, got {layers!r}")
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Layer | SymbolicTensor) -> None:
        """Put a layer on top.

        Raises
        ------
        ShapeError
            If it does not fit what it would get; the model is as before.
        ValueError
            If the name is taken, or an Input does not come first.
        """
        if isinstance(layer, SymbolicTensor) and layer.node is not None and isinstance(layer.node.layer, InputLayer):
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            hint = f": make one, {layer.__name__}(...)" if isinstance(layer, type) and issubclass(layer, Layer) else ""
            raise TypeError(f"[{self.name}] expects layers, got {layer!r}{hint}")
        if isinstance(layer, InputLayer):
            if self._stack or self._tensors:
                raise ValueError(f"[{self.name}] an Input must come first")
            self._tensors = [layer.output]
            return
        if layer.name in [other.name for other in self._stack]:
            raise ValueError(f"[{self.name}] already has a layer called {layer.name!r}")
        if layer._first_shape is not None and not self._stack and not self._tensors:
            self._tensors = [InputLayer(layer._first_shape).output]
        if self._tensors:
            with unchanged_on_error(layer), inside(self):
                output = self._next(layer, self._tensors[-1])
            self._stack.append(layer)
            self._tensors.append(output)
            self._regraph()
        else:
            self._stack.append(layer)
            if len(self._stack) == 1 and isinstance(layer, Model) and layer._graph is not None:
                self._begin_as(layer)

    def _begin_as(self, model: Model) -> None:
        """Take the input of the model that comes first, where it has one and not several."""
        if len(model.inputs) == 1:
            (x,) = model.inputs
            self._tensors = [InputLayer(x.shape[1:], x.shape[0], x.dtype).output]
            self._tensors.append(self._next(model, self._tensors[0]))
            self._regraph()

    def pop(self) -> Layer:
        """Take the layer on top away and return it."""
        if not self._stack:
            raise IndexError(f"[{self.name}] has no layers")
        layer = self._stack.pop()
        if self._tensors:
            node = self._tensors.pop().node
            layer._nodes = [other for other in layer._nodes if other is not node]
            self._regraph()
        return layer

    @staticmethod
    def _next(layer: Layer, tensor: SymbolicTensor) -> SymbolicTensor:
        output = layer(tensor)
        if not isinstance(output, SymbolicTensor):
            raise ShapeError(f"expects layers with one output, {layer.name!r} has several")
        return output

    def _regraph(self) -> None:
        if len(self._tensors) > 1:
            self._set_graph(Graph(self._tensors[0], self._tensors[-1]))
        else:
            self._graph, self.built = None, False

    def build(self, input_shape: Shape | None = None) -> None:
        """Make all weights for inputs of `input_shape`, the batch included."""
        if self._graph is not None:
            return
        if not self._stack:
            raise ValueError(f"[{self.name}] has no layers: add some before building or calling it")
        if input_shape is None or not is_shape(input_shape) or not input_shape:
            raise ShapeError(f"[{self.name}] expects one input (batch, ...), got shape {input_shape}")
        if not self._tensors:
            self._tensors = [InputLayer(tuple(input_shape)[1:]).output]
        self._graph_from(self._tensors[0])

    def _graph_from(self, tensor: SymbolicTensor) -> None:
        tensors = [tensor]
        for layer in self._stack:
            tensors.append(self._next(layer, tensors[-1]))
        self._tensors = tensors
        self._regraph()

    def _build_for(self, args: tuple[Any, ...]) -> None:
        self._follows_data = not self.built and not self._tensors
        super()._build_for(args)

    def _widen(self, x: Any) -> None:
        """Where the first data made the graph, take others of another size along axes of which no layer minds it."""
        if not self._follows_data or self._graph is None or not hasattr(x, "shape"):
            return
        known, shape = self._tensors[0].shape, tuple(x.shape)
        if len(shape) != len(known) or all(size in (None, given) for size, given in zip(known, shape, strict=True)):
            return
        sizes = [size if size == given else None for size, given in zip(known, shape, strict=True)]
        before = [tensor.node for tensor in self._tensors]
        try:
            with unchanged_on_error(self), inside(self):
                self._graph_from(InputLayer(sizes[1:], dtype=self._tensors[0].dtype).output)
        except (IndexError, TypeError, ValueError):  # a layer minds the size
            return  # what is said of the first size is clearer
        for layer in self._stack:
            layer._nodes = [node for node in layer._nodes if node not in before]

    def _numbers(self, x: Any) -> Any:
        if self._graph is None and self._stack and not self._tensors:
            text = text_input(self._stack[0], x)
            if text is not None:
                self._tensors = [text]
                with inside(self), unchanged_on_error(self):
                    self.build((None, *text.shape[1:]))
        return super()._numbers(x)

    @property
    def layers(self) -> list[Layer]:
        """The layers, bottom first."""
        return list(self._stack)

    def get_config(self) -> dict[str, Any]:
        layers = [self._tensors[0].node.layer] if self._tensors and self._tensors[0].node else []
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype,
            "layers": [serialization.serialize(layer) for layer in [*layers, *self._stack]],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Make the model that `get_config` described, with new weights."""
        with serialization.custom_object_scope(custom_objects):
            layers = [serialization.deserialize(layer) for layer in config["layers"]]
            return cls(layers, **{key: config[key] for key in ("name", "trainable", "dtype")})
