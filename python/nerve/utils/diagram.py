"""`plot_model`: the layers of a model as boxes and what flows between them as arrows, in SVG, by nothing else."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from nerve.layers.structure import flatten, map_structure

CHARACTER, LINE, PADDING = 7.2, 18.0, 10.0  # of the text in a box
ACROSS, DOWN = 28.0, 38.0  # between boxes
ASIDE = 24.0  # of an arrow that passes by boxes
STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1d2733}"
    ".title{font-weight:bold}rect{fill:#f4f7fb;stroke:#5b7aa6;rx:4px}"
    ".input rect{fill:#eef7ee;stroke:#5f9a63}path{fill:none;stroke:#7b8794}"
)

ARROWHEAD = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" style="fill:#7b8794;stroke:none"/></marker></defs>'
)


@dataclass
class _Box:
    """One call of a layer."""

    lines: list[str]
    kind: str = ""
    sources: list[int] = field(default_factory=list)
    row: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        return max(1.12 * len(self.lines[0]), *map(len, self.lines)) * CHARACTER + 2 * PADDING  # the first is bold

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + PADDING


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    *,
    expand_nested: bool = False,
) -> str:
    """Draw a model.

    Parameters
    ----------
    model : Model
        Functional, sequential, or a subclass, whose layers are drawn one below the other.
    to_file : path, optional
        Where the drawing is written; its name ends in `.svg`. For a `.png`, `.jpg` or `.pdf`, as programs for Keras
        ask for, there is an SVG of the same name, and a warning that says so.
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable : bool
        What boxes say besides the layer's class.
    rankdir : {"TB", "LR"}
        From top to bottom, or from left to right.
    expand_nested : bool
        Draw the layers of models inside of the model instead of one box for each such model.

    Returns
    -------
    str
        The SVG. A notebook shows it by `IPython.display.SVG(...)`.

    Raises
    ------
    ValueError
        If the model is not built, `rankdir` is something else, or the file would not be SVG.
    """
    if not getattr(model, "built", False) or not hasattr(model, "layers"):
        raise ValueError("[plot_model] expects a model that is built: call it, or say the shape of its input")
    if rankdir not in ("TB", "LR"):
        raise ValueError(f"[plot_model] rankdir must be 'TB' or 'LR', got {rankdir!r}")
    if to_file is not None and not os.fspath(to_file).endswith(".svg"):
        drawing, end = os.path.splitext(os.fspath(to_file))
        if end not in (".png", ".jpg", ".jpeg", ".pdf"):
            raise ValueError(f"[plot_model] writes SVG: to_file must end in .svg, got {os.fspath(to_file)!r}")
        warnings.warn(f"[plot_model] writes SVG: the drawing is {drawing}.svg, and not {to_file}", stacklevel=2)
        to_file = f"{drawing}.svg"

    def lines(layer: Any, outputs: Any) -> list[str]:
        found = [f"{layer.name} ({type(layer).__name__})" if show_layer_names else type(layer).__name__]
        activation = getattr(layer, "activation", None)
        if show_layer_activations and activation is not None:
            found.append(f"activation: {getattr(activation, '__name__', type(activation).__name__)}")
        if show_shapes and outputs is not None:
            shapes = map_structure(lambda x: x.shape, outputs)
            found.append(f"output: {shapes}")
        if show_dtype:
            found.append(f"dtype: {layer.dtype}")
        if show_trainable and layer.weights:
            found.append("trainable" if layer.trainable else "frozen")
        return found

    svg = _drawn(_placed(_boxes(model, lines, expand_nested), rankdir == "LR"), rankdir == "LR")
    if to_file is not None:
        with open(to_file, "w", encoding="utf-8") as file:
            file.write(svg)
    return svg


def _boxes(model: Any, lines: Any, expand_nested: bool) -> list[_Box]:
    """The calls in the order they are made, each after those it needs."""
    graph = model._graph
    if graph is None:
        boxes = [_Box(lines(layer, None)) for layer in model.layers]
        for i, box in enumerate(boxes):
            box.sources = [i - 1] if i else []
            box.row = i
        return boxes
    made: dict[int, int] = {}  # by which box, of every tensor
    boxes = []
    for layer, tensor in zip(graph.input_layers, graph.inputs, strict=True):
        made[id(tensor)] = len(boxes)
        boxes.append(_Box(lines(layer, tensor), "input"))

    def add(nodes: Any) -> None:
        for node in nodes:
            inner = getattr(node.layer, "_graph", None) if expand_nested else None
            if inner is not None:
                made.update({id(x): made[id(given)] for x, given in zip(inner.inputs, node.inputs, strict=True)})
                add(inner.nodes)
                outputs = zip(flatten(node.outputs), inner.outputs, strict=True)
                made.update({id(x): made[id(output)] for x, output in outputs})
                continue
            sources = list(dict.fromkeys(made[id(x)] for x in node.inputs))
            box = _Box(lines(node.layer, node.outputs), "", sources)
            box.row = 1 + max((boxes[i].row for i in sources), default=-1)
            made.update({id(tensor): len(boxes) for tensor in flatten(node.outputs)})
            boxes.append(box)

    add(graph.nodes)
    return boxes


def _placed(boxes: list[_Box], sideways: bool) -> list[_Box]:
    """Boxes in rows, each row's in the order of the middle of what they come from, and centred."""
    rows: dict[int, list[int]] = {}
    for i, box in enumerate(boxes):
        rows.setdefault(box.row, []).append(i)
    centre: dict[int, float] = {}
    along = 0.0
    for _, members in sorted(rows.items()):

        def wish(i: int) -> float:
            sources = boxes[i].sources
            return sum(centre[j] for j in sources) / len(sources) if sources else 0.0

        members.sort(key=wish)
        sizes = [boxes[i].height if sideways else boxes[i].width for i in members]
        middle = sum(wish(i) for i in members) / len(members)
        at = middle - (sum(sizes) + ACROSS * (len(sizes) - 1)) / 2
        for i, size in zip(members, sizes, strict=True):
            centre[i] = at + size / 2
            box = boxes[i]
            box.x, box.y = (along, centre[i] - box.height / 2) if sideways else (centre[i] - box.width / 2, along)
            at += size + ACROSS
        along += max(boxes[i].width if sideways else boxes[i].height for i in members) + DOWN
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    above = ASIDE if sideways and any(_jumps(boxes[i], box) for box in boxes for i in box.sources) else 0.0
    for box in boxes:
        box.x, box.y = box.x - left + PADDING, box.y - top + PADDING + above
    return boxes


