"""Layers of one model in another, frozen weights, compiling from a configuration, and predictions with their spread."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, layers, optimizers
from nerve.models import load_model

from .fitting import LABELS, X, Y, classifier, close, regression


def pretrained():
    nerve.random.seed(2)
    model = Sequential(
        [
            Input((3,)),
            layers.Dense(8, name="first"),
            layers.BatchNormalization(name="normal"),
            layers.Activation("tanh"),
            layers.Dense(1, name="head"),
        ]
    )
    model.compile(optimizers.Adam(0.01), "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_feature_extraction_and_fine_tuning(run_eagerly, tmp_path):
    pretrained().save(tmp_path / "base.nerve")
    source = load_model(tmp_path / "base.nerve")
    base = Model(source.inputs, source.layers[-2].output, name="base")
    base.trainable = False
    model = Sequential([Input((3,)), base, layers.Dropout(0.2), layers.Dense(2, "softmax", name="new")])
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", run_eagerly=run_eagerly)
    before = [w.copy() for w in base.get_weights()]
    head = model.layers[-1].get_weights()[0]
    assert [v.name for v in model.trainable_weights] == ["kernel", "bias"]
    model.fit(X, LABELS, epochs=3, batch_size=10, verbose=0)
    # The moving averages too: a frozen normalization runs as in predict.
    assert all(map(np.array_equal, base.get_weights(), before))
    assert not np.array_equal(model.layers[-1].get_weights()[0], head)
    assert len(model.optimizer.variables) == 2
    features = np.asarray(base(X, training=True))
    close(features, base.predict(X, verbose=0))
    if not run_eagerly:
        assert model._recorders["train"].recordings[0].ready

    base.trainable = True
    base.get_layer("normal").trainable = False
    model.compile(optimizers.Adam(0.001), "sparse_categorical_crossentropy", run_eagerly=run_eagerly)
    model.fit(X, LABELS, epochs=3, batch_size=10, verbose=0)
    kernel, bias, gamma, beta, mean, variance = zip(before, base.get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in (gamma, beta, mean, variance))
    assert not any(np.array_equal(*pair) for pair in (kernel, bias))


def test_freezing_in_the_middle_of_training_is_heeded_by_recordings():
    model = classifier()
    model.fit(X, LABELS, epochs=4, batch_size=25, verbose=0)
    assert model._recorders["train"].recordings[0].ready
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(X, LABELS, epochs=4, batch_size=25, verbose=0)
    after = model.get_weights()
    assert all(np.array_equal(before[i], after[i]) for i in (0, 1))
    assert not np.array_equal(before[2], after[2])


def test_compile_from_the_configuration_of_another():
    model = classifier()
    model.compile(optimizers.Nadam(0.02, clipnorm=1.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    other = classifier()
    other.set_weights(model.get_weights())
    config = model.get_compile_config()
    assert config["optimizer"]["class_name"] == "Nadam"
    other.compile_from_config(config)
    assert other.get_compile_config() == config
    assert len(other.optimizer.variables) == 4
    logs = [m.fit(X, LABELS, epochs=2, verbose=0, shuffle=False).history for m in (model, other)]
    assert logs[0] == logs[1]
    assert Sequential([Input((3,)), layers.Dense(1)]).get_compile_config() == {}


class TestPredictDistribution:
    def test_moments_of_dropout(self):
        nerve.random.seed(1)
        model = Sequential(
            [Input((4,)), layers.Dropout(0.5), layers.Dense(1, use_bias=False, kernel_initializer="ones")]
        )
        x = np.ones((3, 4), np.float32)
        found = model.predict_distribution(x, 4000)
        assert found.mean.shape == found.deviation.shape == (3, 1)
        assert found.mean.dtype == np.float32
        close(found.mean, np.full((3, 1), 4.0), 0.03)  # each of four is 0 or 2
        close(found.deviation, np.full((3, 1), 2.0), 0.03)
        assert not np.array_equal(found.mean[0], found.mean[1])

    def test_structures_and_batches(self):
        inputs = Input((3,))
        x = layers.BatchNormalization()(layers.GaussianNoise(0.1)(inputs))
        model = Model(inputs, {"a": layers.Dense(2, name="a")(x), "b": layers.Dense(1, name="b")(x)})
        before = model.get_weights()
        nerve.random.seed(0)
        mean, deviation = model.predict_distribution(X, n=20, batch_size=16)
        assert mean["a"].shape == (50, 2)
        assert deviation["b"].shape == (50, 1)
        assert (deviation["a"] > 0).all()
        assert all(map(np.array_equal, model.get_weights(), before))  # the moving averages too
        assert model.layers[2].trainable

    def test_nothing_random(self):
        model = regression()
        mean, deviation = model.predict_distribution(X, 3)
        close(mean, model.predict(X, verbose=0))
        assert not deviation.any()
        with pytest.raises(ValueError, match="n must be a positive int, got 0"):
            model.predict_distribution(X, 0)


def test_variables_know_whether_their_layer_is_trained():
    model = pretrained()
    kernel, mean = model.get_layer("first").kernel, model.get_layer("normal").moving_mean
    assert (kernel.trainable, mean.trainable) == (True, False)
    model.trainable = False
    assert not any(v.trainable for v in model.weights)
    assert nerve.gradients(kernel.sum(), [kernel])[0].all()  # gradients of it can be asked for all the same
    model.get_layer("first").trainable = True
    assert [v.trainable for v in model.weights] == [True, True] + [False] * 6
    model.trainable = True
    assert (kernel.trainable, mean.trainable) == (True, False)
    kernel.trainable = False
    assert [v.name for v in model.get_layer("first").trainable_weights] == ["bias"]
    later = layers.BatchNormalization(trainable=False)  # weights that are made behind
    later.build((None, 3))
    assert not any(v.trainable for v in later.weights)
    later.trainable = True
    assert [v.trainable for v in later.weights] == [True, True, False, False]
