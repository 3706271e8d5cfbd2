"""Layers that move values or disturb training: padding, cropping, up-sampling; noise, eager and recorded."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Sequential, layers
from nerve.errors import ShapeError

from .test_layers import IMAGES, ROWS, SEQUENCES, close, rng


class TestBorders:
    def test_values(self):
        close(layers.ZeroPadding2D(((1, 0), (2, 1)))(IMAGES), np.pad(IMAGES, ((0, 0), (1, 0), (2, 1), (0, 0))))
        close(layers.Cropping2D(((1, 0), (2, 1)))(IMAGES), IMAGES[:, 1:, 2:-1])
        close(layers.UpSampling2D((2, 3))(IMAGES), IMAGES.repeat(2, 1).repeat(3, 2))
        close(layers.UpSampling1D(3)(SEQUENCES), SEQUENCES.repeat(3, 1))

    def test_bad_sizes(self):
        with pytest.raises(ShapeError, match=r"\[cropping1d.* \(Cropping1D\)\] cannot crop 6 of 6"):
            layers.Cropping1D(3)(SEQUENCES)
        with pytest.raises(ShapeError, match=r"expects inputs \(batch, steps, features\), got shape"):
            layers.ZeroPadding1D()(IMAGES)
        with pytest.raises(ValueError, match="padding expects integers >= 0, got -1"):
            layers.ZeroPadding1D(-1)
        with pytest.raises(ValueError, match=r"interpolation must be one of \('nearest', .*, got 'cubic'"):
            layers.UpSampling2D(interpolation="cubic")
        with pytest.raises(ValueError, match="dims must be the axes 1 to n in some order"):
            layers.Permute((0, 1))


def test_noise_is_only_for_training():
    for layer in (layers.GaussianNoise(1.0), layers.GaussianDropout(0.5), layers.AlphaDropout(0.5)):
        close(layer(ROWS), ROWS, 0)
        assert not np.array_equal(layer(ROWS, training=True).numpy(), ROWS)


def test_slopes_are_drawn_in_training():
    x = rng.normal(size=(200, 50)).astype(np.float32)
    layer = layers.RReLU(0.1, 0.5, seed=3)
    close(layer(x), np.where(x > 0, x, 0.3 * x))
    drawn = layer(x, training=True).numpy()
    np.testing.assert_array_equal(drawn[x > 0], x[x > 0])
    slopes = drawn[x < 0] / x[x < 0]
    assert 0.1 <= slopes.min() < 0.102
    assert 0.498 < slopes.max() <= 0.50001
    assert slopes.mean() == pytest.approx(0.3, abs=0.01)
    assert not np.array_equal(layer(x, training=True).numpy(), drawn)
    with pytest.raises(ValueError, match="lower must not be above upper"):
        layers.RReLU(0.5, 0.1)


def test_noise_is_recorded():
    x = rng.normal(size=(64, 3)).astype(np.float32)

    def weights(eagerly):
        nerve.random.seed(1)
        model = Sequential(
            [
                layers.GaussianNoise(0.1),
                layers.Dense(4, "selu"),
                layers.AlphaDropout(0.2),
                layers.RReLU(),
                layers.Dense(1),
            ]
        )
        model.compile("sgd", "mse", run_eagerly=eagerly)
        model.fit(x, x[:, :1], epochs=3, batch_size=16, verbose=0)
        return model.get_weights()

    for one, other in zip(weights(False), weights(True), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_older_name_of_a_slope():
    x = np.array([[-2.0, 3.0]], np.float32)
    layer = layers.LeakyReLU(alpha=0.25)
    assert np.asarray(layer(x)).tolist() == [[-0.5, 3.0]]
    assert layers.LeakyReLU.from_config(layer.get_config()).negative_slope == 0.25
