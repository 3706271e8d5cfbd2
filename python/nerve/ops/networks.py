"""What networks are made of, under the names and in the forms of `keras.ops`: made of other ops."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._numbers import integers
from nerve.kernels.reduce import single_axis
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.attention import attention
from nerve.ops.conv import conv1d, conv1d_transpose, conv2d, conv2d_transpose, conv3d, conv3d_transpose
from nerve.ops.creation import convert_to_tensor, ndim, shape
from nerve.ops.elementwise import log, maximum, minimum, multiply, rsqrt, softplus, square, subtract, where
from nerve.ops.indexing import broadcast_to, one_hot, reshape, transpose
from nerve.ops.matmul import matmul
from nerve.ops.reduce import max, mean, sum
from nerve.ops.softmax import log_softmax, softmax
from nerve.ops.statistics import moments
from nerve.tensor import Tensor

__all__ = [
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "dot_product_attention",
    "layer_normalization",
    "multi_hot",
    "psnr",
    "rms_normalization",
    "separable_conv",
    "sparse_categorical_crossentropy",
]

Sizes = int | Sequence[int]
_EPSILON = 1e-7


# Convolutions


def _spatial(op: str, inputs: Any, data_format: str | None) -> tuple[int, Any]:
    """How many axes there are between batch and channels, and the inputs with channels last."""
    rank = ndim(inputs) - 2
    if not 1 <= rank <= 3:
        raise ShapeError(f"[{op}] inputs expects (batch, one to three axes, channels), got shape {shape(inputs)}")
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"[{op}] data_format must be 'channels_last' or 'channels_first', got {data_format!r}")
    if data_format == "channels_first":
        inputs = transpose(inputs, (0, *range(2, rank + 2), 1))
    return rank, inputs


def _back(y: Tensor, data_format: str | None) -> Tensor:
    if data_format == "channels_first":
        return transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1)))
    return y


def _each(op: str, name: str, value: Sizes, rank: int) -> Any:
    found = integers(op, name, value, 1)
    if len(found) not in (1, rank):
        raise ValueError(f"[{op}] {name} expects one integer or {rank}, got {value!r}")
    found = found * rank if len(found) == 1 else found
    return found[0] if rank == 1 else found


@composed
def conv(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """A convolution of sequences, images or volumes.

    Parameters
    ----------
    inputs : tensor (batch, ..., channels), or with "channels_first" (batch, channels, ...)
        With one to three axes between.
    kernel : tensor (..., channels / groups, filters)
        Fewer channels than there are mean groups.
    strides, dilation_rate : int or one for each axis
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor
    """
    rank, x = _spatial("conv", inputs, data_format)
    options: dict[str, Any] = {
        "strides": _each("conv", "strides", strides, rank),
        "dilation_rate": _each("conv", "dilation_rate", dilation_rate, rank),
        "padding": padding.lower(),
    }
    if rank < 3:
        options["groups"] = builtins.max(shape(x)[-1] // builtins.max(shape(kernel)[-2], 1), 1)
    return _back((conv1d, conv2d, conv3d)[rank - 1](x, kernel, **options), data_format)


@composed
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """A convolution the other way round, with a kernel (..., filters, channels); else as :func:`conv`."""
    rank, x = _spatial("conv_transpose", inputs, data_format)
    options: dict[str, Any] = {
        "strides": _each("conv_transpose", "strides", strides, rank),
        "dilation_rate": _each("conv_transpose", "dilation_rate", dilation_rate, rank),
        "padding": padding.lower(),
        "output_padding": output_padding,
    }
    turned = (conv1d_transpose, conv2d_transpose, conv3d_transpose)[rank - 1]
    return _back(turned(x, kernel, **options), data_format)


@composed
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """A convolution of every channel by itself, with a kernel (..., channels, multiplier); else as :func:`conv`."""
    _, x = _spatial("depthwise_conv", inputs, data_format)
    *window, channels, multiplier = shape(kernel)
    grouped = reshape(kernel, (*window, 1, channels * multiplier))
    return _back(conv(x, grouped, strides, padding, None, dilation_rate), data_format)


@composed
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """:func:`depthwise_conv`, and then a product over the channels."""
    _, x = _spatial("separable_conv", inputs, data_format)
    y = depthwise_conv(x, depthwise_kernel, strides, padding, None, dilation_rate)
    return _back(conv(y, pointwise_kernel), data_format)


# Normalization


def _along(vector: Any, axis: int, rank: int) -> Any:
    return reshape(vector, [-1 if i == axis else 1 for i in range(rank)])


@composed
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Tensor:
    """`scale * (x - mean) / sqrt(variance + epsilon) + offset`, of vectors along an axis."""
    rank = ndim(x)
    place = single_axis("batch_normalization", axis, rank)
    factor = rsqrt(convert_to_tensor(variance) + epsilon)
    factor = factor if scale is None else multiply(factor, scale)
    y = multiply(subtract(x, _along(mean, place, rank)), _along(factor, place, rank))
    return y if offset is None else y + _along(offset, place, rank)


@composed
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any
) -> Tensor:
    """Mean 0 and variance 1 along some axes, then `gamma` times that plus `beta`."""
    if kwargs:
        raise TypeError(f"[layer_normalization] got an unexpected keyword argument {sorted(kwargs)[0]!r}")
    found, variance = moments(x, axis, keepdims=True)
    y = multiply(subtract(x, found), rsqrt(variance + (_EPSILON if epsilon is None else epsilon)))
    return _affine(y, gamma, beta, axis)


@composed
def rms_normalization(x: Any, scale: Any = 1, axis: Any = -1, epsilon: float | None = None) -> Tensor:
    """Divided by the root of the mean square along some axes, times `scale`."""
    y = multiply(x, rsqrt(mean(square(x), axis=axis, keepdims=True) + (_EPSILON if epsilon is None else epsilon)))
    return _affine(y, scale, None, axis)


def _affine(y: Tensor, gamma: Any, beta: Any, axis: Any) -> Tensor:
    axes = [a % y.ndim for a in ((axis,) if isinstance(axis, int) else axis)]
    wide = [n if i in axes else 1 for i, n in enumerate(y.shape)]
    if gamma is not None:
        y = multiply(y, gamma if not ndim(gamma) else reshape(gamma, wide))
    return y if beta is None else y + reshape(beta, wide)


# Attention


@composed
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """`softmax(scale * query @ key.T + bias) @ value` for every head.

    Parameters
    ----------
    query : tensor (batch, query_length, heads, size)
    key, value : tensor (batch, key_length, groups, size)
        The number of groups divides that of heads.
    bias : tensor, optional
        Broadcasts to (batch, heads, query_length, key_length); with it all scores are in memory at once.
    mask : array of bool, optional
        Of that shape, too: which scores count.
    scale : float, optional
        1 / sqrt(size) if not given.
    is_causal : bool
    flash_attention : bool, optional
        True refuses a bias; without one scores are never in memory at once anyway.
    attn_logits_soft_cap : None

    Returns
    -------
    Tensor, of query's shape
    """
    op = "dot_product_attention"
    if attn_logits_soft_cap is not None:
        raise ValueError(f"[{op}] attn_logits_soft_cap must be None")
    if any(ndim(x) != 4 for x in (query, key, value)):
        shapes = ", ".join(str(shape(x)) for x in (query, key, value))
        raise ShapeError(f"[{op}] expects query, key and value (batch, length, heads, size), got {shapes}")
    if flash_attention and bias is not None:
        raise ValueError(f"[{op}] flash_attention=True has no scores that a bias could be added to")
    heads, groups = shape(query)[2], shape(key)[2]
    if heads != groups:
        key, value = (_repeated(op, x, heads) for x in (key, value))
    scale = 1 / math.sqrt(shape(query)[-1]) if scale is None else scale
    if bias is None:
        seen = None if mask is None else as_plain_array(mask)
        found: Tensor = attention(query, key, value, seen, scale=scale, causal=is_causal)
        return found
    q, k, v = (transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
    logits = matmul(multiply(q, scale), k, transpose_b=True) + bias
    if mask is not None:
        logits = where(as_plain_array(mask), logits, -1e30)
    if is_causal:
        logits = where(array_module(logits.array).tri(*logits.shape[-2:], dtype=bool), logits, -1e30)
    return transpose(matmul(softmax(logits), v), (0, 2, 1, 3))


def _repeated(op: str, x: Any, heads: int) -> Tensor:
    batch, length, groups, size = shape(x)
    if heads % groups:
        raise ShapeError(f"[{op}] {heads} heads are no multiple of {groups}")
    wide = broadcast_to(reshape(x, (batch, length, groups, 1, size)), (batch, length, groups, heads // groups, size))
    return reshape(wide, (batch, length, heads, size))


# Losses of elements


@composed
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """`-target log(output) - (1 - target) log(1 - output)`, element by element; of logits without overflow."""
    if from_logits:
        return softplus(output) - multiply(target, output)
    p = minimum(maximum(output, _EPSILON), 1 - _EPSILON)
    return multiply(log(p), multiply(target, -1.0)) - multiply(log(1.0 - p), 1.0 - convert_to_tensor(target))


@composed
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`-sum(target log(output))` along an axis; probabilities are made to sum to one first."""
    if shape(target) != shape(output):
        raise ShapeError(f"[categorical_crossentropy] expects one shape, got {shape(target)} and {shape(output)}")
    return multiply(sum(multiply(_log_probabilities(output, from_logits, axis), target), axis=axis), -1.0)