def _jumps(source: _Box, box: _Box) -> bool:
    """Whether there are rows in between."""
    return box.row - source.row > 1


def _drawn(boxes: list[_Box], sideways: bool) -> str:
    beside = any(_jumps(boxes[i], box) for box in boxes for i in box.sources) and not sideways
    width = max(box.x + box.width for box in boxes) + PADDING + (ASIDE if beside else 0.0)
    height = max(box.y + box.height for box in boxes) + PADDING
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>', ARROWHEAD]
    for box in boxes:
        parts += [_arrow(boxes[i], box, sideways) for i in box.sources]
    for box in boxes:
        parts.append(f'<g class="{box.kind}"><rect x="{box.x:.1f}" y="{box.y:.1f}" ')
        parts.append(f'width="{box.width:.1f}" height="{box.height:.1f}"/>')
        for i, line in enumerate(box.lines):
            y = box.y + PADDING / 2 + LINE * (i + 0.72)
            title = ' class="title"' if i == 0 else ""
            parts.append(f'<text x="{box.x + PADDING:.1f}" y="{y:.1f}"{title}>{escape(line)}</text>')
        parts.append("</g>")
    return "".join([*parts, "</svg>\n"])


def _arrow(source: _Box, box: _Box, sideways: bool) -> str:
    """A line that leaves and arrives at right angles; one that passes over rows goes around what is in between."""
    if sideways:
        x0, y0, x1, y1 = source.x + source.width, source.y + source.height / 2, box.x, box.y + box.height / 2
        middle = (x0 + x1) / 2
        curve = f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    else:
        x0, y0, x1, y1 = source.x + source.width / 2, source.y + source.height, box.x + box.width / 2, box.y
        middle = (y0 + y1) / 2
        curve = f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    if _jumps(source, box):
        aside = 0.5 * (max(source.height, box.height) if sideways else max(source.width, box.width)) + ASIDE
        if sideways:
            y = min(y0, y1) - aside
            curve = f"C{x0 + 30:.1f} {y:.1f} {x1 - 30:.1f} {y:.1f} {x1:.1f} {y1:.1f}"
        else:
            x = max(x0, x1) + aside
            curve = f"C{x:.1f} {y0 + 20:.1f} {x:.1f} {y1 - 20:.1f} {x1:.1f} {y1:.1f}"
    return f'<path d="M{x0:.1f} {y0:.1f}{curve}" marker-end="url(#arrow)"/>'
