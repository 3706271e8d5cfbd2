"""Images looked at in other places than their pixels, differentiable with respect to the image."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.ops._differentiable import Result, differentiable

__all__ = ["affine_sample", "grid_sample"]


@differentiable
def affine_sample(x: Array, transforms: Array, **options: Any) -> Result:
    """Sample an image where an affine or projective map says; as :func:`nerve.kernels.affine_sample`.

    Gradients flow to the image, not to the transforms.
    """
    y = kernels.affine_sample(x, transforms, **options)
    return y, (lambda grad: kernels.affine_sample_backward(grad, transforms, **_backward(x, options)), None)


@differentiable
def grid_sample(x: Array, positions: Array, **options: Any) -> Result:
    """Sample an image at positions; as :func:`nerve.kernels.grid_sample`. Gradients flow to the image only."""
    y = kernels.grid_sample(x, positions, **options)
    return y, (lambda grad: kernels.grid_sample_backward(grad, positions, **_backward(x, options)), None)


def _backward(x: Array, options: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in options.items() if key not in ("size", "fill_value")}
    return {"input_shape": np.shape(x), **kept}
