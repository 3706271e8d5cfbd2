"""Masks, wrappers and cells over sequences: what they refuse, what is saved, and learning while recorded."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, Tensor, layers, ops
from nerve.errors import ShapeError

rng = np.random.default_rng(3)
X = rng.normal(size=(4, 6, 3)).astype(np.float32)
TOKENS = np.array([[1, 2, 3, 0, 0, 0], [0, 0, 4, 1, 2, 3], [2, 0, 1, 0, 3, 0], [4, 4, 0, 0, 0, 0]])
MASK = TOKENS != 0


class Leaky(layers.Layer):
    """A cell of one's own."""

    state_size = 5

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 5), name="kernel")

    def call(self, inputs, states):
        new = states[0] * 0.9 + ops.tanh(ops.matmul(inputs, self.kernel))
        return new, [new]


MODELS = {
    "Bidirectional": lambda: [layers.Bidirectional(layers.LSTM(3, return_sequences=True), "sum")],
    "backward_layer": lambda: [
        layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(2, go_backwards=True, activation="relu"))
    ],
    "TimeDistributed": lambda: [layers.TimeDistributed(layers.Dense(2, activation="relu"))],
    "TimeDistributed, step by step": lambda: [layers.TimeDistributed(layers.BatchNormalization())],
    "Masking": lambda: [layers.Masking(), layers.LSTM(4, return_sequences=True)],
    "Masking, the state too": lambda: [
        layers.Masking(),
        layers.LSTM(4, return_sequences=True, stateful=True, zero_output_for_mask=True),
    ],
    "Masking, both ways": lambda: [layers.Masking(), layers.Bidirectional(layers.GRU(4))],
    "Masking, convolutions": lambda: [
        layers.Masking(),
        layers.TimeDistributed(layers.Reshape((3, 1))),
        layers.ConvLSTM1D(2, 2),
    ],
    "Masking, a cell of one's own": lambda: [layers.Masking(), layers.RNN(Leaky())],
    "cells": lambda: [layers.RNN([layers.LSTMCell(3, recurrent_dropout=0.2), layers.GRUCell(2, dropout=0.2)])],
    "a stack with a cell of one's own": lambda: [layers.RNN([layers.SimpleRNNCell(3, dropout=0.2), Leaky()])],
    "ConvLSTM1D": lambda: [
        layers.Reshape((6, 3, 1)),
        layers.ConvLSTM1D(2, 2, return_sequences=True, dropout=0.2, recurrent_dropout=0.3, stateful=True),
    ],
    "stateful": lambda: [layers.Bidirectional(layers.RNN(Leaky(), stateful=True))],
}


