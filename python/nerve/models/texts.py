"""Text as input of a model: it becomes numbers before the first step, for no kernel and no recording can hold it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError
from nerve.layers import Hashing, InputLayer, StringLookup, TextVectorization
from nerve.layers.structure import Shape, flatten
from nerve.layers.symbolic import Node, SymbolicTensor
from nerve.models.arrays import Text
from nerve.tensor import Tensor

_READERS = (TextVectorization, StringLookup, Hashing)


def is_text(x: Any) -> bool:
    """Whether an array or a list holds strings."""
    if isinstance(x, list | tuple):
        return bool(x) and isinstance(x[0], str | bytes)
    kind = getattr(getattr(x, "dtype", None), "kind", "")
    return kind in ("U", "S") or (kind == "O" and all(isinstance(one, str | bytes) for one in np.ravel(x)[:100]))


def as_text(x: Any) -> Any:
    """Lists of strings, and columns of frames, as arrays; anything else as it is."""
    if hasattr(x, "to_numpy") and not hasattr(x, "columns"):
        x = x.to_numpy()
    return np.asarray(x) if is_text(x) else x


class Texts:
    """The layers of a graph that text goes through, each straight from an `Input` of dtype "string".

    Parameters
    ----------
    inputs : list of SymbolicTensor
        Of the graph.
    nodes : list of Node
        All calls of the graph.

    Attributes
    ----------
    nodes : list of Node
        The calls on text.
    entries : list of SymbolicTensor
        What the rest of the graph begins with: the inputs that are numbers, and what is made of the text.

    Raises
    ------
    TypeError
        If text goes to a layer that cannot read it.
    """

    def __init__(self, inputs: list[SymbolicTensor], nodes: list[Node]) -> None:
        texts = {id(x) for x in inputs if x.dtype == "string"}
        self.inputs = inputs
        self.nodes = [node for node in nodes if any(id(x) in texts for x in node.inputs)]
        for node in self.nodes:
            if not isinstance(node.layer, _READERS) or len(node.inputs) != 1 or node.outputs.dtype == "string":
                kinds = ", ".join(kind.__name__ for kind in _READERS)
                raise TypeError(
                    f"[{node.layer.name} ({type(node.layer).__name__})] gets the text of Input "
                    f"{node.inputs[0].name!r}: only {kinds} take text in a model, one input each, and give numbers"
                )
        made = {id(x): [node.outputs for node in self.nodes if node.inputs[0] is x] for x in inputs}
        self.entries: list[SymbolicTensor] = []
        for x in inputs:
            self.entries += made[id(x)] if id(x) in texts else [x]

    def numbers(self, leaves: list[Any]) -> list[Any]:
        """The entries, for arrays or lists that are in the order of the inputs."""
        found = []
        for x, leaf in zip(self.inputs, leaves, strict=True):
            if x.dtype != "string":
                found.append(leaf)
                continue
            array = as_text(leaf.array if isinstance(leaf, Tensor) else leaf)
            name = x.node.layer.name if x.node is not None else x.name
            if not is_text(array):
                got = getattr(array, "dtype", type(array).__name__)
                raise DTypeError(f"expects text for input {name!r}, got {got}")
            if array.ndim not in (len(x.shape), len(x.shape) - (x.shape[-1] == 1)):
                raise ShapeError(f"expects input {name!r} of shape {x.shape}, got {array.shape}")
            array = array.reshape(-1, 1) if array.ndim < len(x.shape) else array
            found += [node.layer(array) for node in self.nodes if node.inputs[0] is x]
        return found

    def shapes(self, shapes: list[Shape]) -> list[Shape]:
        """Those of the entries, for inputs of these shapes."""
        found: list[Shape] = []
        for x, shape in zip(self.inputs, shapes, strict=True):
            if x.dtype != "string":
                found.append(shape)
            found += [node.layer.compute_output_shape(shape) for node in self.nodes if node.inputs[0] is x]
        return found

    def ready(self, leaves: list[Any]) -> bool:
        """Whether these are the entries already."""
        return len(leaves) == len(self.entries) and not any(map(is_text, leaves))


def text_input(first: Any, x: Any) -> SymbolicTensor | None:
    """An `Input` for a stack with this first layer, if it reads text and `x` is some; None for anything else."""
    array = as_text(x)
    if not isinstance(first, _READERS) or not is_text(array):
        return None
    tensor: SymbolicTensor = InputLayer(tuple(array.shape[1:]) or (1,), dtype="string").output
    return tensor


def marked_text(x: Any) -> Any:
    """The same structure, with strings as `Text`."""
    if isinstance(x, dict):
        return {key: marked_text(value) for key, value in x.items()}
    if isinstance(x, list | tuple) and x and all(hasattr(one, "shape") or is_text(one) for one in x) and not is_text(x):
        return [marked_text(one) for one in x]
    array = as_text(x)
    return array.astype(str).view(Text) if is_text(array) else x


def leaves_of(x: Any) -> list[Any]:
    """Arrays of one or several inputs; a list of strings is one."""
    return [x] if is_text(x) or hasattr(x, "to_numpy") else flatten(x)
