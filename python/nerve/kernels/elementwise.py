"""Elementwise functions: of one array, of two that broadcast, and comparisons.

The formulas and their derivatives stand side by side in ``csrc/functors.h``; the measured error of each elementary
function, in units in the last place, in ``tests/test_math.py``. The activations are Keras 3's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import (
    as_array,
    as_floats,
    beside,
    converted,
    converted_by_kernel,
    pick,
    rectangular,
    repeated,
)
from nerve.kernels._elementwise import apart, binary, comparison, output, same_shapes, unary
from nerve.kernels._numbers import number
from nerve.kernels._recording import now

# fmt: off
__all__ = [
    "absolute", "absolute_backward", "add", "add_relu", "cast", "ceil", "ceil_backward", "cos", "cos_backward",
    "divide", "elu", "elu_backward", "equal", "erf", "erf_backward", "exp", "exp_backward", "expm1", "expm1_backward",
    "floor", "floor_backward", "gelu", "gelu_backward", "gelu_tanh", "gelu_tanh_backward", "greater", "greater_equal",
    "hard_sigmoid", "hard_sigmoid_backward", "leaky_relu", "leaky_relu_backward", "less", "less_equal", "log", "log1p",
    "log1p_backward", "log_backward", "maximum", "minimum", "multiply", "negative", "negative_backward", "not_equal",
    "power", "reciprocal", "reciprocal_backward", "relu", "relu6", "relu6_backward", "relu_backward", "round",
    "round_backward", "rsqrt", "rsqrt_backward", "selu", "selu_backward", "sigmoid", "sigmoid_backward", "sign",
    "sign_backward", "silu", "silu_backward", "sin", "sin_backward", "softplus", "softplus_backward", "softsign",
    "softsign_backward", "sqrt", "sqrt_backward", "square", "square_backward", "subtract", "tanh", "tanh_backward",
    "where",
]
# fmt: on


# --- arithmetic

negative, negative_backward = unary("negative", "``-x``")
absolute, absolute_backward = unary("absolute", "``|x|``")
sign, sign_backward = unary("sign", "-1, 0 or 1; NaN stays NaN.")
square, square_backward = unary("square", "``x * x``")
sqrt, sqrt_backward = unary("sqrt", "Square root, correctly rounded; NaN below zero.")
rsqrt, rsqrt_backward = unary("rsqrt", "``1 / sqrt(x)``")
reciprocal, reciprocal_backward = unary("reciprocal", "``1 / x``")
floor, floor_backward = unary("floor", "The largest integer not above x.")
ceil, ceil_backward = unary("ceil", "The smallest integer not below x.")
round, round_backward = unary("round", "The nearest integer, halves to even.")


# --- elementary functions

exp, exp_backward = unary("exp", "The exponential function.")
expm1, expm1_backward = unary("expm1", "``exp(x) - 1``, accurate near zero.")
log, log_backward = unary("log", "Natural logarithm; -inf at zero, NaN below.")
log1p, log1p_backward = unary("log1p", "``log(1 + x)``, accurate near zero.")
sin, sin_backward = unary("sin", "Sine of x in radians, accurate for x of any size.")
cos, cos_backward = unary("cos", "Cosine of x in radians, accurate for x of any size.")
tanh, tanh_backward = unary("tanh", "Hyperbolic tangent.")
erf, erf_backward = unary(
    "erf", "The error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t * t)`` from 0 to x."
)


# --- activations

sigmoid, sigmoid_backward = unary("sigmoid", "``1 / (1 + exp(-x))``")
relu, relu_backward = unary("relu", "``max(x, 0)``; its derivative at 0 is 0.")
relu6, relu6_backward = unary("relu6", "``min(max(x, 0), 6)``")
selu, selu_backward = unary("selu", "``scale * elu(x, alpha)`` with the two constants of Klambauer et al. (2017).")
gelu, gelu_backward = unary("gelu", "``x * Phi(x)`` with the normal distribution itself (Hendrycks and Gimpel, 2016).")
gelu_tanh, gelu_tanh_backward = unary(
    "gelu_tanh", "``x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2``, close to :func:`gelu`."
)
silu, silu_backward = unary("silu", "``x * sigmoid(x)``, also called swish.")
softplus, softplus_backward = unary("softplus", "``log(1 + exp(x))``, without overflow.")
softsign, softsign_backward = unary("softsign", "``x / (1 + |x|)``")
hard_sigmoid, hard_sigmoid_backward = unary("hard_sigmoid", "``relu6(x + 3) / 6``")


def _with_slope(op: str, x: ArrayLike, name: str, slope: float, out: Array | None) -> Array:
    array = as_array(op, x)
    result = output(op, out, array.shape, array.dtype, array)
    if out is not None:
        array = apart(array, out)
    getattr(pick(array), op)(result, array, array.size, number(op, name, slope))
    return result


def _with_slope_backward(
    op: str, grad: ArrayLike, x: ArrayLike, y: ArrayLike, name: str, slope: float, out: Array | None
) -> Array:
    arrays = same_shapes(op, grad, x, y)
    result = output(op, out, arrays[0].shape, arrays[0].dtype, arrays[0])
    if out is not None:
        arrays = tuple(apart(array, out) for array in arrays)
    getattr(pick(*arrays), op)(result, *arrays, result.size, number(op, name, slope))
    return result


def leaky_relu(x: ArrayLike, negative_slope: float = 0.2, *, out: Array | None = None) -> Array:
    """``x`` above zero and ``negative_slope * x`` below; ``out`` as for :func:`relu`."""
    return _with_slope("leaky_relu", x, "negative_slope", negative_slope, out)


def leaky_relu_backward(
    grad: ArrayLike, x: ArrayLike, y: ArrayLike, negative_slope: float = 0.2, *, out: Array | None = None
) -> Array:
    """The gradient of :func:`leaky_relu`; the derivative at 0 is ``negative_slope``. ``out`` may be ``grad``."""
    return _with_slope_backward("leaky_relu_backward", grad, x, y, "negative_slope", negative_slope, out)


def elu(x: ArrayLike, alpha: float = 1.0, *, out: Array | None = None) -> Array:
    """``x`` above zero and ``alpha * (exp(x) - 1)`` below; ``out`` as for :func:`relu`."""
    return _with_slope("elu", x, "alpha", alpha, out)


def elu_backward(grad: ArrayLike, x: ArrayLike, y: ArrayLike, alpha: float = 1.0, *, out: Array | None = None) -> Array:
    """The gradient of :func:`elu`; the derivative at 0 is ``alpha``. ``out`` may be ``grad``."""
    return _with_slope_backward("elu_backward", grad, x, y, "alpha", alpha, out)


# --- two operands

add = binary("add", "``a + b``")
subtract = binary("subtract", "``a - b``")
multiply = binary("multiply", "``a * b``")
divide = binary("divide", "``a / b``")
power = binary("power", "``a`` to the power ``b``; NaN for a negative base and an exponent that is no integer.")
maximum = binary("maximum", "The larger of a and b; NaN if either is NaN.")
minimum = binary("minimum", "The smaller of a and b; NaN if either is NaN.")
add_relu = binary("add_relu", "``max(a + b, 0)``; NaN where the sum is.")

equal = comparison("equal", "==")
not_equal = comparison("not_equal", "!=")
less = comparison("less", "<")
less_equal = comparison("less_equal", "<=")
greater = comparison("greater", ">")
greater_equal = comparison("greater_equal", ">=")


def where(condition: ArrayLike, a: ArrayLike, b: ArrayLike, *, out: Array | None = None) -> Array:
    """``a`` where ``condition`` holds, ``b`` elsewhere.

    Parameters
    ----------
    condition : array_like of bool
    a, b : array_like, float32 or float64
        The three shapes broadcast, by NumPy's rules.
    out : ndarray, optional
        Where to write: C-contiguous, of the result's shape and dtype; ``a`` or ``b`` itself computes in place.

    Returns
    -------
    ndarray
        Of the broadcast shape; ``out`` if given.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast, or ``out`` has another.
    DTypeError
        If ``condition`` is not an array of booleans, ``a`` or ``b`` not one of real numbers, or ``out`` does not fit.
    """
    module = array_module(condition, a, b)
    chosen = beside("where", module, condition)
    if chosen.dtype != np.bool_:
        raise DTypeError(f"[where] expects a condition of booleans, got dtype {chosen.dtype}")
    x, y = (beside("where", module, value) for value in as_floats("where", a, b))
    try:
        shape = np.broadcast_shapes(chosen.shape, x.shape, y.shape)
    except ValueError:
        raise ShapeError(f"[where] shapes {chosen.shape}, {x.shape} and {y.shape} do not broadcast") from None
    chosen = repeated_condition(chosen, shape)
    x, y = repeated(x, shape), repeated(y, shape)
    result = output("where", out, shape, x.dtype, x)
    if out is not None:
        x, y = apart(x, out), apart(y, out)
        chosen = chosen.copy() if array_module(out).may_share_memory(chosen, out) else chosen
    pick(x, y).where(result, chosen, x, y, result.size)
    return result


def repeated_condition(condition: Array, shape: tuple[int, ...]) -> Array:
    """Booleans broadcast to a shape, contiguous; in a recording by kernels, which repeat floats."""
    if now.recording is None or condition.shape == shape:
        return repeated(condition, shape)
    return not_equal(repeated(where(condition, 1.0, 0.0), shape), 0.0)


def cast(x: ArrayLike, dtype: DTypeLike) -> Array:
    """``x`` as another type of number.

    Parameters
    ----------
    x : array_like
        Real numbers or booleans.
    dtype : {"float32", "float64", "int64", "bool"}
        Floats lose what is after the point when they become integers; what is not zero becomes True.

    Returns
    -------
    ndarray
        ``x`` itself if it is a contiguous array of that dtype.

    Raises
    ------
    DTypeError
        If ``x`` does not hold real numbers, or ``dtype`` is another one.
    """
    array = rectangular("cast", x)
    wanted = np.dtype(dtype)
    if array.dtype.kind not in "fiub" or wanted.name not in ("float32", "float64", "int64", "bool"):
        raise DTypeError(
            f"[cast] turns real numbers into float32, float64, int64 or bool, got {array.dtype} and {wanted}"
        )
    if array.dtype.kind in "iu" and array.dtype != np.int64:
        array = array.astype(np.int64)
    elif array.dtype.kind == "f" and array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64 if array.itemsize > 8 else np.float32)
    if array.dtype == wanted:
        return converted(array, wanted)
    if wanted.kind == "b":
        return not_equal(array if array.dtype.kind == "f" else cast(array, "float64"), 0.0)
    if array.dtype.kind == "b":
        numbers = where(array, array_module(array).ones((), np.float32), 0.0)
        return numbers if wanted == np.float32 else cast(numbers, wanted)
    return converted_by_kernel(converted(array, array.dtype), wanted)
