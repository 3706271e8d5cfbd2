"""Sequences without the steps that a mask leaves out, so that kernels over whole sequences need not know of masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve import kernels, ops
from nerve._typing import Array
from nerve.kernels._arrays import array_module


class PackedSteps:
    """Brings the steps that count to the front of each sequence, and what is computed from them back to its place.

    What a recurrent layer makes of the steps behind them is looked at by nobody, and gets a gradient of zero.

    Parameters
    ----------
    mask : array (batch, time) of bool
        In the order in which the steps are taken.
    """

    def __init__(self, mask: Array) -> None:
        self.mask = mask
        self.batch, self.time = mask.shape
        module, size = array_module(mask), mask.size
        triangle = module.tri(self.time, dtype=np.float64).T
        counts = kernels.matmul(kernels.cast(mask, "float64"), triangle)  # of the steps up to each, itself included
        first = module.arange(0, size, self.time, dtype=np.float64)[:, None]
        #: Whether any step up to each counts.
        self.begun = kernels.greater(counts, 0.0)
        place = kernels.add(kernels.maximum(kernels.subtract(counts, 1.0), 0.0), first)
        self._place = kernels.cast(place.reshape(-1), "int64")
        # Steps that do not count go to one place more, which is then forgotten.
        target = kernels.cast(kernels.where(mask, place, float(size)).reshape(-1), "int64")
        steps = module.arange(size, dtype=np.float64)
        self._source = kernels.cast(kernels.take_backward(steps, target, input_shape=(size + 1,))[:-1], "int64")

    def packed(self, x: Any) -> Any:
        """(batch, time, features) with the steps that count in front."""
        clean = ops.where(self.mask[:, :, None], x, 0.0)  # so that no NaN of padding is computed with
        flat = ops.reshape(clean, (self.batch * self.time, x.shape[2]))
        return ops.reshape(ops.take(flat, self._source, axis=0), tuple(x.shape))

    def spread(self, y: Any) -> Any:
        """Each step's result, or that of the last step before that counts; 0 where there is none."""
        flat = ops.reshape(y, (self.batch * self.time, y.shape[2]))
        held = ops.reshape(ops.take(flat, self._place, axis=0), tuple(y.shape))
        return ops.where(self.begun[:, :, None], held, 0.0)
