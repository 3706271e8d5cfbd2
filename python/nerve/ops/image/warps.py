"""Images turned, slanted, seen from aside and bent, and arrays between their elements.

Gradients flow to the images and, of bilinear interpolation, to what says where their pixels come from.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels._backend import as_array
from nerve.kernels.shapes import FILLS
from nerve.ops._differentiable import as_plain_array, composed
from nerve.ops.creation import convert_to_tensor, ndim, shape
from nerve.ops.elementwise import add, cast, multiply, round, subtract, where
from nerve.ops.image.filters import blurred, gaussian
from nerve.ops.image.homography import projective
from nerve.ops.image.layout import batched, beside
from nerve.ops.indexing import broadcast_to, reshape, take, unstack
from nerve.ops.sampling import affine_sample, grid_sample
from nerve.ops.shaping import ravel, stack
from nerve.tensor import Tensor

__all__ = ["affine_transform", "elastic_transform", "map_coordinates", "perspective_transform"]

_FURTHEST = 1e9  # where positions further out, and NaN, are taken to lie


@composed
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Each pixel of the result from where an affine or projective map says.

    Parameters
    ----------
    images : tensor (batch, height, width, channels), or one image without the batch
    transform : tensor (batch, 8) or (8,)
        ``a0, a1, a2, b0, b1, b2, c0, c1``: the pixel in column x and row y comes from column
        ``(a0 x + a1 y + a2) / k`` and row ``(b0 x + b1 y + b2) / k``, where ``k = c0 x + c1 y + 1``.
    interpolation : {"bilinear", "nearest"}
    fill_mode : {"constant", "nearest", "wrap", "mirror", "reflect"}
        What lies outside of an image: `fill_value`; the pixels of its edge; its other side; or itself, mirrored about
        the middle of its outermost pixels ("mirror") or about their outer edges ("reflect").
    fill_value : float
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor, as `images`

    Raises
    ------
    ShapeError
        If images have not 3 or 4 axes, or there are not eight numbers for each or for all.
    ValueError
        If an option is none of the above.
    """
    x, back = batched("affine_transform", images, data_format)
    if shape(transform)[-1:] != (8,) or ndim(transform) not in (1, 2):
        raise ShapeError(f"[affine_transform] transform expects shape (batch, 8) or (8,), got {shape(transform)}")
    maps = beside(transform, x)
    if ndim(maps) == 1 or shape(maps)[0] == 1:
        maps = broadcast_to(maps, (shape(x)[0], 8))
    options: Any = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": fill_value}
    return back(affine_sample(x, maps, **options))


