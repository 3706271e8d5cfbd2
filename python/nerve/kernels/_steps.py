"""What all optimizer steps check: numbers in their ranges, lists of arrays that fit and share no memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve._cpu import Cell
from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import address, is_array, writable
from nerve.kernels._numbers import number
from nerve.kernels._traced import required

Arrays = Sequence[Array]


def not_negative(op: str, **values: float) -> None:
    for name, value in values.items():
        if not 0 <= float(number(op, name, value)) < math.inf:
            raise ValueError(f"[{op}] {name} must be finite and not negative, got {value}")


def given(value: Any) -> float:
    """A Python float, or the cell of a recording as it is."""
    return value if type(value) is Cell else float(value)  # type: ignore[return-value]


def fractions(op: str, with_one: bool, **values: float) -> None:
    for name, value in values.items():
        if not (0 <= float(number(op, name, value)) < 1 or (with_one and value == 1)):
            raise ValueError(f"[{op}] {name} must be in [0, 1{']' if with_one else ')'}, got {value}")


def checked(
    op: str, parameters: Arrays, gradients: Arrays, optional: Sequence[str] = (), **slots: Arrays | None
) -> tuple[list[list[Array] | None], Array]:
    """The lists a kernel takes, parameters and slots before gradients, and the sizes; or the error that fits."""
    lists = {"parameters": parameters, "gradients": gradients, **slots}
    for name, arrays in lists.items():
        if not (isinstance(arrays, list | tuple) or (arrays is None and name in optional)):
            raise DTypeError(f"[{op}] expects a list of arrays as {name}, got {type(arrays).__name__}")
    dtype = parameters[0].dtype if len(parameters) and is_array(parameters[0]) else None
    written: dict[int, list[tuple[Array, str]]] = {}  # by the array whose memory they use
    for name, arrays in lists.items():
        if arrays is None:
            continue
        if len(arrays) != len(parameters):
            raise ShapeError(f"[{op}] expects as many {name} as parameters, {len(parameters)}, got {len(arrays)}")
        for i, (array, parameter) in enumerate(zip(arrays, parameters, strict=True)):
            if not is_array(array):
                raise DTypeError(f"[{op}] expects arrays, got {type(array).__name__} at position {i} of {name}")
            if array.dtype != dtype or dtype not in (np.float32, np.float64):
                raise DTypeError(
                    f"[{op}] expects arrays of one dtype, float32 or float64, got {dtype} and, at position {i} of "
                    f"{name}, {array.dtype}"
                )
            if array.shape != parameter.shape:
                raise ShapeError(f"[{op}] parameter {i} has shape {parameter.shape}, but {name}[{i}] {array.shape}")
            if name == "gradients":
                continue
            if not writable(array):
                raise ValueError(f"[{op}] expects C-contiguous, writeable arrays, {name}[{i}] is not")
            owner = array.base if is_array(array.base) else array
            written.setdefault(id(owner), []).append((array, f"{name}[{i}]"))
    for views in written.values():
        if len(views) > 1:
            _expect_apart(op, views)
    kernel_lists = [None if arrays is None else list(arrays) for arrays in (parameters, *slots.values())]
    kernel_lists.append([required(gradient) for gradient in gradients])
    return kernel_lists, np.array([parameter.size for parameter in parameters], np.int64)


def _expect_apart(op: str, views: list[tuple[Array, str]]) -> None:
    """Refuse arrays, all contiguous, that share elements: the result would depend on which is stepped first."""
    spans = []
    for array, name in views:
        begin = address(array)
        spans.append((begin, begin + array.nbytes, name))
    spans.sort()
    for (_, end, name), (begin, _, other) in itertools.pairwise(spans):
        if begin < end:
            raise ValueError(f"[{op}] {name} and {other} share memory; an array can be stepped once")
