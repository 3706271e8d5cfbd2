"""Small names beside Keras: metrics as functions, correlations, the circle loss, names, statistics of draws."""

from __future__ import annotations

import inspect
import os

import numpy as np
import pytest

import nerve

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(1)
OUTPUTS = rng.uniform(size=(20, 6)).astype(np.float32)
LABELS = rng.integers(0, 6, 20)
ONE_HOT = np.eye(6, dtype=np.float32)[LABELS]
BINARY = rng.integers(0, 2, (20, 6)).astype(np.float32)


def same(ours, theirs, tolerance=1e-5):
    theirs = keras.ops.convert_to_numpy(theirs)
    assert np.shape(ours) == theirs.shape
    np.testing.assert_allclose(np.asarray(ours, np.float64), theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "targets", "options"),
    [
        ("binary_accuracy", BINARY, {}),
        ("binary_accuracy", BINARY[:, 0], {"threshold": 0.3}),
        ("categorical_accuracy", ONE_HOT, {}),
        ("sparse_categorical_accuracy", LABELS, {}),
        ("sparse_categorical_accuracy", LABELS[:, None], {}),
        ("top_k_categorical_accuracy", ONE_HOT, {"k": 2}),
        ("sparse_top_k_categorical_accuracy", LABELS, {"k": 2}),
        ("pearson_correlation", BINARY, {}),
        ("concordance_correlation", BINARY, {}),
        ("mean_squared_error", BINARY, {}),
        ("categorical_hinge", ONE_HOT, {}),
    ],
)
def test_functions(name, targets, options):
    outputs = OUTPUTS[:, 0] if targets.ndim == 1 and name == "binary_accuracy" else OUTPUTS
    same(
        getattr(nerve.metrics, name)(targets, outputs, **options),
        getattr(keras.metrics, name)(targets, outputs, **options),
    )


@pytest.mark.parametrize("name", ["PearsonCorrelation", "ConcordanceCorrelation"])
@pytest.mark.parametrize("axis", [-1, 0])
def test_correlations(name, axis):
    ours, theirs = getattr(nerve.metrics, name)(axis=axis), getattr(keras.metrics, name)(axis=axis)
    for part in (slice(0, 12), slice(12, 20)):
        ours.update_state(BINARY[part], OUTPUTS[part])
        theirs.update_state(BINARY[part], OUTPUTS[part])
    same(ours.result(), theirs.result())


@pytest.mark.parametrize("options", [{}, {"gamma": 5.0, "margin": 0.2}, {"remove_diagonal": False}])
@pytest.mark.parametrize("weighted", [False, True])
def test_circle(options, weighted):
    import torch

    x = rng.normal(size=(20, 6)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    weights = rng.uniform(size=20).astype(np.float32) if weighted else None
    ours, theirs = nerve.losses.Circle(**options), keras.losses.Circle(**options)
    mine, other = nerve.Variable(x), torch.tensor(x, requires_grad=True)
    loss, expected = ours(LABELS, mine, weights), theirs(LABELS, other, weights)
    same(loss, expected.detach(), 1e-4)
    expected.backward()
    same(nerve.gradients(loss, [mine])[0], other.grad, 1e-4)
    reference = x[::-1].copy()
    same(
        nerve.losses.circle(LABELS, x, LABELS[:7], reference[:7], remove_diagonal=False),
        keras.losses.circle(LABELS, x, LABELS[:7], reference[:7], remove_diagonal=False),
        1e-4,
    )


@pytest.mark.parametrize(
    "name", sorted(set(dir(keras.random)) - {"SeedGenerator"} - {n for n in dir(keras.random) if n[0] == "_"})
)
def test_arguments_of_draws(name):
    ours, theirs = getattr(nerve.random, name), getattr(keras.random, name)
    expected = {n: p.default for n, p in inspect.signature(theirs).parameters.items()}
    assert {n: p.default for n, p in inspect.signature(ours).parameters.items()} == expected


def test_categorical_draws():
    logits = rng.normal(size=(3, 5)).astype(np.float32)
    ours = np.asarray(nerve.random.categorical(logits, 20000, seed=1))
    theirs = keras.ops.convert_to_numpy(keras.random.categorical(logits, 20000, seed=1))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.bincount(a, minlength=5) / 20000, np.bincount(b, minlength=5) / 20000, atol=0.02)


@pytest.mark.parametrize("module", ["initializers", "regularizers", "constraints", "metrics", "random", "activations"])
def test_no_name_is_missing(module):
    missing = {name for name in dir(getattr(keras, module)) if name[0] != "_"} - set(dir(getattr(nerve, module)))
    # STFT is the initializer of a layer for sound.
    assert missing <= {"STFT", "STFTInitializer", "stft", "sparsemax"}


def test_clones():
    def model(library):
        inputs = library.layers.Input((4,))
        x = library.layers.Dense(3, name="a")(inputs)
        return library.Model(inputs, library.layers.Add(name="b")([x, library.layers.Dense(3, name="c")(inputs)]))

    for library in (nerve, keras):
        copy = library.models.clone_model(model(library))
        assert {"a", "b", "c"} <= {layer.name for layer in copy.layers}
        again = library.models.model_from_json(model(library).to_json())
        assert len(again.get_weights()) == 4
