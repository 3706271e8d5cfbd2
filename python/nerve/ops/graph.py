"""Messages along the edges of a graph, differentiable; and the same of segments, whose elements are edges to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import full, host, placed
from nerve.ops._differentiable import Result, composed, differentiable
from nerve.ops.creation import convert_to_tensor, shape
from nerve.ops.elementwise import divide, exp, multiply, subtract, where
from nerve.ops.indexing import concatenate, reshape, stop_gradient, take
from nerve.tensor import Tensor

__all__ = [
    "edge_dot",
    "propagate",
    "segment_max",
    "segment_mean",
    "segment_min",
    "segment_prod",
    "segment_softmax",
    "segment_sum",
]

REDUCTIONS = ("sum", "mean", "max")


@composed
def propagate(x: Any, sources: Any, targets: Any, num_nodes: int, weights: Any = None, reduce: str = "sum") -> Tensor:
    """What every node gets along its edges: the sum, mean or maximum of the rows of `x` at their other ends.

    Parameters
    ----------
    x : tensor or array, (rows, features) or (rows, heads, features)
    sources, targets : array of int, (edges,)
        Edge `e` goes from row `sources[e]` to node `targets[e]`.
    num_nodes : int
        How many nodes there are to go to.
    weights : tensor or array, (edges,) or (edges, heads), optional
        What rows are multiplied by on their way; not for a maximum.
    reduce : {"sum", "mean", "max"}
        A node without edges gets 0.

    Returns
    -------
    Tensor, (num_nodes, features) or (num_nodes, heads, features)

    Raises
    ------
    ValueError
        If `reduce` is none of these, or weights are given for a maximum.
    IndexError, ShapeError
        If an end is no row or node, or the shapes do not fit.
    """
    if reduce not in REDUCTIONS:
        raise ValueError(f"[propagate] reduce must be one of {REDUCTIONS}, got {reduce!r}")
    if reduce == "max":
        if weights is not None:
            raise ValueError("[propagate] a maximum takes no weights: multiply the rows before")
        return _maximum(x, sources, targets, num_nodes=num_nodes)
    order, offsets, inverse_counts = kernels.edge_order(_plain(targets), num_nodes, like=_plain(x))
    ends = {"sources": _plain(sources), "targets": _plain(targets)}
    total = _sum(x, weights, **ends, order=order, offsets=offsets)
    if reduce == "sum":
        return total
    return multiply(total, inverse_counts.reshape((-1,) + (1,) * (total.ndim - 1)))


def _plain(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else x


@differentiable
def _sum(x: Array, weights: Array | None, *, sources: Array, targets: Array, order: Array, offsets: Array) -> Result:
    y = kernels.gather_sum(x, sources, order, offsets, weights)
    rows = len(x)

    def grad_x(grad: Array) -> Array:
        return kernels.gather_sum(grad, targets, *kernels.edge_order(sources, rows, like=grad)[:2], weights)

    def grad_weights(grad: Array) -> Array:
        found: Array = kernels.edge_dot(grad, x, targets, sources)
        return found.reshape(found.shape if weights is None else weights.shape)

    return y, (grad_x, None if weights is None else grad_weights)


@differentiable
def _maximum(x: Array, sources: Array, targets: Array, *, num_nodes: int) -> Result:
    y, index = kernels.gather_max(x, sources, *kernels.edge_order(targets, num_nodes, like=x)[:2])
    rows = len(x)

    def grad_x(grad: Array) -> Array:
        return kernels.gather_max_backward(grad, index, targets, *kernels.edge_order(sources, rows, like=grad)[:2])

    return y, (grad_x, None, None)


@differentiable
def edge_dot(a: Array, b: Array, targets: Array, sources: Array) -> Result:
    """For every edge the product of `a` at its target with `b` at its source; as :func:`nerve.kernels.edge_dot`."""
    y = kernels.edge_dot(a, b, targets, sources)
    rows, others = len(a), len(b)

    def grad_a(grad: Array) -> Array:
        return kernels.gather_sum(b, sources, *kernels.edge_order(targets, rows, like=grad)[:2], grad)

    def grad_b(grad: Array) -> Array:
        return kernels.gather_sum(a, targets, *kernels.edge_order(sources, others, like=grad)[:2], grad)

    return y, (grad_a, grad_b, None, None)


# Segments


def _of_segments(op: str, data: Any, segment_ids: Any, num_segments: int | None, reduce: str) -> Tensor:
    ids = _plain(segment_ids)
    count = int(np.max(host(ids), initial=-1)) + 1 if num_segments is None else num_segments
    sizes = shape(data)
    flat = reshape(data, (sizes[0], -1 if 0 not in sizes else int(np.prod(sizes[1:]))))
    found = propagate(flat, placed(np.arange(sizes[0]), flat.array), ids, count, reduce=reduce)
    return reshape(found, (count, *sizes[1:]))


@composed
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The sums of the elements of `data` along its first axis that have the same id.

    Parameters
    ----------
    data : tensor or array, (n, ...)
    segment_ids : array of int, (n,)
    num_segments : int, optional
        One more than the largest id if not given; needed in recordings.
    sorted : bool
        Whether ids ascend; of no account here.

    Returns
    -------
    Tensor, (num_segments, ...)
        0 for a segment without elements.
    """
    return _of_segments("segment_sum", data, segment_ids, num_segments, "sum")


