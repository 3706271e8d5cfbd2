"""Dense layers along any axes, products, functions and normalizations of samples, against Keras."""

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
ROWS = rng.normal(size=(5, 6)).astype(np.float32)
SEQUENCES = rng.normal(size=(3, 7, 6)).astype(np.float32)
IMAGES = rng.normal(size=(2, 5, 4, 6)).astype(np.float32)
CASES = [
    ("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "c", "activation": "relu"}, ROWS),
    ("EinsumDense", {"equation": "abc,ce->abe", "output_shape": (None, 4), "bias_axes": "e"}, SEQUENCES),
    ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 4, "bias_axes": "y"}, IMAGES),
    ("EinsumDense", {"equation": "...x,xyz->...yz", "output_shape": (2, 3), "bias_axes": "y"}, SEQUENCES),
    ("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": 4, "bias_axes": "c"}, IMAGES),
    ("EinsumDense", {"equation": "abc,bde->aced", "output_shape": (6, 4, 3), "bias_axes": "ed"}, SEQUENCES),
    ("EinsumDense", {"equation": "abcd,cde->abe", "output_shape": (None, 3)}, IMAGES),
    ("EinsumDense", {"equation": "aqh,hnd->aqnd", "output_shape": (None, 2, 3), "bias_axes": "nd"}, SEQUENCES),
    ("EinsumDense", {"equation": "abc,bc->abc", "output_shape": (7, 6)}, SEQUENCES),
    ("GroupNormalization", {"groups": 3}, IMAGES),
    ("GroupNormalization", {"groups": 1, "epsilon": 1e-5}, IMAGES),
    ("GroupNormalization", {"groups": -1, "center": False}, SEQUENCES),
    ("GroupNormalization", {"groups": 2, "axis": 2, "scale": False}, IMAGES),
    ("GroupNormalization", {"groups": 5, "axis": 1}, IMAGES),
    ("GroupNormalization", {"groups": 2, "center": False, "scale": False}, ROWS),
    ("RMSNormalization", {}, IMAGES),
    ("RMSNormalization", {"axis": [2, 3], "epsilon": 0.1}, IMAGES),
    ("UnitNormalization", {}, SEQUENCES),
    ("UnitNormalization", {"axis": [1, 2]}, IMAGES),
]


@pytest.mark.parametrize(("name", "options", "x"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_layer(name, options, x):
    ours, theirs = getattr(layers, name)(**options), getattr(keras.layers, name)(**options)
    ours.build(x.shape)
    theirs.build(x.shape)
    weights = [rng.normal(size=w.shape).astype(np.float32) for w in theirs.weights]
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    a, b = nerve.Tensor(x), torch.tensor(x, requires_grad=True)
    y, expected = ours(a), theirs(b)
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert tuple(ours.compute_output_shape(x.shape)) == y.shape
    direction = rng.normal(size=y.shape).astype(np.float32)
    (expected * torch.tensor(direction)).sum().backward()
    found = nerve.gradients(ops.sum(y * direction), [a, *ours.weights])
    for gradient, variable in zip(found, [b, *(w.value for w in theirs.weights)], strict=True):
        np.testing.assert_allclose(gradient, variable.grad.numpy(), rtol=1e-3, atol=1e-4)
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


@pytest.mark.parametrize(
    ("axes", "shapes"),
    [
        (1, ((4, 3), (4, 3))),
        (-1, ((4, 2, 3), (4, 5, 3))),
        ((1, 2), ((4, 3, 5), (4, 6, 3))),
        ((2, 1), ((4, 3, 5), (4, 5))),
        ((1, -1), ((4, 3), (4, 6, 3))),
        ((1, 2), ((4, 3, 2, 2), (4, 2, 3, 5))),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(axes, shapes, normalize):
    pair = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    ours, theirs = layers.Dot(axes, normalize), keras.layers.Dot(axes, normalize)
    a, b = [nerve.Tensor(x) for x in pair], [torch.tensor(x, requires_grad=True) for x in pair]
    y, expected = ours(a), theirs(b)
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    assert tuple(ours.compute_output_shape(shapes)) == y.shape
    expected.square().sum().backward()
    for gradient, x in zip(nerve.gradients(ops.sum(ops.square(y)), a), b, strict=True):
        np.testing.assert_allclose(gradient, x.grad.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(layers.dot(pair, axes, normalize=normalize).numpy(), y.numpy())


def test_spectral_normalization():
    """Three calls in training: kernel, vector and output go the same way."""
    ours, theirs = (of.SpectralNormalization(of.Conv2D(3, 2), 2) for of in (layers, keras.layers))
    ours.build(IMAGES.shape)
    theirs.build(IMAGES.shape)
    kernel, u = rng.normal(size=(2, 2, 6, 3)).astype(np.float32), rng.normal(size=(1, 3)).astype(np.float32)
    for layer in (ours, theirs):
        layer.kernel.assign(kernel)
        layer.vector_u.assign(u)
    for _ in range(3):
        y, expected = ours(IMAGES, training=True), theirs(IMAGES, training=True)
        np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.vector_u.numpy(), np.asarray(theirs.vector_u), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(ours(IMAGES).numpy(), ours.layer(IMAGES).numpy())


def test_spectral_normalization_lists_its_weights_as_keras_does():
    made = []
    for of in (nerve, keras):
        x = of.Input(IMAGES.shape[1:])
        y = of.layers.SpectralNormalization(of.layers.Conv2D(3, 2))(x)
        y = of.layers.SpectralNormalization(of.layers.Dense(2))(of.layers.Flatten()(y))
        made.append(of.Model(x, y))
    ours, theirs = made
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    assert [w.name for w in ours.weights][:3] == ["kernel", "vector_u", "bias"]
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, np.asarray(other))
    for kind in ("trainable_weights", "non_trainable_weights"):
        assert [w.shape for w in getattr(ours, kind)] == [tuple(w.shape) for w in getattr(theirs, kind)]
    expected = np.asarray(theirs.predict(IMAGES, verbose=0))
    np.testing.assert_allclose(ours.predict(IMAGES, verbose=0), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"tie_weights": False, "logit_soft_cap": 2.0}])
def test_reversible_embedding(options):
    ours, theirs = (of.ReversibleEmbedding(9, 4, **options) for of in (layers, keras.layers))
    tokens, vectors = rng.integers(0, 9, (2, 5)), rng.normal(size=(2, 5, 4)).astype(np.float32)
    ours.build(tokens.shape)
    theirs.build(tokens.shape)
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    np.testing.assert_array_equal(ours(tokens).numpy(), theirs(tokens).detach().numpy())
    expected = theirs(vectors, reverse=True).detach().numpy()
    np.testing.assert_allclose(ours(vectors, reverse=True).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_lambda():
    def scaled(x, by, training=None):
        return x * (by if training else 1.0)

    ours, theirs = (of.Lambda(scaled, arguments={"by": 3.0}) for of in (layers, keras.layers))
    for training in (False, True):
        expected = theirs(ROWS, training=training)
        np.testing.assert_array_equal(ours(ROWS, training=training).numpy(), np.asarray(expected))
    for shape in ((4,), lambda shape: (shape[0], 4)):
        ours, theirs = (of.Lambda(lambda x: x[:, :4], shape) for of in (layers, keras.layers))
        assert tuple(ours.compute_output_shape((None, 6))) == tuple(theirs.compute_output_shape((None, 6)))
