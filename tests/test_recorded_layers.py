"""Layers and losses whose steps were once refused: recorded, they do what they do eagerly, bit for bit."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import Tensor, layers, losses, ops, optimizers

RNG = np.random.default_rng(5)
SEQUENCES = RNG.normal(size=(4, 6, 3)).astype(np.float32)
LABELS = RNG.integers(0, 5, size=4)


class Masked(nerve.Model):
    """Attention with masks that are made of the inputs."""

    def __init__(self, dropout: float, *masks: str, causal: bool = True) -> None:
        super().__init__()
        self.masks, self.causal = masks, causal
        self.attention = layers.MultiHeadAttention(2, 4, dropout=dropout, seed=3)
        self.out = layers.Dense(5)

    def call(self, inputs: Any) -> Any:
        seen = ops.greater(inputs[:, :, 0], -0.5)
        masks = dict.fromkeys(self.masks, seen)
        x = self.attention(inputs, inputs, **masks, use_causal_mask=self.causal)
        return self.out(ops.mean(x, axis=1))


def classifier(*inner: Any, **options: Any) -> Callable[[], nerve.Model]:
    return lambda: nerve.Sequential([nerve.Input((6, 3), **options), *(make() for make in inner), layers.Dense(5)])


flat = classifier(layers.Flatten)
CROSSENTROPY: dict[str, Any] = {"from_logits": True}
CASES: dict[str, tuple[Callable[[], nerve.Model], dict[str, Any], np.ndarray, Any]] = {
    "combined masks": (lambda: Masked(0.0, "query_mask", "value_mask"), {}, LABELS, None),
    "combined masks and dropout": (lambda: Masked(0.3, "query_mask", "value_mask"), {}, LABELS, None),
    "a mask of queries": (lambda: Masked(0.0, "query_mask"), {}, LABELS, None),
    "a mask of values and dropout": (lambda: Masked(0.3, "value_mask", causal=False), {}, LABELS, None),
    "GRU, reset before": (classifier(lambda: layers.GRU(4, reset_after=False)), {}, LABELS, None),
    "GRU, recurrent dropout": (classifier(lambda: layers.GRU(4, recurrent_dropout=0.5)), {}, LABELS, None),
    "LSTM with relu": (classifier(lambda: layers.LSTM(4, activation="relu")), {}, LABELS, None),
    "stateful LSTM": (classifier(lambda: layers.LSTM(4, stateful=True), batch_size=4), {}, LABELS, None),
    "stateful GRU": (
        classifier(lambda: layers.GRU(4, stateful=True, reset_after=False), batch_size=4), {}, LABELS, None
    ),
    "ignore_class": (flat, {"ignore_class": 2}, np.array([2, 1, 2, 4]), None),
    "ignore_class out of range": (flat, {"ignore_class": -1}, np.array([0, -1, 3, -1]), np.arange(4.0)),
    "ignore_class alone": (flat, {"ignore_class": 2}, np.full(4, 2), None),
    "float labels": (flat, {}, LABELS.astype(np.float32), None),
    "float64 labels": (flat, {}, LABELS.astype(np.float64).reshape(4, 1), None),
    "mean with weights": (flat, {"reduction": "mean_with_sample_weight"}, LABELS, np.array([0.5, 2.0, 0.0, 1.0])),
    "mean with weights of zero": (flat, {"reduction": "mean_with_sample_weight"}, LABELS, np.zeros(4)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_same_as_eager(name: str) -> None:
    build, options, y, weights = CASES[name]
    found = []
    for run_eagerly in (True, False):
        nerve.random.seed(1)
        model = build()
        loss = losses.SparseCategoricalCrossentropy(**{**CROSSENTROPY, **options})
        model.compile(optimizers.Adam(0.01), loss, run_eagerly=run_eagerly)
        logs = []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for step in range(12):
                turned = np.roll(SEQUENCES, step, axis=1)
                logs.append(model.train_on_batch(turned, y, sample_weight=weights))
                logs.append(model.test_on_batch(turned, y, sample_weight=weights))
        if not run_eagerly:
            assert all(recorder.recordings[-1].ready for recorder in model._recorders.values())
        found.append((logs, model.get_weights()))
    (logs, expected), (recorded_logs, recorded) = found
    assert logs == recorded_logs
    assert np.isfinite(logs).all()
    for a, b in zip(expected, recorded, strict=True):
        np.testing.assert_array_equal(a, b)


def test_states_are_kept_and_reset() -> None:
    layer = layers.SimpleRNN(4, stateful=True)
    model = nerve.Sequential([nerve.Input((6, 3), batch_size=4), layer])
    first = [model.predict_on_batch(SEQUENCES) for _ in range(8)]
    assert not np.array_equal(first[-1], first[-2])
    layer.reset_state()
    again = [model.predict_on_batch(SEQUENCES) for _ in range(8)]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("bad", "message"), [(1.5, "not a whole number"), (np.nan, "NaN"), (7.0, "range")])
@pytest.mark.parametrize("computed", [False, True])
def test_bad_float_labels(bad: float, message: str, computed: bool) -> None:
    """In every call, replayed or not, with nothing changed."""
    weights = nerve.Variable(np.ones((5, 5), np.float32))
    rule = optimizers.SGD(0.1)

    @nerve.compile
    def step(y: Tensor, x: Tensor) -> Tensor:
        labels = y * 1.0 if computed else y
        loss = losses.sparse_categorical_crossentropy(labels, ops.matmul(x, weights), from_logits=True)
        rule.apply(nerve.gradients(ops.mean(loss), [weights]), [weights])
        return loss

    x = np.eye(5, dtype=np.float32)
    good = np.arange(5, dtype=np.float32)
    for _ in range(5):
        step(good, x)
    before = weights.numpy().copy()
    wrong = good.copy()
    wrong[2] = bad
    with pytest.raises(ValueError, match=rf"^\[sparse_categorical_crossentropy\] .*{message}"):
        step(wrong, x)
    np.testing.assert_array_equal(weights.numpy(), before)
    assert step(good, x).numpy().shape == (5,)


WHOLE = {
    "one column": lambda x: ops.cast(x[:, 1], "float32"),
    "columns": lambda x: ops.take(np.eye(12, dtype=np.float32), ops.concatenate([x[:, 2:], x[:, :1]], 1), axis=0),
    "turned": lambda x: ops.one_hot(ops.transpose(x), 10),
    "sums": lambda x: ops.take(np.eye(12, dtype=np.float32), x + 1, axis=0),
    "parts": lambda x: ops.cast((x > 2) & ~(x > 6), "float32") * (x // 2) + x % 3,
    "any": lambda x: ops.cast(ops.any(x > 7, axis=1), "float32"),
    "mask": lambda x: ops.cast((x > 4)[:, None, ::-2], "float32"),
    "masks": lambda x: ops.cast(ops.transpose(ops.concatenate([x > 4, (x > 2)[:, 1:]], 1)), "float32"),
    "int32": lambda x: ops.take(np.eye(4, dtype=np.float32), np.arange(3, dtype=np.int32), axis=0) + x[:1, :1],
    "positions": lambda x: ops.take(np.eye(5, dtype=np.float32), ops.arange(ops.shape(x)[1]), axis=0),
    "largest": lambda x: ops.maximum(x, 3) + ops.max(x, axis=1, keepdims=True),
}


@pytest.mark.parametrize("name", WHOLE)
def test_integers_of_a_call_are_recorded(name: str) -> None:
    class Own(nerve.Model):
        def call(self, x: Any) -> Any:
            return WHOLE[name](x)

    model = Own()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            x = RNG.integers(0, 10, size=(4, 5))
            found = model.predict(x, verbose=0)
            np.testing.assert_array_equal(found, WHOLE[name](Tensor(x)).numpy())
    assert model._recorders is not None
    assert model._recorders["predict"].recordings[-1].ready


def test_boolean_targets_and_inputs_are_recorded() -> None:
    model = nerve.Sequential([nerve.Input((4, 5)), layers.LSTM(6, return_sequences=True), layers.Dense(3, "softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    x, y = RNG.random((20, 4, 5)) > 0.5, np.eye(3, dtype=bool)[RNG.integers(0, 3, size=(20, 4))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        accuracy = model.fit(x, y, epochs=4, batch_size=5, verbose=0).history["accuracy"]
    assert model._recorders["train"].recordings[-1].ready
    assert np.isfinite(accuracy).all()
    assert model.evaluate(x, y, verbose=0)[1] == np.mean(model.predict(x, verbose=0).argmax(-1) == y.argmax(-1))