@composed
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`-log(output)` of the class that an integer names; as :func:`categorical_crossentropy`."""
    sizes, place = shape(output), single_axis("sparse_categorical_crossentropy", axis, ndim(output))
    labels, rest = as_plain_array(target), tuple(n for i, n in enumerate(sizes) if i != place)
    if labels.ndim == len(sizes) and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if labels.shape != rest:
        raise ShapeError(f"[sparse_categorical_crossentropy] expects labels of shape {rest}, got {labels.shape}")
    logs = _log_probabilities(output, from_logits, place)
    return multiply(sum(multiply(logs, one_hot(labels, sizes[place], axis=place, dtype=logs.dtype)), axis=place), -1.0)


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return log_softmax(output, axis=axis)
    p = convert_to_tensor(output) / sum(output, axis=axis, keepdims=True)
    return log(minimum(maximum(p, _EPSILON), 1 - _EPSILON))


@composed
def multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: Any = "float32", sparse: bool = False) -> Tensor:
    """Ones at all labels along an axis of `inputs`, or at the only one of a number."""
    if sparse:
        raise ValueError("[multi_hot] gives dense arrays: sparse must be False")
    found = one_hot(inputs, num_classes, dtype=dtype)
    return max(found, axis=ndim(inputs) - 1 if axis == -1 else axis) if ndim(inputs) else found


@composed
def psnr(x1: Any, x2: Any, max_val: float) -> Tensor:
    """The ratio of `max_val` to the root mean square of the difference, in decibels."""
    error = mean(square(subtract(x1, x2)))
    return multiply(log(error), -10 / math.log(10)) + 20 * math.log10(max_val)
