"""Small models, data and a recording callback that the tests of training share."""

from __future__ import annotations

import numpy as np

from nerve import Input, Sequential, layers, optimizers
from nerve.callbacks import Callback

rng = np.random.default_rng(4)
X = rng.normal(size=(50, 3)).astype(np.float32)
W = np.array([[1.0], [-2.0], [0.5]], np.float32)
Y = X @ W + 0.3
LABELS = (Y[:, 0] > 0).astype(np.int64)


def close(actual, expected, tolerance=2e-5):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=tolerance, atol=tolerance)


def regression(**options):
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(**{"optimizer": optimizers.SGD(0.1), "loss": "mse", **options})
    return model


def classifier(loss="sparse_categorical_crossentropy", units=2, activation="softmax", **options):
    model = Sequential([Input((3,)), layers.Dense(8, activation="tanh"), layers.Dense(units, activation=activation)])
    model.compile(**{"optimizer": "adam", "loss": loss, "metrics": ["accuracy"], **options})
    return model


class Recorder(Callback):
    """Keeps the names of all events and the logs of batches and epochs."""

    def __init__(self):
        super().__init__()
        self.events = []
        self.logs = []
        for event in (
            "train_begin", "train_end", "epoch_begin", "epoch_end", "train_batch_begin", "train_batch_end",
            "test_begin", "test_end", "test_batch_begin", "test_batch_end",
        ):  # fmt: skip
            setattr(self, f"on_{event}", lambda *args, event=event: self.note(event, *args))

    def note(self, event, *args):
        self.events.append(event)
        if event in ("train_batch_end", "epoch_end"):
            self.logs.append((event, args[0], dict(args[1])))


class iter_batches:
    """An iterable that begins anew every time."""

    def __init__(self, size, weights=False):
        self.size = size
        self.weights = weights
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        for start in range(0, 50, self.size):
            chosen = slice(start, start + self.size)
            extra = (np.ones(len(X[chosen])),) if self.weights else ()
            yield (X[chosen], Y[chosen], *extra)