@composed
def segment_mean(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The means; arguments as of :func:`segment_sum`."""
    return _of_segments("segment_mean", data, segment_ids, num_segments, "mean")


@composed
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The maxima; arguments as of :func:`segment_sum`."""
    return _of_segments("segment_max", data, segment_ids, num_segments, "max")


@composed
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The minima; arguments as of :func:`segment_sum`."""
    return subtract(0.0, segment_max(subtract(0.0, data), segment_ids, num_segments))


@composed
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The products, 1 of a segment without elements; arguments as of :func:`segment_sum`.

    Neighbours in a segment are multiplied until one is left. Ids are looked at by NumPy: in a recording they have to
    be constants.
    """
    ids = host(_plain(convert_to_tensor(segment_ids)))
    count = int(np.max(ids, initial=-1)) + 1 if num_segments is None else num_segments
    if ids.shape != shape(data)[:1]:
        raise ShapeError(f"[segment_prod] expects an id for each of {shape(data)[:1]} elements, got {ids.shape}")
    if ids.size and not 0 <= ids.min() <= ids.max() < count:
        raise IndexError(f"[segment_prod] expects ids in 0..{count - 1}, got {ids.min()}..{ids.max()}")
    like = _plain(convert_to_tensor(data))
    order = np.argsort(ids, kind="stable")
    lengths = np.bincount(ids, minlength=count)
    begins = np.cumsum(lengths) - lengths
    within = np.arange(ids.size) - begins[ids[order]]  # how many of its segment are before an element
    behind = lengths[ids[order]] - within
    found = take(multiply(data, 1.0), placed(order, like), axis=0)
    one = (-1,) + (1,) * (len(shape(data)) - 1)
    step = 1
    while step < lengths.max(initial=0):
        paired = (within % (2 * step) == 0) & (behind > step)
        other = take(found, placed(np.where(paired, np.arange(ids.size) + step, 0), like), axis=0)
        found = multiply(found, where(placed(paired.reshape(one), like), other, 1.0))
        step *= 2
    none = Tensor(full((1, *shape(data)[1:]), 1.0, found.dtype, like), tracked=False)
    places = np.where(lengths > 0, begins, ids.size)
    return take(concatenate([found, none], 0), placed(places, like), axis=0)


@composed
def segment_softmax(data: Any, segment_ids: Any, num_segments: int | None = None) -> Tensor:
    """exp(data) over its sum in each segment; arguments as of :func:`segment_sum`."""
    largest = stop_gradient(segment_max(data, segment_ids, num_segments))
    raised = exp(subtract(data, take(largest, segment_ids, axis=0)))
    total = segment_sum(raised, segment_ids, num_segments)
    return divide(raised, take(total, segment_ids, axis=0))
