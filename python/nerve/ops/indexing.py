"""Moving elements, differentiable: every gradient moves the elements back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.indexed_rows import IndexedRows
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import rectangular
from nerve.kernels._numbers import integers
from nerve.ops._differentiable import JointResult, Result, composed, differentiable, differentiable_jointly, plain
from nerve.ops.reduce import max
from nerve.tensor import Tensor

__all__ = [
    "broadcast_to",
    "concatenate",
    "get_item",
    "getitem",
    "multi_hot",
    "one_hot",
    "reshape",
    "stop_gradient",
    "take",
    "transpose",
    "unstack",
]


@differentiable
def transpose(x: Array, axes: Sequence[int] | None = None) -> Result:
    """Permute the axes; as :func:`nerve.kernels.transpose`."""
    y = kernels.transpose(x, axes)
    back = None if axes is None else tuple(int(i) for i in np.argsort([axis % y.ndim for axis in axes]))
    return y, (lambda grad: kernels.transpose(grad, back),)


@differentiable
def broadcast_to(x: Array, shape: Sequence[int]) -> Result:
    """Repeat along new axes and axes of size one; as :func:`nerve.kernels.broadcast_to`."""
    return kernels.broadcast_to(x, shape), (lambda grad: grad,)  # the engine sums what was repeated


@differentiable
def getitem(x: Array, index: Any) -> Result:
    """Basic indexing; as :func:`nerve.kernels.getitem`."""
    y, shape = kernels.getitem(x, index), np.shape(x)
    return y, (lambda grad: kernels.getitem_backward(grad, index, input_shape=shape),)


@differentiable
def reshape(x: Array, newshape: Sequence[int] | int) -> Result:
    """The same elements, in row-major order, under another shape: a view where possible.

    Parameters
    ----------
    x : tensor or array_like
    newshape : sequence of int
        One of the sizes may be -1, and is then what makes the number of elements right.

    Raises
    ------
    ShapeError
        If the number of elements differs.
    """
    x = rectangular("reshape", x)
    sizes = integers("reshape", "newshape", newshape)
    known = math.prod(size for size in sizes if size != -1)
    fits = x.size == known if -1 not in sizes else sizes.count(-1) == 1 and known > 0 and x.size % known == 0
    if not fits or min(sizes, default=0) < -1:
        raise ShapeError(f"[reshape] cannot make shape {sizes} of {x.size} elements of shape {x.shape}")
    return x.reshape(sizes), (lambda grad: grad.reshape(x.shape),)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Join along an axis; as :func:`nerve.kernels.concatenate`."""
    if not isinstance(xs, list | tuple):
        raise TypeError(f"[concatenate] expects a list of tensors, got {type(xs).__name__}")
    for array in xs:  # an input of one list: the decorator below looks at single arguments
        if hasattr(type(array), "__nerve_op__"):
            return array.__nerve_op__(concatenate, (list(xs),), {"axis": axis})
    return _concatenate(*xs, axis=axis)


@differentiable
def _concatenate(*arrays: Array, axis: int) -> Result:
    y = kernels.concatenate(arrays, axis)
    ends = np.cumsum([np.shape(array)[axis] for array in arrays])

    def part(end: int, size: int) -> Any:
        index = [slice(None)] * y.ndim
        index[axis] = slice(end - size, end)
        return lambda grad: kernels.getitem(grad, tuple(index))

    return y, tuple(part(int(end), np.shape(array)[axis]) for end, array in zip(ends, arrays, strict=True))


