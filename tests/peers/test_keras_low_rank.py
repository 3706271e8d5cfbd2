"""Adapted layers beside Keras's."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import keras  # skips this file too where Keras is not installed

import nerve.layers as ours

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

RNG = np.random.default_rng(3)
X = RNG.normal(size=(8, 5)).astype(np.float32)
IDS = RNG.integers(0, 9, (8, 4))
IMAGES = RNG.normal(size=(4, 5, 5, 3)).astype(np.float32)

CASES = [
    (lambda library, **o: library.Dense(4, "tanh", **o), X),
    (lambda library, **o: library.EinsumDense("ab,bcd->acd", (2, 3), bias_axes="d", **o), X),
    (lambda library, **o: library.Embedding(9, 3, **o), IDS),
    (lambda library, **o: library.Conv2D(4, 3, activation="relu", **o), IMAGES),
]


@pytest.mark.parametrize("by_call", [True, False])
@pytest.mark.parametrize(("make", "inputs"), CASES)
def test_weights_and_outputs(make, inputs, by_call, tmp_path):
    if by_call:
        pair = make(ours), make(keras.layers)
        for layer in pair:
            layer(inputs)
            layer.enable_lora(2, lora_alpha=5.0)
    else:
        pair = make(ours, lora_rank=2), make(keras.layers, lora_rank=2)
        for layer in pair:
            layer(inputs)
    layer, theirs = pair
    assert [w.name for w in layer.weights] == [w.name for w in theirs.weights]
    assert [w.name for w in layer.trainable_weights] == [w.name for w in theirs.trainable_weights]
    weights = [RNG.normal(size=w.shape).astype(np.float32) for w in theirs.weights]
    layer.set_weights(weights)
    theirs.set_weights(weights)
    expected = np.asarray(theirs(inputs).detach())
    np.testing.assert_allclose(layer(inputs).numpy(), expected, rtol=2e-5, atol=2e-5)
    for name in ("lora_rank", "lora_alpha"):
        assert layer.get_config()[name] == theirs.get_config()[name]


def test_files_hold_the_same_sum(tmp_path):
    theirs = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, lora_rank=2)])
    layer = theirs.layers[0]
    weights = [RNG.normal(size=w.shape).astype(np.float32) for w in layer.weights]
    layer.set_weights(weights)
    theirs.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras").layers[0]

    from nerve import Input, Sequential, models

    model = Sequential([Input((5,)), ours.Dense(3, lora_rank=2)])
    model.set_weights(weights)
    model.save(tmp_path / "m.nerve")
    loaded = models.load_model(tmp_path / "m.nerve").layers[-1]
    for ours_, expected in ((loaded._kernel, read._kernel), (loaded.lora_kernel_b, read.lora_kernel_b)):
        np.testing.assert_allclose(ours_.numpy(), keras.ops.convert_to_numpy(expected), rtol=1e-5, atol=1e-6)
