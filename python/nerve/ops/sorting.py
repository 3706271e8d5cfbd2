"""Order: sorted elements, where they stand, and what is counted by value.

Where an element stands depends on all values, which NumPy looks at: no recording holds that, but for `top_k` and
`in_top_k` of few.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import host, placed
from nerve.kernels._numbers import integer
from nerve.kernels._recording import now
from nerve.kernels.reduce import reduced_axes
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import shape
from nerve.ops.elementwise import add, multiply, subtract
from nerve.ops.indexing import reshape, take, transpose
from nerve.ops.shaping import moveaxis, ravel, take_along_axis
from nerve.tensor import Tensor

__all__ = [
    "argpartition",
    "argsort",
    "bincount",
    "digitize",
    "histogram",
    "in_top_k",
    "isin",
    "median",
    "nonzero",
    "percentile",
    "quantile",
    "searchsorted",
    "sort",
    "top_k",
    "unique",
]

_FEW = 32  # of which a recording finds the largest one after the other


class TopK(NamedTuple):
    """The largest elements, and where they are."""

    values: Any
    indices: Any


def host_values(x: Any) -> Array:
    """For NumPy, which refuses arrays of a recording."""
    found: Array = host(as_plain_array(x))
    return found


def _beside(found: Array, x: Any) -> Tensor:
    return Tensor(placed(found, as_plain_array(x)), tracked=False)


@composed
def argsort(x: Any, axis: int | None = -1) -> Tensor:
    """Where the elements are in ascending order along an axis, or of all; of equal ones the first comes first."""
    values = host_values(x)
    return _beside(np.argsort(values.reshape(-1) if axis is None else values, axis=axis or 0, kind="stable"), x)


@composed
def sort(x: Any, axis: int | None = -1) -> Tensor:
    """The elements in ascending order along an axis, or of all; gradients go back to where they were."""
    if axis is None:
        x, axis = ravel(x), 0
    return take_along_axis(x, argsort(x, axis), axis)


@composed
def argpartition(x: Any, kth: int, axis: int = -1) -> Tensor:
    """An order in which element `kth` stands where it does when sorted, with no larger one before it."""
    return _beside(np.argpartition(host_values(x), kth, axis), x)


@composed
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest elements along the last axis, in descending order, and where they are.

    Parameters
    ----------
    x : tensor (..., n)
    k : int
        Up to 32 in a recording.
    sorted : bool
        Of no account: they always are.

    Returns
    -------
    values, indices : Tensor (..., k)
        Of equal elements the first comes first. Gradients go back to where the values were.

    Raises
    ------
    ShapeError
        If there are fewer than k.
    """
    sizes, k = shape(x), integer("top_k", "k", k, 0)
    if not sizes or k > sizes[-1]:
        raise ShapeError(f"[top_k] expects at least k={k} elements along the last axis, got shape {sizes}")
    array = as_plain_array(x)
    if now.recording is not None and k <= _FEW:
        return _largest_in_turn(x, array, k)
    indices = np.argsort(-host_values(x), axis=-1, kind="stable")[..., :k]
    return TopK(take_along_axis(x, np.ascontiguousarray(indices), -1), _beside(np.ascontiguousarray(indices), x))


def _largest_in_turn(x: Any, array: Array, k: int) -> TopK:
    """The largest, then the largest of the rest, and so on, in kernels."""
    sizes = array.shape
    rest = kernels.cast(array, array.dtype if array.dtype.kind == "f" else "float64").reshape(-1, sizes[-1])
    rows = np.arange(len(rest)) * sizes[-1]
    found = []
    for _ in range(k):
        place = kernels.argmax(rest, 1)
        found.append(kernels.cast(place, "float64")[:, None])  # which are exact, and what kernels join
        taken = kernels.one_hot(place, sizes[-1], rest.dtype)
        rest = kernels.where(kernels.greater(taken, 0.5), -np.inf, rest)
    if not found:
        nothing = np.zeros((*sizes[:-1], 0))
        return TopK(Tensor(nothing.astype(array.dtype), tracked=False), Tensor(nothing.astype(np.int64), tracked=False))
    joined = kernels.concatenate(found, axis=1)
    places = kernels.cast(joined, "int64")
    flat = kernels.cast(kernels.add(joined, rows[:, None].astype(np.float64)), "int64")
    values = take(ravel(x), flat, axis=0)
    shaped = (*sizes[:-1], k)
    return TopK(reshape(values, shaped), Tensor(places.reshape(shaped), tracked=False))


