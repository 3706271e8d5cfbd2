"""ResNet-20 from the same weights on the same images follows PyTorch: outputs, gradients, and training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nerve
from nerve.applications import ResNet20

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

RATE, MOMENTUM = 0.01, 0.9


class Normalized(torch.nn.Sequential):  # type: ignore[misc, name-defined]
    """A convolution and its batch normalization.

    For stride 2, an image of even size gets its zeros as in Keras: at its end only, not on both sides.
    """

    def __init__(self, channels: int, filters: int, size: int, strides: int) -> None:
        nn = torch.nn
        pad = nn.ZeroPad2d((2 - strides, 1) * 2) if size == 3 else nn.Identity()
        convolution = nn.Conv2d(channels, filters, size, strides, bias=False)
        super().__init__(pad, convolution, nn.BatchNorm2d(filters))


class Residual(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, channels: int, filters: int, strides: int) -> None:
        super().__init__()
        self.shortcut = Normalized(channels, filters, 1, strides) if strides > 1 else torch.nn.Identity()
        self.first = Normalized(channels, filters, 3, strides)
        self.second = Normalized(filters, filters, 3, 1)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


def twin() -> Any:
    blocks = [
        Residual(channels if block == 0 else filters, filters, 2 if block == 0 and filters > 16 else 1)
        for channels, filters in ((16, 16), (16, 32), (32, 64))
        for block in range(3)
    ]
    nn = torch.nn
    return nn.Sequential(
        Normalized(3, 16, 3, 1), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    )


def named(model: Any) -> dict[str, list[Any]]:
    """The weights of every layer, in the twin's order: a shortcut before the convolutions beside it."""
    layers = {layer.name: [w.array for w in layer.weights] for layer in model.layers if layer.weights}
    convolutions = sorted(name for name in layers if name.endswith("_conv"))
    ordered = [name for conv in convolutions for name in (conv, conv.removesuffix("_conv") + "_bn")]
    return {name: layers[name] for name in (*ordered, "predictions")}


def moved(name: str, values: list[Any]) -> list[Any]:
    """A layer's weights in PyTorch's layout."""
    if name.endswith("_conv"):
        return [values[0].transpose(3, 2, 0, 1)]
    return [values[0].T, values[1]] if name == "predictions" else list(values)


def with_weights_of(model: Any) -> Any:
    made = twin()
    holders = [m for m in made.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.BatchNorm2d | torch.nn.Linear)]
    with torch.no_grad():
        for holder, (name, values) in zip(holders, named(model).items(), strict=True):
            targets = [holder.weight, *([] if name.endswith("_conv") else [holder.bias])]
            if name.endswith("_bn"):
                targets += [holder.running_mean, holder.running_var]
            for target, value in zip(targets, moved(name, values), strict=True):
                target.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    return made


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
    other = with_weights_of(model)
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
        for name, arrays in named(model).items()
        for g in moved(name, [gradients[id(a)] for a in arrays if id(a) in gradients])
    ]
    for found, parameter in zip(ordered, other.parameters(), strict=True):
        scale = parameter.grad.abs().max().item()
        np.testing.assert_allclose(found, parameter.grad.numpy(), rtol=0, atol=1e-4 * scale)


def test_five_steps_of_training_are_pytorchs() -> None:
    model = model_of_logits()
    other = with_weights_of(model).train()
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
