"""Padding, cropping, up-sampling and resizing against Keras on PyTorch, and on JAX where PyTorch goes its own way."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nerve
from nerve import layers, ops

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
SEQUENCES = rng.normal(size=(3, 6, 2)).astype(np.float32)
IMAGES = rng.normal(size=(2, 7, 6, 4)).astype(np.float32)
VOLUMES = rng.normal(size=(2, 5, 4, 6, 3)).astype(np.float32)
CASES = [
    ("ZeroPadding1D", {"padding": (2, 1), "data_format": "channels_first"}, SEQUENCES),
    ("ZeroPadding3D", {}, VOLUMES),
    ("ZeroPadding3D", {"padding": ((0, 1), (2, 0), (1, 3)), "data_format": "channels_first"}, VOLUMES),
    ("Cropping3D", {}, VOLUMES),
    ("Cropping3D", {"cropping": ((0, 1), (2, 0), (1, 1)), "data_format": "channels_first"}, VOLUMES),
    ("UpSampling3D", {"size": (2, 1, 3)}, VOLUMES),
    ("UpSampling3D", {"data_format": "channels_first"}, VOLUMES),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, IMAGES),
    ("UpSampling2D", {"interpolation": "bilinear", "data_format": "channels_first"}, IMAGES),
    ("Resizing", {"height": 5, "width": 9}, IMAGES),
    ("Resizing", {"height": 5, "width": 9, "interpolation": "nearest"}, IMAGES),
    ("Resizing", {"height": 3, "width": 2, "antialias": True}, IMAGES),
    ("Resizing", {"height": 4, "width": 8, "crop_to_aspect_ratio": True}, IMAGES),
    ("Resizing", {"height": 4, "width": 8, "pad_to_aspect_ratio": True, "fill_value": 2.0}, IMAGES),
    ("Resizing", {"height": 8, "width": 3, "data_format": "channels_first"}, IMAGES),
    ("Resizing", {"height": 4, "width": 5}, IMAGES[0]),
    ("CenterCrop", {"height": 4, "width": 3}, IMAGES),
    ("CenterCrop", {"height": 3, "width": 5, "data_format": "channels_first"}, IMAGES),
    ("CenterCrop", {"height": 9, "width": 6}, IMAGES),
    ("CenterCrop", {"height": 2, "width": 5}, IMAGES[0]),
]


@pytest.mark.parametrize(("name", "options", "x"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_layer(name, options, x):
    ours, theirs = getattr(layers, name)(**options), getattr(keras.layers, name)(**options)
    a, b = nerve.Tensor(x), torch.tensor(x, requires_grad=True)
    y, expected = ours(a), theirs(b)
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    assert tuple(ours.compute_output_shape(x.shape)) == tuple(theirs.compute_output_shape(x.shape)) == y.shape
    direction = rng.normal(size=y.shape).astype(np.float32)
    (expected * torch.tensor(direction)).sum().backward()
    (gradient,) = nerve.gradients(ops.sum(y * direction), [a])
    np.testing.assert_allclose(gradient, b.grad.numpy(), rtol=1e-5, atol=1e-5)
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("size", [(11, 4), (3, 6), (14, 13)])
def test_every_interpolation_is_that_of_jax(interpolation, antialias, size):
    pytest.importorskip("jax")
    theirs = pytest.importorskip("keras.src.backend.jax.image")
    if interpolation == "nearest" and antialias:
        pytest.skip("nothing to smooth")
    expected = theirs.resize(IMAGES, size, interpolation, antialias)
    y = ops.resize(IMAGES, size, interpolation, antialias)
    np.testing.assert_allclose(y.numpy(), np.asarray(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_whole_numbers_stay_whole(dtype):
    x = rng.integers(0, 256, IMAGES.shape).astype(dtype)
    y, expected = layers.Resizing(5, 9)(x), keras.layers.Resizing(5, 9)(x)
    assert str(y.dtype) == dtype
    others = y.numpy() != np.asarray(expected)
    exact = ops.resize(x.astype(np.float64), (5, 9)).numpy()
    assert (np.abs(exact % 1 - 0.5)[others] < 1e-3).all(), "only a half may be rounded either way"
    assert np.abs(y.numpy() - exact).max() <= 0.501


@pytest.mark.parametrize("mode", ["constant", "reflect", "symmetric"])
def test_pad_is_that_of_jax(mode):
    """Keras on PyTorch mirrors two or three axes only."""
    jax = pytest.importorskip("jax")
    widths = ((1, 0), (3, 2), (0, 4), (2, 1))
    tensor = nerve.Tensor(IMAGES)
    y = ops.pad(tensor, widths, mode)
    expected, back = jax.vjp(lambda x: jax.numpy.pad(x, widths, mode), IMAGES)
    np.testing.assert_array_equal(y.numpy(), np.asarray(expected))
    direction = rng.normal(size=y.shape).astype(np.float32)
    (gradient,) = nerve.gradients(ops.sum(y * direction), [tensor])
    np.testing.assert_allclose(gradient, np.asarray(back(direction)[0]), rtol=1e-6, atol=1e-6)
