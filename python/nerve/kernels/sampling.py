"""Images looked at in other places than their pixels: turned, shifted, scaled, bent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._numbers import integers, number
from nerve.kernels._windows import expect_rank
from nerve.kernels.shapes import FILLS, SampleShape

__all__ = ["affine_sample", "affine_sample_backward", "grid_sample", "grid_sample_backward"]

Interpolation = Literal["bilinear", "nearest"]
FillMode = Literal["constant", "nearest", "wrap", "mirror", "reflect"]


def affine_sample(
    x: ArrayLike,
    transforms: ArrayLike,
    *,
    size: Sequence[int] | None = None,
    interpolation: Interpolation = "bilinear",
    fill_mode: FillMode = "constant",
    fill_value: float = 0.0,
) -> Array:
    """Each pixel of the result from where an affine or projective map says.

    Parameters
    ----------
    x : array_like (batch, height, width, channels), float32 or float64
    transforms : array_like (batch, 8)
        ``a0, a1, a2, b0, b1, b2, c0, c1``: pixel (row i, column j) of the result comes from column
        ``(a0 j + a1 i + a2) / k`` and row ``(b0 j + b1 i + b2) / k``, where ``k = c0 j + c1 i + 1``.
    size : (int, int), optional
        Rows and columns of the result; those of x if not given.
    interpolation : {"bilinear", "nearest"}
        Between the four pixels around a position, or the one that is nearest (halves to the even one).
    fill_mode : {"constant", "nearest", "wrap", "mirror", "reflect"}
        What lies outside of x: ``fill_value``; the pixels of its edge; its other side; or x itself, mirrored about the
        middle of its outermost pixels ("mirror") or about their outer edges ("reflect").
    fill_value : float

    Returns
    -------
    ndarray (batch, *size, channels)

    Raises
    ------
    ShapeError
        If x has not four dimensions, transforms has not eight numbers for each image, or there is no pixel to look at.
    ValueError
        If an option is unknown.
    """
    x, transforms = as_floats("affine_sample", x, transforms)
    shape = _plan("affine_sample", x.shape, size, interpolation, fill_mode)
    _expect("affine_sample", "transforms", transforms.shape, (shape.batch, 8))
    out = empty(shape.out_shape, x.dtype, x)
    pick(x).affine_sample(out, x, transforms, shape, number("affine_sample", "fill_value", fill_value))
    return out


def affine_sample_backward(
    grad: ArrayLike,
    transforms: ArrayLike,
    *,
    input_shape: Sequence[int],
    interpolation: Interpolation = "bilinear",
    fill_mode: FillMode = "constant",
) -> Array:
    """Gradient of :func:`affine_sample` with respect to x.

    Parameters
    ----------
    grad : array_like (batch, rows, columns, channels)
    transforms, interpolation, fill_mode
        As in the forward pass.
    input_shape : (batch, height, width, channels)
        Shape of the input of the forward pass.

    Returns
    -------
    ndarray of shape ``input_shape``
    """
    op = "affine_sample_backward"
    grad, transforms = as_floats(op, grad, transforms)
    shape = _plan_backward(op, grad.shape, input_shape, interpolation, fill_mode)
    _expect(op, "transforms", transforms.shape, (shape.batch, 8))
    grad_x = empty(_in_shape(shape), grad.dtype, grad)
    pick(grad).affine_sample_backward(grad_x, grad, transforms, shape)
    return grad_x


def grid_sample(
    x: ArrayLike,
    positions: ArrayLike,
    *,
    interpolation: Interpolation = "bilinear",
    fill_mode: FillMode = "constant",
    fill_value: float = 0.0,
) -> Array:
    """Each pixel of the result from a place of its own.

    Parameters
    ----------
    x : array_like (batch, height, width, channels), float32 or float64
    positions : array_like (batch, rows, columns, 2)
        Row and column in x, counted in pixels from the middle of the first one.
    interpolation, fill_mode, fill_value
        As for :func:`affine_sample`.

    Returns
    -------
    ndarray (batch, rows, columns, channels)

    Raises
    ------
    ShapeError
        If x or positions has not four dimensions, or the batches differ.
    ValueError
        If an option is unknown.
    """
    x, positions = as_floats("grid_sample", x, positions)
    expect_rank("grid_sample", "positions", positions.shape, 4, "batch, rows, columns, 2")
    shape = _plan("grid_sample", x.shape, positions.shape[1:3], interpolation, fill_mode)
    _expect("grid_sample", "positions", positions.shape, (shape.batch, shape.out_height, shape.out_width, 2))
    out = empty(shape.out_shape, x.dtype, x)
    pick(x).grid_sample(out, x, positions, shape, number("grid_sample", "fill_value", fill_value))
    return out


def grid_sample_backward(
    grad: ArrayLike,
    positions: ArrayLike,
    *,
    input_shape: Sequence[int],
    interpolation: Interpolation = "bilinear",
    fill_mode: FillMode = "constant",
) -> Array:
    """Gradient of :func:`grid_sample` with respect to x; arguments as for :func:`affine_sample_backward`."""
    op = "grid_sample_backward"
    grad, positions = as_floats(op, grad, positions)
    shape = _plan_backward(op, grad.shape, input_shape, interpolation, fill_mode)
    _expect(op, "positions", positions.shape, (shape.batch, shape.out_height, shape.out_width, 2))
    grad_x = empty(_in_shape(shape), grad.dtype, grad)
    pick(grad).grid_sample_backward(grad_x, grad, positions, shape)
    return grad_x


def _plan(
    op: str, x: Sequence[int], size: Sequence[int] | None, interpolation: Interpolation, fill_mode: FillMode
) -> SampleShape:
    expect_rank(op, "x", tuple(x), 4, "batch, height, width, channels")
    if interpolation not in ("bilinear", "nearest"):
        raise ValueError(f"[{op}] interpolation expects 'bilinear' or 'nearest', got {interpolation!r}")
    if fill_mode not in FILLS:
        raise ValueError(f"[{op}] fill_mode expects one of {list(FILLS)}, got {fill_mode!r}")
    batch, height, width, channels = x
    rows_columns = (height, width) if size is None else integers(op, "size", size, 0)
    if len(rows_columns) != 2:
        raise ValueError(f"[{op}] size expects two integers, got {size!r}")
    rows, columns = rows_columns
    if rows * columns and not height * width:
        raise ShapeError(f"[{op}] x has no pixels to look at, got shape {tuple(x)}")
    return SampleShape(
        batch, height, width, channels, rows, columns, int(interpolation == "bilinear"), FILLS[fill_mode]
    )


def _plan_backward(
    op: str, grad: Sequence[int], input_shape: Sequence[int], interpolation: Interpolation, fill_mode: FillMode
) -> SampleShape:
    expect_rank(op, "grad", tuple(grad), 4, "batch, rows, columns, channels")
    x = integers(op, "input_shape", input_shape, 0)
    shape = _plan(op, x, grad[1:3], interpolation, fill_mode)
    _expect(op, "grad", tuple(grad), shape.out_shape)
    return shape


def _expect(op: str, name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise ShapeError(f"[{op}] {name} expects shape {expected}, got {shape}")


def _in_shape(shape: SampleShape) -> tuple[int, int, int, int]:
    return shape.batch, shape.height, shape.width, shape.channels
