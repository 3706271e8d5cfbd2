"""Windows over one to three axes: pooling and convolutions under Keras's names, which are of any rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nerve.errors import ShapeError
from nerve.kernels._numbers import integers
from nerve.ops._differentiable import composed
from nerve.ops.conv import conv1d, conv1d_transpose, conv2d, conv2d_transpose, conv3d, conv3d_transpose
from nerve.ops.creation import shape
from nerve.ops.elementwise import negative
from nerve.ops.indexing import reshape, transpose
from nerve.ops.pool import average_pool1d, average_pool2d, max_pool1d, max_pool2d
from nerve.ops.pool3d import average_pool3d, max_pool3d
from nerve.tensor import Tensor

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "max_pool",
    "min_pool",
    "separable_conv",
]

Sizes = int | Sequence[int]
_MAXIMA = max_pool1d, max_pool2d, max_pool3d  # of one, two and three axes
_AVERAGES = average_pool1d, average_pool2d, average_pool3d


@composed
def max_pool(
    inputs: Any, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """Maximum over windows of sequences, images or volumes.

    Parameters
    ----------
    inputs : tensor
        (batch, steps, channels), (batch, height, width, channels) or (batch, depth, height, width, channels).
    pool_size, strides : int or one for each axis
        `strides` is `pool_size` if not given.
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ShapeError
        If inputs have not three to five axes, or no window fits.
    """
    return _pooled("max_pool", _MAXIMA, inputs, pool_size, strides, padding, data_format)


@composed
def min_pool(
    inputs: Any, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """Minimum over windows of sequences, images or volumes; as :func:`max_pool`."""
    turned = negative(inputs)
    return negative(_pooled("min_pool", _MAXIMA, turned, pool_size, strides, padding, data_format))


@composed
def average_pool(
    inputs: Any, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """Average over windows, counting only the positions inside; as :func:`max_pool`."""
    return _pooled("average_pool", _AVERAGES, inputs, pool_size, strides, padding, data_format)


def _pooled(
    op: str,
    by_rank: tuple[Any, Any, Any],
    x: Any,
    pool_size: Sizes,
    strides: Sizes | None,
    padding: str,
    data_format: str | None,
) -> Tensor:
    if data_format == "channels_first":
        return _channels_first(_pooled(op, by_rank, _channels_last(x), pool_size, strides, padding, None))
    rank = _rank(op, x)
    window = _each(op, "pool_size", pool_size, rank)
    steps = window if strides is None else _each(op, "strides", strides, rank)
    y: Tensor = by_rank[rank - 1](x, pool_size=window, strides=steps, padding=padding)
    return y


@composed
def adaptive_average_pool(inputs: Any, output_size: Sizes, data_format: str | None = None) -> Tensor:
    """Average over as many windows as the output is to have: window i of n covers [i size / n, (i + 1) size / n).

    Parameters
    ----------
    inputs : tensor
        As for :func:`max_pool`.
    output_size : int or one for each axis
        Windows touch if it divides the input's size, and overlap otherwise.
    data_format : {"channels_last", "channels_first"}, optional
    """
    return _adaptive("adaptive_average_pool", _AVERAGES, inputs, output_size, data_format)


@composed
def adaptive_max_pool(inputs: Any, output_size: Sizes, data_format: str | None = None) -> Tensor:
    """Maximum over as many windows as the output is to have; as :func:`adaptive_average_pool`."""
    return _adaptive("adaptive_max_pool", _MAXIMA, inputs, output_size, data_format)


def _adaptive(op: str, by_rank: tuple[Any, Any, Any], x: Any, output_size: Sizes, data_format: str | None) -> Tensor:
    if data_format == "channels_first":
        return _channels_first(_adaptive(op, by_rank, _channels_last(x), output_size, None))
    rank = _rank(op, x)
    counts = _sizes(op, "output_size", output_size, rank)
    batch, *sizes, channels = shape(x)
    if 0 in sizes:
        raise ShapeError(f"[{op}] cannot cut an axis of 0 elements into windows, got inputs of shape {shape(x)}")
    if rank < 3 and all(size % count == 0 for size, count in zip(sizes, counts, strict=True)):
        window = [size // count for size, count in zip(sizes, counts, strict=True)]
        return _pooled(op, by_rank, x, window, None, "valid", None)
    ones = (1,) * (3 - rank)
    volume = x if rank == 3 else reshape(x, (batch, *ones, *sizes, channels))
    y: Tensor = by_rank[2](volume, output_size=(*ones, *counts))
    return y if rank == 3 else reshape(y, (batch, *counts, channels))


def _rank(op: str, x: Any) -> int:
    axes = len(shape(x))
    if not 3 <= axes <= 5:
        raise ShapeError(f"[{op}] inputs expects (batch, one to three axes, channels), got shape {shape(x)}")
    return axes - 2


def _sizes(op: str, name: str, value: Sizes, rank: int) -> tuple[int, ...]:
    sizes = integers(op, name, value, 1)
    if len(sizes) not in (1, rank):
        raise ValueError(f"[{op}] {name} expects one integer or {rank}, got {value!r}")
    return sizes * rank if len(sizes) == 1 else sizes


def _each(op: str, name: str, value: Sizes, rank: int) -> Any:
    """The same as an op of that rank takes it: sequences have a number."""
    sizes = _sizes(op, name, value, rank)
    return sizes[0] if rank == 1 else sizes


def _channels_last(x: Any) -> Tensor:
    return transpose(x, (0, *range(2, len(shape(x))), 1))


def _channels_first(x: Tensor) -> Tensor:
    return transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def _spatial(op: str, inputs: Any, data_format: str | None) -> tuple[int, Any]:
    """How many axes there are between batch and channels, and the inputs with channels last."""
    rank = _rank(op, inputs)
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"[{op}] data_format must be 'channels_last' or 'channels_first', got {data_format!r}")
    return rank, _channels_last(inputs) if data_format == "channels_first" else inputs


def _back(y: Tensor, data_format: str | None) -> Tensor:
    return _channels_first(y) if data_format == "channels_first" else y


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
        "groups": max(shape(x)[-1] // max(shape(kernel)[-2], 1), 1),
    }
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
