"""Convolutions of one to three dimensions, their transposes, depthwise and separable ones, against Keras."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nerve
from nerve import Sequential, layers

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
SEQUENCES = rng.normal(size=(3, 11, 4)).astype(np.float32)
IMAGES = rng.normal(size=(2, 9, 8, 4)).astype(np.float32)
VOLUMES = rng.normal(size=(2, 6, 7, 5, 4)).astype(np.float32)
X = {"1D": SEQUENCES, "2D": IMAGES, "3D": VOLUMES}

FORWARD = [
    ((6, 3), {}),
    ((6, 3), {"padding": "same", "strides": 2, "activation": "relu"}),
    ((5, 2), {"padding": "same", "dilation_rate": 2, "use_bias": False}),
    ((6, 3), {"groups": 2, "activation": "gelu"}),
    ((4, 2), {"strides": 3, "padding": "valid"}),
    ((4, 1), {"strides": 2}),
    ((5, 3), {"data_format": "channels_first", "padding": "same"}),
]
CAUSAL = [
    ((6, 3), {"padding": "causal"}),
    ((6, 3), {"padding": "causal", "dilation_rate": 3}),
    ((6, 2), {"padding": "causal", "strides": 2}),
]
TRANSPOSED = [
    ((5, 3), {}),
    ((5, 3), {"strides": 2}),
    ((5, 2), {"strides": 3}),
    ((5, 3), {"strides": 2, "padding": "same", "activation": "tanh"}),
    ((5, 4), {"strides": 2, "padding": "same"}),
    ((5, 4), {"strides": 3, "padding": "same", "output_padding": 1}),
    ((5, 3), {"strides": 2, "padding": "same", "output_padding": 0}),
    ((5, 3), {"strides": 4, "padding": "same", "output_padding": 3}),
    ((5, 3), {"strides": 3, "padding": "valid", "output_padding": 2}),
    ((5, 3), {"dilation_rate": 2, "padding": "same"}),
    ((5, 2), {"dilation_rate": 3, "use_bias": False}),
    ((5, 1), {"strides": 2, "padding": "same"}),
    ((5, 3), {"strides": 2, "data_format": "channels_first"}),
]
DEPTHWISE = [
    ((3,), {}),
    ((3,), {"strides": 2, "padding": "same", "activation": "relu"}),
    ((2,), {"depth_multiplier": 3}),
    ((3,), {"dilation_rate": 2, "depth_multiplier": 2, "use_bias": False}),
    ((3,), {"data_format": "channels_first"}),
]
SEPARABLE = [
    ((5, 3), {}),
    ((5, 3), {"strides": 2, "padding": "same", "activation": "relu"}),
    ((5, 2), {"depth_multiplier": 3, "activation": "selu"}),
    ((5, 3), {"dilation_rate": 2, "depth_multiplier": 2, "use_bias": False}),
    ((5, 3), {"data_format": "channels_first"}),
]
CASES = [
    *((f"Conv{axes}", args, options) for axes in X for args, options in FORWARD),
    *(("Conv1D", args, options) for args, options in CAUSAL),
    *((f"Conv{axes}Transpose", args, options) for axes in X for args, options in TRANSPOSED),
    *((f"DepthwiseConv{axes}", args, options) for axes in ("1D", "2D") for args, options in DEPTHWISE),
    *((f"SeparableConv{axes}", args, options) for axes in ("1D", "2D") for args, options in SEPARABLE),
    ("Conv2DTranspose", (3, (2, 3)), {"strides": (3, 2), "padding": "same", "output_padding": (1, 0)}),
    ("SeparableConv2D", (5, 3), {"strides": (1, 2)}),
    ("SeparableConv2D", (5, (3, 2)), {"strides": (3, 1), "padding": "same"}),
    ("DepthwiseConv2D", (3,), {"strides": (1, 2)}),
    ("Conv3D", (3, (3, 1, 2)), {"strides": (1, 2, 1), "padding": "same"}),
    ("Conv3D", (3, (2, 3, 1)), {"dilation_rate": (2, 1, 3)}),
    ("Conv3D", (3, (1, 3, 3)), {}),
    ("Conv3D", (3, (4, 1, 1)), {"strides": (3, 1, 1), "padding": "same"}),
    ("Conv3DTranspose", (3, (3, 1, 2)), {"strides": (1, 2, 3), "padding": "same"}),
    ("Conv3DTranspose", (3, 2, 2, "valid", "channels_first", 1), {}),
    ("Conv3DTranspose", (3, (2, 2, 1), (3, 2, 1)), {}),  # windows that do not overlap, with gaps along the depth
]


@pytest.mark.parametrize(("name", "args", "options"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_convolution(name, args, options):
    """Outputs, the gradients of input and weights, and shapes, from the same weights."""
    x = next(values for axes, values in X.items() if axes in name)
    ours, theirs = getattr(layers, name)(*args, **options), getattr(keras.layers, name)(*args, **options)
    a, b = nerve.Tensor(x), torch.tensor(x, requires_grad=True)
    theirs.build(x.shape)
    ours.build(x.shape)
    weights = [rng.normal(size=w.shape).astype(np.float32) / 2 for w in theirs.weights]
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    y, expected = ours(a), theirs(b)
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-5, atol=2e-5)
    assert tuple(ours.compute_output_shape(x.shape)) == tuple(theirs.compute_output_shape(x.shape))
    assert tuple(ours.compute_output_shape((None, *x.shape[1:]))) == (None, *y.shape[1:])
    direction = rng.normal(size=y.shape).astype(np.float32)
    (expected * torch.tensor(direction)).sum().backward()
    found = nerve.gradients(nerve.ops.sum(y * direction), [a, *ours.weights])
    for gradient, variable in zip(found, [b, *(w.value for w in theirs.weights)], strict=True):
        np.testing.assert_allclose(gradient, variable.grad.numpy(), rtol=1e-4, atol=1e-4)
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


def test_initial_weights_have_the_same_spread():
    """Fans are counted from the same shapes."""
    for name, args in (("DepthwiseConv2D", (5,)), ("Conv2DTranspose", (64, 3)), ("Conv3D", (32, 3))):
        shape = (1, *(16,) * (3 if "3D" in name else 2), 48)
        ours, theirs = getattr(layers, name)(*args), getattr(keras.layers, name)(*args)
        ours.build(shape)
        theirs.build(shape)
        one, other = (np.abs(np.asarray(layer.get_weights()[0])).max() for layer in (ours, theirs))
        assert one == pytest.approx(other, rel=0.02)


def test_a_network_trains_as_keras_does():
    """Down with strides and up with transposes, a step of SGD from the same weights, recorded."""
    x = rng.normal(size=(8, 8, 8, 2)).astype(np.float32)

    def network(of, constructor):
        return constructor(
            [
                of.SeparableConv2D(6, 3, padding="same", activation="relu"),
                of.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
                of.DepthwiseConv2D(3, padding="same", depthwise_regularizer="l2"),
                of.Conv2DTranspose(2, 3, strides=2, padding="same"),
            ]
        )

    ours, theirs = network(layers, Sequential), network(keras.layers, keras.Sequential)
    ours.build((None, 8, 8, 2))
    theirs.build((None, 8, 8, 2))
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    for model, optimizer in ((ours, nerve.optimizers.SGD(0.1)), (theirs, keras.optimizers.SGD(0.1))):
        model.compile(optimizer, "mse")
    one = ours.fit(x, x, batch_size=4, epochs=5, shuffle=False, verbose=0).history["loss"]
    other = theirs.fit(x, x, batch_size=4, epochs=5, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(one, other, rtol=1e-4)
    for mine, keras_own in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-3, atol=1e-5)