@differentiable_jointly
def unstack(x: Array, num: int | None = None, axis: int = 0, *, wanted: tuple[bool, ...] = ()) -> JointResult:
    """The slices along an axis, one tensor each, without that axis.

    Parameters
    ----------
    x : tensor or array_like
    num : int, optional
        How many there are.
    axis : int

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    ShapeError
        If x has no such axis, or not so many slices.
    """
    x = rectangular("unstack", x)
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"[unstack] axis {axis} is out of range for an array of shape {x.shape}")
    if num not in (None, x.shape[axis]):
        raise ShapeError(f"[unstack] expects {num} slices along axis {axis}, got shape {x.shape}")
    order = [axis % x.ndim, *(i for i in range(x.ndim) if i != axis % x.ndim)]
    slices = kernels.transpose(x, order)

    def backward(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        zero = array_module(slices).zeros(slices.shape[1:], slices.dtype)
        stacked = kernels.concatenate([(zero if grad is None else grad)[np.newaxis] for grad in grads], axis=0)
        return (kernels.transpose(stacked, [int(i) for i in np.argsort(order)]),)

    return tuple(slices), backward


@differentiable
def take(x: Array, indices: Array, axis: int | None = None) -> Result:
    """Gather slices along an axis, or of all elements in a row; as :func:`nerve.kernels.take`.

    Indices that are floats, as sums of integers are here, are cut to whole numbers.
    """
    places = rectangular("take", indices)
    indices = kernels.cast(places, np.int64) if places.dtype.kind == "f" and places.size else indices
    if axis is None:
        x = rectangular("take", x)
        flat = x.reshape(-1)
        gradient = _TakeGradient(indices, flat.shape, 0)
        back = gradient if x.ndim == 1 else lambda grad: gradient(grad).reshape(x.shape)
        return kernels.take(flat, indices, axis=0), (back,)
    return kernels.take(x, indices, axis=axis), (_TakeGradient(indices, np.shape(x), axis),)


@differentiable
def added_up(x: Array, *, indices: Array, size: int, axis: int) -> Result:
    """The transpose of `take` of one list of indices: each slice is added to its place among `size`."""
    sizes = list(np.shape(x))
    sizes[axis] = size
    y = kernels.take_backward(x, indices, input_shape=sizes, axis=axis)
    return y, (lambda grad: kernels.take(grad, indices, axis=axis),)


class _TakeGradient:
    """The gradient of `take`, and the rows of it that are not zero, which is what the engine asks of for a Variable."""

    def __init__(self, indices: Array, shape: tuple[int, ...], axis: int) -> None:
        self.indices, self.shape, self.axis = indices, shape, axis

    def __call__(self, grad: Array) -> Array:
        return kernels.take_backward(grad, self.indices, input_shape=self.shape, axis=self.axis)

    def rows(self, grad: Array) -> IndexedRows | Array:
        """Not the whole array, if axis 0 was gathered from."""
        if self.axis not in (0, -len(self.shape)):
            return self(grad)
        return IndexedRows(*kernels.take_backward_rows(grad, self.indices, input_shape=self.shape), self.shape)


@composed
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = "float32", sparse: bool = False) -> Tensor:
    """Ones at the labels `x`, along a new axis; as :func:`nerve.kernels.one_hot`. Floats are cut to whole numbers."""
    if sparse:
        raise ValueError("[one_hot] gives dense arrays: sparse must be False")
    labels = rectangular("one_hot", x.array if isinstance(x, Tensor) else x)
    if labels.dtype.kind == "f" and labels.size:
        labels = kernels.cast(labels, np.int64)
    found = kernels.one_hot(labels, num_classes, dtype)
    if axis not in (-1, found.ndim - 1):
        order = list(range(found.ndim - 1))
        order.insert(axis % found.ndim, found.ndim - 1)
        found = kernels.transpose(found, order)
    return Tensor(found, tracked=False)


@plain
def stop_gradient(variable: Array) -> Array:
    """The same values, as a constant: no gradient flows through."""
    return rectangular("stop_gradient", variable)


@composed
def multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: Any = "float32", sparse: bool = False) -> Tensor:
    """Ones at all labels along an axis of `inputs`, or at the only one of a number."""
    if sparse:
        raise ValueError("[multi_hot] gives dense arrays: sparse must be False")
    found = one_hot(inputs, num_classes, dtype=dtype)
    return max(found, axis=found.ndim - 2 if axis == -1 else axis) if found.ndim > 1 else found


@composed
def get_item(x: Any, key: Any) -> Tensor:
    """`x[key]`."""
    return getitem(x, key)
