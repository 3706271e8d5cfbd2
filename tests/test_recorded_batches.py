"""Batches of arrays, which `fit` lets a replay gather."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nerve
from nerve import layers
from nerve.models.data import ArrayBatches


def data(dtype: str, labels: str = "int64") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(50, 3, 2)) * 20).astype(dtype), rng.integers(0, 4, size=50).astype(labels)


def fitted(x: Any, y: Any, *, run_eagerly: bool = False, metrics: Any = ("accuracy",), **options: Any) -> Any:
    nerve.random.seed(1)
    model = nerve.Sequential([nerve.Input(x.shape[1:]), layers.Flatten(), layers.Dropout(0.2), layers.Dense(4)])
    loss = nerve.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(nerve.optimizers.Adam(0.01), loss, metrics=list(metrics), run_eagerly=run_eagerly)
    return model, model.fit(x, y, batch_size=8, epochs=4, verbose=0, **options).history


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "bool"]
)
@pytest.mark.parametrize("labels", ["int64", "uint8"])
def test_same_as_eager(dtype: str, labels: str) -> None:
    x, y = data(dtype, labels)
    (expected, logs), (model, found) = fitted(x, y, run_eagerly=True), fitted(x, y)
    assert found == logs
    for a, b in zip(expected.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("change", "gathered"),
    [
        (lambda x, y: (x, y, {}), True),
        (lambda x, y: (x, y, {"sample_weight": np.linspace(0, 2, 50).astype(np.float32)}), True),
        (lambda x, y: (x, y, {"shuffle": False}), True),
        (lambda x, y: (np.asfortranarray(x), y, {}), False),
        (lambda x, y: (x[::2], y[::2].copy(), {}), False),
        (lambda x, y: (x.astype(">f4"), y, {}), False),
        (lambda x, y: (x.astype("float16"), y, {}), False),
    ],
)
def test_what_is_gathered(change: Any, gathered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole batches come out of the replay once there is one; the smaller last one has a recording of its own."""
    taken: list[int] = []
    original = ArrayBatches.take

    def take(self: ArrayBatches, index: Any) -> Any:
        taken.append(0)
        return original(self, index)

    x, y, options = change(*data("float32"))
    _, expected = fitted(x, y, run_eagerly=True, **options)
    monkeypatch.setattr(ArrayBatches, "take", take)
    _, found = fitted(x, y, **options)
    assert found == expected
    steps = -(-len(x) // 8)
    assert (len(taken) < 1 + 4 * steps) is gathered


def test_a_metric_in_python_gets_its_batches() -> None:
    def worst(y_true: Any, y_pred: Any) -> Any:
        return np.max(np.asarray(y_pred), axis=-1) - np.asarray(y_true).reshape(-1)

    x, y = data("float32")
    (_, expected), (_, found) = (fitted(x, y, run_eagerly=eager, metrics=[worst]) for eager in (True, False))
    assert found == expected


def test_bad_values_in_a_gathered_batch() -> None:
    x, y = data("float32")
    model, _ = fitted(x, y)
    before = model.optimizer.iterations
    targets = np.full((50, 4), 0.25, np.float32)
    model.compile("sgd", "mse")
    for _ in range(3):
        model.fit(x, targets, batch_size=8, verbose=0)
    weights = model.get_weights()
    wrong = targets.copy()
    wrong[:, 2] = np.nan  # of every batch
    with pytest.raises(ValueError, match="NaN"):
        model.fit(x, wrong, batch_size=8, verbose=0)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert before == 28


def test_indices_out_of_range_are_not_read() -> None:
    x, y = data("float32")
    model, _ = fitted(x, y)
    recorder = model._recorders["train"]
    entry = next(entry for entry in recorder.recordings if entry.inputs[0].shape[0] == 8)
    calls = entry.recording.calls
    assert calls.gather([x, y], np.arange(8))
    for rows in (np.arange(43, 51), np.arange(-1, 7), np.arange(7), np.arange(8.0), np.arange(16)[::2]):
        assert not calls.gather([x, y], rows)
    assert not calls.gather([x], np.arange(8))
    assert not calls.gather([x, y[:, None]], np.arange(8))