@pytest.mark.filterwarnings("ignore:.*does not support masks")
@pytest.mark.parametrize("name", MODELS)
def test_recorded_fit_and_saving(name, tmp_path):
    """Steps are recorded and give the numbers of eager ones; the saved model predicts the same."""
    x = np.where(MASK[..., None], X, 0).astype(np.float32)
    x = np.concatenate([x, np.roll(x, 2, axis=1), x[::-1]])  # batches with other masks
    y = rng.normal(size=(12, 1)).astype(np.float32)
    found = []
    for run_eagerly in (True, False):
        nerve.random.seed(0)
        model = Sequential([Input((6, 3), batch_size=4), *MODELS[name](), layers.Flatten(), layers.Dense(1)])
        model.compile(nerve.optimizers.SGD(0.1), "mse", run_eagerly=run_eagerly)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*not recorded.*")
            history = model.fit(x, y, batch_size=4, epochs=6, verbose=0, shuffle=False)
        found.append([*history.history["loss"], *model.get_weights()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    assert found[0][0] != found[0][5]
    model.save(tmp_path / "model.nerve")
    again = nerve.models.load_model(tmp_path / "model.nerve", custom_objects={"Leaky": Leaky})
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
    np.testing.assert_array_equal(again.predict(x, batch_size=4), model.predict(x, batch_size=4))


def test_encoder_and_decoder_learn_to_reverse_a_sequence():
    """Sequence to vector to sequence: the decoder starts from the states of the encoder."""
    data = rng.integers(1, 5, size=(64, 5))
    reversed_ = data[:, ::-1]
    before = np.concatenate([np.zeros((64, 1), np.int64), reversed_[:, :-1]], axis=1)
    source, target = Input((None,), dtype="int32"), Input((None,), dtype="int32")
    _, *states = layers.LSTM(32, return_state=True)(layers.Embedding(5, 16)(source))
    decoded = layers.LSTM(32, return_sequences=True)(layers.Embedding(5, 16)(target), initial_state=states)
    model = Model([source, target], layers.TimeDistributed(layers.Dense(5))(decoded))
    loss = nerve.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(nerve.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    history = model.fit([data, before], reversed_, epochs=60, batch_size=64, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


def test_vector_to_sequence():
    """One vector, repeated, becomes a wave of the frequency it names."""
    frequency = rng.uniform(0.2, 1, size=(64, 1)).astype(np.float32)
    waves = np.sin(frequency * np.arange(8, dtype=np.float32))[..., None]
    model = Sequential([Input((1,)), layers.RepeatVector(8), layers.GRU(16, return_sequences=True), layers.Dense(1)])
    model.compile(nerve.optimizers.Adam(0.02), "mse")
    losses = model.fit(frequency, waves, epochs=80, batch_size=64, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]


def test_what_is_padded_does_not_matter():
    """The mask of an embedding: the same prediction and loss however much padding follows."""
    model = Sequential(
        [Input((None,), dtype="int32"), layers.Embedding(5, 4, mask_zero=True), layers.Bidirectional(layers.LSTM(3))]
    )
    short = TOKENS[3:, :2]
    np.testing.assert_allclose(model.predict(TOKENS[3:]), model.predict(short), rtol=1e-6, atol=1e-7)
    unmasked = layers.Embedding(5, 4)
    assert getattr(unmasked(TOKENS), "_mask", None) is None


def test_a_custom_layer_makes_and_reads_masks():
    class Count(layers.Layer):
        def call(self, inputs, mask=None):
            return ops.sum(ops.cast(mask, dtype="float32"), axis=1)

    class Positive(layers.Layer):
        def call(self, inputs):
            return inputs

        def compute_mask(self, inputs, mask=None):
            return ops.greater(inputs[..., 0], 0.0)

    x = Positive()(Tensor(X))
    with pytest.warns(UserWarning, match=r"'count.*' \(Count\) does not support masks"):
        counts = Count()(x)
    np.testing.assert_array_equal(counts.numpy(), (X[..., 0] > 0).sum(axis=1))


def test_the_same_values_are_dropped_at_every_step():
    cell = layers.SimpleRNNCell(3, activation=None, dropout=0.5, seed=1, recurrent_initializer="zeros")
    for layer in (layers.RNN(cell, return_sequences=True), layers.RNN([cell, Leaky()])):
        y = layer(np.ones((2, 4, 6), np.float32), training=True).numpy()
        if y.ndim == 3:
            np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert cell._held is None


def test_errors():
    with pytest.raises(TypeError, match="expects a layer to wrap, got 3"):
        layers.TimeDistributed(3)
    with pytest.raises(ShapeError, match=r"at least three axes, got shape \(4, 6\)"):
        layers.TimeDistributed(layers.Dense(2))(X[..., 0])
    with pytest.raises(ShapeError, match=r"a mask of shape \(4, 6\), got \(4, 5\)"):
        layers.TimeDistributed(layers.Dense(2))(X, mask=MASK[:, :5])
    with pytest.raises(ShapeError, match=r"a mask of shape \(4, 6\) \(batch, time\), got \(4, 5\)"):
        layers.LSTM(2)(X, mask=MASK[:, :5])
    with pytest.raises(ValueError, match="merge_mode must be one of"):
        layers.Bidirectional(layers.LSTM(2), "both")
    with pytest.raises(TypeError, match="expects recurrent layers"):
        layers.Bidirectional(layers.Dense(2))
    with pytest.raises(ValueError, match="differ in go_backwards"):
        layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2))
    with pytest.raises(ValueError, match="the same return_sequences"):
        layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2, go_backwards=True, return_sequences=True))
    with pytest.raises(ShapeError, match="initial states for both directions, got 3"):
        layers.Bidirectional(layers.LSTM(2))(X, initial_state=[X[:, 0, :2]] * 3)
    with pytest.raises(TypeError, match="expects a cell with 'state_size'"):
        layers.RNN(layers.Dense(3))
    with pytest.raises(TypeError, match="expects a list of cells"):
        layers.StackedRNNCells([])
    with pytest.raises(ShapeError, match=r"\(batch, time, ...\), got shape \(4, 3\)"):
        layers.RNN(Leaky())(X[:, 0])
    with pytest.raises(ShapeError, match="to be unrolled and expects a known number of steps"):
        Sequential([Input((None, 3)), layers.LSTM(2, unroll=True)])
    with pytest.raises(ShapeError, match="expects 2 states, got 1"):
        layers.LSTMCell(3)(X[:, 0], [X[:, 0]])
    with pytest.raises(ValueError, match="kernel_size must be a positive int or 2 of them, got"):
        layers.ConvLSTM2D(3, (2, 2, 2))
    with pytest.raises(ShapeError, match=r"\(batch, time, rows, columns, channels\), got shape \(4, 6, 3\)"):
        layers.ConvLSTM2D(3, 2)(X)
    with pytest.raises(ShapeError, match="images of known sizes"):
        layers.ConvLSTM2D(3, 2)(Input((4, None, 5, 1)))
    with pytest.raises(ShapeError, match=r"expects inputs \(batch, time, features\), got shape"):
        layers.Masking()(X[0, 0])


