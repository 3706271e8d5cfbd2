"""Moving elements: transpose, broadcast_to, getitem, concatenate.

Nothing is computed here, so arrays of integers and booleans keep their dtype (NumPy moves them).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import array_module, is_array, on_gpu
from nerve.kernels._backend import as_array, as_floats, beside, converted, empty, pick
from nerve.kernels._numbers import integers
from nerve.kernels._strided import Shape, begin_of, copy_shape, pad_shape
from nerve.kernels._traced import Traced, required
from nerve.kernels.reduce import reduced_axes, single_axis
from nerve.kernels.shapes import FILLS, MAX_RANK, PadShape

__all__ = [
    "broadcast_to",
    "concatenate",
    "getitem",
    "getitem_backward",
    "transpose",
]


def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Array:
    """Permute the axes.

    Parameters
    ----------
    x : array_like
    axes : sequence of int, optional
        The axis of ``x`` at each place of the result. Reversed by default.

    Returns
    -------
    ndarray
        A new C-contiguous array.

    Raises
    ------
    ShapeError
        If ``axes`` does not name every axis once.
    """
    array = movable("transpose", x)
    if axes is not None:
        axes = integers("transpose", "axes", axes)
        if len(reduced_axes("transpose", axes, array.ndim)) != array.ndim:
            raise ShapeError(f"[transpose] axes {axes} do not name every axis of an array of shape {array.shape}")
    return _copied("transpose", array, array.transpose(axes))


def broadcast_to(x: ArrayLike, shape: Sequence[int]) -> Array:
    """Repeat an array along new axes and axes of size one.

    Parameters
    ----------
    x : array_like
    shape : sequence of int
        Its last axes are those of ``x``, or larger where ``x`` has size one.

    Returns
    -------
    ndarray
        A new C-contiguous array of ``shape``.

    Raises
    ------
    ShapeError
        If ``x`` does not broadcast to ``shape``.
    """
    array = movable("broadcast_to", x)
    sizes = integers("broadcast_to", "shape", shape, 0)
    try:
        view = array_module(array).broadcast_to(array, sizes)
    except ValueError:
        raise ShapeError(f"[broadcast_to] cannot broadcast shape {array.shape} to {sizes}") from None
    return _copied("broadcast_to", array, view)


def getitem(x: ArrayLike, index: Any) -> Array:
    """``x[index]`` for basic indexing: integers, slices of any step, None and Ellipsis.

    Returns
    -------
    ndarray
        A new C-contiguous array.

    Raises
    ------
    IndexError
        If an integer is out of range, a slice is none, there are too many indices, or one is of another kind.
    """
    array = movable("getitem", x)
    view = _view("getitem", array, index)
    return _copied("getitem", array, view, begin_of(view, array))


def getitem_backward(grad: ArrayLike, index: Any, *, input_shape: Sequence[int]) -> Array:
    """The gradient of :func:`getitem`: zeros but for the elements that ``index`` picked.

    Parameters
    ----------
    grad : array_like
        Of the shape ``getitem`` returned.
    index
        As for :func:`getitem`.
    input_shape : sequence of int
        The shape of ``getitem``'s ``x``.

    Returns
    -------
    ndarray
        Of ``input_shape``.

    Raises
    ------
    IndexError
        If the index does not fit ``input_shape``.
    ShapeError
        If ``grad`` does not have the shape that ``getitem`` gives.
    """
    op = "getitem_backward"
    array = as_array(op, grad)
    out = empty(integers(op, "input_shape", input_shape, 0), array.dtype, array)
    if out.ndim > MAX_RANK:
        raise ShapeError(f"[{op}] expects at most {MAX_RANK} dimensions, got {out.ndim}")
    picked = _view(op, out, index)
    if array.shape != picked.shape:
        raise ShapeError(f"[{op}] expects a gradient of shape {picked.shape}, got {array.shape}")
    backend, begin = pick(array), begin_of(picked, out)
    if picked.size and picked.strides == out.strides:  # a part without gaps, and zeros all around
        backend.pad(out, array, _frame(out.shape, out.strides, picked.shape, begin), 0.0)
        return out
    zero = array_module(array).zeros(1, array.dtype)
    backend.copy(out, zero, copy_shape(out.itemsize, out.shape, x_strides=(0,) * out.ndim))
    backend.copy(out, array, copy_shape(out.itemsize, picked.shape, out_strides=picked.strides, out_begin=begin))
    return out


def _view(op: str, array: Array, index: Any) -> Array:
    """``array[index]``, a view, with this library's errors."""
    items = index if isinstance(index, tuple) else (index,)
    spread = True  # without an Ellipsis, which then goes to the end, so that a single element is a view as well
    for item in items:
        if type(item) is slice:
            continue
        spread = spread and item is not Ellipsis
        is_integer = isinstance(item, int | np.integer) and not isinstance(item, bool)
        if not (item is None or item is Ellipsis or is_integer or isinstance(item, slice)):
            hint = "; use take for arrays of indices" if isinstance(item, list) or is_array(item) else ""
            raise IndexError(f"[{op}] expects integers, slices, None and Ellipsis, got {item!r}{hint}")
    if spread:
        items = (*items, Ellipsis)
    try:
        view: Array = array[items]
    except (IndexError, TypeError, ValueError) as error:  # the latter two of slices
        raise IndexError(f"[{op}] {error}; the array has shape {array.shape}") from None
    return view


