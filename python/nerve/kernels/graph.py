"""Messages along the edges of a graph: sums, means and maxima over the neighbours of every node."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_array, as_floats, empty, pick
from nerve.kernels._integers import checked_indices, in_range
from nerve.kernels._numbers import integer
from nerve.kernels._recording import now

__all__ = [
    "edge_dot",
    "edge_order",
    "gather_max",
    "gather_max_backward",
    "gather_sum",
]


def edge_order(ids: ArrayLike, num_nodes: int, like: ArrayLike | None = None) -> tuple[Array, Array, Array]:
    """Sort edges by the node ``ids[e]``, those of one node in the order they come in.

    Parameters
    ----------
    ids : array_like of int, (edges,)
    num_nodes : int
    like : array_like, float32 or float64, optional
        Gives the dtype of ``inverse_counts``, else float32.

    Returns
    -------
    order : ndarray of int64, (edges,)
    offsets : ndarray of int64, (num_nodes + 1,)
        The edges of node ``i`` are ``order[offsets[i]:offsets[i + 1]]``.
    inverse_counts : ndarray, (num_nodes,)
        One over the number of a node's edges, 0 where there are none.

    Raises
    ------
    IndexError
        If an id is not in 0..num_nodes-1.
    ShapeError, DTypeError
        If ``ids`` are not integers along one axis.
    """
    num_nodes = integer("edge_order", "num_nodes", num_nodes, 0)
    floats = array_module(ids).zeros((), np.float32) if like is None else as_array("edge_order", like)
    nodes = _ends("edge_order", "ids", ids, num_nodes, floats)
    order, offsets = empty(nodes.shape, np.int64, floats), empty((num_nodes + 1,), np.int64, floats)
    inverse = empty((num_nodes,), floats.dtype, floats)
    pick(floats).edge_order(order, offsets, inverse, nodes, num_nodes, nodes.size)
    return order, offsets, inverse


def gather_sum(
    x: ArrayLike, sources: ArrayLike, order: Array, offsets: Array, weights: ArrayLike | None = None
) -> Array:
    """For every node the sum of the rows of ``x`` at the other ends of its edges.

    Parameters
    ----------
    x : array_like, (rows, features) or (rows, heads, features)
    sources : array_like of int, (edges,)
        The row of ``x`` that an edge comes from.
    order, offsets : ndarray of int64, (edges,) and (nodes + 1,)
        Of the nodes that edges go to, from :func:`edge_order`.
    weights : array_like, (edges,) or (edges, heads), optional
        What rows are multiplied by.

    Returns
    -------
    ndarray, (nodes, features) or (nodes, heads, features)

    Raises
    ------
    IndexError
        If a source is not a row of ``x``.
    ShapeError
        If the shapes do not fit.
    """
    floats = as_floats("gather_sum", x, weights, optional=1)
    array, scale = floats[0], floats[1] if weights is not None else None
    rows = _ends("gather_sum", "sources", sources, len(array), array)
    if array.ndim not in (2, 3):
        raise ShapeError(f"[gather_sum] expects x (rows, [heads,] features), got shape {array.shape}")
    heads = array.shape[1] if array.ndim == 3 else 1
    if scale is not None and scale.shape not in {(rows.size, heads), (rows.size,) if heads == 1 else ()}:
        raise ShapeError(f"[gather_sum] expects weights of shape ({rows.size}, {heads}), got {scale.shape}")
    nodes = _checked_order("gather_sum", order, offsets, rows)
    out = empty((nodes, *array.shape[1:]), array.dtype, array)
    pick(array).gather_sum(out, array, rows, scale, order, offsets, nodes, heads, array.shape[-1])
    return out


def gather_max(x: ArrayLike, sources: ArrayLike, order: Array, offsets: Array) -> tuple[Array, Array]:
    """For every node the largest of the rows of ``x`` at the other ends of its edges, feature by feature.

    Parameters
    ----------
    x : array_like, (rows, features)
    sources : array_like of int, (edges,)
    order, offsets : ndarray of int64, (edges,) and (nodes + 1,)

    Returns
    -------
    out : ndarray, (nodes, features)
        0 for a node without edges; NaN where one of the rows is.
    index : ndarray of int64, (nodes, features)
        The edge it comes along, of equal ones the first; -1 for a node without edges.

    Raises
    ------
    IndexError, ShapeError
        As :func:`gather_sum`.
    """
    array = as_array("gather_max", x)
    rows = _ends("gather_max", "sources", sources, len(array), array)
    if array.ndim != 2:
        raise ShapeError(f"[gather_max] expects x (rows, features), got shape {array.shape}")
    nodes, features = _checked_order("gather_max", order, offsets, rows), array.shape[1]
    out, index = empty((nodes, features), array.dtype, array), empty((nodes, features), np.int64, array)
    pick(array).gather_max(out, index, array, rows, order, offsets, nodes, features)
    return out, index


def gather_max_backward(grad: ArrayLike, index: Array, targets: ArrayLike, order: Array, offsets: Array) -> Array:
    """The gradient of :func:`gather_max`.

    Parameters
    ----------
    grad : array_like, (nodes, features)
    index : ndarray of int64, (nodes, features)
        What :func:`gather_max` gave.
    targets : array_like of int, (edges,)
    order, offsets : ndarray of int64, (edges,) and (rows + 1,)
        Of the rows that edges come from.

    Returns
    -------
    ndarray, (rows, features)
    """
    array = as_array("gather_max_backward", grad)
    _check_given("gather_max_backward", "index", index, 2)
    if array.shape != index.shape or array.ndim != 2:
        raise ShapeError(f"[gather_max_backward] expects a gradient of shape {index.shape}, got {array.shape}")
    nodes = _ends("gather_max_backward", "targets", targets, len(array), array)
    rows, features = _checked_order("gather_max_backward", order, offsets, nodes), array.shape[1]
    out = empty((rows, features), array.dtype, array)
    pick(array).gather_max_backward(out, array, index, nodes, order, offsets, rows, features)
    return out


def edge_dot(a: ArrayLike, b: ArrayLike, targets: ArrayLike, sources: ArrayLike) -> Array:
    """For every edge the product of the rows at its ends: of ``a`` at the target and of ``b`` at the source.

    Parameters
    ----------
    a, b : array_like, (rows, features) or (rows, heads, features)
    targets, sources : array_like of int, (edges,)

    Returns
    -------
    ndarray, (edges,) or (edges, heads)

    Raises
    ------
    IndexError, ShapeError
        If an end is not a row, or the shapes do not fit.
    """
    left, right = as_floats("edge_dot", a, b)
    if left.ndim not in (2, 3) or left.shape[1:] != right.shape[1:]:
        raise ShapeError(f"[edge_dot] expects a and b (rows, [heads,] features), got {left.shape} and {right.shape}")
    ends = _ends("edge_dot", "targets", targets, len(left), left)
    others = _ends("edge_dot", "sources", sources, len(right), left)
    if ends.size != others.size:
        raise ShapeError(f"[edge_dot] got {ends.size} targets and {others.size} sources")
    heads = left.shape[1] if left.ndim == 3 else 1
    out = empty((ends.size, *left.shape[1:-1]), left.dtype, left)
    pick(left).edge_dot(out, left, right, ends, others, ends.size, heads, left.shape[-1])
    return out


def _ends(op: str, name: str, ids: ArrayLike, size: int, like: Array) -> Array:
    """Ends of edges as contiguous int64, each in 0..size-1."""
    values = checked_indices(op, ids, 0, size, like)
    if values.ndim != 1:
        raise ShapeError(f"[{op}] expects {name} of one axis, got shape {values.shape}")
    return values


def _check_given(op: str, name: str, values: Array, ndim: int) -> None:
    """That an array is one that a kernel of this file gave."""
    if getattr(values, "dtype", None) != np.int64 or values.ndim != ndim or not values.flags.c_contiguous:
        kind = getattr(values, "dtype", type(values).__name__)
        raise DTypeError(f"[{op}] expects {name} as a kernel gave it, int64 along {ndim} axes, got {kind}")


def _checked_order(op: str, order: Array, offsets: Array, ends: Array) -> int:
    """How many nodes there are in the order of edges with these other ends."""
    for name, values in (("order", order), ("offsets", offsets)):
        _check_given(op, name, values, 1)
    if order.size != ends.size or not offsets.size:
        raise ShapeError(f"[{op}] expects ends of edges of shape ({order.size},), got shape {ends.shape}")
    if now.recording is None and not (in_range(order, 0, ends.size - 1) and in_range(offsets, 0, ends.size)):
        raise IndexError(f"[{op}] order and offsets are not those of {ends.size} edges")
    return int(offsets.size) - 1
