"""Steps that do not count: `Masking`."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import kernels, ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape

__all__ = [
    "Masking",
]


class Masking(Layer):
    """Leaves out the steps of a sequence whose values are all `mask_value`: the result carries a mask, and is 0 there.

    Recurrent layers skip such steps, attention does not see them, and losses and metrics leave them out, as long as
    every layer between hands the mask on (`supports_masking`).

    Parameters
    ----------
    mask_value : float
    """

    def __init__(self, mask_value: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.mask_value = mask_value

    def _counts(self, inputs: Any) -> Array:
        """(..., time, 1), booleans."""
        if inputs.ndim < 2:
            raise ShapeError(f"expects inputs (batch, time, features), got shape {tuple(inputs.shape)}")
        array = getattr(inputs, "array", inputs)
        differs = kernels.cast(kernels.not_equal(array, float(self.mask_value)), array.dtype)
        return kernels.cast(kernels.max(differs, -1, True), "bool")

    def call(self, inputs: Any) -> Any:
        return ops.where(self._counts(inputs), inputs, 0.0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Array:
        """Where a step has any other value."""
        return self._counts(inputs)[..., 0]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
