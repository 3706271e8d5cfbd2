"""Elementwise functions: of one array, of two that broadcast, and comparisons.

The formulas and their derivatives stand side by side in ``csrc/functors.h``; the measured error of each elementary
function, in units in the last place, in ``tests/test_math.py``. The activations are Keras 3's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from nerve.errors import DTypeError, ShapeError
from nerve.kernels._backend import Array, as_array, as_floats, empty, pick
from nerve.kernels.shapes import MAX_RANK, Broadcast

# fmt: off
__all__ = [
    "absolute", "absolute_backward", "add", "ceil", "ceil_backward", "cos", "cos_backward", "divide", "elu",
    "elu_backward", "equal", "erf", "erf_backward", "exp", "exp_backward", "expm1", "expm1_backward", "floor",
    "floor_backward", "gelu", "gelu_backward", "gelu_tanh", "gelu_tanh_backward", "greater", "greater_equal",
    "hard_sigmoid", "hard_sigmoid_backward", "leaky_relu", "leaky_relu_backward", "less", "less_equal", "log", "log1p",
    "log1p_backward", "log_backward", "maximum", "minimum", "multiply", "negative", "negative_backward", "not_equal",
    "power", "reciprocal", "reciprocal_backward", "relu", "relu6", "relu6_backward", "relu_backward", "round",
    "round_backward", "rsqrt", "rsqrt_backward", "selu", "selu_backward", "sigmoid", "sigmoid_backward", "sign",
    "sign_backward", "silu", "silu_backward", "sin", "sin_backward", "softplus", "softplus_backward", "softsign",
    "softsign_backward", "sqrt", "sqrt_backward", "square", "square_backward", "subtract", "tanh", "tanh_backward",
    "where",
]
# fmt: on


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

    def __call__(self, a: ArrayLike, b: ArrayLike) -> Array: ...


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

    Returns
    -------
    ndarray of bool
        Of the broadcast shape.

    Raises
    ------
    ShapeError, DTypeError
        If the shapes do not broadcast, or an operand is not an array of real numbers.
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
    function.__doc__ = documentation
    return function


def _output(op: str, out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """``out`` if a kernel can write a result of this shape and dtype there, or a new array."""
    if out is None:
        return empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"[{op}] expects an array as out, got {type(out).__name__}")
    if out.shape != shape:
        raise ShapeError(f"[{op}] expects out of shape {shape}, got {out.shape}")
    if out.dtype != dtype:
        raise DTypeError(f"[{op}] expects out of dtype {dtype}, got {out.dtype}")
    if not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
        raise ValueError(f"[{op}] expects out to be C-contiguous and writeable")
    return out


def _apart(operand: Array, out: Array) -> Array:
    """``operand``, copied if writing ``out`` would change elements of it that are still to be read."""
    if operand is out or not np.may_share_memory(operand, out):
        return operand
    same = operand.shape == out.shape and operand.ctypes.data == out.ctypes.data
    return operand if same else operand.copy()


def _unary(name: str, summary: str) -> Unary:
    def function(x: ArrayLike, *, out: Array | None = None) -> Array:
        x = as_array(name, x)
        result = _output(name, out, x.shape, x.dtype)
        if out is not None:
            x = _apart(x, out)
        getattr(pick(x), name)(result, x, x.size)
        return result

    return _named(function, name, _UNARY_DOC.format(summary=summary))


def _same_shapes(op: str, grad: ArrayLike, x: ArrayLike, y: ArrayLike) -> tuple[Array, ...]:
    arrays = as_floats(op, grad, x, y)
    shapes = tuple(array.shape for array in arrays)
    if shapes[0] != shapes[1] or shapes[1] != shapes[2]:
        raise ShapeError(f"[{op}] expects grad, x and y of one shape, got {shapes[0]}, {shapes[1]} and {shapes[2]}")
    return arrays


def _backward(name: str) -> UnaryBackward:
    kernel = f"{name}_backward"

    def function(grad: ArrayLike, x: ArrayLike, y: ArrayLike, *, out: Array | None = None) -> Array:
        arrays = _same_shapes(kernel, grad, x, y)
        result = _output(kernel, out, arrays[0].shape, arrays[0].dtype)
        if out is not None:
            arrays = tuple(_apart(array, out) for array in arrays)
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
    # A number beside an array is the usual case, and worth a short way round the conversions.
    if type(b) is float and type(a) is np.ndarray and a.dtype.char in "fd":
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


def _binary(name: str, summary: str) -> Binary:
    def function(a: ArrayLike, b: ArrayLike, *, out: Array | None = None) -> Array:
        x, y, shape, broadcast = _operands(name, a, b)
        result = _output(name, out, shape, x.dtype)
        if out is not None:
            x, y = _apart(x, out), _apart(y, out)
        getattr(pick(x, y), name)(result, x, y, broadcast)
        return result

    return _named(function, name, _BINARY_DOC.format(summary=summary))


def _comparison(name: str, symbol: str) -> Comparison:
    def function(a: ArrayLike, b: ArrayLike) -> Array:
        x, y, shape, broadcast = _operands(name, a, b)
        result = empty(shape, np.bool_)
        getattr(pick(x, y), name)(result, x, y, broadcast)
        return result

    return _named(function, name, _COMPARISON_DOC.format(symbol=symbol))


# --- arithmetic

negative = _unary("negative", "``-x``")
absolute = _unary("absolute", "``|x|``")
sign = _unary("sign", "-1, 0 or 1; NaN stays NaN.")
square = _unary("square", "``x * x``")
sqrt = _unary("sqrt", "Square root, correctly rounded; NaN below zero.")
rsqrt = _unary("rsqrt", "``1 / sqrt(x)``")
reciprocal = _unary("reciprocal", "``1 / x``")
floor = _unary("floor", "The largest integer not above x.")
ceil = _unary("ceil", "The smallest integer not below x.")
round = _unary("round", "The nearest integer, halves to even.")

negative_backward = _backward("negative")
absolute_backward = _backward("absolute")
sign_backward = _backward("sign")
square_backward = _backward("square")
sqrt_backward = _backward("sqrt")
rsqrt_backward = _backward("rsqrt")
reciprocal_backward = _backward("reciprocal")
floor_backward = _backward("floor")
ceil_backward = _backward("ceil")
round_backward = _backward("round")

# --- elementary functions

exp = _unary("exp", "The exponential function.")
expm1 = _unary("expm1", "``exp(x) - 1``, accurate near zero.")
log = _unary("log", "Natural logarithm; -inf at zero, NaN below.")
log1p = _unary("log1p", "``log(1 + x)``, accurate near zero.")
sin = _unary("sin", "Sine of x in radians, accurate for x of any size.")
cos = _unary("cos", "Cosine of x in radians, accurate for x of any size.")
tanh = _unary("tanh", "Hyperbolic tangent.")
erf = _unary("erf", "The error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t * t)`` from 0 to x.")

exp_backward = _backward("exp")
expm1_backward = _backward("expm1")
log_backward = _backward("log")
log1p_backward = _backward("log1p")
sin_backward = _backward("sin")
cos_backward = _backward("cos")
tanh_backward = _backward("tanh")
erf_backward = _backward("erf")

# --- activations

sigmoid = _unary("sigmoid", "``1 / (1 + exp(-x))``")
relu = _unary("relu", "``max(x, 0)``; its derivative at 0 is 0.")
relu6 = _unary("relu6", "``min(max(x, 0), 6)``")
selu = _unary("selu", "``scale * elu(x, alpha)`` with the two constants of Klambauer et al. (2017).")
gelu = _unary("gelu", "``x * Phi(x)`` with the normal distribution itself (Hendrycks and Gimpel, 2016).")
gelu_tanh = _unary("gelu_tanh", "``x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2``, close to :func:`gelu`.")
silu = _unary("silu", "``x * sigmoid(x)``, also called swish.")
softplus = _unary("softplus", "``log(1 + exp(x))``, without overflow.")
softsign = _unary("softsign", "``x / (1 + |x|)``")
hard_sigmoid = _unary("hard_sigmoid", "``relu6(x + 3) / 6``")

sigmoid_backward = _backward("sigmoid")
relu_backward = _backward("relu")
relu6_backward = _backward("relu6")
selu_backward = _backward("selu")
gelu_backward = _backward("gelu")
gelu_tanh_backward = _backward("gelu_tanh")
silu_backward = _backward("silu")
softplus_backward = _backward("softplus")
softsign_backward = _backward("softsign")
hard_sigmoid_backward = _backward("hard_sigmoid")


def _with_alpha(op: str, x: ArrayLike, alpha: float) -> Array:
    array = as_array(op, x)
    result = empty(array.shape, array.dtype)
    getattr(pick(array), op)(result, array, array.size, float(alpha))
    return result


def _with_alpha_backward(op: str, grad: ArrayLike, x: ArrayLike, y: ArrayLike, alpha: float) -> Array:
    arrays = _same_shapes(op, grad, x, y)
    result = empty(arrays[0].shape, arrays[0].dtype)
    getattr(pick(*arrays), op)(result, *arrays, result.size, float(alpha))
    return result


def leaky_relu(x: ArrayLike, alpha: float = 0.2) -> Array:
    """``x`` above zero and ``alpha * x`` below."""
    return _with_alpha("leaky_relu", x, alpha)


def leaky_relu_backward(grad: ArrayLike, x: ArrayLike, y: ArrayLike, alpha: float = 0.2) -> Array:
    """The gradient of :func:`leaky_relu`; the derivative at 0 is ``alpha``."""
    return _with_alpha_backward("leaky_relu_backward", grad, x, y, alpha)


def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """``x`` above zero and ``alpha * (exp(x) - 1)`` below."""
    return _with_alpha("elu", x, alpha)


def elu_backward(grad: ArrayLike, x: ArrayLike, y: ArrayLike, alpha: float = 1.0) -> Array:
    """The gradient of :func:`elu`; the derivative at 0 is ``alpha``."""
    return _with_alpha_backward("elu_backward", grad, x, y, alpha)


# --- two operands

add = _binary("add", "``a + b``")
subtract = _binary("subtract", "``a - b``")
multiply = _binary("multiply", "``a * b``")
divide = _binary("divide", "``a / b``")
power = _binary("power", "``a`` to the power ``b``; NaN for a negative base and an exponent that is no integer.")
maximum = _binary("maximum", "The larger of a and b; NaN if either is NaN.")
minimum = _binary("minimum", "The smaller of a and b; NaN if either is NaN.")

equal = _comparison("equal", "==")
not_equal = _comparison("not_equal", "!=")
less = _comparison("less", "<")
less_equal = _comparison("less_equal", "<=")
greater = _comparison("greater", ">")
greater_equal = _comparison("greater_equal", ">=")


def where(condition: ArrayLike, a: ArrayLike, b: ArrayLike) -> Array:
    """``a`` where ``condition`` holds, ``b`` elsewhere.

    Parameters
    ----------
    condition : array_like of bool
    a, b : array_like, float32 or float64
        The three shapes broadcast, by NumPy's rules.

    Returns
    -------
    ndarray
        Of the broadcast shape.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast.
    DTypeError
        If ``condition`` is not an array of booleans, or ``a`` or ``b`` not one of real numbers.
    """
    chosen = np.asarray(condition)
    if chosen.dtype != np.bool_:
        raise DTypeError(f"[where] expects a condition of booleans, got dtype {chosen.dtype}")
    x, y = as_floats("where", a, b)
    try:
        shape = np.broadcast_shapes(chosen.shape, x.shape, y.shape)
    except ValueError:
        raise ShapeError(f"[where] shapes {chosen.shape}, {x.shape} and {y.shape} do not broadcast") from None
    chosen, x, y = (np.ascontiguousarray(np.broadcast_to(operand, shape)) for operand in (chosen, x, y))
    result = empty(shape, x.dtype)
    pick(x, y).where(result, chosen, x, y, result.size)
    return result
