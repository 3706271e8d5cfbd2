"""The graph between symbolic inputs and outputs, which a functional model and a `Sequential` run."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nerve import kernels, ops, serialization
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._traced import Traced
from nerve.layers import InputLayer, Layer, Operation, masks
from nerve.layers.structure import Shape, flatten, map_structure, pack_like
from nerve.layers.symbolic import Node, SymbolicTensor
from nerve.models.fused import Chain, chains
from nerve.models.texts import Texts, leaves_of
from nerve.tensor import Tensor


class _Slot(int):
    """The place of a tensor among the values of a run."""


class _Step(NamedTuple):
    layer: Layer | Chain
    source: _Slot | None  # the only argument; None: look at args and kwargs
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: list[_Slot]
    unused: list[_Slot]  # slots that no later step reads

    @property
    def read(self) -> set[_Slot]:
        """The slots whose values it needs."""
        return {slot for slot in (self.source, *flatten([self.args, self.kwargs])) if isinstance(slot, _Slot)}


class Graph:
    """The calls that lead from `inputs` to `outputs`.

    Parameters
    ----------
    inputs, outputs : SymbolicTensor, or a list or dict of them

    Raises
    ------
    ValueError
        If an output needs an `Input` that is not among the inputs, or if two layers have one name.
    TypeError
        If something else than symbolic tensors is given.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs: list[SymbolicTensor] = _symbolic("inputs", inputs)
        self.outputs: list[SymbolicTensor] = _symbolic("outputs", outputs)
        self.input_structure = inputs
        self.output_structure = outputs
        self.input_layers = [_input_layer(x) for x in self.inputs]
        self.nodes, self.layers = self._sorted_by_depth()
        # Ops are named by nobody, so their names may be those of layers.
        names = [layer.name for layer in self.layers if not isinstance(layer, Operation)]
        if repeated := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"layers of one model need different names, got {sorted(repeated)} more than once")
        self._accepted: Any = None
        self.texts = Texts(self.inputs, self.nodes) if any(x.dtype == "string" for x in self.inputs) else None
        self._entries = self.inputs if self.texts is None else self.texts.entries  # what a run begins with
        self._dtypes = [np.dtype(x.dtype) for x in self._entries]
        slots = {id(x): _Slot(slot) for slot, x in enumerate(self._entries)}
        read = set() if self.texts is None else set(map(id, self.texts.nodes))
        steps = [_step(node, slots) for node in self.nodes if id(node) not in read]
        self._n_slots = len(slots)
        self._output_slots = [slots[id(x)] for x in self.outputs]
        self._steps = self._freeing(steps)
        self._fused_steps = self._freeing(self._fused(steps))

    def _sorted_by_depth(self) -> tuple[list[Node], list[Layer]]:
        """Nodes and layers in Keras's order: furthest from the outputs first, then as met on the way back."""
        given = {id(x) for x in self.inputs}
        found: dict[int, Node] = {}
        consumers: dict[int, list[Node]] = {}

        def meet(tensor: SymbolicTensor, consumer: Node | None) -> list[SymbolicTensor]:
            """Note the node that made `tensor`; gives the tensors to look at next."""
            if id(tensor) in given:
                return []
            node = tensor.node
            if node is None or isinstance(node.layer, InputLayer):
                raise ValueError(f"the outputs need {tensor!r}, which is not among the inputs of the model")
            new = id(node) not in found
            found[id(node)] = node
            consumers.setdefault(id(node), []).extend([consumer] if consumer else [])
            return node.inputs if new else []

        # A stack, and not recursion, so that a model may be deeper than Python's stack.
        stack: list[tuple[SymbolicTensor, Node | None]] = [(x, None) for x in reversed(self.outputs)]
        while stack:
            tensor, consumer = stack.pop()
            stack.extend((x, tensor.node) for x in reversed(meet(tensor, consumer)))
        waiting = {key: len(those) for key, those in consumers.items()}
        ready = [node for key, node in found.items() if not waiting[key]]
        depth = {id(node): 0 for node in ready}
        order: list[Node] = []
        while ready:
            node = ready.pop()
            order.append(node)
            for tensor in node.inputs:
                made_by = tensor.node
                if id(tensor) in given or made_by is None:
                    continue
                depth[id(made_by)] = max(depth.get(id(made_by), 0), depth[id(node)] + 1)
                waiting[id(made_by)] -= 1
                if not waiting[id(made_by)]:
                    ready.append(made_by)
        position = {key: index for index, key in enumerate(found)}
        order.sort(key=lambda node: (-depth[id(node)], position[id(node)]))
        layers = {id(layer): layer for layer in [*self.input_layers, *(node.layer for node in order)]}
        return order, list(layers.values())

    def _fused(self, steps: list[_Step]) -> list[_Step]:
        """Fewer steps with the same results: a chain of layers comes where its first one was."""
        readers: dict[_Slot, list[int]] = {}
        for index, step in enumerate(steps):
            for slot in step.read:
                readers.setdefault(slot, []).append(index)

        def follower(step: _Step) -> int | None:
            (slot, *others), found = step.outputs, readers.get(step.outputs[0], [])
            if others or slot in self._output_slots or len(found) != 1 or steps[found[0]].source is None:
                return None
            return found[0]

        result: list[_Step | None] = list(steps)
        for (first, *further), chain in chains([step.layer for step in steps], [follower(step) for step in steps]):
            result[first] = steps[first]._replace(layer=chain, outputs=steps[further[-1]].outputs)
            for index in further:
                result[index] = None
        return [step for step in result if step is not None]

    def _freeing(self, steps: list[_Step]) -> list[_Step]:
        """The steps with notes where a value is read for the last time: a run without gradients can forget it there."""
        seen = set(self._output_slots)
        noted = []
        for step in reversed(steps):
            noted.append(step._replace(unused=sorted(step.read - seen)))
            seen |= step.read
        return noted[::-1]

    def run(self, inputs: Any) -> Any:
        """Outputs for arrays or tensors."""
        return self._run(self._fused_steps, self.convert(inputs), operator.call)

    def infer(self, input_shapes: list[Shape]) -> Any:
        """Symbolic outputs, without nodes, for inputs of other shapes than the ones the graph was made with."""
        if self.texts is not None:
            input_shapes = self.texts.shapes(input_shapes)
        values = [SymbolicTensor(shape, x.dtype) for shape, x in zip(input_shapes, self._entries, strict=True)]
        return self._run(self._steps, values, lambda layer, *args, **kwargs: layer._infer(args, kwargs))

    def _run(self, steps: list[_Step], inputs: list[Any], call: Callable[..., Any]) -> Any:
        values: list[Any] = inputs + [None] * (self._n_slots - len(inputs))
        for layer, source, args, kwargs, outputs, unused in steps:
            if source is not None:
                result = call(layer, values[source])
            else:
                fill = lambda x: values[x] if isinstance(x, _Slot) else x  # noqa: E731
                result = call(layer, *map_structure(fill, args), **map_structure(fill, kwargs))
            for slot in unused:
                values[slot] = None
            if len(outputs) == 1 and not isinstance(result, list | tuple | dict):
                values[outputs[0]] = result
            else:
                for slot, value in zip(outputs, flatten(result), strict=True):
                    values[slot] = value
        return pack_like(self.output_structure, [values[slot] for slot in self._output_slots])

    # Inputs

    def ordered(self, inputs: Any) -> list[Any]:
        """The inputs in the graph's order; a dict may be keyed by the names of the `Input`s."""
        if isinstance(inputs, dict):
            given_as_dict = isinstance(self.input_structure, dict)
            names = sorted(self.input_structure) if given_as_dict else [layer.name for layer in self.input_layers]
            if missing := set(names) - set(inputs):
                others = sorted(set(inputs) - set(names))
                but = f", but {others}" if others else ""
                raise ShapeError(f"expects inputs {names}, got none for {sorted(missing)}{but}")
            inputs = [inputs[name] for name in names]
        leaves = flatten(inputs)
        for leaf in leaves:
            if not hasattr(leaf, "shape"):
                raise DTypeError(f"expects arrays or tensors as inputs, got {type(leaf).__name__}")
        if len(leaves) != len(self.inputs):
            raise ShapeError(f"expects {len(self.inputs)} inputs, got {len(leaves)}")
        return leaves

    def numbers(self, inputs: Any, *, made: bool = False) -> Any:
        """Inputs without text: what the layers that read it make of it, all inputs in one list where there are more.

        They may have been made so before, if `made`.
        """
        if self.texts is None:
            return inputs
        given = leaves_of(inputs)
        if not (made and self.texts.ready(given)):
            given = self.texts.numbers(given if len(self.inputs) == len(given) == 1 else self.ordered(inputs))
        return given[0] if len(given) == 1 else given

    def convert(self, inputs: Any) -> list[Any]:
        """Tensors of the graph's dtypes and shapes."""
        leaves = self.ordered(inputs) if self.texts is None else flatten(self.numbers(inputs, made=True))
        shapes = [x.shape for x in leaves]
        if shapes != self._accepted:
            leaves = [self._fit(*pair) for pair in zip(leaves, self._entries, self._entry_layers(), strict=True)]
            if [x.shape for x in leaves] == shapes:
                self._accepted = shapes
        return [
            x if isinstance(x, Tensor) and x.array.dtype is dtype else _cast(x, dtype)
            for x, dtype in zip(leaves, self._dtypes, strict=True)
        ]

    def _entry_layers(self) -> list[Layer]:
        if self.texts is None:
            return self.input_layers
        return [_input_layer(x) if x.node is None else x.node.layer for x in self._entries]

    @staticmethod
    def _fit(x: Any, expected: SymbolicTensor, layer: Layer) -> Any:
        """`x` with the expected number of axes: a last axis of size 1 may be there or not."""
        shape = fitted_shape(tuple(x.shape), expected.shape)
        if shape is None:
            raise ShapeError(f"expects input {layer.name!r} of shape {expected.shape}, got {tuple(x.shape)}")
        return x if shape == x.shape else ops.reshape(x, shape)

    # Configuration

    def get_config(self, of_layers: bool = True) -> dict[str, Any]:
        """The layers and the calls between them, in which `{"tensor": [call, output]}` is an output of a call."""
        position = {id(layer): index for index, layer in enumerate(self.layers)}
        names: dict[int, list[int]] = {id(x): [index, 0] for index, x in enumerate(self.inputs)}
        for index, node in enumerate(self.nodes, len(self.inputs)):
            names.update({id(x): [index, place] for place, x in enumerate(flatten(node.outputs))})
        refer = lambda x: {"tensor": names[id(x)]} if isinstance(x, SymbolicTensor) else x  # noqa: E731
        calls = [{"layer": position[id(layer)], "args": (), "kwargs": {}} for layer in self.input_layers]
        for node in self.nodes:
            args, kwargs = map_structure(refer, node.args), map_structure(refer, node.kwargs)
            calls.append({"layer": position[id(node.layer)], "args": args, "kwargs": kwargs})
        return {
            "layers": [serialization.serialize(layer) for layer in self.layers] if of_layers else [],
            "calls": serialization.serialize(calls),
            "inputs": map_structure(refer, self.input_structure),
            "outputs": map_structure(refer, self.output_structure),
        }


