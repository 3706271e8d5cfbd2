"""Images looked at in other places than their pixels, differentiable with respect to the image and to the places."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import placed
from nerve.ops._differentiable import Result, differentiable
from nerve.tensor import Gradient

__all__ = ["affine_sample", "grid_sample"]


@differentiable
def affine_sample(x: Array, transforms: Array, **options: Any) -> Result:
    """Sample an image where an affine or projective map says; as :func:`nerve.kernels.affine_sample`.

    Gradients flow to the image and, of bilinear interpolation, to the transforms.
    """
    y = kernels.affine_sample(x, transforms, **options)

    def of_transforms(grad: Array) -> Array:
        rows, columns = y.shape[1:3]
        plane = np.stack(
            [np.tile(np.arange(columns), rows), np.repeat(np.arange(rows), columns), np.ones(rows * columns)]
        )
        plane = placed(plane.astype(transforms.dtype), transforms)
        one = kernels.add(kernels.multiply(transforms[:, :1], 0.0), 1.0)
        maps = kernels.concatenate([transforms, one], axis=1).reshape(-1, 3, 3)
        places = kernels.matmul(maps, plane)  # column, row and what both are divided by, of every pixel of the result
        inverse = kernels.reciprocal(places[:, 2:])
        at = kernels.multiply(kernels.getitem(places, (slice(None), slice(0, 2))), inverse)
        positions = kernels.transpose(kernels.getitem(at, (slice(None), slice(None, None, -1))), (0, 2, 1))
        towards = _of_positions(grad, x, positions.reshape(-1, rows, columns, 2), options)
        towards = kernels.transpose(towards.reshape(-1, rows * columns, 2), (0, 2, 1))
        towards = kernels.multiply(kernels.getitem(towards, (slice(None), slice(None, None, -1))), inverse)
        down = kernels.negative(kernels.sum(kernels.multiply(towards, at), 1, True))
        found = kernels.matmul(kernels.concatenate([towards, down], axis=1), plane, transpose_b=True)
        return kernels.getitem(found.reshape(-1, 9), (slice(None), slice(0, 8)))

    return y, (
        lambda grad: kernels.affine_sample_backward(grad, transforms, **_backward(x, options)),
        _if_smooth(of_transforms, options),
    )


@differentiable
def grid_sample(x: Array, positions: Array, **options: Any) -> Result:
    """Sample an image at positions; as :func:`nerve.kernels.grid_sample`.

    Gradients flow to the image and, of bilinear interpolation, to the positions.
    """
    y = kernels.grid_sample(x, positions, **options)
    return y, (
        lambda grad: kernels.grid_sample_backward(grad, positions, **_backward(x, options)),
        _if_smooth(lambda grad: _of_positions(grad, x, positions, options), options),
    )


def _of_positions(grad: Array, x: Array, positions: Array, options: dict[str, Any]) -> Array:
    """The gradient of the places: between two rows the image changes by the difference of what lies on them."""
    kept = {key: value for key, value in options.items() if key != "size"}
    row, column = (kernels.getitem(positions, (..., slice(i, i + 1))) for i in (0, 1))
    parts = []
    for axis, place in enumerate((row, column)):
        before = kernels.floor(place)
        ends = []
        for at in (before, kernels.add(before, 1.0)):
            pair = [row, at] if axis else [at, column]
            ends.append(kernels.grid_sample(x, kernels.concatenate(pair, axis=-1), **kept))
        change = kernels.multiply(grad, kernels.subtract(ends[1], ends[0]))
        parts.append(kernels.sum(change, -1, True))
    return kernels.concatenate(parts, axis=-1)


def _if_smooth(gradient: Gradient, options: dict[str, Any]) -> Gradient | None:
    """None of the nearest pixel, which does not change but in steps."""
    return gradient if options.get("interpolation", "bilinear") == "bilinear" else None


def _backward(x: Array, options: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in options.items() if key not in ("size", "fill_value")}
    return {"input_shape": np.shape(x), **kept}
