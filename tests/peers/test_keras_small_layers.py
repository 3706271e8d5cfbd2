"""Layers that move, rescale, rectify or disturb values, against Keras: outputs, gradients and what random ones keep."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nerve
from nerve import layers

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(5, 3)).astype(np.float32)
SEQUENCES = rng.normal(size=(3, 6, 2)).astype(np.float32)
IMAGES = rng.normal(size=(2, 7, 6, 4)).astype(np.float32)
CASES = [
    ("ELU", {"alpha": 0.5}, ROWS),
    ("LeakyReLU", {}, ROWS),
    ("PReLU", {"alpha_initializer": keras.initializers.Constant(0.3)}, IMAGES),
    ("PReLU", {"shared_axes": [1, 2]}, IMAGES),
    ("Permute", {"dims": (3, 1, 2)}, IMAGES),
    ("RepeatVector", {"n": 4}, ROWS),
    ("Identity", {}, ROWS),
    ("Rescaling", {"scale": 0.5, "offset": [1.0, 2.0, 3.0]}, ROWS),
    ("ZeroPadding1D", {"padding": (2, 0)}, SEQUENCES),
    ("ZeroPadding1D", {}, SEQUENCES),
    ("Cropping1D", {"cropping": (1, 2)}, SEQUENCES),
    ("UpSampling1D", {"size": 3}, SEQUENCES),
    ("ZeroPadding2D", {"padding": ((1, 2), (0, 3))}, IMAGES),
    ("ZeroPadding2D", {"padding": (1, 2), "data_format": "channels_first"}, IMAGES),
    ("Cropping2D", {"cropping": ((1, 0), (2, 1))}, IMAGES),
    ("Cropping2D", {"cropping": 1, "data_format": "channels_first"}, IMAGES),
    ("UpSampling2D", {"size": (2, 3)}, IMAGES),
    ("GlobalAveragePooling1D", {"keepdims": True}, SEQUENCES),
    ("GlobalMaxPooling1D", {"data_format": "channels_first"}, SEQUENCES),
    ("MaxPool2D", {}, IMAGES),
    ("Convolution2D", {"filters": 2, "kernel_size": 1, "kernel_initializer": "ones"}, IMAGES),
    ("GaussianNoise", {"stddev": 0.5}, ROWS),
    ("GaussianDropout", {"rate": 0.5}, ROWS),
    ("AlphaDropout", {"rate": 0.25}, ROWS),
    ("SpatialDropout1D", {"rate": 0.5}, SEQUENCES),
    ("SpatialDropout2D", {"rate": 0.5}, IMAGES),
]


@pytest.mark.parametrize(("name", "options", "x"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_layer(name, options, x):
    theirs = getattr(keras.layers, name)(**options)
    constant = {"alpha_initializer": nerve.initializers.Constant(0.3)} if "alpha_initializer" in options else {}
    ours = getattr(layers, name)(**{**options, **constant})
    a, b = nerve.Tensor(x), torch.tensor(x, requires_grad=True)
    y, expected = ours(a), theirs(b)
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-6, atol=1e-6)
    assert tuple(ours.compute_output_shape(x.shape)) == tuple(theirs.compute_output_shape(x.shape))
    expected.square().sum().backward()
    (gradient,) = nerve.gradients(nerve.ops.sum(nerve.ops.square(y)), [a])
    np.testing.assert_allclose(gradient, b.grad.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [("GaussianNoise", {"stddev": 0.7}), ("GaussianDropout", {"rate": 0.4}), ("AlphaDropout", {"rate": 0.3})],
)
def test_moments_in_training(name, options):
    """Of 10**6 numbers. The bound is about two standard errors of the widest difference, so both sides are seeded."""
    x = np.random.default_rng(1).normal(size=(1000, 1000)).astype(np.float32)
    ours = getattr(layers, name)(**options, seed=4)(x, training=True).numpy()
    theirs = np.asarray(getattr(keras.layers, name)(**options, seed=4)(x, training=True))
    for power in (1, 2):
        assert (ours**power).mean() == pytest.approx((theirs**power).mean(), abs=0.01)
    assert (ours * x).mean() == pytest.approx((theirs * x).mean(), abs=0.01)
    unseeded = [getattr(layers, name)(**options)(x, training=True).numpy() for _ in range(2)]
    assert not np.array_equal(*unseeded), "every call draws anew"
    seeded = [getattr(layers, name)(**options, seed=4)(x, training=True).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*seeded)


@pytest.mark.parametrize(("name", "axes"), [("SpatialDropout1D", 1), ("SpatialDropout2D", 2), ("SpatialDropout3D", 3)])
def test_whole_channels_are_dropped(name, axes):
    x = np.ones((20, *(3,) * axes, 50), np.float32)
    y = getattr(layers, name)(0.3)(x, training=True).numpy()
    first = y.reshape(20, -1, 50)
    assert (first == first[:, :1]).all()
    kept = first[:, 0] > 0
    assert first[:, 0][kept] == pytest.approx(1 / 0.7)
    assert kept.mean() == pytest.approx(0.7, abs=0.06)


def test_merging_functions():
    for name in ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate"):
        expected = np.asarray(getattr(keras.layers, name)([ROWS, ROWS[::-1].copy()]))
        np.testing.assert_allclose(getattr(layers, name)([ROWS, ROWS[::-1].copy()]).numpy(), expected, rtol=1e-6)
