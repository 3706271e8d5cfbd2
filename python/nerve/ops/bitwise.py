"""Bits of whole numbers, and of booleans, which have one. No recording holds these ops."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from nerve.errors import DeviceError, DTypeError
from nerve.kernels._arrays import is_array, on_gpu
from nerve.ops._differentiable import as_plain_array, composed
from nerve.tensor import Tensor

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "left_shift",
    "right_shift",
]


@composed
def bitwise_and(x: Any, y: Any) -> Tensor:
    """The bits that are set in both.

    Parameters
    ----------
    x, y : tensors or ints
        Of integers or booleans, which are broadcast; ints take the dtype of the other. So in all of these.

    Returns
    -------
    Tensor

    Raises
    ------
    DTypeError
        If there are floats.
    """
    return _of_bits("bitwise_and", operator.and_, x, y)


@composed
def bitwise_or(x: Any, y: Any) -> Tensor:
    """The bits that are set in at least one."""
    return _of_bits("bitwise_or", operator.or_, x, y)


@composed
def bitwise_xor(x: Any, y: Any) -> Tensor:
    """The bits that are set in one of the two."""
    return _of_bits("bitwise_xor", operator.xor, x, y)


@composed
def bitwise_not(x: Any) -> Tensor:
    """The bits that are not set; as :func:`bitwise_invert`."""
    return bitwise_invert(x)


@composed
def bitwise_invert(x: Any) -> Tensor:
    """The bits that are not set: of signed integers `-x - 1`."""
    return _of_bits("bitwise_invert", operator.invert, x)


@composed
def bitwise_left_shift(x: Any, y: Any) -> Tensor:
    """Every bit `y` places higher: times `2**y`, less what does not fit."""
    return _of_bits("bitwise_left_shift", operator.lshift, x, y)


@composed
def bitwise_right_shift(x: Any, y: Any) -> Tensor:
    """Every bit `y` places lower: `x // 2**y`, of negative numbers too."""
    return _of_bits("bitwise_right_shift", operator.rshift, x, y)


@composed
def left_shift(x: Any, y: Any) -> Tensor:
    """As :func:`bitwise_left_shift`."""
    return bitwise_left_shift(x, y)


@composed
def right_shift(x: Any, y: Any) -> Tensor:
    """As :func:`bitwise_right_shift`."""
    return bitwise_right_shift(x, y)


def _of_bits(op: str, compute: Callable[..., Any], *given: Any) -> Tensor:
    values = [x if isinstance(x, int) and len(given) > 1 else as_plain_array(x) for x in given]
    if all(isinstance(x, int) for x in values):
        values = [np.asarray(x) for x in values]
    arrays = [x for x in values if is_array(x)]
    for array in arrays:
        if array.dtype.kind not in "iub":
            raise DTypeError(f"[{op}] expects integers or booleans, got dtype {array.dtype}")
    if len({on_gpu(array) for array in arrays}) > 1:
        raise DeviceError(f"[{op}] got one array on the GPU and one in the host's memory; move one with cupy.asarray")
    return Tensor(compute(*values), tracked=False)