@composed
def in_top_k(targets: Any, predictions: Any, k: int) -> Tensor:
    """Whether the prediction (n, classes) of each target's class is among the k largest; of equal ones all are."""
    scores = as_plain_array(predictions)
    at = as_plain_array(targets)
    picked = kernels.multiply(scores, kernels.one_hot(at, scores.shape[-1], scores.dtype))
    own = kernels.sum(picked, -1, True)
    above = kernels.sum(kernels.where(kernels.greater(scores, own), np.ones((), scores.dtype), 0.0), -1)
    return Tensor(kernels.less(above, float(k)), tracked=False)


@composed
def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The value that a fraction `q` of the elements lies below, along axes or of all.

    Parameters
    ----------
    x : tensor
    q : float or array (m,)
        In [0, 1]; several give a new first axis.
    axis : int or tuple of int, optional
    method : {"linear", "lower", "higher", "nearest", "midpoint"}
        What is taken between two elements.
    keepdims : bool

    Returns
    -------
    Tensor
        NaN where there is one among the elements.

    Raises
    ------
    ValueError
        If `q` or `method` are none of the above.
    """
    return quantiles("quantile", x, q, axis, method, keepdims)


def quantiles(op: str, x: Any, q: Any, axis: Any, method: str, keepdims: bool, numbers_alone: bool = False) -> Tensor:
    """As :func:`quantile`; of the elements that are numbers, if wanted."""
    places, sizes = np.asarray(q, np.float64), shape(x)
    if places.ndim > 1 or not ((places >= 0) & (places <= 1)).all():
        raise ValueError(f"[{op}] q must be numbers in [0, 1], got {q!r}")
    axes = reduced_axes(op, axis, len(sizes))
    rest = [i for i in range(len(sizes)) if i not in axes]
    flat = reshape(transpose(x, [*rest, *axes]), [*(sizes[i] for i in rest), math.prod(sizes[i] for i in axes)])
    ordered = sort(flat, -1)  # NaN at the end
    missing, last = np.isnan(host_values(ordered)).sum(-1, keepdims=True), ordered.shape[-1] - 1
    at = places.reshape(-1) * np.maximum(last - missing * numbers_alone, 0)
    at = at if numbers_alone else np.where(missing, last, at)
    low, high = np.floor(at), np.ceil(at)
    shares = {
        "linear": at - low, "lower": low * 0, "higher": (high > low) * 1.0, "nearest": np.round(at) - low,
        "midpoint": (high > low) * 0.5,
    }  # fmt: skip
    if method not in shares:
        raise ValueError(f"[{op}] method must be one of {tuple(shares)}, got {method!r}")
    below, above = (take_along_axis(ordered, ends.astype(np.int64), -1) for ends in (low, high))
    dtype = ordered.dtype if ordered.dtype.kind == "f" else np.dtype(np.float32)
    share = placed(shares[method].astype(dtype), ordered.array)
    found = add(below, multiply(subtract(above, below), share))
    kept = [1 if i in axes else n for i, n in enumerate(sizes)] if keepdims else [sizes[i] for i in rest]
    if not places.ndim:
        return reshape(found, kept)
    return reshape(moveaxis(found, -1, 0), [places.size, *kept])


@composed
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The middle element along axes or of all; the mean of two where there is none."""
    return quantile(x, 0.5, axis, keepdims=keepdims)


