"""Elementwise functions, differentiable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import host, placed
from nerve.kernels._backend import as_floats, rectangular
from nerve.kernels._elementwise import Binary, Unary, UnaryBackward
from nerve.kernels._traced import as_array
from nerve.ops._differentiable import Result, composed, differentiable, once
from nerve.tensor import Gradient, Tensor

# fmt: off
__all__ = [
    "absolute", "add", "add_relu", "cast", "ceil", "cos", "divide", "elu", "equal", "erf", "exp", "expm1", "floor",
    "gelu", "gelu_tanh", "greater", "greater_equal", "hard_sigmoid", "leaky_relu", "less", "less_equal", "log", "log1p",
    "maximum", "minimum", "multiply", "negative", "not_equal", "power", "reciprocal", "relu", "relu6", "round",
    "rsqrt", "selu", "sigmoid", "sign", "silu", "sin", "softplus", "softsign", "sqrt", "square", "subtract", "tanh",
    "where",
]
# fmt: on


_OF_TWO = "x1, x2 : array_like, float32 or float64, of shapes that broadcast"


def _unary(forward: Unary, backward: UnaryBackward, *, from_output: bool = False) -> Callable[[Any], Tensor]:
    """``from_output``: the derivative is the same function of the output alone, so that the input can be forgotten."""

    def op(x: Array) -> Result:
        y = forward(x)
        if from_output:
            return y, (lambda grad: backward(grad, y, y),)
        return y, (lambda grad: backward(grad, x, y),)

    return _named(op, forward, "x : array_like, float32 or float64")


def _binary(
    forward: Binary, gradients: Callable[[Array, Array, Array], tuple[Gradient, Gradient]]
) -> Callable[..., Tensor]:
    """``gradients(a, b, y)``: the two gradient functions, before broadcasting is undone."""

    def op(x1: Array, x2: Array) -> Result:
        y = forward(x1, x2)
        return y, gradients(x1, x2, y)

    return _named(op, forward, _OF_TWO)


def _comparison(compare: Callable[..., Array]) -> Callable[..., Tensor]:
    def op(x1: Array, x2: Array) -> Result:
        return compare(x1, x2), (None, None)

    return _named(op, compare, _OF_TWO)


def _named(op: Callable[..., Result], forward: Callable[..., Array], arguments: str) -> Callable[..., Tensor]:
    op.__name__ = op.__qualname__ = forward.__name__
    summary = (forward.__doc__ or "").split("\n")[0]
    op.__doc__ = f"{summary}\n\n    Parameters\n    ----------\n    {arguments}\n    "
    return differentiable(op)


negative = _unary(kernels.negative, kernels.negative_backward)
absolute = _unary(kernels.absolute, kernels.absolute_backward)
sign = _unary(kernels.sign, kernels.sign_backward)
square = _unary(kernels.square, kernels.square_backward)
sqrt = _unary(kernels.sqrt, kernels.sqrt_backward, from_output=True)
rsqrt = _unary(kernels.rsqrt, kernels.rsqrt_backward)
reciprocal = _unary(kernels.reciprocal, kernels.reciprocal_backward, from_output=True)
floor = _unary(kernels.floor, kernels.floor_backward)
ceil = _unary(kernels.ceil, kernels.ceil_backward)
_rounded = _unary(kernels.round, kernels.round_backward)

exp = _unary(kernels.exp, kernels.exp_backward, from_output=True)
expm1 = _unary(kernels.expm1, kernels.expm1_backward, from_output=True)
log = _unary(kernels.log, kernels.log_backward)
log1p = _unary(kernels.log1p, kernels.log1p_backward)
sin = _unary(kernels.sin, kernels.sin_backward)
cos = _unary(kernels.cos, kernels.cos_backward)
tanh = _unary(kernels.tanh, kernels.tanh_backward, from_output=True)
erf = _unary(kernels.erf, kernels.erf_backward)

sigmoid = _unary(kernels.sigmoid, kernels.sigmoid_backward, from_output=True)
relu = _unary(kernels.relu, kernels.relu_backward, from_output=True)
relu6 = _unary(kernels.relu6, kernels.relu6_backward, from_output=True)
selu = _unary(kernels.selu, kernels.selu_backward)
_gelu_exact = _unary(kernels.gelu, kernels.gelu_backward)
gelu_tanh = _unary(kernels.gelu_tanh, kernels.gelu_tanh_backward)
silu = _unary(kernels.silu, kernels.silu_backward)
softplus = _unary(kernels.softplus, kernels.softplus_backward)
softsign = _unary(kernels.softsign, kernels.softsign_backward)
hard_sigmoid = _unary(kernels.hard_sigmoid, kernels.hard_sigmoid_backward)


@composed
def round(x: Any, decimals: int = 0) -> Tensor:
    """The nearest whole number, or multiple of a power of ten; of two as near the even one."""
    if not decimals:
        return _rounded(x)
    return divide(_rounded(multiply(x, 10.0**decimals)), 10.0**decimals)


@composed
def gelu(x: Any, approximate: bool = True) -> Tensor:
    """``x`` times the normal distribution's integral up to it, or ``gelu_tanh``, which is nearly that."""
    return gelu_tanh(x) if approximate else _gelu_exact(x)


