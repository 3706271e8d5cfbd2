"""ResNet-20 from the same weights on the same images follows PyTorch: outputs, gradients, and training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nerve
from nerve.applications import ResNet20

torch = pytest.importorskip("torch")
torch_networks = pytest.importorskip("benchmarks.steps.torch_networks")
pytestmark = pytest.mark.peers

RATE, MOMENTUM = 0.01, 0.9


def named(model: Any) -> dict[str, list[Any]]:
    """The weights of every layer, in the twin's order."""
    return {name: [w.array for w in model.get_layer(name).weights] for name in torch_networks.resnet20_layers(model)}


def images(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(count, 32, 32, 3)).astype(np.float32), rng.integers(0, 10, size=count)


def model_of_logits() -> Any:
    nerve.random.seed(3)
    model = ResNet20(classifier_activation=None)
    rng = np.random.default_rng(2)
    for weight in model.weights:  # batch normalization starts with ones and zeros, which would hide a confusion
        if weight.array.ndim == 1:
            weight.assign(weight.array + rng.uniform(0.1, 0.5, weight.shape).astype(np.float32))
    return model


def test_outputs_and_gradients_are_pytorchs() -> None:
    model = model_of_logits()
    other = torch_networks.resnet20(model)
    x, y = images(4)
    theirs_in = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    other.eval()
    np.testing.assert_allclose(model(x).array, other(theirs_in).detach().numpy(), rtol=1e-4, atol=1e-4)

    other.train()
    loss = torch.nn.functional.cross_entropy(other(theirs_in), torch.from_numpy(y))
    loss.backward()
    ours = nerve.losses.SparseCategoricalCrossentropy(from_logits=True)(y, model(x, training=True))
    assert ours.item() == pytest.approx(loss.item(), rel=1e-4)
    variables = model.trainable_variables
    gradients = {id(v.array): g for v, g in zip(variables, nerve.gradients(ours, variables), strict=True)}
    assert sum(v.size for v in variables) == sum(p.numel() for p in other.parameters()) == 272_474
    ordered = [
        g
        for arrays in named(model).values()
        for g in [torch_networks.moved(gradients[id(a)]) for a in arrays if id(a) in gradients]
    ]
    for found, parameter in zip(ordered, other.parameters(), strict=True):
        scale = parameter.grad.abs().max().item()
        np.testing.assert_allclose(found, parameter.grad.numpy(), rtol=0, atol=1e-4 * scale)


def test_five_steps_of_training_are_pytorchs() -> None:
    model = model_of_logits()
    other = torch_networks.resnet20(model).train()
    model.compile(
        nerve.optimizers.SGD(RATE, momentum=MOMENTUM), nerve.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    optimizer = torch.optim.SGD(other.parameters(), RATE, momentum=MOMENTUM)
    x, y = images(16)
    ours, theirs = [], []
    for _ in range(5):
        model.reset_metrics()
        ours.append(model.train_on_batch(x, y))
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(other(torch.from_numpy(x.transpose(0, 3, 1, 2))), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        theirs.append(loss.item())
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    assert ours[-1] < ours[0]
