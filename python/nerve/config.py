"""What programs for Keras ask of it as a whole; here it is fixed, and each layer may say something else."""

from __future__ import annotations

from typing import Any

__all__ = [
    "backend",
    "epsilon",
    "floatx",
    "image_data_format",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]


def backend() -> str:
    """The name of what computes."""
    return "nerve"


def floatx() -> str:
    """The dtype of layers that name none."""
    return "float32"


def epsilon() -> float:
    """The small number by which losses and metrics keep away from 0."""
    return 1e-7


def image_data_format() -> str:
    """Where the channels are in layers that do not say it."""
    return "channels_last"


def set_floatx(value: str) -> None:
    """Say that layers that name no dtype have `value`.

    Raises
    ------
    ValueError
        If it is not "float32", which they have.
    """
    _fixed("set_floatx", floatx(), value, "pass dtype='float64' to the layers, or data of float64 to functions of ops")


def set_epsilon(value: float) -> None:
    """Say what `epsilon` is.

    Raises
    ------
    ValueError
        If it is another number than it is already.
    """
    _fixed("set_epsilon", epsilon(), value, "layers take an epsilon of their own")


def set_image_data_format(data_format: str) -> None:
    """Say where the channels are in layers that do not say it.

    Raises
    ------
    ValueError
        If it is not "channels_last", where they are.
    """
    _fixed("set_image_data_format", image_data_format(), data_format, "pass data_format to the layers")


def _fixed(function: str, value: Any, given: Any, instead: str) -> None:
    if given != value:
        raise ValueError(f"[{function}] is {value!r} in every program, got {given!r}: {instead}")