@differentiable
def leaky_relu(x: Array, negative_slope: float = 0.2) -> Result:
    """``x`` above zero and ``negative_slope * x`` below."""
    y = kernels.leaky_relu(x, negative_slope)
    return y, (lambda grad: kernels.leaky_relu_backward(grad, x, y, negative_slope),)


@differentiable
def elu(x: Array, alpha: float = 1.0) -> Result:
    """``x`` above zero and ``alpha * (exp(x) - 1)`` below."""
    y = kernels.elu(x, alpha)
    return y, (lambda grad: kernels.elu_backward(grad, x, y, alpha),)


def _power_gradients(a: Array, b: Array, y: Array) -> tuple[Gradient, Gradient]:
    """``b a^(b-1)`` and ``a^b log(a)``, each 0 where its limit is 0 but the formula is not a number.

    The first for an exponent 0, the second for a base 0 (and an exponent that is not negative), as in PyTorch.
    """
    a, b = as_floats("power", a, b)  # a number becomes as precise as the other operand before it is worked with

    def base(grad: Array) -> Array:
        slope = kernels.multiply(b, kernels.power(a, kernels.subtract(b, 1.0)))
        return kernels.multiply(grad, kernels.where(kernels.equal(b, 0.0), 0.0, slope))

    def exponent(grad: Array) -> Array:
        slope = kernels.multiply(y, kernels.log(a))
        flat = kernels.where(kernels.greater_equal(b, 0.0), 0.0, slope)
        return kernels.multiply(grad, kernels.where(kernels.equal(a, 0.0), flat, slope))

    return base, exponent


def _share(grad: Array, reaches: Array, exceeds: Array) -> Array:
    """1 where an operand is the extremum, 1/2 where both are, 0 where it is not."""
    return kernels.where(exceeds, 1.0, kernels.where(reaches, np.asarray(0.5, grad.dtype), 0.0))


add = _binary(kernels.add, lambda a, b, y: (lambda grad: grad, lambda grad: grad))
subtract = _binary(kernels.subtract, lambda a, b, y: (lambda grad: grad, kernels.negative))
multiply = _binary(
    kernels.multiply, lambda a, b, y: (lambda grad: kernels.multiply(grad, b), lambda grad: kernels.multiply(grad, a))
)
divide = _binary(
    kernels.divide,
    lambda a, b, y: (
        lambda grad: kernels.divide(grad, b),
        lambda grad: kernels.negative(kernels.multiply(grad, kernels.divide(y, b))),
    ),
)
power = _binary(kernels.power, _power_gradients)
# Where the operands are equal each gets half of the gradient.
maximum = _binary(
    kernels.maximum,
    lambda a, b, y: (
        lambda grad: kernels.multiply(grad, _share(grad, kernels.greater_equal(a, b), kernels.greater(a, b))),
        lambda grad: kernels.multiply(grad, _share(grad, kernels.less_equal(a, b), kernels.less(a, b))),
    ),
)
minimum = _binary(
    kernels.minimum,
    lambda a, b, y: (
        lambda grad: kernels.multiply(grad, _share(grad, kernels.less_equal(a, b), kernels.less(a, b))),
        lambda grad: kernels.multiply(grad, _share(grad, kernels.greater_equal(a, b), kernels.greater(a, b))),
    ),
)
add_relu = _binary(
    kernels.add_relu,
    lambda a, b, y: 2 * (once(lambda grad: (kernels.relu_backward(grad, y, y),))(0),),
)

equal = _comparison(kernels.equal)
not_equal = _comparison(kernels.not_equal)
less = _comparison(kernels.less)
less_equal = _comparison(kernels.less_equal)
greater = _comparison(kernels.greater)
greater_equal = _comparison(kernels.greater_equal)


@differentiable
def cast(x: Array, dtype: DTypeLike) -> Result:
    """``x`` as another type of number; as :func:`nerve.kernels.cast`. A gradient flows between floats.

    Integers of any size become int64, unless they have the dtype that is asked for.
    """
    own = rectangular("cast", x).dtype
    wanted = np.dtype(dtype)
    if wanted.kind in "iu":
        if own == wanted:
            return rectangular("cast", x), (None,)
        dtype = np.int64
    y = kernels.cast(x, dtype)
    return y, ((lambda grad: kernels.cast(grad, own)) if own.kind == y.dtype.kind == "f" else None,)


@differentiable
def where(condition: Array, x1: Array | None = None, x2: Array | None = None) -> Result:
    """``x1`` where ``condition`` holds, ``x2`` elsewhere; the three shapes broadcast. Alone, where it holds.

    Parameters
    ----------
    condition : tensor of bool
    x1, x2 : tensors, optional
        Both or neither. Without them ``condition`` may hold any numbers, and holds where they are not 0.

    Returns
    -------
    Tensor
        Without ``x1`` and ``x2`` one of int64 (axes, places), as of Keras on PyTorch: each row is the indices along an
        axis. No recording holds these.

    Raises
    ------
    ValueError
        If only one of ``x1`` and ``x2`` is given.
    """
    if x1 is None or x2 is None:
        if x1 is not x2:
            raise ValueError("[where] expects x1 and x2, or neither of them")
        places = np.argwhere(host(as_array(condition))).T
        return placed(np.ascontiguousarray(places), condition), (None, None, None)
    y = kernels.where(condition, x1, x2)
    return y, (
        None,
        lambda grad: kernels.where(condition, grad, 0.0),
        lambda grad: kernels.where(condition, 0.0, grad),
    )
