"""The sizes a kernel gets as one argument: tuples with the fields of ``csrc/shapes.h``, in the same order."""

from __future__ import annotations

from typing import NamedTuple

MAX_RANK = 8

#: What a product may apply to its result before storing it (``enum class Activation`` in ``csrc/shapes.h``).
ACTIVATIONS = {None: 0, "linear": 0, "relu": 1, "sigmoid": 2, "tanh": 3}


#: How far apart two rows are (``enum class Metric`` in ``csrc/shapes.h``).
METRICS = {"sqeuclidean": 0, "euclidean": 1, "manhattan": 2, "cosine": 3}


#: What lies outside an image (``enum class Fill`` in ``csrc/shapes.h``).
FILLS = {"constant": 0, "nearest": 1, "wrap": 2, "mirror": 3, "reflect": 4}


def activation_code(op: str, name: str | None) -> int:
    """The number of an activation, or a ValueError naming those there are."""
    if not isinstance(name, str | None) or name not in ACTIVATIONS:
        raise ValueError(f"[{op}] activation expects one of {list(ACTIVATIONS)}, got {name!r}")
    return ACTIVATIONS[name]


class Broadcast(NamedTuple):
    """An output of ``shape`` and the strides, in elements, of two operands read along it (0 where repeated)."""

    shape: tuple[int, ...]
    a_strides: tuple[int, ...]
    b_strides: tuple[int, ...]


class CopyShape(NamedTuple):
    """``out[out_offset + i . out_strides] = x[x_offset + i . x_strides]`` for every index i of ``shape``."""

    shape: tuple[int, ...]
    out_strides: tuple[int, ...]
    x_strides: tuple[int, ...]
    out_offset: int
    x_offset: int


class PadShape(NamedTuple):
    """x (sizes..., inner) with so many elements before and after it along each axis of ``sizes``."""

    sizes: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    inner: int
    fill: int


class MatmulShape(NamedTuple):
    """``batch`` products of (rows, inner) by (inner, columns); a batch stride of 0 repeats the operand."""

    batch: int
    rows: int
    columns: int
    inner: int
    a_batch_stride: int
    b_batch_stride: int
    transpose_a: int
    transpose_b: int


class Conv2DShape(NamedTuple):
    """A convolution: image NHWC, kernel HWIO, output NHWC."""

    batch: int
    height: int
    width: int
    channels: int
    kernel_height: int
    kernel_width: int
    filters: int
    groups: int
    out_height: int
    out_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.batch, self.out_height, self.out_width, self.filters


class Conv3DShape(NamedTuple):
    """A convolution: volume NDHWC, kernel DHWIO, output NDHWC."""

    batch: int
    depth: int
    height: int
    width: int
    channels: int
    kernel_depth: int
    kernel_height: int
    kernel_width: int
    filters: int
    groups: int
    out_depth: int
    out_height: int
    out_width: int
    stride_depth: int
    stride_height: int
    stride_width: int
    dilation_depth: int
    dilation_height: int
    dilation_width: int
    pad_front: int
    pad_top: int
    pad_left: int

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.batch, self.out_depth, self.out_height, self.out_width, self.filters


class Pool2DShape(NamedTuple):
    """Windows over an image NHWC."""

    batch: int
    height: int
    width: int
    channels: int
    pool_height: int
    pool_width: int
    out_height: int
    out_width: int
    stride_height: int
    stride_width: int
    pad_top: int
    pad_left: int

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.batch, self.out_height, self.out_width, self.channels


class Pool3DShape(NamedTuple):
    """Windows over a volume NDHWC; adaptive ones along an axis with a stride of 0."""

    batch: int
    depth: int
    height: int
    width: int
    channels: int
    pool_depth: int
    pool_height: int
    pool_width: int
    out_depth: int
    out_height: int
    out_width: int
    stride_depth: int
    stride_height: int
    stride_width: int
    pad_front: int
    pad_top: int
    pad_left: int

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.batch, self.out_depth, self.out_height, self.out_width, self.channels


class SampleShape(NamedTuple):
    """Positions in images NHWC; what ``fill`` means is in ``FILLS``."""

    batch: int
    height: int
    width: int
    channels: int
    out_height: int
    out_width: int
    bilinear: int
    fill: int

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.batch, self.out_height, self.out_width, self.channels


class ResizeShape(NamedTuple):
    """Images NHWC of another size; a row of a result is made of ``row_taps`` rows."""

    batch: int
    height: int
    width: int
    channels: int
    out_height: int
    out_width: int
    row_taps: int
    column_taps: int

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.batch, self.out_height, self.out_width, self.channels


class AttentionShape(NamedTuple):
    """Query (batch, query_length, heads, key_size); key and value (batch, key_length, key_heads, ...)."""

    batch: int
    query_length: int
    key_length: int
    heads: int
    key_heads: int
    key_size: int
    value_size: int
    mask_batch_stride: int
    mask_head_stride: int
    mask_query_stride: int


class RecurrentShape(NamedTuple):
    """Sequences (batch, time, features) and states (batch, units)."""

    batch: int
    time: int
    features: int
    units: int
    go_backwards: int


class DistanceShape(NamedTuple):
    """Distances of ``rows`` rows to ``columns`` others, by a metric of ``METRICS``."""

    rows: int
    columns: int
    features: int
    metric: int


class TreeShape(NamedTuple):
    """A k-d tree of ``points`` points, ``leaf_size`` of them in a leaf."""

    points: int
    features: int
    leaf_size: int
