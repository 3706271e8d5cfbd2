"""Pooling over windows, adaptive windows and everything, in one to three dimensions, against Keras and PyTorch."""

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
X = {
    "1D": rng.normal(size=(3, 11, 4)).astype(np.float32),
    "2D": rng.normal(size=(2, 9, 8, 4)).astype(np.float32),
    "3D": rng.normal(size=(2, 6, 7, 5, 4)).astype(np.float32),
}
WINDOWS = [
    {"pool_size": 2},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 2, "strides": 3},
    {"pool_size": 3, "strides": 1, "data_format": "channels_first"},
]
ADAPTIVE = [{"output_size": 1}, {"output_size": 3}, {"output_size": 4, "data_format": "channels_first"}]
GLOBAL = [{}, {"keepdims": True}, {"data_format": "channels_first"}]
CASES = [
    *(
        (f"{kind}Pooling{axes}", options)
        for kind in ("Max", "Average")
        for axes in X
        for options in WINDOWS
        if kind == "Max" or "padding" not in options  # Keras on torch counts an odd padding as pixels
    ),
    *((f"Adaptive{kind}Pooling{axes}", options) for kind in ("Max", "Average") for axes in X for options in ADAPTIVE),
    *((f"Global{kind}Pooling{axes}", options) for kind in ("Max", "Average") for axes in X for options in GLOBAL),
    ("AvgPool1D", {"pool_size": 3}),
    ("MaxPool3D", {"pool_size": (1, 2, 3), "strides": (2, 1, 1)}),
    ("AdaptiveMaxPooling3D", {"output_size": (5, 4, 7)}),
    ("AdaptiveAveragePooling2D", {"output_size": (12, 3)}),
]


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
def test_pooling(name, options):
    x = next(values for axes, values in X.items() if axes in name)
    ours, theirs = getattr(layers, name)(**options), getattr(keras.layers, name)(**options)
    a, b = nerve.Tensor(x), torch.tensor(x, requires_grad=True)
    y, expected = ours(a), theirs(b)
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    assert tuple(ours.compute_output_shape(x.shape)) == y.shape
    direction = rng.normal(size=y.shape).astype(np.float32)
    (expected * torch.tensor(direction)).sum().backward()
    (gradient,) = nerve.gradients(nerve.ops.sum(y * direction), [a])
    np.testing.assert_allclose(gradient, b.grad.numpy(), rtol=1e-5, atol=1e-5)
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


@pytest.mark.parametrize("axes", X)
@pytest.mark.parametrize("name", ["MaxPooling", "AdaptiveMaxPooling"])
def test_of_equal_ones_the_first_gets_the_gradient(name, axes):
    x = np.round(X[axes])
    size = {"MaxPooling": {"pool_size": 3, "strides": 2}, "AdaptiveMaxPooling": {"output_size": 4}}[name]
    ours, theirs = getattr(layers, name + axes)(**size), getattr(keras.layers, name + axes)(**size)
    a, b = nerve.Tensor(x), torch.tensor(x, requires_grad=True)
    theirs(b).sum().backward()
    (gradient,) = nerve.gradients(nerve.ops.sum(ours(a)), [a])
    np.testing.assert_array_equal(gradient, b.grad.numpy())


@pytest.mark.parametrize("axes", X)
def test_padding_does_not_count_in_an_average(axes):
    """Beside Keras's function for JAX."""
    jax = pytest.importorskip("jax")
    theirs = pytest.importorskip("keras.src.backend.jax.nn")
    layer = getattr(layers, f"AveragePooling{axes}")(3, strides=2, padding="same")
    tensor = nerve.Tensor(X[axes])
    y = layer(tensor)
    expected, back = jax.vjp(lambda x: theirs.average_pool(x, 3, 2, "same"), X[axes])
    np.testing.assert_allclose(y.numpy(), np.asarray(expected), rtol=1e-5, atol=1e-6)
    (gradient,) = nerve.gradients(nerve.ops.sum(nerve.ops.square(y)), [tensor])
    np.testing.assert_allclose(gradient, np.asarray(back(2 * expected)[0]), rtol=1e-5, atol=1e-5)
