"""Padding, differentiable."""

from __future__ import annotations

from typing import Any

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import rectangular
from nerve.kernels._numbers import integers
from nerve.kernels.padding import PadMode
from nerve.ops._differentiable import Result, composed, differentiable
from nerve.ops.creation import shape
from nerve.tensor import Tensor

__all__ = ["pad"]


@composed
def pad(x: Any, pad_width: Any, mode: PadMode = "constant", constant_values: float | None = None) -> Tensor:
    """More elements at the ends of the axes.

    Parameters
    ----------
    x : tensor or array_like
    pad_width : int, (before, after) or ((before, after), ...)
        One pair for all axes, or one for each.
    mode : {"constant", "reflect", "symmetric"}
        "reflect" mirrors at the last element, which is not repeated; "symmetric" behind it.
    constant_values : float, optional
        0 if not given; only with "constant".

    Returns
    -------
    Tensor

    Raises
    ------
    ShapeError
        If there is not a pair for each axis, or an axis is too short to be mirrored so far.
    ValueError
        If pad_width, mode or constant_values are none of the above.
    """
    widths = _widths(pad_width, len(shape(x)))
    if mode not in ("constant", "reflect", "symmetric") or (mode != "constant" and constant_values is not None):
        raise ValueError(
            f"[pad] mode expects 'constant', or 'reflect' or 'symmetric' without constant_values, got {mode!r} with "
            f"{constant_values!r}"
        )
    return _pad(x, pad_width=widths, mode=mode, value=0.0 if constant_values is None else constant_values)


@differentiable
def _pad(x: Array, *, pad_width: tuple[tuple[int, int], ...], mode: PadMode, value: float) -> Result:
    y = kernels.pad(rectangular("pad", x), pad_width, mode=mode, constant_values=value)
    return y, (lambda grad: kernels.pad_backward(grad, pad_width, mode=mode),)


def _widths(pad_width: Any, axes: int) -> tuple[tuple[int, int], ...]:
    if not isinstance(pad_width, (list, tuple)):
        pad_width = (pad_width, pad_width)
    single = pad_width and not any(isinstance(one, (list, tuple)) for one in pad_width)
    pairs = [pad_width] if single else list(pad_width)
    widths = [integers("pad", "pad_width", one, 0) for one in pairs]
    widths = [one * 2 if len(one) == 1 else one for one in widths]
    if any(len(one) != 2 for one in widths):
        raise ValueError(f"[pad] pad_width expects an int, a pair or pairs (before, after), got {pad_width!r}")
    if len(widths) not in (1, axes):
        raise ShapeError(f"[pad] pad_width expects {axes} pairs, one for each axis, got {len(widths)}")
    return tuple((before, after) for before, after in (widths * axes if len(widths) == 1 else widths))
