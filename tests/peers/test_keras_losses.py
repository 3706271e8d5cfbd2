"""Every loss that nerve and Keras have: name, config, values with weights, and gradients, from the same numbers."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nerve

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

N, C = 7, 5
rng = np.random.default_rng(0)
OUTPUTS = rng.normal(size=(N, C)).astype(np.float32) * 2
POSITIVE = (np.abs(OUTPUTS) + 0.1).astype(np.float32)
PROBABILITIES = (POSITIVE / POSITIVE.sum(-1, keepdims=True)).astype(np.float32)
PROBABILITIES[2] = np.eye(C)[1]  # on the edge, where probabilities are clipped
LABELS = rng.integers(0, C, N)
ONE_HOT = np.eye(C, dtype=np.float32)[LABELS]
BINARY = rng.integers(0, 2, (N, C)).astype(np.float32)
REAL = rng.normal(size=(N, C)).astype(np.float32)
REAL[3] = 0
WEIGHTS = rng.random(N).astype(np.float32)

CASES = [
    ("MeanSquaredError", {}, REAL, OUTPUTS),
    ("MeanAbsoluteError", {}, REAL, OUTPUTS),
    ("MeanAbsolutePercentageError", {}, REAL + 3, OUTPUTS),
    ("MeanSquaredLogarithmicError", {}, REAL, OUTPUTS),
    ("Huber", {}, REAL, OUTPUTS),
    ("Huber", {"delta": 0.3}, REAL, OUTPUTS),
    ("LogCosh", {}, REAL * 50, OUTPUTS),
    ("CosineSimilarity", {}, REAL, OUTPUTS),
    ("CosineSimilarity", {"axis": 0}, np.abs(REAL), OUTPUTS),
    ("Poisson", {}, np.abs(REAL), POSITIVE),
    ("KLDivergence", {}, PROBABILITIES[::-1].copy(), PROBABILITIES),
    ("Hinge", {}, BINARY, OUTPUTS),
    ("Hinge", {}, 2 * BINARY - 1, OUTPUTS),
    ("SquaredHinge", {}, BINARY, OUTPUTS),
    ("CategoricalHinge", {}, ONE_HOT, OUTPUTS),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, BINARY, PROBABILITIES),
    ("BinaryFocalCrossentropy", {}, BINARY, PROBABILITIES),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.2, "gamma": 1.0}, BINARY, OUTPUTS),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.4}, BINARY, PROBABILITIES),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT, PROBABILITIES),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT, PROBABILITIES),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.2, "alpha": 0.5}, ONE_HOT, OUTPUTS),
    ("SparseCategoricalCrossentropy", {}, LABELS, PROBABILITIES),
    ("CategoricalGeneralizedCrossEntropy", {}, LABELS, PROBABILITIES),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.2}, LABELS, PROBABILITIES),
    ("Dice", {}, BINARY, PROBABILITIES),
    ("Dice", {"axis": -1}, BINARY, PROBABILITIES),
    ("Tversky", {"alpha": 0.3, "beta": 0.9}, BINARY, PROBABILITIES),
    ("Tversky", {"axis": (1,)}, BINARY, PROBABILITIES),
]


@pytest.mark.parametrize(("name", "options", "targets", "outputs"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_loss(name, options, targets, outputs):
    ours, theirs = getattr(nerve.losses, name)(**options), getattr(keras.losses, name)(**options)
    assert ours.name == theirs.name
    assert ours.get_config().items() >= theirs.get_config().items()
    x, x_torch = nerve.Tensor(outputs), torch.tensor(outputs, requires_grad=True)
    loss, expected = ours(targets, x), theirs(targets, x_torch)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=2e-6)
    (gradient,) = nerve.gradients(loss, [x])
    np.testing.assert_allclose(gradient, x_torch.grad.numpy(), rtol=2e-5, atol=2e-7)
    values = theirs.call(torch.tensor(targets), torch.tensor(outputs))
    if values.ndim:
        weights = WEIGHTS[: len(values)]
        weighted = theirs(targets, torch.tensor(outputs), sample_weight=weights)
        assert ours(targets, outputs, sample_weight=weights).item() == pytest.approx(weighted.item(), rel=2e-6)


def test_every_loss_of_keras_is_known():
    names = {name for name in dir(keras.losses) if name[0] != "_"}
    assert not names - set(nerve.losses.__all__)
