"""The table that `Model.summary` prints."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nerve.layers import Layer
from nerve.layers.structure import map_structure

if TYPE_CHECKING:
    from nerve.models.model import Model


def table(model: Model, width: int | None, *, expand_nested: bool, show_trainable: bool) -> str:
    """Layers, output shapes and numbers of parameters, as text."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    connected = _is_branched(model)
    headings = ["Layer (type)", "Output Shape", "Param #"]
    headings += ["Connected to"] * connected + ["Trainable"] * show_trainable
    rows = Table(*headings, box=box.SQUARE, show_lines=False)
    for column in rows.columns[2:3]:
        column.justify = "right"
    for depth, layer in _layers(model, expand_nested):
        cells = [f"{'  ' * depth}{layer.name} ({type(layer).__name__})", _output_shape(layer), _parameters(layer)]
        if connected:
            cells.append(_sources(model, layer))
        if show_trainable:
            cells.append(("yes" if layer.trainable else "no") if layer.weights else "-")
        rows.add_row(*cells)
    buffer = io.StringIO()
    console = Console(file=buffer, width=width or 200, highlight=False, markup=False, color_system=None)
    console.print(f'Model: "{model.name}"')
    console.print(rows)
    if model.built:
        counted = {"Total": model.weights, "Trainable": model.trainable_weights}
        for what, weights in {**counted, "Non-trainable": model.non_trainable_weights}.items():
            size = _bytes(sum(v.array.nbytes for v in weights))
            console.print(f" {what} params: {sum(v.size for v in weights):,} ({size})")
    else:
        console.print(" Not built yet: the parameters are made when the shape of the input is known")
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def _layers(model: Any, expand: bool, depth: int = 0) -> Iterator[tuple[int, Layer]]:
    for layer in model.layers:
        yield depth, layer
        if expand and hasattr(layer, "layers"):
            yield from _layers(layer, expand, depth + 1)


def _output_shape(layer: Layer) -> str:
    if not layer._nodes:
        return "?"
    shapes = [map_structure(lambda x: x.shape, node.outputs) for node in layer._nodes]
    return str(shapes[0]) if all(shape == shapes[0] for shape in shapes) else "multiple"


def _parameters(layer: Layer) -> str:
    return f"{layer.count_params():,}" if layer.built else "?"


def _is_branched(model: Model) -> bool:
    """Whether some layer does not simply follow the one before."""
    graph = model._graph
    if graph is None:
        return False
    return len(graph.inputs) > 1 or any(
        len(node.inputs) != 1 or node.inputs[0] is not before
        for node, before in zip(graph.nodes, [graph.inputs[0], *(node.outputs for node in graph.nodes)], strict=False)
    )


def _sources(model: Model, layer: Layer) -> str:
    graph = model._graph
    if graph is None:
        return ""
    nodes = [node for node in graph.nodes if node.layer is layer]
    return ", ".join(x.name for node in nodes for x in node.inputs) or "-"


def _bytes(size: float) -> str:
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"
