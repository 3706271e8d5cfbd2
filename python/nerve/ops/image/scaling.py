"""Arrays of another size and at another place, differentiable with respect to both."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nerve import kernels
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels._numbers import integers
from nerve.kernels.reduce import single_axis
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import convert_to_tensor, shape
from nerve.ops.elementwise import absolute, cast, divide, maximum, multiply, round, sin, square, subtract, where
from nerve.ops.image.layout import beside
from nerve.ops.indexing import getitem
from nerve.ops.logic import clip, logical_and
from nerve.ops.products import tensordot
from nerve.ops.reduce import max, min, sum
from nerve.ops.shaping import moveaxis
from nerve.tensor import Tensor

__all__ = ["scale_and_translate"]


def _triangle(x: Any) -> Any:
    return maximum(subtract(1.0, x), 0.0)


def _cubic(x: Any) -> Any:
    """Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2."""
    near = ((x * 1.5 - 2.5) * x) * x + 1.0
    far = ((x * -0.5 + 2.5) * x - 4.0) * x + 2.0
    return where(x >= 2.0, 0.0, where(x >= 1.0, far, near))


def _lanczos(radius: float) -> Callable[[Any], Any]:
    def weight(x: Any) -> Any:
        middle = x < 1e-3
        turned = multiply(where(middle, 1.0, x), math.pi)
        value = multiply(multiply(sin(turned), sin(multiply(turned, 1 / radius))), radius) / square(turned)
        return where(x > radius, 0.0, where(middle, 1.0, value))

    return weight


_LINEAR, _KEYS = ("linear", "bilinear", "trilinear", "triangle"), ("cubic", "bicubic", "tricubic")
_WEIGHTS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_LINEAR, _triangle),
    **dict.fromkeys(_KEYS, _cubic),
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


@composed
def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """An array stretched and moved: what is x pixels from the edge comes to `x * scale + translation`.

    Parameters
    ----------
    images : tensor
        Integers are rounded, and kept in the range of the input.
    output_shape : tuple of int
        Of all axes; those that are not named in `spatial_dims` keep their size.
    scale, translation : tensor (k,)
        For each of the axes named. Gradients flow to them.
    spatial_dims : tuple of k int
    method : {"linear", "cubic", "lanczos3", "lanczos5"}
        Also "bilinear", "trilinear" and "triangle", "bicubic" and "tricubic".
    antialias : bool
        Whether what becomes smaller is smoothed first.

    Returns
    -------
    Tensor of shape `output_shape`
        0 where it would come from outside of the array.

    Raises
    ------
    ShapeError
        If the sizes, or the numbers of scales, translations and axes, do not fit.
    ValueError
        If there is no such method.
    """
    op, sizes = "scale_and_translate", shape(images)
    if method not in _WEIGHTS:
        raise ValueError(f"[{op}] method must be one of {tuple(_WEIGHTS)}, got {method!r}")
    to = integers(op, "output_shape", output_shape, 0)
    axes = [single_axis(op, axis, len(sizes)) for axis in spatial_dims]
    if len(to) != len(sizes) or any(n != m for i, (n, m) in enumerate(zip(sizes, to, strict=True)) if i not in axes):
        raise ShapeError(f"[{op}] output_shape may differ from {sizes} along {axes}, got {to}")
    if shape(scale) != (len(axes),) or shape(translation) != (len(axes),):
        raise ShapeError(
            f"[{op}] expects scale and translation of shape {(len(axes),)}, got {shape(scale)} and {shape(translation)}"
        )
    x = convert_to_tensor(images)
    whole = x.dtype.kind in "iu"
    found = cast(x, "float64") if whole else x
    for i, axis in enumerate(axes):
        own, moved = (cast(getitem(beside(each, x), slice(i, i + 1)), found.dtype) for each in (scale, translation))
        weights = _weights(sizes[axis], to[axis], own, moved, _WEIGHTS[method], antialias)
        found = moveaxis(tensordot(found, weights, ([axis], [0])), -1, axis)
    if not whole:
        return found
    given = cast(x, "float64")
    return Tensor(kernels.cast(clip(round(found), min(given), max(given)).array, "int64"), tracked=False)


def _weights(size: int, to: int, scale: Any, moved: Any, weight: Callable[[Any], Any], antialias: bool) -> Tensor:
    """How much each of `size` elements counts in each of `to`."""
    inverse = divide(1.0, scale)
    like = as_plain_array(scale)
    here, there = (placed(np.arange(n, dtype=like.dtype), like) for n in (size, to))
    places = multiply(subtract(there + like.dtype.type(0.5), moved), inverse) - 0.5
    apart = absolute(subtract(places, here[:, None]))
    found = weight(divide(apart, maximum(inverse, 1.0)) if antialias else apart)
    total = sum(found, axis=0, keepdims=True)
    some = absolute(total) > 1000 * float(np.finfo(np.float32).eps)
    found = where(some, divide(found, where(some, total, 1.0)), 0.0)
    inside = logical_and(places >= -0.5, places <= size - 0.5)
    return where(inside, found, 0.0)
