"""What elementwise functions have in common: where they write, how they broadcast, how they are documented."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import address, array_module, is_array, on_gpu, writable
from nerve.kernels._backend import as_array, as_floats, empty, pick
from nerve.kernels.shapes import MAX_RANK, Broadcast

_BOOL = np.dtype(np.bool_)


class Unary(Protocol):
    """A function of one array."""

    __name__: str

    def __call__(self, x: ArrayLike, *, out: Array | None = None) -> Array: ...


class UnaryBackward(Protocol):
    """``grad * f'(x)``, given the input and the output ``y = f(x)``; all three of one shape."""

    __name__: str

    def __call__(self, grad: ArrayLike, x: ArrayLike, y: ArrayLike, *, out: Array | None = None) -> Array: ...


class Binary(Protocol):
    """A function of two arrays that broadcast."""

    __name__: str

    def __call__(self, a: ArrayLike, b: ArrayLike, *, out: Array | None = None) -> Array: ...


class Comparison(Protocol):
    """A comparison of two arrays that broadcast, giving booleans."""

    __name__: str

    def __call__(self, a: ArrayLike, b: ArrayLike, *, out: Array | None = None) -> Array: ...


_UNARY_DOC = """{summary}

    Parameters
    ----------
    x : array_like, float32 or float64
    out : ndarray, optional
        Where to write: C-contiguous, of x's shape and dtype; ``x`` itself computes in place.

    Returns
    -------
    ndarray
        Of the shape and dtype of ``x``; ``out`` if given.

    Raises
    ------
    ShapeError, DTypeError
        If ``x`` is not an array of real numbers, or ``out`` has another shape or dtype.
    """

_BINARY_DOC = """{summary}

    Parameters
    ----------
    a, b : array_like, float32 or float64
        Shapes that broadcast, by NumPy's rules.
    out : ndarray, optional
        Where to write: C-contiguous, of the result's shape and dtype; ``a`` or ``b`` itself computes in place.

    Returns
    -------
    ndarray
        Of the broadcast shape; ``out`` if given.

    Raises
    ------
    ShapeError, DTypeError
        If the shapes do not broadcast, an operand is not an array of real numbers, or ``out`` does not fit.
    """

_COMPARISON_DOC = """``a {symbol} b`` by element; NaN is unequal to everything.

    Parameters
    ----------
    a, b : array_like, float32 or float64
        Shapes that broadcast, by NumPy's rules.
    out : ndarray of bool, optional
        Where to write: C-contiguous, of the result's shape.

    Returns
    -------
    ndarray of bool
        Of the broadcast shape; ``out`` if given.

    Raises
    ------
    ShapeError, DTypeError
        If the shapes do not broadcast, an operand is not an array of real numbers, or ``out`` does not fit.
    """

_BACKWARD_DOC = """The gradient of :func:`{name}`: ``grad`` times its derivative, where ``y = {name}(x)``.

    Parameters
    ----------
    grad, x, y : array_like, float32 or float64
        Of one shape.
    out : ndarray, optional
        Where to write; ``grad`` itself computes in place.

    Returns
    -------
    ndarray

    Raises
    ------
    ShapeError
        If the shapes differ.
    """

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _named(function: _Function, name: str, documentation: str) -> _Function:
    function.__name__ = function.__qualname__ = name
    function.__module__ = "nerve.kernels.elementwise"  # where it is found, by help and by pickle
    function.__doc__ = documentation
    return function


def output(op: str, out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any], beside: Array) -> Array:
    """``out`` if a kernel can write a result of this shape and dtype there, or a new array beside another."""
    if out is None:
        return empty(shape, dtype, beside)
    if not is_array(out):
        raise TypeError(f"[{op}] expects an array as out, got {type(out).__name__}")
    if out.shape != shape:
        raise ShapeError(f"[{op}] expects out of shape {shape}, got {out.shape}")
    if out.dtype is not dtype and out.dtype != dtype:
        raise DTypeError(f"[{op}] expects out of dtype {dtype}, got {out.dtype}")
    if not writable(out):
        raise ValueError(f"[{op}] expects out to be C-contiguous and writeable")
    return out


def apart(operand: Array, out: Array) -> Array:
    """``operand``, copied if writing ``out`` would change elements of it that are still to be read."""
    if operand is out or on_gpu(operand) != on_gpu(out) or not array_module(out).may_share_memory(operand, out):
        return operand
    same = operand.shape == out.shape and address(operand) == address(out)
    return operand if same else operand.copy()


def unary(name: str, summary: str) -> tuple[Unary, UnaryBackward]:
    """The function called ``name`` and its gradient."""

    def function(x: ArrayLike, *, out: Array | None = None) -> Array:
        x = as_array(name, x)
        result = output(name, out, x.shape, x.dtype, x)
        if out is not None:
            x = apart(x, out)
        getattr(pick(x), name)(result, x, x.size)
        return result

    return _named(function, name, _UNARY_DOC.format(summary=summary)), _backward(name)


