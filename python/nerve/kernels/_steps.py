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
from nerve.kernels._arrays import address, array_module, is_array, writable
from nerve.kernels._numbers import number
from nerve.kernels._traced import required

Arrays = Sequence[Array]

_DTYPES = np.dtype(np.float32), np.dtype(np.float64)


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
    for name, arrays in lists.items():
        if arrays is not None and len(arrays) != len(parameters):
            raise ShapeError(f"[{op}] expects as many {name} as parameters, {len(parameters)}, got {len(arrays)}")
    present = [arrays for arrays in lists.values() if arrays is not None]
    if dtype in _DTYPES and all(_plain(arrays, dtype) for arrays in present) and _of_one_shape(present):
        last = list(gradients)
    else:
        for name, arrays in lists.items():
            for i, (array, parameter) in enumerate(zip(arrays or (), parameters, strict=False)):
                _check(op, name, i, array, parameter, dtype)
        last = [required(gradient) for gradient in gradients]
    written = {name: arrays for name, arrays in lists.items() if arrays is not None and name != "gradients"}
    kind = array_module(*parameters[:1]).ndarray
    owners = [
        base if isinstance(base := array.base, kind) else array for arrays in written.values() for array in arrays
    ]
    if len(set(map(id, owners))) < len(owners):
        _expect_apart(op, written, owners)
    kernel_lists = [None if arrays is None else list(arrays) for arrays in (parameters, *slots.values())]
    return [*kernel_lists, last], np.array([parameter.size for parameter in parameters], np.int64)


def _plain(arrays: Arrays, dtype: Any) -> bool:
    """Whether arrays can go to the kernel as they are, the usual case: asked of all at once, as there may be many."""
    return (
        set(map(type, arrays)) == {np.ndarray}
        and {array.dtype for array in arrays} == {dtype}
        and {array.flags.carray for array in arrays} == {True}
    )


def _of_one_shape(lists: Sequence[Arrays]) -> bool:
    """Whether the arrays at each position have one shape in all lists."""
    shapes = [[array.shape for array in arrays] for arrays in lists]
    return all(others == shapes[0] for others in shapes[1:])


def _check(op: str, name: str, i: int, array: Any, parameter: Array, dtype: Any) -> None:
    if not is_array(array):
        raise DTypeError(f"[{op}] expects arrays, got {type(array).__name__} at position {i} of {name}")
    if array.dtype != dtype or dtype not in _DTYPES:
        raise DTypeError(
            f"[{op}] expects arrays of one dtype, float32 or float64, got {dtype} and, at position {i} of {name}, "
            f"{array.dtype}"
        )
    if array.shape != parameter.shape:
        raise ShapeError(f"[{op}] parameter {i} has shape {parameter.shape}, but {name}[{i}] {array.shape}")
    if name != "gradients" and not writable(array):
        raise ValueError(f"[{op}] expects C-contiguous, writeable arrays, {name}[{i}] is not")


def _expect_apart(op: str, written: dict[str, Arrays], owners: list[Array]) -> None:
    """Refuse arrays, all contiguous, that share elements: the result would depend on which is stepped first."""
    views: dict[int, list[tuple[int, int, str]]] = {}  # by the array whose memory they use
    named = [(array, f"{name}[{i}]") for name, arrays in written.items() for i, array in enumerate(arrays)]
    for (array, name), owner in zip(named, owners, strict=True):
        begin = address(array)
        views.setdefault(id(owner), []).append((begin, begin + array.nbytes, name))
    for spans in views.values():
        spans.sort()
        for (_, end, name), (begin, _, other) in itertools.pairwise(spans):
            if begin < end:
                raise ValueError(f"[{op}] {name} and {other} share memory; an array can be stepped once")
