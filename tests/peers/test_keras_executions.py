"""Several steps per execution beside Keras, of whose backends JAX's has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("jax")
pytest.importorskip("keras")

pytestmark = [pytest.mark.peers, pytest.mark.slow]

PROGRAM = """
import json, sys
import numpy as np
import keras
from keras import callbacks, layers

heard = []

def hear(kind, when):
    return lambda batch, logs=None: heard.append([kind, when, batch, sorted(logs or {})])

listener = callbacks.Callback()
for kind in ("train", "test", "predict"):
    for when in ("begin", "end"):
        setattr(listener, f"on_{kind}_batch_{when}", hear(kind, when))
x = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
y = x @ np.array([[1.0], [-2.0], [0.5]], "float32")
model = keras.Sequential([keras.Input((3,)), layers.Dense(4, kernel_initializer="ones", activation="tanh")])
model.add(layers.Dense(1, kernel_initializer="ones"))
model.compile("sgd", "mse", steps_per_execution=3)
fitted = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, callbacks=[listener], verbose=0)
loss = model.evaluate(x, y, batch_size=8, callbacks=[listener], verbose=0)
predicted = model.predict(x, batch_size=8, callbacks=[listener], verbose=0)
numbers = [*fitted.history["loss"], loss, *np.ravel(predicted).tolist()]
print("RESULT", json.dumps([heard, numbers]))
"""


def told(library):
    """What the program says under a library."""
    text = PROGRAM if library == "keras" else PROGRAM.replace("import keras", "import nerve as keras", 1)
    text = text.replace("from keras import", f"from {library} import")
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return json.loads(done.stdout.rpartition("RESULT ")[2])


def test_callbacks_hear_of_the_same_batches():
    (heard, numbers), (expected, expected_numbers) = told("nerve"), told("keras")
    assert heard == expected
    assert [when for _, when, _, _ in heard].count("end") == 2 * 2 + 2 + 2
    assert numbers == pytest.approx(expected_numbers, rel=2e-5, abs=1e-5)
