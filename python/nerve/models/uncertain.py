"""Predictions with what a model does not know about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nerve._typing import Array
from nerve.layers import BatchNormalization
from nerve.layers.structure import flatten, is_positive_int
from nerve.models.batch import pack
from nerve.models.data import make_batches
from nerve.recorded import Recorder, emptied, filled
from nerve.tensor import Tensor, no_gradients

if TYPE_CHECKING:
    from nerve.models.model import Model


class Distribution(NamedTuple):
    """Mean and standard deviation of predictions, each an array, or a list or dict of arrays, as of `predict`."""

    mean: Any
    deviation: Any


def predict_distribution(model: Model, x: Any, n: int, batch_size: int | None) -> Distribution:
    """See `Model.predict_distribution`."""
    if not is_positive_int(n):
        raise ValueError(f"[{model.name}] n must be a positive int, got {n!r}")
    batches = make_batches(x, batch_size=batch_size)
    model._prepare_inputs(batches.first()[0])
    normalizations = [layer for _, layer in model._walk() if isinstance(layer, BatchNormalization) and layer.trainable]
    structure: Any = None

    def passed(arrays: list[Array], inputs: Any) -> tuple[list[Array], Any]:
        places = iter(arrays)
        outputs: list[Array] = []
        given = filled(inputs, lambda: Tensor(next(places), tracked=False))
        return outputs, emptied(model(given, training=True), outputs, model.name)

    recorder = Recorder(passed, strict=False)
    parts: list[list[tuple[Array, Array]]] = []
    for layer in normalizations:  # which else would learn from what is predicted
        layer.trainable = False
    try:
        with no_gradients():
            for batch in batches:
                inputs: list[Array] = []
                structure_of_inputs = emptied(pack((batch[0], None, None)), inputs, model.name)
                moments: list[tuple[Array, Array]] = []
                for count in range(1, n + 1):
                    leaves, structure = recorder(inputs, structure_of_inputs)
                    moments = [
                        _moved(leaf, count, *(moments[i] if moments else (None, None))) for i, leaf in enumerate(leaves)
                    ]
                parts.append(moments)
    finally:
        for layer in normalizations:
            layer.trainable = True
    mean, square = (
        [np.concatenate([moments[i][which] for moments in parts]) for i in range(len(parts[0]))] for which in (0, 1)
    )
    dtypes = [leaf.dtype for leaf in flatten(filled(structure, lambda: np.zeros((), model.dtype)))]

    def packed(leaves: list[Array]) -> Any:
        places = iter(leaf.astype(dtype) for leaf, dtype in zip(leaves, dtypes, strict=True))
        return filled(structure, lambda: next(places))

    return Distribution(packed(mean), packed([np.sqrt(leaf / n) for leaf in square]))


def _moved(x: Any, count: int, mean: Any, square: Any) -> tuple[Array, Array]:
    """Mean and sum of squared deviations with one pass more (Welford, 1962)."""
    x = np.asarray(x, np.float64)
    if mean is None:
        return x, np.zeros_like(x)
    change = x - mean
    mean = mean + change / count
    return mean, square + change * (x - mean)
