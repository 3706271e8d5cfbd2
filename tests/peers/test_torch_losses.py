"""Losses against PyTorch: values and gradients from the same numbers, in float32."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import losses

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers

N, C = 37, 11


def data():
    rng = np.random.default_rng(0)
    logits = (rng.normal(size=(N, C)) * 5).astype(np.float32)
    labels = rng.integers(0, C, N)
    return {
        "outputs": logits,
        "real": rng.normal(size=(N, C)).astype(np.float32),
        "labels": labels,
        "one_hot": np.eye(C, dtype=np.float32)[labels],
        "soft": rng.dirichlet(np.ones(C), N).astype(np.float32),
        "binary": rng.integers(0, 2, (N, C)).astype(np.float32),
    }


def log(p):
    # Keras keeps probabilities within 1e-7 of 0 and 1.
    return torch.log(torch.clamp(p, 1e-7, 1 - 1e-7))


# name of the targets, ours, theirs (from the outputs and the targets, both tensors)
CASES = [
    ("real", losses.MeanSquaredError(), F.mse_loss),
    ("real", losses.MeanAbsoluteError(), F.l1_loss),
    ("binary", losses.BinaryCrossentropy(from_logits=True), F.binary_cross_entropy_with_logits),
    (
        "binary",
        losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        lambda x, y: F.binary_cross_entropy_with_logits(x, y * 0.9 + 0.05),
    ),
    ("one_hot", losses.CategoricalCrossentropy(from_logits=True), F.cross_entropy),
    ("soft", losses.CategoricalCrossentropy(from_logits=True), F.cross_entropy),
    (
        "one_hot",
        losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1),
    ),
    ("labels", losses.SparseCategoricalCrossentropy(from_logits=True), F.cross_entropy),
    (
        "labels",
        losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=3),
        lambda x, y: F.cross_entropy(x, y, ignore_index=3),
    ),
]
# The same from probabilities, which both sides compute from the outputs first.
PROBABILITY_CASES = [
    ("binary", "sigmoid", losses.BinaryCrossentropy(), lambda p, y: -(y * log(p) + (1 - y) * log(1 - p)).mean()),
    ("one_hot", "softmax", losses.CategoricalCrossentropy(), lambda p, y: -(y * log(p)).sum(-1).mean()),
    ("labels", "softmax", losses.SparseCategoricalCrossentropy(), lambda p, y: F.nll_loss(log(p), y)),
]


def check(ours, theirs, targets, activation=None):
    outputs, y = data()["outputs"], data()[targets]
    x = nerve.Tensor(outputs)
    loss = ours(y, x if activation is None else getattr(nerve.ops, activation)(x))
    (gradient,) = nerve.gradients(loss, [x])
    x_torch = torch.tensor(outputs, requires_grad=True)
    made = {"sigmoid": torch.sigmoid, "softmax": lambda t: torch.softmax(t, -1), None: lambda t: t}[activation](x_torch)
    expected = theirs(made, torch.tensor(y))
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    np.testing.assert_allclose(gradient, x_torch.grad.numpy(), rtol=1e-4, atol=2e-8)


@pytest.mark.parametrize(("targets", "ours", "theirs"), CASES, ids=[f"{c[1].name}-{i}" for i, c in enumerate(CASES)])
def test_loss(targets, ours, theirs):
    check(ours, theirs, targets)


@pytest.mark.parametrize(
    ("targets", "activation", "ours", "theirs"), PROBABILITY_CASES, ids=[c[2].name for c in PROBABILITY_CASES]
)
def test_loss_of_probabilities(targets, activation, ours, theirs):
    check(ours, theirs, targets, activation)