def same_shapes(op: str, grad: ArrayLike, x: ArrayLike, y: ArrayLike) -> tuple[Array, ...]:
    arrays = as_floats(op, grad, x, y)
    shapes = tuple(array.shape for array in arrays)
    if shapes[0] != shapes[1] or shapes[1] != shapes[2]:
        raise ShapeError(f"[{op}] expects grad, x and y of one shape, got {shapes[0]}, {shapes[1]} and {shapes[2]}")
    return arrays


def _backward(name: str) -> UnaryBackward:
    kernel = f"{name}_backward"

    def function(grad: ArrayLike, x: ArrayLike, y: ArrayLike, *, out: Array | None = None) -> Array:
        arrays = same_shapes(kernel, grad, x, y)
        result = output(kernel, out, arrays[0].shape, arrays[0].dtype, arrays[0])
        if out is not None:
            arrays = tuple(apart(array, out) for array in arrays)
        getattr(pick(*arrays), kernel)(result, *arrays, result.size)
        return result

    return _named(function, kernel, _BACKWARD_DOC.format(name=name))


@functools.lru_cache(maxsize=4096)
def broadcast_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], Broadcast] | None:
    """The shape two contiguous operands broadcast to, and the kernels' view of it; None if there is none.

    Dimensions along which both operands simply go on in memory are joined, so that the last is as long as possible.
    """
    ndim = max(len(a), len(b))
    a, b = (1,) * (ndim - len(a)) + a, (1,) * (ndim - len(b)) + b
    if ndim > MAX_RANK or any(m != n and m != 1 and n != 1 for m, n in zip(a, b, strict=True)):
        return None
    shape = tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))
    joined: list[tuple[int, int, int]] = []  # size, stride in a and in b, from the last dimension
    a_step = b_step = 1
    for size, m, n in zip(reversed(shape), reversed(a), reversed(b), strict=True):
        if size != 1:
            a_stride, b_stride = a_step if m == size else 0, b_step if n == size else 0
            if joined and (a_stride, b_stride) == (joined[-1][0] * joined[-1][1], joined[-1][0] * joined[-1][2]):
                joined[-1] = (joined[-1][0] * size, *joined[-1][1:])
            else:
                joined.append((size, a_stride, b_stride))
        a_step, b_step = a_step * m, b_step * n
    joined += [(1, 0, 0)] * (MAX_RANK - len(joined))
    sizes, a_strides, b_strides = (tuple(column) for column in zip(*reversed(joined), strict=True))
    return shape, Broadcast(sizes, a_strides, b_strides)


def _operands(op: str, a: ArrayLike, b: ArrayLike) -> tuple[Array, Array, tuple[int, ...], Broadcast]:
    # Two arrays that a kernel takes as they are, and a number beside an array, are worth a short way round the
    # conversions.
    if type(a) is np.ndarray and type(b) is np.ndarray:
        dtype = a.dtype
        if dtype is b.dtype and dtype.char in "fd" and dtype.isnative and a.flags.carray and b.flags.carray:
            fitting = broadcast_shape(a.shape, b.shape)
            if fitting is not None:
                return a, b, *fitting
    elif type(b) is float and type(a) is np.ndarray and a.dtype.char in "fd":
        b = np.array(b, a.dtype)
    elif type(a) is float and type(b) is np.ndarray and b.dtype.char in "fd":
        a = np.array(a, b.dtype)
    x, y = as_floats(op, a, b)
    found = broadcast_shape(x.shape, y.shape)
    if found is None:
        if max(x.ndim, y.ndim) > MAX_RANK:
            raise ShapeError(f"[{op}] expects at most {MAX_RANK} dimensions, got shapes {x.shape} and {y.shape}")
        raise ShapeError(f"[{op}] shapes {x.shape} and {y.shape} do not broadcast")
    return x, y, *found


def binary(name: str, summary: str) -> Binary:
    def function(a: ArrayLike, b: ArrayLike, *, out: Array | None = None) -> Array:
        x, y, shape, broadcast = _operands(name, a, b)
        result = output(name, out, shape, x.dtype, x)
        if out is not None:
            x, y = apart(x, out), apart(y, out)
        getattr(pick(x, y), name)(result, x, y, broadcast)
        return result

    return _named(function, name, _BINARY_DOC.format(summary=summary))


def comparison(name: str, symbol: str) -> Comparison:
    def function(a: ArrayLike, b: ArrayLike, *, out: Array | None = None) -> Array:
        x, y, shape, broadcast = _operands(name, a, b)
        result = output(name, out, shape, _BOOL, x)
        if out is not None:
            x, y = apart(x, out), apart(y, out)
        getattr(pick(x, y), name)(result, x, y, broadcast)
        return result

    return _named(function, name, _COMPARISON_DOC.format(symbol=symbol))
