"""Recurrent layers: their options against each other, their states, and learning from sequences."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, layers, ops
from nerve.errors import ShapeError

rng = np.random.default_rng(5)
X = rng.normal(size=(4, 7, 3)).astype(np.float32)
LAYERS = [layers.LSTM, layers.GRU, layers.SimpleRNN]
UNITS = 5


def close(one, other, tolerance=2e-5):
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=tolerance, atol=tolerance)


def states_of(cls, batch=4):
    return [rng.normal(size=(batch, UNITS)).astype(np.float32) for _ in range(2 if cls is layers.LSTM else 1)]


def same_weights(cls, *options):
    """Layers of one class with the given options and the same weights."""
    made = [cls(UNITS, **option) for option in options]
    for layer in made:
        layer.build((None, None, 3))
        layer.set_weights([rng_weight.copy() for rng_weight in made[0].get_weights()])
    return made


@pytest.mark.parametrize("cls", LAYERS)
def test_sequences_and_states(cls):
    last, everything = same_weights(cls, {}, {"return_sequences": True, "return_state": True})
    initial = states_of(cls)
    sequence, *final = everything(X, initial_state=initial)
    close(last(X, initial_state=initial), sequence[:, -1])
    close(final[0], sequence[:, -1])
    first, *between = everything(X[:, :3], initial_state=initial)
    second, *after = everything(X[:, 3:], initial_state=between)
    close(np.concatenate([first, second], axis=1), sequence)
    for one, other in zip(after, final, strict=True):
        close(one, other)


# An activation that is no fused one by name, and computes the same: the steps one by one against the kernel.
def my_tanh(x):
    return ops.tanh(x)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("cls", [layers.LSTM, layers.GRU])
def test_the_kernel_computes_what_its_steps_do(cls, backwards):
    options = {"return_sequences": True, "go_backwards": backwards, "dtype": "float64", "bias_initializer": "uniform"}
    whole, steps = same_weights(cls, options, {**options, "activation": my_tanh})
    x, initial = X.astype(np.float64), [state.astype(np.float64) for state in states_of(cls)]
    gradients = []
    for layer in (whole, steps):
        tensors = [nerve.Tensor(value) for value in (x, *initial)]
        y = layer(tensors[0], initial_state=tensors[1:])
        gradients.append([y.array, *nerve.gradients(ops.sum(ops.sin(y)), [*tensors, *layer.weights])])
    assert len(gradients[0]) == 5 + len(initial)
    for one, other in zip(*gradients, strict=True):
        close(one, other, 1e-10)


@pytest.mark.parametrize("cls", LAYERS)
def test_backwards_is_the_reversed_sequence(cls):
    forward, backward = same_weights(cls, {"return_sequences": True}, {"return_sequences": True, "go_backwards": True})
    close(backward(X), forward(X[:, ::-1]))


def test_first_bias_of_the_forget_gate():
    layer = layers.LSTM(3)
    layer.build((None, None, 2))
    np.testing.assert_array_equal(layer.bias.array, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    without = layers.LSTM(3, unit_forget_bias=False)
    without.build((None, None, 2))
    assert not without.bias.array.any()
    product = layer.recurrent_kernel.array @ layer.recurrent_kernel.array.T
    close(product, np.eye(3))  # orthogonal


@pytest.mark.parametrize("cls", LAYERS)
def test_stateful(cls):
    (plain,) = same_weights(cls, {"return_sequences": True})
    layer = cls(UNITS, return_sequences=True, stateful=True)
    model = Sequential([Input((None, 3), batch_size=4), layer])
    layer.set_weights(plain.get_weights())
    assert len(layer.weights) == 3
    whole = plain(X)
    close(model(X[:, :3]), whole[:, :3])
    close(model(X[:, 3:]), whole[:, 3:])
    layer.reset_state()
    close(model(X[:, :3]), whole[:, :3])
    with pytest.raises(ShapeError, match=r"stateful and expects batches of 4, got shape \(2, 7, 3\)"):
        layer(X[:2])
    with pytest.raises(ShapeError, match="give Input a batch_size"):
        Sequential([Input((None, 3)), cls(UNITS, stateful=True)])


@pytest.mark.parametrize("cls", LAYERS)
def test_dropout(cls):
    (plain,) = same_weights(cls, {"return_sequences": True})
    for options in ({"dropout": 0.5}, {"recurrent_dropout": 0.5}):
        outcomes = []
        for _ in range(2):
            layer = cls(UNITS, return_sequences=True, seed=1, **options)
            layer.build((None, None, 3))
            layer.set_weights(plain.get_weights())
            close(layer(X), plain(X))
            outcomes.append(layer(X, training=True).numpy())
        np.testing.assert_array_equal(*outcomes)
        difference = np.abs(outcomes[0] - plain(X).numpy()).max(axis=(0, 2))
        # What the first step's state drops is zero to begin with.
        assert difference[-1] > 1e-3
        assert (difference[0] < 1e-6) == ("recurrent_dropout" in options)
    # The same inputs are dropped at every step.
    layer = cls(UNITS, return_sequences=True, dropout=0.5, seed=1)
    ones = np.ones((1, 1, 3), np.float32)
    layer.build((None, None, 3))
    mask = layers.Dropout(0.5, seed=1)(ones, training=True).numpy()
    layer.set_weights(plain.get_weights())
    close(layer(X[:1], training=True), plain(X[:1] * mask))


@pytest.mark.parametrize("cls", LAYERS)
def test_functional_model_that_hands_states_on_is_saved(cls, tmp_path):
    source, target = Input((None, 3)), Input((6, 2))
    _, *states = cls(UNITS, return_state=True)(source)
    assert [state.shape for state in states] == [(None, UNITS)] * len(states)
    y = cls(UNITS, return_sequences=True)(target, initial_state=states)
    assert y.shape == (None, 6, UNITS)
    model = Model([source, target], layers.Dense(1)(y))
    data = [X, rng.normal(size=(4, 6, 2)).astype(np.float32)]
    before = model.predict(data)
    assert before.shape == (4, 6, 1)
    model.compile(optimizer="adam", loss="mse")
    weights = [weight.copy() for weight in model.get_weights()]
    model.fit(data, np.ones((4, 6, 1), np.float32), verbose=0)
    for one, other in zip(weights, model.get_weights(), strict=True):
        assert np.abs(one - other).max() > 0  # through the states too
    model.save(tmp_path / "model.nerve")
    close(nerve.models.load_model(tmp_path / "model.nerve").predict(data), model.predict(data))


@pytest.mark.parametrize("cls", LAYERS)
def test_learns_to_remember_the_first_step(cls):
    nerve.random.seed(0)
    data = np.random.default_rng(0).normal(size=(512, 8, 2)).astype(np.float32)
    labels = (data[:, 0, 0] > 0).astype(np.int64)
    model = Sequential([Input((8, 2)), cls(16), layers.Dense(2)])
    loss = nerve.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=nerve.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
    model.fit(data, labels, batch_size=64, epochs=25, verbose=0)
    assert model.evaluate(data, labels, verbose=0, return_dict=True)["accuracy"] > 0.95


@pytest.mark.parametrize("cls", LAYERS)
def test_errors(cls):
    with pytest.raises(ValueError, match="units must be a positive int, got 0"):
        cls(0)
    for option in ("dropout", "recurrent_dropout"):
        with pytest.raises(ValueError, match=rf"{option} must be in \[0, 1\), got 1"):
            cls(3, **{option: 1})
    with pytest.raises(TypeError, match="mask_zero"):
        cls(3, mask_zero=True)
    with pytest.raises(ShapeError, match=r"expects inputs \(batch, time, features\)"):
        cls(3)(X[0])
    layer = cls(3)
    layer(X)
    with pytest.raises(ShapeError, match=r"expects inputs \(batch, time, 3\), got shape \(4, 7, 2\)"):
        layer(X[:, :, :2])
    count = 2 if cls is layers.LSTM else 1
    with pytest.raises(ShapeError, match=f"expects {count} initial states, got 3"):
        layer(X, initial_state=[X[:, 0]] * 3)
    with pytest.raises(ShapeError, match=r"initial states of shape \(4, 3\), got \(3, 3\)"):
        layer(X, initial_state=[X[:3, 0]] * count)


def test_unstack():
    x = rng.normal(size=(2, 3, 4))
    tensor = nerve.Tensor(x)
    parts = ops.unstack(tensor, axis=-2)
    assert [part.shape for part in parts] == [(2, 4)] * 3
    for i, part in enumerate(parts):
        np.testing.assert_array_equal(part.array, x[:, i])
    (gradient,) = nerve.gradients(ops.sum(parts[0] * 2.0) + ops.sum(parts[2]), [tensor])
    np.testing.assert_array_equal(gradient, np.broadcast_to(np.array([2.0, 0, 1])[:, None], (2, 3, 4)))
    with pytest.raises(ShapeError, match=r"\[unstack\] axis 3 is out of range"):
        ops.unstack(x, axis=3)