@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_statistics_pass_over_what_is_masked(axis):
    """Values that do not count change neither the statistics nor the gradients; of nothing, nothing is NaN."""
    mask = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0], [1, 0, 1]], bool)
    x = rng.normal(size=(4, 3, 5)).astype(np.float32)
    norm = layers.BatchNormalization(axis=axis, momentum=0.0)
    y = norm(x, training=True, mask=mask).array
    if axis == -1:
        counted = x[mask]
        np.testing.assert_allclose(norm.moving_mean.array, counted.mean(0), atol=1e-6)
        np.testing.assert_allclose(norm.moving_variance.array, counted.var(0), rtol=1e-5)
        np.testing.assert_allclose(y, (x - counted.mean(0)) / np.sqrt(counted.var(0) + 1e-3), atol=1e-5)
    else:
        rows = [x[mask[:, i], i].ravel() for i in range(3)]
        np.testing.assert_allclose(norm.moving_mean.array, [row.mean() for row in rows], atol=1e-6)
        np.testing.assert_allclose(norm.moving_variance.array, [row.var() for row in rows], rtol=1e-5)
    assert np.isfinite(norm(x, training=True, mask=np.zeros((4, 3), bool)).array).all()
    np.testing.assert_array_equal(norm(x, mask=mask).array, norm(x).array)  # outside of training nothing is left out
    with pytest.raises(
        ShapeError, match=r"batch_normalization\S* \(BatchNormalization\)\] expects a mask .* got \(4, 2\)"
    ):
        norm(x, training=True, mask=mask[:, :2])


def test_layers_of_a_graph_see_masks_when_it_is_made():
    class Shared(layers.Layer):
        """As in Keras's guide, a layer that cannot do without a mask."""

        supports_masking = True

        def call(self, inputs, mask=None):
            assert mask is not None
            weights = ops.exp(inputs) * ops.expand_dims(ops.cast(mask, "float32"), -1)
            return weights / ops.sum(weights, axis=1, keepdims=True)

    inputs = Input((None,), dtype="int32")
    x = layers.Dense(1)(layers.LSTM(3, return_sequences=True)(layers.Embedding(5, 4, mask_zero=True)(inputs)))
    inner = Model(inputs, Shared()(x))
    shares = inner.predict(TOKENS, verbose=0)
    assert np.array_equal(shares[..., 0] > 0, MASK)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    again = Input((6,), dtype="int32")
    assert Model(again, Shared()(inner(again))).predict(TOKENS, verbose=0).shape == (4, 6, 1)
    Sequential([Input((6, 3)), layers.Masking(), layers.GRU(3, return_sequences=True), Shared()])
    for without in (layers.LSTM(3)(x), Input((6, 3))):
        with pytest.raises(AssertionError):
            Shared()(without)
