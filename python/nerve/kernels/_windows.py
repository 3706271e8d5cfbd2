"""Where the windows of a convolution or a pooling lie: strides, padding, and the size of what comes out."""

from __future__ import annotations

from typing import Any

from nerve.errors import ShapeError
from nerve.kernels._numbers import integer

#: "valid", "same", or the rows and columns added: one number for all sides or ((top, bottom), (left, right)).
Padding = str | int | tuple[tuple[int, int], tuple[int, int]]
Pair = int | tuple[int, int]
Shape = tuple[int, ...]


def pair(op: str, name: str, value: Any) -> tuple[int, int]:
    """``(height, width)`` from a pair or from one number for both, each at least 1."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"[{op}] {name} expects one integer or two, got {value!r}")
    return integer(op, name, values[0], 1), integer(op, name, values[1], 1)


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


def out_size(
    op: str,
    image: Shape,
    window: tuple[int, int],
    strides: tuple[int, int],
    padding: str | tuple[tuple[int, int], tuple[int, int]],
) -> tuple[tuple[int, int], tuple[int, int]]:
    """((out_height, out_width), (pad_top, pad_left)) for ``image`` of shape (batch, height, width, channels).

    Raises
    ------
    ShapeError
        If not a single window fits.
    """
    rows, top = along(image[1], window[0], strides[0], padding if isinstance(padding, str) else padding[0])
    columns, left = along(image[2], window[1], strides[1], padding if isinstance(padding, str) else padding[1])
    if rows < 1 or columns < 1:
        raise ShapeError(
            f"[{op}] a window of {window[0]} x {window[1]} does not fit in images of {image[1]} x {image[2]} "
            f"with padding={padding!r}: the output would be empty"
        )
    return (rows, columns), (top, left)


def expect_rank(op: str, name: str, shape: Shape, rank: int, axes: str) -> None:
    """A ShapeError unless ``shape`` has ``rank`` axes, called ``axes``."""
    if len(shape) != rank:
        raise ShapeError(f"[{op}] {name} expects {rank} dimensions {axes}, got shape {shape}")