# What is counted and looked up: whole numbers, to which no gradient flows


@composed
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Tensor:
    """Where values belong in ascending ones, before or (`side="right"`) behind those that are equal."""
    if side not in ("left", "right"):
        raise ValueError(f"[searchsorted] side must be 'left' or 'right', got {side!r}")
    behind = host_values(values)
    found = np.searchsorted(host_values(sorted_sequence), behind, "left" if side == "left" else "right")
    return _beside(found, values)


@composed
def digitize(x: Any, bins: Any) -> Tensor:
    """The number of the ascending bounds `bins` that are not above each element."""
    return searchsorted(bins, x, "right")


@composed
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each number from 0 on is there, in x (n,) or in every row of (batch, n), or the sums of weights."""
    if sparse:
        raise ValueError("[bincount] gives dense arrays: sparse must be False")
    values, given = host_values(x), None if weights is None else host_values(weights)
    length = max(int(values.max(initial=-1)) + 1, minlength)
    rows = values.reshape(-1, values.shape[-1])
    weighing = [None] * len(rows) if given is None else given.reshape(rows.shape)
    found = np.stack([np.bincount(row, w, length) for row, w in zip(rows, weighing, strict=True)])
    found = found.astype(np.int64 if given is None else given.dtype)
    return _beside(found.reshape(*values.shape[:-1], length), x)


@composed
def nonzero(x: Any) -> tuple[Tensor, ...]:
    """Where elements are not zero: one array for each axis."""
    return tuple(_beside(found, x) for found in np.nonzero(host_values(x)))


@composed
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The elements that differ, in ascending order; as `numpy.unique`.

    Parameters
    ----------
    x : tensor
    sorted : bool
        Of no account: they always are.
    return_index, return_inverse, return_counts : bool
        Whether to say where each is first, which one each element is, and how often each is there.
    axis : int, optional
        Along which slices are compared; if not given, all elements are.
    size : int, optional
        How many are given: the first ones, or all and `fill_value` (0 if not given) behind them; with an index of 0
        and counts of 0 behind.
    fill_value : number, optional
    """
    asked = {"index": return_index, "inverse": return_inverse, "counts": return_counts}
    options: Any = {f"return_{name}": on for name, on in asked.items()}
    given = np.unique(host_values(x), axis=axis, **options)
    parts: list[Array] = list(given) if isinstance(given, tuple) else [given]
    found = dict(zip(["values", *(name for name, on in asked.items() if on)], parts, strict=True))
    if size is not None:
        count = integer("unique", "size", size, 0)
        fill = {"values": fill_value or 0, "index": 0, "counts": 0}  # the inverse is of every element
        found |= {
            name: _fitted(found[name], count, value, (axis or 0) if name == "values" else 0)
            for name, value in fill.items()
            if name in found
        }
    results = tuple(_beside(one, x) for one in found.values())
    return results if len(results) > 1 else results[0]


def _fitted(x: Array, size: int, value: Any, axis: int) -> Array:
    """As many slices as wanted: the first ones, or others of one value behind them."""
    x = np.take(x, np.arange(min(size, x.shape[axis])), axis)
    borders = [(0, 0)] * x.ndim
    borders[axis] = (0, size - x.shape[axis])
    return np.pad(x, borders, constant_values=value)


@composed
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Which elements of `x1` are among those of `x2`, or with `invert` are not."""
    return _beside(np.isin(host_values(x1), host_values(x2), assume_unique=assume_unique, invert=invert), x1)


@composed
def histogram(x: Any, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Tensor, Tensor]:
    """How many elements lie in each of `bins` intervals of equal width, and the bounds of these."""
    counts, edges = np.histogram(host_values(x), bins, range)
    return _beside(counts, x), _beside(edges.astype(np.float32), x)


@composed
def percentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """As :func:`quantile`, of fractions in hundredths."""
    return quantile(x, np.asarray(q, np.float64) / 100, axis, method, keepdims)