def replay(
    config: dict[str, Any],
    layers: Sequence[Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    inputs: Sequence[SymbolicTensor] | None = None,
) -> tuple[Any, Any]:
    """Symbolic inputs and outputs from `Graph.get_config`; the layers are made and built anew.

    Or they are `layers`, which `call_function` may call, on `inputs`.
    """
    if layers is None:
        layers = [serialization.deserialize(layer) for layer in config["layers"]]
    given = iter(inputs or ())
    made: list[list[SymbolicTensor]] = []

    def resolve(value: Any) -> Any:
        if isinstance(value, dict) and set(value) == {"tensor"}:
            call, output = value["tensor"]
            return made[call][output]
        if isinstance(value, dict):
            return {key: resolve(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(resolve(item) for item in value)
        return value

    for call in serialization.deserialize(config["calls"]):
        layer = layers[call["layer"]]
        args, kwargs = resolve(call["args"]), resolve(call["kwargs"])
        if isinstance(layer, InputLayer):
            made.append([next(given, layer.output)])
        else:
            made.append(
                flatten(layer(*args, **kwargs) if call_function is None else call_function(layer, *args, **kwargs))
            )
    return resolve(config["inputs"]), resolve(config["outputs"])


def _cast(x: Any, dtype: np.dtype[Any]) -> Tensor:
    if isinstance(x, Tensor) and x.tracked and dtype.kind == "f":
        cast: Tensor = masks.keep(x, ops.cast(x, dtype=dtype))
        return cast
    array = Tensor(x, tracked=False).array
    if type(array) is Traced and dtype.kind == "i":  # kernels take any, and a recording cannot hold NumPy's conversion
        return Tensor(array if array.dtype.kind == "i" else kernels.cast(array, np.int64), tracked=False)
    if dtype.name in ("float32", "float64", "int64", "bool"):
        return Tensor(kernels.cast(array, dtype), tracked=False)
    return Tensor(array.astype(dtype, copy=False), tracked=False)


def _step(node: Node, slots: dict[int, _Slot]) -> _Step:
    """What to do for a node; its outputs get the next free slots."""
    outputs = [slots.setdefault(id(x), _Slot(len(slots))) for x in flatten(node.outputs)]
    if len(node.args) == 1 and not node.kwargs and isinstance(node.args[0], SymbolicTensor):
        return _Step(node.layer, slots[id(node.args[0])], (), {}, outputs, [])
    place = lambda x: slots[id(x)] if isinstance(x, SymbolicTensor) else x  # noqa: E731
    return _Step(node.layer, None, map_structure(place, node.args), map_structure(place, node.kwargs), outputs, [])


def fitted_shape(shape: tuple[int, ...], expected: Shape) -> tuple[int, ...] | None:
    """`shape` with a last axis of size 1 added or taken away if that makes it `expected`; None if it cannot be."""
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        shape = (*shape, 1)
    elif len(shape) == len(expected) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != len(expected) or any(y not in (None, x) for x, y in zip(shape, expected, strict=True)):
        return None
    return shape


def _symbolic(name: str, structure: Any) -> list[SymbolicTensor]:
    leaves = flatten(structure)
    for leaf in leaves:
        if not isinstance(leaf, SymbolicTensor):
            raise TypeError(f"the {name} of a model must come from Input(...) and layers, got {type(leaf).__name__}")
    if not leaves:
        raise ValueError(f"a model needs {name}")
    return leaves


def _input_layer(tensor: SymbolicTensor) -> Layer:
    """The `InputLayer` of a model's input, or one like it if a model starts in the middle of another."""
    if tensor.node is not None and isinstance(tensor.node.layer, InputLayer):
        return tensor.node.layer
    name = tensor.name.replace("/", "_")
    return InputLayer(tensor.shape[1:], tensor.shape[0], tensor.dtype, f"{name}_input")