@composed
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images seen from aside: what is at four points comes to four others.

    Parameters
    ----------
    images : tensor (batch, height, width, channels), or one image without the batch
    start_points, end_points : tensors (batch, 4, 2) or (4, 2)
        Column and row of each.
    interpolation : {"bilinear", "nearest"}
    fill_value : float
        What lies outside of an image.
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor, as `images`
        Not of numbers where three of the points lie in a line.

    Raises
    ------
    ShapeError
        If images have not 3 or 4 axes, or there are not four points of each.
    ValueError
        If an option is none of the above.
    """
    op = "perspective_transform"
    x, back = batched(op, images, data_format)
    sizes = shape(start_points), shape(end_points)
    if sizes[0] != sizes[1] or sizes[0][-2:] != (4, 2) or len(sizes[0]) not in (2, 3):
        raise ShapeError(f"[{op}] expects start_points and end_points (batch, 4, 2) or (4, 2), got {sizes}")
    start, end = (reshape(beside(points, x), (-1, 4, 2)) for points in (start_points, end_points))
    maps = cast(projective(start, end), as_array(op, as_plain_array(x)).dtype)
    if shape(maps)[0] == 1:
        maps = broadcast_to(maps, (shape(x)[0], 8))
    return back(affine_sample(x, maps, interpolation=interpolation, fill_value=fill_value))


@composed
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Tensor:
    """Images bent at random: every pixel comes from a place that is moved a little, neighbours alike.

    Parameters
    ----------
    images : tensor (batch, height, width, channels), or one image without the batch
    alpha : float or tensor () or (1,)
        How far pixels move.
    sigma : float
        The width, in pixels, of Gauss's curve that makes neighbours move alike, and the spread of the moves before it.
    interpolation, fill_mode, fill_value, data_format
        As for :func:`affine_transform`.
    seed : int or SeedGenerator, optional
        As for :func:`nerve.random.normal`, which draws the moves.

    Returns
    -------
    Tensor, as `images`

    Raises
    ------
    ShapeError, ValueError
        As :func:`affine_transform`; or if `sigma` is not positive.

    References
    ----------
    Simard, Steinkraus and Platt, "Best practices for convolutional neural networks", ICDAR 2003.
    """
    from nerve import random  # which is made of ops

    if not sigma > 0:
        raise ValueError(f"[elastic_transform] sigma must be positive, got {sigma!r}")
    x, back = batched("elastic_transform", images, data_format)
    batch, height, width, _ = shape(x)
    array = as_plain_array(x)
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float32)
    drawn = random.normal((2 * batch, height, width, 1), stddev=sigma, dtype=dtype, seed=seed)
    noise = Tensor(placed(drawn.array, array), tracked=False)
    weights = gaussian(int(6 * sigma) | 1, placed(np.full(1, sigma, dtype), array), dtype)
    moves = multiply(reshape(blurred(noise, weights, weights), (2, batch, height, width)), alpha)
    columns, rows = unstack(moves, axis=0)
    down, across = (placed(np.arange(n, dtype=dtype), array) for n in (height, width))
    positions = stack([add(rows, down[:, None]), add(columns, across)], axis=3)
    options: Any = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": fill_value}
    return back(grid_sample(x, positions, **options))


@composed
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0.0
) -> Tensor:
    """An array of any rank between its elements.

    Parameters
    ----------
    inputs : tensor of n axes
        Of integers results are rounded.
    coordinates : tensor (n, ...), or n of one shape
        Where to look, along each axis: element 0 is at 0.
    order : {0, 1}
        The nearest element, or the weighted mean of the 2**n around.
    fill_mode, fill_value
        As for :func:`affine_transform`.

    Returns
    -------
    Tensor, as one of the coordinates

    Raises
    ------
    ShapeError
        If there are not as many coordinates as axes, each of at least one axis, or no element to look at.
    ValueError
        If an option is none of the above.
    """
    op, sizes = "map_coordinates", shape(inputs)
    if order not in (0, 1):
        raise ValueError(f"[{op}] order must be 0 or 1, got {order!r}")
    if fill_mode not in FILLS:
        raise ValueError(f"[{op}] fill_mode expects one of {list(FILLS)}, got {fill_mode!r}")
    given = list(coordinates) if isinstance(coordinates, list | tuple) else list(unstack(coordinates, axis=0))
    places = {shape(one) for one in given}
    if len(given) != len(sizes) or len(places) != 1 or places == {()}:
        raise ShapeError(
            f"[{op}] expects {len(sizes)} coordinates of one shape, of at least one axis, for an array of shape "
            f"{sizes}, got {[shape(one) for one in given]}"
        )
    if 0 in sizes:
        raise ShapeError(f"[{op}] inputs have no element to look at, got shape {sizes}")
    x = convert_to_tensor(inputs)
    whole = x.dtype.kind in "iu"
    flat = ravel(cast(x, "float64") if whole else x)
    ends = [_around(beside(one, flat), n, order, fill_mode) for one, n in zip(given, sizes, strict=True)]
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    parts = []
    for corner in itertools.product(*ends):
        place: Any = 0.0
        inside: Any = 1.0
        for (index, here, _), step in zip(corner, steps, strict=True):
            place = kernels.add(kernels.multiply(index, float(step)), place)
            inside = kernels.multiply(here, inside)
        found = take(flat, kernels.cast(place, "int64"), axis=0)
        if fill_mode == "constant":
            found = where(kernels.greater(inside, 0.5), found, float(fill_value))
        for _, _, weight in corner:
            found = found if weight is None else multiply(found, weight)
        parts.append(found)
    total = sum(parts[1:], parts[0])
    return Tensor(kernels.cast(round(total).array, "int64"), tracked=False) if whole else cast(total, x.dtype)


def _around(at: Any, size: int, order: int, fill_mode: str) -> list[tuple[Array, Array, Any]]:
    """The elements around places along an axis: index, whether there is one (1 or 0), and weight (None is 1)."""
    given = as_plain_array(at)
    if given.dtype.kind in "iu":
        return [(*_element(given, size, fill_mode), None)]
    place = as_array("map_coordinates", given)
    if not order:
        return [(*_element(kernels.round(place), size, fill_mode), None)]
    before = kernels.floor(place)
    share = subtract(at, before)
    return [
        (*_element(before, size, fill_mode), subtract(1.0, share)),
        (*_element(kernels.add(before, 1.0), size, fill_mode), share),
    ]


def _element(index: Array, size: int, fill_mode: str) -> tuple[Array, Array]:
    """The element that stands for a whole number, in float64, and whether there is one of that number."""
    index = kernels.cast(index, "float64")
    index = kernels.where(kernels.equal(index, index), index, -_FURTHEST)
    index = kernels.minimum(kernels.maximum(index, -_FURTHEST), _FURTHEST)
    last = size - 1.0
    clipped = kernels.minimum(kernels.maximum(index, 0.0), last)
    there = kernels.where(kernels.equal(clipped, index), 1.0, 0.0)
    if fill_mode in ("constant", "nearest") or size == 1:
        return clipped, there
    period = {"wrap": 1.0 * size, "mirror": 2 * last, "reflect": 2.0 * size}[fill_mode]
    left = kernels.subtract(index, kernels.multiply(kernels.floor(kernels.divide(index, period)), period))
    if fill_mode == "wrap":
        return left, there
    back = kernels.subtract(period if fill_mode == "mirror" else period - 1.0, left)
    return kernels.minimum(left, back), there
