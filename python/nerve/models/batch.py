"""A batch of (inputs, targets, weights): how `train_step` gets it, where it lies, and what its classes weigh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import DeviceError, ShapeError
from nerve.gpu import to_device
from nerve.kernels._arrays import array_module, is_array, on_gpu, placed
from nerve.layers.structure import map_structure
from nerve.utils.session import pack_x_y_sample_weight, unpack_x_y_sample_weight

Batch = tuple[Any, Any, Any]


def pack(batch: Batch) -> Any:
    """A batch as Keras hands it to `train_step`."""
    return pack_x_y_sample_weight(*batch)


unpack = unpack_x_y_sample_weight


class OnDevice:
    """Batches that are moved to where a model's weights lie, each once.

    Attributes
    ----------
    device : {"cpu", "cuda", None}
        None leaves arrays where they are.
    resident : bool
        Whether the inputs were on the GPU already.
    """

    device: str | None = None
    resident = False

    def _moved(self, batch: Batch) -> Batch:
        if self.device is None:
            return batch
        return self._move("x", batch[0]), self._move("y", batch[1]), self._move("sample_weight", batch[2])

    def _move(self, name: str, structure: Any) -> Any:
        def move(array: Any) -> Any:
            if self.device == "cpu" and on_gpu(array):
                raise DeviceError(
                    f"[model] got {name} on the GPU, and its weights lie in the host's memory; move the model with "
                    f'model.to("cuda"), or {name} with cupy.asnumpy'
                )
            return to_device(array, "cuda") if self.device == "cuda" else array

        return optional(move, structure)


def class_weighted(class_weight: Mapping[int, float], y: Any, sample_weight: Any) -> Array:
    """The weights of samples, multiplied by the weight of their class; classes not named have 1."""
    if not is_array(y) or isinstance(sample_weight, list | dict):
        raise ValueError("class_weight needs a model with one output and targets y")
    if y.ndim > 2:
        raise ShapeError(f"class_weight needs one class per sample, got y of shape {y.shape}")
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must be a dict of class to weight, got {type(class_weight).__name__}")
    for label, weight in class_weight.items():
        if (
            not isinstance(label, int | np.integer)
            or not isinstance(weight, float | int | np.number)
            or not np.isfinite(weight)
        ):
            raise ValueError(f"class_weight must give classes finite weights, got {label!r}: {weight!r}")
    labels = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y))
    weights: Array = array_module(y).ones(len(labels), np.float32)
    for label, weight in class_weight.items():
        weights[labels == label] = weight
    return weights if sample_weight is None else weights * placed(sample_weight, y).reshape(len(labels))


def optional(function: Any, structure: Any) -> Any:
    """The structure with a function of its arrays; None stays None, everywhere."""
    return None if structure is None else map_structure(lambda a: None if a is None else function(a), structure)
