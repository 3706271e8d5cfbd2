"""The networks in PyTorch, with the weights of nerve's models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn


class Normalized(nn.Sequential):
    """A convolution and its batch normalization.

    For stride 2, an image of even size gets its zeros as in Keras: at its end only, not on both sides.
    """

    def __init__(self, channels: int, filters: int, size: int, strides: int) -> None:
        shifted = size == 3 and strides == 2
        convolution = nn.Conv2d(channels, filters, size, strides, 0 if shifted else size // 2, bias=False)
        super().__init__(*[nn.ZeroPad2d((0, 1, 0, 1))] * shifted, convolution, nn.BatchNorm2d(filters))


class Residual(nn.Module):
    """A block of ResNet-20."""

    def __init__(self, channels: int, filters: int, strides: int) -> None:
        super().__init__()
        self.shortcut = Normalized(channels, filters, 1, strides) if strides > 1 else nn.Identity()
        self.first = Normalized(channels, filters, 3, strides)
        self.second = Normalized(filters, filters, 3, 1)

    def forward(self, x: Any) -> Any:
        y = self.second(torch.relu_(self.first(x)))
        return torch.relu_(y + self.shortcut(x))


class Classifier(nn.Module):
    """An LSTM whose last output is classified. Its second bias, which Keras has not, stays zero."""

    def __init__(self, features: int, units: int, classes: int, batch_first: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, units, batch_first=batch_first)
        self.head = nn.Linear(units, classes)
        self.batch_first = batch_first
        second_bias: Any = self.lstm.bias_hh_l0
        second_bias.requires_grad_(False).zero_()

    def forward(self, x: Any) -> Any:
        y, _ = self.lstm(x)
        return self.head(y[:, -1] if self.batch_first else y[-1])


def mlp(model: Any) -> Any:
    """Rectified hidden layers of any sizes."""
    made: list[Any] = []
    for kernel in [w for w in model.get_weights() if w.ndim == 2]:
        made += [nn.Linear(*kernel.shape), nn.ReLU()]
    return _filled(nn.Sequential(*made[:-1]), model.get_weights())


def lenet5(model: Any) -> Any:
    """LeNet-5 for images of 28x28."""
    weights = model.get_weights()
    # Flatten sees channels last here and first there.
    weights[4] = weights[4].reshape(5, 5, 16, 120).transpose(2, 0, 1, 3).reshape(400, 120)
    return _filled(
        nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
        ),
        weights,
    )  # fmt: skip


def resnet20(model: Any) -> Any:
    """ResNet-20 for images of three channels and ten classes."""
    blocks = [
        Residual(channels if block == 0 else filters, filters, 2 if block == 0 and filters > 16 else 1)
        for channels, filters in ((16, 16), (16, 32), (32, 64))
        for block in range(3)
    ]
    top = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return _filled(
        nn.Sequential(Normalized(3, 16, 3, 1), nn.ReLU(), *blocks, *top),
        [w.array for name in resnet20_layers(model) for w in model.get_layer(name).weights],
    )


def resnet20_layers(model: Any) -> list[str]:
    """The layers with weights in the twin's order: a shortcut comes before the convolutions beside it."""
    convolutions = sorted(layer.name for layer in model.layers if layer.name.endswith("_conv"))
    both = [name for conv in convolutions for name in (conv, conv.removesuffix("_conv") + "_bn")]
    return [*both, "predictions"]


def lstm(model: Any, batch_first: bool = True) -> Any:
    """A recurrent layer and a dense one."""
    weights = model.get_weights()
    (features, gates), (units, classes) = weights[0].shape, weights[3].shape
    assert gates == 4 * units
    return _filled(Classifier(features, units, classes, batch_first), weights)


def moved(weight: np.ndarray) -> np.ndarray:
    """A weight in PyTorch's layout: kernels OIHW, matrices (outputs, inputs)."""
    return np.ascontiguousarray(weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight.T)


def _filled(module: Any, weights: Sequence[np.ndarray]) -> Any:
    targets = [t for name, t in module.state_dict().items() if not name.endswith(("num_batches_tracked", "bias_hh_l0"))]
    for target, weight in zip(targets, weights, strict=True):
        target.copy_(torch.from_numpy(moved(weight)))
    return module
