"""Sizes, axes and numbers as they are given, made into Python's own or refused by name.

A cell of a recording stays one, for the kernel to look up; what it holds now is checked.
"""

from __future__ import annotations

import operator
from typing import Any

from nerve._cpu import Cell

_LARGEST = 2**63 - 1  # what a kernel can be told


def integer(op: str, name: str, value: Any, least: int = -_LARGEST, most: int = _LARGEST) -> int:
    """``value`` as a Python int from ``least`` to ``most``, or a ValueError naming it."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"[{op}] {name} expects integers, got {value!r}") from None
    if number < least:
        raise ValueError(f"[{op}] {name} expects integers >= {least}, got {value!r}")
    if number > most:
        raise ValueError(f"[{op}] {name} expects integers <= {most}, got {value!r}")
    return value if type(value) is Cell else number  # type: ignore[return-value]


def integers(op: str, name: str, value: Any, least: int = -_LARGEST) -> tuple[int, ...]:
    """One integer or a sequence of them, such as a shape, as a tuple; each checked by :func:`integer`."""
    if type(value) is tuple:
        for item in value:
            if type(item) is not int or not least <= item <= _LARGEST:
                break
        else:
            return value  # the usual case
    try:
        items = (value,) if isinstance(value, str) else tuple(value)
    except TypeError:
        items = (value,)
    return tuple([integer(op, name, item, least) for item in items])


def number(op: str, name: str, value: Any) -> float:
    """``value`` as a Python float, or a ValueError naming it."""
    if not isinstance(value, str | bytes):
        try:
            found = float(value)
            return value if type(value) is Cell else found  # type: ignore[return-value]
        except (TypeError, ValueError, OverflowError):
            pass
    raise ValueError(f"[{op}] {name} expects a number, got {value!r}")
