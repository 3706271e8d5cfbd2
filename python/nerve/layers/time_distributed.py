"""A layer at every step of a sequence: `TimeDistributed`."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.layers import masks
from nerve.layers.batch_normalization import BatchNormalization
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, flatten, is_shape, map_structure
from nerve.layers.wrapper import Wrapper

__all__ = [
    "TimeDistributed",
]


class TimeDistributed(Wrapper):
    """The same layer, with the same weights, at every step: (batch, time, ...) to (batch, time, ...).

    Parameters
    ----------
    layer : Layer

    Notes
    -----
    Where the layer treats samples one by one, all steps of all samples are one batch, and one call. A layer that does
    not (batch normalization, states kept between calls, a mask to be read, a class of your own) is called step by step.

    Examples
    --------
    >>> frames = Input((10, 64, 64, 3))
    >>> vectors = TimeDistributed(Flatten())(TimeDistributed(Conv2D(8, 3))(frames))
    """

    supports_masking = True

    def __init__(self, layer: Layer, **options: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **options)

    def build(self, input_shape: Shape) -> None:
        super().build(_of_a_step(input_shape))

    def compute_output_shape(self, input_shape: Shape) -> Any:
        batch, *rest = self.layer.compute_output_shape(_of_a_step(input_shape))
        return (batch, input_shape[1], *rest)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        shape = tuple(inputs.shape)
        _of_a_step(shape)
        if mask is not None and (mask.ndim < 2 or tuple(mask.shape[:2]) != shape[:2]):
            raise ShapeError(f"expects a mask of shape {shape[:2]}, got {tuple(mask.shape)}")
        reads_mask = mask is not None and "mask" in self.layer._call_parameters
        if shape[1] and (reads_mask or not self._one_by_one()):
            return self._steps(inputs, training, masks.by_step(mask) if reads_mask else None)
        batch = ops.reshape(inputs, (shape[0] * shape[1], *shape[2:]))
        outputs = self.layer(batch, training=training)
        return map_structure(lambda y: ops.reshape(y, (*shape[:2], *y.shape[1:])), outputs)

    def _one_by_one(self) -> bool:
        """Whether the layer treats the samples of a batch one by one."""
        own = __name__.partition(".")[0]
        return all(
            type(layer).__module__.partition(".")[0] == own
            and not isinstance(layer, BatchNormalization)
            and not getattr(layer, "stateful", False)
            for _, layer in self.layer._walk()
        )

    def _steps(self, inputs: Any, training: bool | None, mask: Any) -> Any:
        results = []
        for t, x in enumerate(ops.unstack(inputs, axis=1)):
            results.append(self.layer(x, training=training, **({} if mask is None else {"mask": mask[t]})))
        joined = [
            ops.concatenate([ops.reshape(y, (y.shape[0], 1, *y.shape[1:])) for y in steps], axis=1)
            for steps in zip(*(flatten(result) for result in results), strict=True)
        ]
        return joined[0] if len(joined) == 1 else joined


def _of_a_step(shape: Shape) -> Shape:
    if not is_shape(shape) or len(shape) < 3:
        raise ShapeError(f"expects inputs (batch, time, ...) of at least three axes, got shape {shape}")
    return (shape[0], *shape[2:])
