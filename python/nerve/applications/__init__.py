"""Well-known networks, ready to train."""

from __future__ import annotations

from nerve.applications.lenet import LeNet5
from nerve.applications.resnet import ResNet20

__all__ = ["LeNet5", "ResNet20"]
