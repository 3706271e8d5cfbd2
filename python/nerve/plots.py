"""Looking into models: learning curves, filters, feature maps, receptive fields. Plots are matplotlib's figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.models.functional import Graph
from nerve.models.model import Model
from nerve.tensor import no_gradients


def plot_learning_curves(history: Any, metrics: Sequence[str] | None = None) -> Any:
    """How the loss and the metrics went, epoch by epoch, those of validation data dashed.

    Parameters
    ----------
    history : History, or dict of str to list of float
        What `fit` gave.
    metrics : sequence of str, optional
        All, if not given.

    Returns
    -------
    matplotlib.figure.Figure
    """
    logs: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    names = [name for name in logs if not name.startswith("val_")] if metrics is None else list(metrics)
    if unknown := [name for name in names if name not in logs]:
        raise ValueError(f"[plot_learning_curves] there is no {unknown[0]!r} in the history, only {sorted(logs)}")
    if not names:
        raise ValueError("[plot_learning_curves] the history is empty")
    figure, axes = _figure(len(names), min(len(names), 3), 4.0, 3.0)
    epochs = getattr(history, "epoch", None)
    for axis, name in zip(axes, names, strict=True):
        for label, style in ((name, "-"), (f"val_{name}", "--")):
            if label in logs:
                values = logs[label]
                begun = [e + 1 for e in epochs] if epochs and len(epochs) == len(values) else range(1, len(values) + 1)
                axis.plot(list(begun), values, style, marker="." if len(values) < 20 else "", label=label)
        axis.set_xlabel("epoch")
        axis.set_title(name)
        axis.grid(alpha=0.3)
        axis.legend()
    return figure


def plot_filters(layer: Any, most: int = 64) -> Any:
    """The kernels of a convolution as images: in colour if they see three channels, else their mean over channels.

    Parameters
    ----------
    layer : layer with a `kernel` (rows, columns, channels, filters)
    most : int
        How many are shown.

    Returns
    -------
    matplotlib.figure.Figure
    """
    kernel = getattr(layer, "kernel", None)
    if kernel is None or kernel.ndim != 4:
        raise ValueError(f"[plot_filters] expects a layer with a kernel of four axes, got {layer!r}")
    values = kernel.numpy()[..., :most]
    images = values.transpose(3, 0, 1, 2) if values.shape[2] == 3 else values.mean(2).transpose(2, 0, 1)
    low, high = float(images.min()), float(images.max())
    return _tiles((images - low) / ((high - low) or 1.0))


def plot_feature_maps(model: Model, x: Any, layer: str | None = None, most: int = 64) -> Any:
    """What a layer makes of one image, channel by channel.

    Parameters
    ----------
    model : functional or sequential Model
    x : array, (rows, columns, channels) or (1, rows, columns, channels)
    layer : str, optional
        Its name; the first whose outputs are images if not given.
    most : int
        How many channels are shown.

    Returns
    -------
    matplotlib.figure.Figure
    """
    graph: Graph | None = model._graph
    if graph is None:
        raise ValueError("[plot_feature_maps] expects a functional or sequential model that is built")
    found = [node for node in graph.nodes if (layer is None or node.layer.name == layer) and len(_shape(node)) == 4]
    if not found:
        raise ValueError(f"[plot_feature_maps] no layer {layer or ''} gives images (batch, rows, columns, channels)")
    images = np.asarray(x)
    with no_gradients():
        maps = Model(model.input, found[0].outputs)(images if images.ndim == 4 else images[None], training=False)
    return _tiles(maps.numpy()[0].transpose(2, 0, 1)[:most])


def _shape(node: Any) -> tuple[int | None, ...]:
    return tuple(getattr(node.outputs, "shape", ()))


def receptive_field(model: Model, layer: str | None = None) -> dict[str, tuple[int, ...]]:
    """What of the input one position of a layer's output depends on (Araujo, Norris and Sim, Distill 2019).

    Parameters
    ----------
    model : Model
        A chain, or a graph whose branches meet again, of convolutions, poolings and what keeps positions.
    layer : str, optional
        The last layer that has positions, if not given.

    Returns
    -------
    dict
        "size": rows and columns that are seen; "stride": how far the next position's lies from it. As many as there are
        axes in space.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    graph: Graph | None = model._graph
    if graph is None:
        raise ValueError("[receptive_field] expects a functional or sequential model that is built")
    seen: dict[int, tuple[tuple[int, ...], tuple[float, ...]] | None] = {}
    for x in graph.inputs:
        axes = len(x.shape) - 2
        seen[id(x)] = ((1,) * axes, (1.0,) * axes) if axes > 0 else None
    chosen = None
    for node in graph.nodes:
        before = [state for state in (seen.get(id(x)) for x in node.inputs) if state is not None]
        after = _grown(node.layer, before) if len(_shape(node)) > 2 else None
        seen[id(node.outputs)] = after
        if after is not None and (layer is None or node.layer.name == layer):
            chosen = after
    if chosen is None:
        raise ValueError(f"[receptive_field] no layer {layer or ''} with positions in space is in the model")
    sizes, strides = chosen
    return {"size": sizes, "stride": tuple(int(s) if s == int(s) else s for s in strides)}  # type: ignore[misc]


State = tuple[tuple[int, ...], tuple[float, ...]]


def _grown(layer: Any, before: list[State]) -> State | None:
    """The field after a layer, of those of its inputs."""
    if not before:
        return None
    sizes = tuple(max(state[0][i] for state in before) for i in range(len(before[0][0])))
    strides = before[0][1]
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    name = type(layer).__name__
    if name.startswith("UpSampling"):
        factors = layer.size if isinstance(layer.size, tuple) else (layer.size,)
        return sizes, tuple(s / f for s, f in zip(strides, factors, strict=True))
    if window is None:
        return sizes, strides
    steps, rates = _each(layer.strides, sizes), _each(getattr(layer, "dilation_rate", 1), sizes)
    window = _each(window, sizes)
    if name.endswith("Transpose"):
        strides = tuple(s / f for s, f in zip(strides, steps, strict=True))
        grown = tuple(n + math.ceil((w - 1) * s) for n, w, s in zip(sizes, window, strides, strict=True))
        return grown, strides
    grown = tuple(n + int((w - 1) * rate * s) for n, w, rate, s in zip(sizes, window, rates, strides, strict=True))
    return grown, tuple(s * f for s, f in zip(strides, steps, strict=True))


def _each(value: Any, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (int(value),) * len(sizes)


def _figure(count: int, columns: int, width: float, height: float) -> tuple[Any, list[Any]]:
    from matplotlib import pyplot

    rows = -(-count // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    return figure, list(axes.flat[:count])


def _tiles(images: Array) -> Any:
    """Images side by side, in a square as nearly as may be."""
    columns = math.ceil(math.sqrt(len(images)))
    figure, axes = _figure(len(images), columns, 0.9, 0.9)
    for axis, image in zip(axes, images, strict=True):
        axis.imshow(image, cmap="viridis", interpolation="nearest")
        axis.set_axis_off()
    return figure
