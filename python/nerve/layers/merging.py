"""Layers that make one tensor of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Unpack

from nerve import kernels, ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import full
from nerve.layers import masks
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


def _several(inputs: Any) -> None:
    if not isinstance(inputs, list | tuple) or not inputs:
        raise ShapeError(f"expects a list of tensors, got {type(inputs).__name__}")


class Merge(Layer):
    """Base of the element-wise merges.

    Shapes are broadcast against each other; an input with fewer axes gets axes of size 1 behind the batch.
    """

    op: Callable[[Any, Any], Any]
    _passes_masks_on = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Array | None:
        """Where any input counts; None if one of them has no mask."""
        if not isinstance(mask, list | tuple) or any(one is None for one in mask):
            return None
        return masks.some(*mask)

    def call(self, inputs: Sequence[Any]) -> Any:
        _several(inputs)
        shapes = _aligned([x.shape for x in inputs])
        reduce(_broadcast, shapes)
        same_axes = (
            x if len(x.shape) == len(shape) else ops.reshape(x, shape) for x, shape in zip(inputs, shapes, strict=True)
        )
        return reduce(type(self).op, same_axes)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        _several(input_shape)
        return reduce(_broadcast, _aligned(input_shape))


class Add(Merge):
    """The sum of the inputs."""

    op = staticmethod(ops.add)


class Subtract(Merge):
    """The first of two inputs less the second."""

    op = staticmethod(ops.subtract)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        if len(input_shape) != 2:
            raise ShapeError(f"expects exactly two tensors, got {len(input_shape)}")
        return super().compute_output_shape(input_shape)

    def call(self, inputs: Sequence[Any]) -> Any:
        if len(inputs) != 2:
            raise ShapeError(f"expects exactly two tensors, got {len(inputs)}")
        return super().call(inputs)


class Multiply(Merge):
    """The product of the inputs."""

    op = staticmethod(ops.multiply)


class Average(Merge):
    """The mean of the inputs."""

    op = staticmethod(ops.add)

    def call(self, inputs: Sequence[Any]) -> Any:
        return super().call(inputs) / len(inputs)


class Maximum(Merge):
    """The largest of the inputs, element by element."""

    op = staticmethod(ops.maximum)


class Minimum(Merge):
    """The smallest of the inputs, element by element."""

    op = staticmethod(ops.minimum)


class Concatenate(Layer):
    """The inputs one after the other.

    Parameters
    ----------
    axis : int
        Along which they are joined; all other sizes must agree.
    """

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = axis

    _passes_masks_on = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Array | None:
        """The masks one after the other, or, joined along another axis than theirs, where any input counts."""
        if not isinstance(mask, list | tuple) or all(one is None for one in mask):
            return None
        wholes = []
        for x, one in zip(inputs, mask, strict=True):
            whole = full(x.shape, 1, bool, x.array) if one is None else masks.plain(one)
            axes = whole.shape + (1,) * (x.ndim - whole.ndim)
            wholes.append(kernels.cast(kernels.broadcast_to(whole.reshape(axes), x.shape), "float32"))
        joined = kernels.concatenate(wholes, axis=self.axis)
        return kernels.cast(kernels.max(joined, axis=-1), "bool")

    def call(self, inputs: Sequence[Any]) -> Any:
        _several(inputs)
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        _several(input_shape)
        first = tuple(input_shape[0])
        axis = self.axis + len(first) if self.axis < 0 else self.axis
        if not 0 <= axis < len(first):
            raise ShapeError(f"has axis {self.axis}, which inputs of shape {first} do not have")
        same_rank = len({len(shape) for shape in input_shape}) == 1
        every = enumerate(zip(*input_shape, strict=False))
        wrong = [place for place, sizes in every if place != axis and not _compatible(*sizes)]
        if wrong or not same_rank:
            where = f"axis {wrong[0]} differs in" if same_rank else "numbers of axes differ in"
            raise ShapeError(f"expects shapes that agree except along axis {self.axis}; {where} {list(input_shape)}")
        sizes = [shape[axis] for shape in input_shape]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        return (*first[:axis], total, *first[axis + 1 :])


def _function(layer: type[Layer], name: str) -> Callable[..., Any]:
    def merge(inputs: Sequence[Any], **options: Any) -> Any:
        return layer(**options)(inputs)

    merge.__name__ = merge.__qualname__ = name
    merge.__doc__ = f"`{layer.__name__}(**options)(inputs)`, for functional models."
    return merge


add, subtract, multiply = _function(Add, "add"), _function(Subtract, "subtract"), _function(Multiply, "multiply")
average, concatenate = _function(Average, "average"), _function(Concatenate, "concatenate")
maximum, minimum = _function(Maximum, "maximum"), _function(Minimum, "minimum")


def _aligned(shapes: Sequence[Shape]) -> list[Shape]:
    """Shapes of one length."""
    axes = max(len(shape) for shape in shapes)
    return [(*shape[:1], *(1,) * (axes - len(shape)), *shape[1:]) for shape in shapes]


def _compatible(*sizes: int | None) -> bool:
    return len({size for size in sizes if size is not None}) <= 1


def _broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of `a + b`; an unknown size goes with any."""
    merged: list[int | None] = []
    for axis, (x, y) in enumerate(zip(a, b, strict=True)):
        if x is not None and y is not None and x != y and 1 not in (x, y):
            where = f"{x} and {y} along axis {axis}"
            raise ShapeError(f"expects shapes that can be broadcast together, got {a} and {b}: {where}")
        merged.append(y if x == 1 else x if y == 1 or x is not None else y)
    return tuple(merged)
