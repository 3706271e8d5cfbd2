"""Activation functions under Keras 3's names, on tensors or arrays.

Most are functions of `nerve.ops`, which have kernels or are made of those that do; the rest are put together here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nerve import ops
from nerve._lookup import lookup, unplaced
from nerve.serialization import functions_for
from nerve.tensor import Tensor

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "heaviside",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
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
        y = ops.leaky_relu(x, negative_slope)
    else:
        y = ops.relu(x)
    return y if max_value is None else ops.minimum(y, max_value)


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """x where x > 0, else `negative_slope * x`."""
    return ops.leaky_relu(x, negative_slope)


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
    return ops.gelu(x, approximate)


def silu(x: Tensor) -> Tensor:
    """x * sigmoid(x), also called swish."""
    return ops.silu(x)


def mish(x: Tensor) -> Tensor:
    """x * tanh(softplus(x)) (Misra, 2019)."""
    return x * ops.tanh(ops.softplus(x))


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else `alpha * (exp(x / alpha) - 1)` (Barron, 2017): smooth for every alpha."""
    return ops.celu(x, alpha)


def glu(x: Tensor, axis: int = -1) -> Tensor:
    """The first half of `axis` times the sigmoid of the second (Dauphin et al., 2017)."""
    return ops.glu(x, axis)


def hard_silu(x: Tensor) -> Tensor:
    """x * hard_sigmoid(x), also called hard_swish (Howard et al., 2019)."""
    return ops.hard_silu(x)


def hard_tanh(x: Tensor) -> Tensor:
    """x kept between -1 and 1."""
    return ops.hard_tanh(x)


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x, or 0 where |x| is `threshold` at most."""
    return ops.hard_shrink(x, threshold)


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x moved by `threshold` towards 0, and 0 where it would cross it."""
    return ops.soft_shrink(x, threshold)


def tanh_shrink(x: Tensor) -> Tensor:
    """x - tanh(x)."""
    return ops.tanh_shrink(x)


def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """x where it is above `threshold`, else `default_value`."""
    return ops.threshold(x, threshold, default_value)


def log_sigmoid(x: Tensor) -> Tensor:
    """log(sigmoid(x)), without forming the sigmoid."""
    return ops.log_sigmoid(x)


def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, x from 1 on, and the parabola (x + 1)**2 / 4 between them."""
    return ops.sparse_plus(x)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """0 up to -1, 1 from 1 on, and the line (x + 1) / 2 between them: the slope of `sparse_plus`."""
    return ops.sparse_sigmoid(x)


def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """(x + sqrt(x**2 + b)) / 2: like softplus, without exponentials (Barron, 2021)."""
    return ops.squareplus(x, b)


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


def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """The nearest point whose elements along `axis` are not negative and sum to one; many of them are 0."""
    return ops.sparsemax(x, axis=axis)


def heaviside(x: Tensor) -> Tensor:
    """The step of a perceptron: 1 from 0 on, 0 below, with a gradient of 0 everywhere. Keras does not have it."""
    return ops.minimum(ops.sign(x) + 1.0, 1.0)


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x))."""
    return ops.softplus(x)


def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return ops.softsign(x)


def exponential(x: Tensor) -> Tensor:
    """exp(x)."""
    return ops.exp(x)


swish, hard_swish = silu, hard_silu

_FUNCTIONS: tuple[Activation, ...] = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, heaviside, leaky_relu, linear,
    log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign,
    sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
)  # fmt: skip
_NAMES: dict[str, Activation] = {f.__name__: f for f in _FUNCTIONS} | {"swish": swish, "hard_swish": hard_swish}


def get(identifier: str | Activation | None) -> Activation:
    """The function meant by a name, None (linear) or any callable."""
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    if isinstance(identifier, str):
        return lookup("activation", identifier, _NAMES)
    raise unplaced(TypeError(f"expected the name of an activation or a callable, got {identifier!r}"))


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


deserialize = functions_for("activations", get)[1]
