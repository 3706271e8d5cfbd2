"""Elementwise functions in NumPy, each with its derivative in terms of the input x and the output y."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.kernels.shapes import Broadcast

# fmt: off
__all__ = [
    "absolute", "absolute_backward", "add", "add_relu", "ceil", "ceil_backward", "cos", "cos_backward", "divide", "elu",
    "elu_backward", "equal", "erf", "erf_backward", "exp", "exp_backward", "expm1", "expm1_backward", "floor",
    "floor_backward", "from_int64", "gelu", "gelu_backward", "gelu_tanh", "gelu_tanh_backward", "greater",
    "greater_equal", "hard_sigmoid", "hard_sigmoid_backward", "leaky_relu", "leaky_relu_backward", "less",
    "less_equal", "log", "log1p", "log1p_backward", "log_backward", "maximum", "minimum", "multiply", "negative",
    "negative_backward", "not_equal", "power", "reciprocal", "reciprocal_backward", "relu", "relu6", "relu6_backward",
    "relu_backward", "round", "round_backward", "rsqrt", "rsqrt_backward", "selu", "selu_backward", "sigmoid",
    "sigmoid_backward", "sign", "sign_backward", "silu", "silu_backward", "sin", "sin_backward", "softplus",
    "softplus_backward", "softsign", "softsign_backward", "sqrt", "sqrt_backward", "square", "square_backward",
    "subtract", "tanh", "tanh_backward", "to_float32", "to_float64", "to_int64", "where",
]
# fmt: on

Kernel = Callable[..., None]


def _unary(function: Callable[..., Any], derivative: Callable[..., Any]) -> tuple[Kernel, Kernel]:
    """The kernels of ``function(x)`` and ``grad * derivative(x, y)``; further arguments go to both."""

    def forward(out: Array, x: Array, size: int, *alpha: float) -> None:
        with np.errstate(all="ignore"):
            out[...] = function(x.astype(np.float64), *alpha)

    def backward(out: Array, grad: Array, x: Array, y: Array, size: int, *alpha: float) -> None:
        with np.errstate(all="ignore"):
            out[...] = grad * derivative(x.astype(np.float64), y.astype(np.float64), *alpha)

    return forward, backward


def _binary(function: Callable[[Array, Array], Any]) -> Kernel:
    def kernel(out: Array, a: Array, b: Array, shape: Broadcast) -> None:
        with np.errstate(all="ignore"):
            out[...] = function(a.astype(np.float64), b.astype(np.float64))

    return kernel


def _sigmoid(x: Array) -> Any:
    z = np.exp(-np.abs(x))
    return np.where(x < 0, z, 1.0) / (1 + z)


def _erf(x: Array) -> Any:
    from scipy import special

    return special.erf(x)


def _normal_distribution(x: Array) -> Any:
    from scipy import special

    return special.ndtr(x)


def _gelu_derivative(x: Array, y: Array) -> Any:
    bounded = np.clip(x, -50, 50)
    return _normal_distribution(x) + bounded * np.exp(-bounded * bounded / 2) / np.sqrt(2 * np.pi)


def _gelu_tanh_derivative(x: Array, y: Array) -> Any:
    x = np.clip(x, -50, 50)
    s = _sigmoid(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    return s + x * s * (1 - s) * 2 * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)


def _silu_derivative(x: Array, y: Array) -> Any:
    return _sigmoid(x) + np.clip(x, -50, 50) * _sigmoid(x) * _sigmoid(-x)


_SCALE, _ALPHA = 1.0507009873554805, 1.6732632423543772  # of selu

negative, negative_backward = _unary(np.negative, lambda x, y: -1.0)
absolute, absolute_backward = _unary(np.abs, lambda x, y: np.sign(x))
sign, sign_backward = _unary(np.sign, lambda x, y: 0.0)
square, square_backward = _unary(np.square, lambda x, y: 2 * x)
sqrt, sqrt_backward = _unary(np.sqrt, lambda x, y: 0.5 / y)
rsqrt, rsqrt_backward = _unary(lambda x: 1 / np.sqrt(x), lambda x, y: -0.5 * y / x)
reciprocal, reciprocal_backward = _unary(lambda x: 1 / x, lambda x, y: -y * y)
floor, floor_backward = _unary(np.floor, lambda x, y: 0.0)
ceil, ceil_backward = _unary(np.ceil, lambda x, y: 0.0)
round, round_backward = _unary(np.rint, lambda x, y: 0.0)

exp, exp_backward = _unary(np.exp, lambda x, y: y)
expm1, expm1_backward = _unary(np.expm1, lambda x, y: y + 1)
log, log_backward = _unary(np.log, lambda x, y: 1 / x)
log1p, log1p_backward = _unary(np.log1p, lambda x, y: 1 / (1 + x))
sin, sin_backward = _unary(np.sin, lambda x, y: np.cos(x))
cos, cos_backward = _unary(np.cos, lambda x, y: -np.sin(x))
tanh, tanh_backward = _unary(np.tanh, lambda x, y: 1 - y * y)
erf, erf_backward = _unary(_erf, lambda x, y: 2 / np.sqrt(np.pi) * np.exp(-x * x))

sigmoid, sigmoid_backward = _unary(_sigmoid, lambda x, y: y * (1 - y))
relu, relu_backward = _unary(lambda x: np.maximum(x, 0), lambda x, y: x > 0)
relu6, relu6_backward = _unary(lambda x: np.clip(x, 0, 6), lambda x, y: (x > 0) & (x < 6))
selu, selu_backward = _unary(
    lambda x: _SCALE * np.where(x > 0, x, _ALPHA * np.expm1(x)),
    lambda x, y: np.where(x > 0, _SCALE, y + _SCALE * _ALPHA),
)
gelu, gelu_backward = _unary(lambda x: x * _normal_distribution(x), _gelu_derivative)
gelu_tanh, gelu_tanh_backward = _unary(
    lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), _gelu_tanh_derivative
)
silu, silu_backward = _unary(lambda x: x * _sigmoid(x), _silu_derivative)
softplus, softplus_backward = _unary(
    lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), lambda x, y: _sigmoid(x)
)
softsign, softsign_backward = _unary(lambda x: x / (1 + np.abs(x)), lambda x, y: 1 / (1 + np.abs(x)) ** 2)
hard_sigmoid, hard_sigmoid_backward = _unary(lambda x: np.clip(x + 3, 0, 6) / 6, lambda x, y: ((x > -3) & (x < 3)) / 6)
leaky_relu, leaky_relu_backward = _unary(
    lambda x, alpha: np.where(x > 0, x, alpha * x), lambda x, y, alpha: np.where(x > 0, 1, alpha)
)
elu, elu_backward = _unary(
    lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)), lambda x, y, alpha: np.where(x > 0, 1, y + alpha)
)

add = _binary(np.add)
subtract = _binary(np.subtract)
multiply = _binary(np.multiply)
divide = _binary(np.divide)
power = _binary(np.power)
maximum = _binary(np.maximum)
minimum = _binary(np.minimum)
add_relu = _binary(lambda a, b: np.maximum(a + b, 0))
equal = _binary(np.equal)
not_equal = _binary(np.not_equal)
less = _binary(np.less)
less_equal = _binary(np.less_equal)
greater = _binary(np.greater)
greater_equal = _binary(np.greater_equal)


def where(out: Array, condition: Array, a: Array, b: Array, size: int) -> None:
    out[...] = np.where(condition, a, b)


def _convert(out: Array, x: Array, size: int) -> None:
    out[...] = x.astype(out.dtype)


to_float32 = to_float64 = to_int64 = from_int64 = _convert