def concatenate(arrays: Sequence[ArrayLike], axis: int = -1) -> Array:
    """Join arrays along an axis they have.

    Parameters
    ----------
    arrays : sequence of array_like
        At least one; the same shape but for ``axis``.
    axis : int

    Returns
    -------
    ndarray

    Raises
    ------
    ShapeError
        If there is no array, or their shapes do not fit.
    """
    if not isinstance(arrays, list | tuple) and not is_array(arrays):
        raise DTypeError(f"[concatenate] expects a list of arrays, got {type(arrays).__name__}")
    if len(arrays) == 0:
        raise ShapeError("[concatenate] expects at least one array, got none")
    parts: tuple[Array, ...]
    module = array_module(*arrays)
    if all(is_array(a) and a.dtype.kind in "iub" for a in arrays):
        parts = tuple(beside("concatenate", module, a) for a in arrays)
    else:
        parts = as_floats("concatenate", *arrays)
    first = parts[0]
    at = single_axis("concatenate", axis, first.ndim)
    for i, part in enumerate(parts):
        if (
            part.ndim != first.ndim
            or part.shape[:at] + part.shape[at + 1 :] != first.shape[:at] + first.shape[at + 1 :]
        ):
            raise ShapeError(
                f"[concatenate] expects equal shapes but for axis {at}, got {first.shape} and, at position {i}, "
                f"{part.shape}"
            )
    if first.dtype.kind != "f":
        if all(part.dtype.kind == "b" for part in parts) and any(type(part) is Traced for part in parts):
            return _of_booleans(concatenate([converted(part, np.float32) for part in parts], at))
        if all(part.dtype == first.dtype for part in parts) and any(map(_moves_as_floats, parts)):
            return concatenate([_as_floats(part) for part in parts], at).view(first.dtype)
        return module.concatenate(parts, axis=at)  # type: ignore[no-any-return]
    outer, inner = math.prod(first.shape[:at]), math.prod(first.shape[at + 1 :])
    total = sum(part.shape[at] for part in parts)
    out = empty((*first.shape[:at], total, *first.shape[at + 1 :]), first.dtype, first)
    kernel, item = pick(*parts).copy, first.itemsize
    begin = 0
    for part in parts:
        width = part.shape[at] * inner
        strides = (total * inner * item, item)
        kernel(out, part, copy_shape(item, (outer, width), out_strides=strides, out_begin=begin * item))
        begin += width
    return out


@functools.lru_cache(maxsize=4096)
def _frame(sizes: Shape, strides: Shape, shape: Shape, begin: int) -> PadShape:
    """The padding that surrounds a part, of a shape, which begins at byte ``begin`` of a larger array."""
    begins = [begin // stride % size for size, stride in zip(sizes, strides, strict=True)]
    widths = tuple([(b, size - b - part) for size, b, part in zip(sizes, begins, shape, strict=True)])
    return pad_shape(shape, widths, FILLS["constant"])


def movable(op: str, x: ArrayLike) -> Array:
    """``x`` as a C-contiguous array; integers and booleans stay what they are."""
    if (is_array(x) or isinstance(x, np.generic)) and x.dtype.kind in "iub":
        return required(x if on_gpu(x) else np.asanyarray(x))
    return as_array(op, x)


def _moves_as_floats(array: Array) -> bool:
    """Whether these are integers that NumPy must not move, for a recording has them, and that kernels can move."""
    return type(array) is Traced and array.dtype.kind in "iu" and array.itemsize in (4, 8)


def _of_booleans(array: Array) -> Array:
    from nerve.kernels.elementwise import cast  # which comes after this

    return cast(array, "bool")


def _as_floats(array: Array) -> Array:
    """The same bits, to be moved and not to be computed with."""
    return array.view(np.float32 if array.itemsize == 4 else np.float64)


def _copied(op: str, array: Array, view: Array, begin: int = 0) -> Array:
    """A view of ``array``, which is contiguous, from byte ``begin`` on, as an array of its own."""
    if view.ndim > MAX_RANK:
        raise ShapeError(f"[{op}] expects at most {MAX_RANK} dimensions, got shape {view.shape}")
    if array.dtype.kind != "f":
        if type(array) is Traced and array.dtype.kind == "b":
            numbers = converted(array, np.float32)
            out, strides = empty(view.shape, numbers.dtype, numbers), tuple([4 * stride for stride in view.strides])
            pick(numbers).copy(out, numbers, copy_shape(4, view.shape, x_strides=strides, x_begin=4 * begin))
            return _of_booleans(out)
        if not _moves_as_floats(array):
            return view.copy()
        return _copied(op, _as_floats(array), _as_floats(view), begin).view(array.dtype)
    out = empty(view.shape, array.dtype, array)
    shape = copy_shape(array.itemsize, view.shape, x_strides=view.strides, x_begin=begin)
    pick(array).copy(out, array, shape)
    return out
