"""The dot product of two tensors along an axis of each."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import integers
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_shape

__all__ = [
    "Dot",
    "dot",
]


class Dot(Layer):
    """Products of two tensors, sample by sample, summed over an axis of each.

    Parameters
    ----------
    axes : int or pair
        The axis of both inputs, or of the first and of the second; not that of the batch.
    normalize : bool
        Whether to give the vectors along these axes length 1 before: the result is then the cosine between them.
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        given = integers(f"{self.name} (Dot)", "axes", axes)
        if len(given) > 2 or (len(given) == 1) != isinstance(axes, int) or 0 in given:
            raise ValueError(f"[{self.name} (Dot)] axes must be an int or a pair of them, and not 0, got {axes!r}")
        self.axes: int | list[int] = given[0] if isinstance(axes, int) else list(given)
        self.normalize = bool(normalize)

    def _places(self, shapes: Any) -> tuple[int, int]:
        """The axes that are summed over, counted from the first."""
        if is_shape(shapes) or len(shapes) != 2:
            raise ShapeError(f"expects a list of two tensors, got {shapes}")
        given = self.axes if isinstance(self.axes, list) else [self.axes] * 2
        for shape, axis in zip(shapes, given, strict=True):
            if not 1 - len(shape) <= axis < len(shape):
                raise ShapeError(f"has axis {axis}, which inputs of shape {tuple(shape)} do not have besides the batch")
        first, second = (axis % len(shape) for shape, axis in zip(shapes, given, strict=True))
        a, b = shapes[0][first], shapes[1][second]
        if a is not None and b is not None and a != b:
            raise ShapeError(f"expects as many values along both axes, got {a} at axis {first} and {b} at {second}")
        return first, second

    def call(self, inputs: Sequence[Any]) -> Any:
        first, second = self._places([one.shape for one in inputs])
        x, y = inputs
        if self.normalize:
            x, y = ops.normalize(x, axis=first, epsilon=1e-24), ops.normalize(y, axis=second, epsilon=1e-24)
        letters = iter(string.ascii_letters[2:])
        terms = [
            "".join("a" if i == 0 else "b" if i == axis else next(letters) for i in range(len(one.shape)))
            for one, axis in ((x, first), (y, second))
        ]
        result = ops.einsum(f"{terms[0]},{terms[1]}->a{''.join(terms).replace('a', '').replace('b', '')}", x, y)
        return ops.reshape(result, (-1, 1)) if result.ndim == 1 else result

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the axes are others."""
        return None

    def compute_output_shape(self, input_shape: Any) -> Shape:
        first, second = self._places(input_shape)
        one, other = map(tuple, input_shape)
        rest = one[1:first] + one[first + 1 :] + other[1:second] + other[second + 1 :]
        return (one[0], *(rest or (1,)))


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **options: Any) -> Any:
    """`Dot(axes, **options)(inputs)`, for functional models."""
    return Dot(axes, **options)(inputs)
