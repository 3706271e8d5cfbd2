"""Where the windows of a convolution or a pooling lie: strides, padding, and the size of what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._numbers import integer

#: "valid", "same", or the rows and columns added: one number for all sides or ((top, bottom), (left, right)).
Padding = str | int | tuple[tuple[int, int], tuple[int, int]]
Padding3D = str | tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
Pair = int | tuple[int, int]
Triple = int | tuple[int, int, int]
Shape = tuple[int, ...]


def pair(op: str, name: str, value: Any) -> tuple[int, int]:
    """``(height, width)`` from a pair or from one number for both, each at least 1."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"[{op}] {name} expects one integer or two, got {value!r}")
    return integer(op, name, values[0], 1), integer(op, name, values[1], 1)


def triple(op: str, name: str, value: Any) -> tuple[int, int, int]:
    """``(depth, height, width)`` from three numbers or from one for all, each at least 1."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * 3
    if len(values) != 3:
        raise ValueError(f"[{op}] {name} expects one integer or three, got {value!r}")
    return integer(op, name, values[0], 1), integer(op, name, values[1], 1), integer(op, name, values[2], 1)


def hashable_padding(op: str, padding: Any) -> str | tuple[tuple[int, int], tuple[int, int]]:
    """``padding`` checked: "valid", "same" or ((top, bottom), (left, right))."""
    if isinstance(padding, str):
        if padding.lower() in ("valid", "same"):
            return padding.lower()
    elif isinstance(padding, (tuple, list)):
        if len(padding) == 2 and all(isinstance(side, (tuple, list)) and len(side) == 2 for side in padding):
            (top, bottom), (left, right) = ((integer(op, "padding", n, 0) for n in side) for side in padding)
            return (top, bottom), (left, right)
    elif not isinstance(padding, float):
        number = integer(op, "padding", padding, 0)
        return (number, number), (number, number)
    raise ValueError(
        f'[{op}] padding expects "valid", "same", an integer or ((top, bottom), (left, right)), got {padding!r}'
    )


def sides(op: str, padding: Any, rank: int) -> Any:
    """``padding`` checked: "valid", "same" or (before, after) for each of ``rank`` axes."""
    if isinstance(padding, str) and padding.lower() in ("valid", "same"):
        return padding.lower()
    axes = padding if isinstance(padding, (tuple, list)) else ()
    if len(axes) != rank or not all(isinstance(side, (tuple, list)) and len(side) == 2 for side in axes):
        raise ValueError(f'[{op}] padding expects "valid", "same" or {rank} pairs (before, after), got {padding!r}')
    return tuple((integer(op, "padding", side[0], 0), integer(op, "padding", side[1], 0)) for side in axes)


def transposed(
    size: int, window: int, stride: int, padding: str, output_padding: int | None
) -> tuple[int, tuple[int, int]]:
    """The size whose convolution has ``size`` windows, and the padding of that convolution before and after.

    Keras's rule: without ``output_padding``, ``size * stride`` for "same" and ``(size - 1) * stride + max(window,
    stride)`` for "valid". ``window`` counts the gaps that a dilation leaves.
    """
    if padding == "valid":
        extra = max(stride - window, 0) if output_padding is None else output_padding
        return (size - 1) * stride + window + extra, (0, 0)
    total = stride + window - 2 if output_padding is None else window + window % 2 - 2 + output_padding
    left = min(total // 2 + total % 2, window - 1)
    return (size - 1) * stride + total - window + 2, (window - 1 - left, max(window - 1 - total + left, 0))


def along(size: int, window: int, stride: int, padding: str | tuple[int, int]) -> tuple[int, int]:
    """Along one axis: how many windows there are, and how far the first one starts before the image.

    ``"same"`` follows TensorFlow: ceil(size / stride) windows, and where the padding is odd, one more at the end.
    ``window`` counts the gaps that a dilation leaves.
    """
    if padding == "same":
        count = -(-size // stride)
        return count, max((count - 1) * stride + window - size, 0) // 2
    before, after = (0, 0) if isinstance(padding, str) else padding
    return (size + before + after - window) // stride + 1, before


def out_size(op: str, x: Shape, window: Shape, strides: Shape, padding: Any) -> tuple[list[int], list[int]]:
    """How many windows there are along each axis of images or volumes, and how far before them the first one starts.

    Raises
    ------
    ShapeError
        If not a single window fits.
    """
    sizes = x[1:-1]
    pads = (padding,) * len(sizes) if isinstance(padding, str) else padding
    out, before = [], []
    for axis in zip(sizes, window, strides, pads, strict=True):
        count, pad = along(*axis)
        out.append(count)
        before.append(pad)
    if min(out) < 1:
        kind = "images" if len(sizes) == 2 else "volumes"
        raise ShapeError(
            f"[{op}] a window of {' x '.join(map(str, window))} does not fit in {kind} of "
            f"{' x '.join(map(str, sizes))} with padding={padding!r}: the output would be empty"
        )
    return out, before


def expect_narrow(op: str, padding: Any, window: Shape) -> None:
    """A ValueError unless every window of a pooling, wherever it lies, has something of the image in it."""
    if not isinstance(padding, str) and any(max(side) >= size for side, size in zip(padding, window, strict=True)):
        raise ValueError(f"[{op}] padding expects fewer than pool_size={window}, got {padding!r}")


def expect_rank(op: str, name: str, shape: Shape, rank: int, axes: str) -> None:
    """A ShapeError unless ``shape`` has ``rank`` axes, called ``axes``."""
    if len(shape) != rank:
        raise ShapeError(f"[{op}] {name} expects {rank} dimensions {axes}, got shape {shape}")


def expect_grad(op: str, grad: Array, shape: Shape) -> None:
    """A ShapeError unless ``grad`` has the output's ``shape``."""
    if grad.shape != shape:
        raise ShapeError(f"[{op}] grad expects the output's shape {shape}, got {grad.shape}")


def expect_index(op: str, index: Array, grad: Array, dtype: np.dtype[Any]) -> None:
    """A DTypeError or ShapeError unless ``index`` has the type and the shape of what a maximum pooling returned."""
    if index.dtype != dtype:
        raise DTypeError(f"[{op}] index expects an array of {dtype.name}, got {index.dtype}")
    if index.shape != grad.shape:
        raise ShapeError(f"[{op}] index expects the output's shape {grad.shape}, got {index.shape}")


def expect_bias(op: str, bias: Array | None, filters: int) -> None:
    """A ShapeError unless ``bias`` has a number for each filter."""
    if bias is not None and bias.shape != (filters,):
        raise ShapeError(f"[{op}] bias expects shape ({filters},), one per filter, got {bias.shape}")
