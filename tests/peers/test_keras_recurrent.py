"""Recurrent layers beside Keras 3's, from the same weights on the same sequences."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import array, both, keras  # skips this file too where Keras is not installed

import nerve

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
SEQUENCES = rng.normal(size=(6, 5, 3)).astype(np.float32)
OPTIONS = [
    {},
    {"return_sequences": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"use_bias": False},
    {"bias_initializer": "ones", "unit_forget_bias": False},
    {"bias_initializer": "uniform", "reset_after": False},
    {"activation": "relu", "return_sequences": True, "go_backwards": True},
    {"recurrent_activation": "hard_sigmoid", "activation": None, "return_state": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_layers(name, options):
    only = {"unit_forget_bias": "LSTM", "reset_after": "GRU"}
    options = {key: value for key, value in options.items() if only.get(key, name) == name}
    if name == "SimpleRNN":
        options.pop("recurrent_activation", None)
    states = [rng.normal(size=(6, 4)).astype(np.float32) for _ in range(2 if name == "LSTM" else 1)]

    def program(library, start):
        layer = getattr(library.layers, name)(4, **options)
        layer.build(SEQUENCES.shape)
        start(layer)
        convert = keras.ops.convert_to_tensor if library is keras else np.asarray
        outputs = []
        for given in ({}, {"initial_state": [convert(state) for state in states]}):
            y = layer(convert(SEQUENCES), **given)
            outputs.append([array(item) for item in y] if isinstance(y, tuple | list) else array(y))
        shape = layer.compute_output_shape(SEQUENCES.shape)
        return (
            outputs,
            layer.get_weights(),
            [list(item) for item in shape] if "return_state" in options else list(shape),
        )

    both(program)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_training(name):
    labels = (SEQUENCES[:, 0, 0] > 0).astype(np.float32)[:, None]

    def program(library, start):
        layers = library.layers
        model = library.Sequential(
            [
                library.Input((5, 3)),
                getattr(layers, name)(6, return_sequences=True),
                getattr(layers, name)(4, go_backwards=True),
                layers.Dense(1, activation="sigmoid"),
            ]
        )
        start(model)
        model.compile(optimizer=library.optimizers.SGD(0.1), loss="binary_crossentropy")
        history = model.fit(SEQUENCES, labels, batch_size=3, epochs=3, shuffle=False, verbose=0)
        return history.history["loss"], model.get_weights(), model.predict(SEQUENCES, verbose=0)

    both(program)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_stateful(name):
    def program(library, start):
        layer = getattr(library.layers, name)(4, stateful=True)
        model = library.Sequential([library.Input((5, 3), batch_size=6), layer])
        start(model)
        outputs = [array(model.predict(SEQUENCES, batch_size=6, verbose=0)) for _ in range(2)]
        layer.reset_state()
        return [*outputs, array(model.predict(SEQUENCES, batch_size=6, verbose=0))]

    both(program)


def test_summary_counts_the_same_parameters():
    for name in ("LSTM", "GRU", "SimpleRNN"):
        counts = [
            library.Sequential([library.Input((5, 3)), getattr(library.layers, name)(4)]).count_params()
            for library in (keras, nerve)
        ]
        assert counts[0] == counts[1]
