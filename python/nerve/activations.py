"""Activation functions under Keras 3's names, on tensors or arrays.

Most are one kernel; the rest are short compositions of ops, differentiated as such.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nerve import ops
from nerve._lookup import lookup
from nerve.tensor import Tensor

__all__ = [
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]

Activation = Callable[..., Any]


def linear(x: Tensor) -> Tensor:
    """x."""
    return x


def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """max(x, 0), or Keras's generalization of it.

    Parameters
    ----------
    x : Tensor
    negative_slope : float
        Below `threshold` the result is `negative_slope * (x - threshold)`.
    max_value : float, optional
        The result is never above this.
    threshold : float
        From here on the result is x.
    """
    if threshold != 0.0:
        below = negative_slope * (x - threshold)
        y = ops.where(x >= threshold, x, below)
    elif negative_slope != 0.0:
        y = ops.leaky_relu(x, alpha=negative_slope)
    else:
        y = ops.relu(x)
    return y if max_value is None else ops.minimum(y, max_value)


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """x where x > 0, else `negative_slope * x`."""
    return ops.leaky_relu(x, alpha=negative_slope)


def relu6(x: Tensor) -> Tensor:
    """min(max(x, 0), 6)."""
    return ops.relu6(x)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else `alpha * (exp(x) - 1)` (Clevert et al., 2016)."""
    return ops.elu(x, alpha=alpha)


def selu(x: Tensor) -> Tensor:
    """The self-normalizing scaled ELU (Klambauer et al., 2017)."""
    return ops.selu(x)


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """x times the normal distribution function of x, or its tanh approximation (Hendrycks and Gimpel, 2016)."""
    return ops.gelu_tanh(x) if approximate else ops.gelu(x)


def silu(x: Tensor) -> Tensor:
    """x * sigmoid(x), also called swish."""
    return ops.silu(x)


def mish(x: Tensor) -> Tensor:
    """x * tanh(softplus(x)) (Misra, 2019)."""
    return x * ops.tanh(ops.softplus(x))


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return ops.sigmoid(x)


def hard_sigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6."""
    return ops.hard_sigmoid(x)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return ops.tanh(x)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """exp(x) scaled to sum to one along `axis`."""
    return ops.softmax(x, axis=axis)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """log(softmax(x)), without forming the softmax."""
    return ops.log_softmax(x, axis=axis)


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x))."""
    return ops.softplus(x)


def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return ops.softsign(x)


def exponential(x: Tensor) -> Tensor:
    """exp(x)."""
    return ops.exp(x)


_FUNCTIONS: tuple[Activation, ...] = (
    elu, exponential, gelu, hard_sigmoid, leaky_relu, linear, log_softmax, mish, relu, relu6, selu, sigmoid, silu,
    softmax, softplus, softsign, tanh,
)  # fmt: skip
_NAMES: dict[str, Activation] = {f.__name__: f for f in _FUNCTIONS} | {"swish": silu}


def get(identifier: str | Activation | None) -> Activation:
    """The function meant by a name, None (linear) or any callable."""
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    if isinstance(identifier, str):
        return lookup("activation", identifier, _NAMES)
    raise TypeError(f"expected the name of an activation or a callable, got {identifier!r}")


def serialize(activation: Activation) -> str:
    """The name that `get` turns into `activation` again.

    Raises
    ------
    ValueError
        If it is not one of this module: a model file holds names, never code.
    """
    name = getattr(activation, "__name__", repr(activation))
    if _NAMES.get(name) is not activation:
        raise ValueError(f"activation {name!r} is not one of nerve.activations and cannot be saved by name")
    return name
